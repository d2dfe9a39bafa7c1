"""The picture that the visual prompt sees: 256 x 256, upright, the face at a fixed place and scale."""

import numpy as np

from device_agent.engine import canonical
from device_agent.engine.arrays import Floats, Pixels
from device_agent.engine.photo.crop import Square

SIZE = 256
SIDE_MM = 200.0
CENTRE_MM = (0.0, 35.0, -10.0)
"""Between eyes and mouth: forehead, chin and cheeks are inside."""


def aligned_crop(picture: Pixels, to_picture: canonical.Similarity) -> Floats:
    """Return [1,3,256,256] RGB 0..1; ``to_picture`` carries canonical millimetres to picture pixels.

    Only position, size and roll are undone: yaw and pitch stay visible in the crop.
    """
    square = crop_square(to_picture)
    crop = square.cut(picture, SIZE).astype(np.float32) / 255.0
    return np.ascontiguousarray(crop.transpose(2, 0, 1)[None])


def crop_square(to_picture: canonical.Similarity) -> Square:
    """Return the square of the picture that ``aligned_crop`` shows."""
    x, y, _ = to_picture.apply(np.array(CENTRE_MM))
    across = to_picture.rotation[:2, 0]
    angle = float(np.arctan2(across[1], across[0]))
    return Square(float(x), float(y), SIDE_MM * to_picture.scale, angle)
