"""Names for arrays in signatures; docstrings give their shapes."""

from typing import Any

from numpy.typing import NDArray

Floats = NDArray[Any]
"""float32 unless said otherwise."""

Pixels = NDArray[Any]
"""uint8."""

Sound = NDArray[Any]
"""int16, mono."""
