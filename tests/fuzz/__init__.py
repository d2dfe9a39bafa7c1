"""Artefacts and metadata with flipped bits; see docs/crash-tests.md."""
