"""Complaints on the frame."""
