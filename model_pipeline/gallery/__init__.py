"""A fixed set of photos, voices and languages as videos, to be looked at after every change."""
