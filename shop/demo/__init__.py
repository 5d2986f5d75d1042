"""`shop demo`: a purchase from a running shop."""
