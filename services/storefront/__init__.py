"""The storefront shows the shop as web pages. It owns no data and calls the other services."""
