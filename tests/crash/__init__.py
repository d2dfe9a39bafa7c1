"""The power is cut at every operation that an update performs on the disk; see docs/crash-tests.md."""
