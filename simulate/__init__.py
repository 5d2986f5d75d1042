"""A model of the shop at loads that no laptop reaches, and what an order costs: `make simulate`."""
