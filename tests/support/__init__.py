"""The far sides, simulated with real parts: certificates, broker, consumer, server."""
