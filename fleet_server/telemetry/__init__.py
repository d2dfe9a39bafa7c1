"""Telemetry: messages of frames into the database, nothing lost, nothing twice."""
