"""Moves the pixels of a photo as a map of facial motion says."""
