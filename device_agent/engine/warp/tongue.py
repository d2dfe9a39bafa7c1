"""The tongue: a dome behind the lower lip that leads back into the dark.

Only the opening of a frame is known, not its sound, so its height is a rule: sounds of a raised tongue (L, TH, N, S,
I) are spoken with the jaw nearly closed, open vowels with the tongue low.
"""

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.warp.grid import rise

SHARE_NARROW, SHARE_WIDE = 0.85, 0.48
NARROW_MM, WIDE_MM = 4.0, 14.0
"""It fills the first share of an opening up to NARROW_MM, the second share from WIDE_MM on."""

HALF_WIDTH_MM, SOFT_MM = 20.0, 5.0
BACK_MM, BACK_LIGHT = 8.0, 0.22
"""Its brightness falls to this share over this height above the lower lip."""

FURROW_MM, FURROW_SHADE = 2.0, 0.12


class Tongue:
    """Cover and light of the tongue at fixed positions ``beside`` the middle of the mouth, mm [rows, columns]."""

    def __init__(self, beside: Floats) -> None:
        furrow = 1.0 - FURROW_SHADE * np.exp(-np.square(beside / FURROW_MM))
        self._dome = np.sqrt(np.clip(1.0 - np.square(beside / HALF_WIDTH_MM), 0.0, 1.0)).astype(np.float32)
        self._light = (furrow * self._dome).astype(np.float32)

    def seen(self, over: Floats, wide: float, here: tuple[slice, slice]) -> tuple[Floats, Floats]:
        """Return cover and light, 0..1, at ``over`` mm above the lower lip of a mouth open by ``wide`` mm."""
        narrow = 1.0 - min(max((wide - NARROW_MM) / (WIDE_MM - NARROW_MM), 0.0), 1.0)
        top = wide * (SHARE_WIDE + (SHARE_NARROW - SHARE_WIDE) * narrow)
        cover = rise((top * self._dome[here] - over) / SOFT_MM + 0.5)
        return cover, (1.0 - (1.0 - BACK_LIGHT) * rise(over / BACK_MM)) * self._light[here]
