"""Load on the shop of `make run`: customers that keep a record, and a report of what they saw."""
