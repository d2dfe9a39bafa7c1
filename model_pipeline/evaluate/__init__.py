"""Scores on speakers held out."""
