"""Writes frames and sound into a video file."""
