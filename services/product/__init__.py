"""The product service: the catalogue that names and prices come from."""
