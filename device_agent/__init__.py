"""The program on the frame: talking-head engine, telemetry, updates, health."""
