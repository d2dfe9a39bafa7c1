"""Losses, stages and the resumable loop."""
