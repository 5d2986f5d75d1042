"""`shop order`: one order's way through ordering, the state machine, stock and payment."""
