"""Where commands look for data when they are not told."""

from pathlib import Path

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""The measured data beside the checkout (../shared/data)."""
