"""Firmware images: agent and environment as a file system for a slot, in a container that the frame verifies."""
