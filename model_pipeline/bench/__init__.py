"""Benchmarks of what the laboratory sends to frames."""
