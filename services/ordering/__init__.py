"""The ordering service places orders for checkouts and returns them over HTTP."""
