"""The stock service counts the pieces of each product, and reserves those of an order."""
