"""Rendered heads: photographs of people who do not exist, with every lip position known in millimetres."""
