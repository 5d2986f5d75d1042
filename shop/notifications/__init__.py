"""`shop notifications`: shows what the subscribers of the shop's notifications got."""
