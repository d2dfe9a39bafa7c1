"""Where commands look for data, and keep what they made, when they are not told."""

from pathlib import Path

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""The measured data beside the checkout (../shared/data)."""

EVALUATE_WORK = Path(".cache/evaluate")
"""Where evaluate keeps the models of the folds and what they said."""
