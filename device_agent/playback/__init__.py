"""Playback on the frame."""
