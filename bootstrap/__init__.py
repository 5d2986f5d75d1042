"""Makes the shop's AWS resources, shows them, finds what is broken: `python -m bootstrap`."""
