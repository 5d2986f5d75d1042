"""The payment service authorizes the payments of orders at a provider, voids them, and shows them over HTTP."""
