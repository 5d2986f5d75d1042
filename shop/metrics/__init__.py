"""`shop metrics`: what the processes measure, live."""
