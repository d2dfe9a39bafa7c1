"""A head that hardly moves is held: it is drawn again only when some point of it is a third of a pixel behind. Pure.

A step of that size is a third of the finest thing the picture can show, and mouth, eyes and head take it together.
Between two steps everything but the face is the same picture, which neither has to be drawn nor encoded.
"""

from collections.abc import Callable
from dataclasses import replace

from device_agent.engine.life.schedule import Pose

HOLD_PX = 0.3


def hold(poses: list[Pose], apart: Callable[[Pose, Pose], float]) -> list[Pose]:
    """Return ``poses`` with the head held while ``apart`` is at most HOLD_PX; lids move in every frame.

    ``apart`` gives the pixels between the same point of a head in two poses, at most. The photo's own pose is shown
    exactly where a frame asks for it.
    """
    shown, held = Pose(), []
    for pose in poses:
        if pose.still or apart(shown, pose) > HOLD_PX:
            shown = pose.head
        held.append(replace(shown, lids=pose.lids))
    return held
