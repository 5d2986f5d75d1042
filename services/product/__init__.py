"""The product service owns the catalogue with its names and prices."""
