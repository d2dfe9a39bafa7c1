"""Telemetry on the frame."""
