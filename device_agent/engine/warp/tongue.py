"""The tongue: a dome behind the lower lip that leads back into the dark, and whose tip rises to the upper teeth.

Where the package hears how high the tip stands (``Gesture``), that is drawn: in L and TH the tip comes forward into
the light and stands behind the edge of the upper teeth, its sides free. Where it does not, the height is a rule on
the opening alone: sounds of a raised tongue are spoken with the jaw nearly closed, open vowels with the tongue low.
"""

import numpy as np

from device_agent.engine.arrays import Floats
from device_agent.engine.warp.grid import rise

SHARE_NARROW, SHARE_WIDE = 0.85, 0.48
NARROW_MM, WIDE_MM = 4.0, 14.0
"""By rule it fills the first share of an opening up to NARROW_MM, the second share from WIDE_MM on."""

SHARE_LOW, SHARE_RAISED = 0.42, 1.08
"""Of the opening, where the height is heard: that of a tip at 0, and at 1, hidden by the edge of the upper teeth."""

HALF_WIDTH_MM, TIP_MM = 20.0, 8.5
"""The tongue fills the mouth; its tip is a bulge in the middle, which falls to 1/e this far beside it."""

SOFT_MM, TIP_SOFT_MM = 5.0, 3.0
"""A tongue that lies fades into the dark; the outline of a raised tip is seen."""

BACK_MM, BACK_LIGHT, TIP_LIGHT = 8.0, 0.22, 0.62
"""Its brightness falls to the first share over this height above the lower lip, and no lower than the second where it
is raised: the tip is as far forward as the teeth."""

FURROW_MM, FURROW_SHADE = 2.0, 0.12


class Tongue:
    """Cover and light of the tongue at fixed positions ``beside`` the middle of the mouth, mm [rows, columns]."""

    def __init__(self, beside: Floats) -> None:
        furrow = 1.0 - FURROW_SHADE * np.exp(-np.square(beside / FURROW_MM))
        self._dome = np.sqrt(np.clip(1.0 - np.square(beside / HALF_WIDTH_MM), 0.0, 1.0)).astype(np.float32)
        self._tip = np.exp(-np.square(beside / TIP_MM)).astype(np.float32)
        self._light = (furrow * self._dome).astype(np.float32)

    def seen(
        self, over: Floats, wide: float, here: tuple[slice, slice], height: float | None = None
    ) -> tuple[Floats, Floats]:
        """Return cover and light, 0..1, at ``over`` mm above the lower lip of a mouth open by ``wide`` mm.

        ``height`` is that of the tip, 0..1, where it is known.
        """
        known = height is not None
        raised = min(max(height or 0.0, 0.0), 1.0)
        tip = self._tip[here] * np.float32(raised)
        share = SHARE_LOW if known else _share_by_rule(wide)
        top = wide * (share * self._dome[here] + (SHARE_RAISED - SHARE_LOW) * tip)
        back = BACK_LIGHT + (TIP_LIGHT - BACK_LIGHT) * tip
        soft = SOFT_MM + (TIP_SOFT_MM - SOFT_MM) * raised
        cover = rise((top - over) / soft + 0.5)
        return cover, (1.0 - (1.0 - back) * rise(over / BACK_MM)) * self._light[here]


def _share_by_rule(wide: float) -> float:
    narrow = 1.0 - min(max((wide - NARROW_MM) / (WIDE_MM - NARROW_MM), 0.0), 1.0)
    return SHARE_WIDE + (SHARE_NARROW - SHARE_WIDE) * narrow
