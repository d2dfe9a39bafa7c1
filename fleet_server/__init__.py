"""The fleet server: devices, telemetry, complaints, releases, rollouts."""
