"""System on the frame."""
