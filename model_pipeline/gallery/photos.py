"""Which photos the gallery shows: the portrait that a package carries, rendered heads, pictures of folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.cbook import get_sample_data

from model_pipeline.errors import DataMissing

PICTURES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff"))
"""Ends of file names, in lower case."""


def sample_portrait() -> Path:
    """Return the US Navy's portrait of Grace Hopper (public domain), from matplotlib's sample data."""
    return Path(get_sample_data("grace_hopper.jpg", asfileobj=False))


@dataclass(frozen=True)
class Rendered:
    """A head to be photographed; see ``studio.identity.draw_person`` and ``studio.picture.draw_shot``."""

    name: str
    seed: int
    yaw: float
    tone: float
    child: bool = False
    beard: bool = False
    glasses: bool = False


RENDERED = (
    Rendered("rendered-light", 21, 5.0, 0.05), Rendered("rendered-dark-glasses", 22, -18.0, 0.95, glasses=True),
    Rendered("rendered-beard", 24, 12.0, 0.35, beard=True), Rendered("rendered-left-40", 25, 40.0, 0.6),
    Rendered("rendered-right-40-beard-glasses", 26, -40.0, 0.2, beard=True, glasses=True),
    Rendered("rendered-child", 27, 8.0, 0.5, child=True),
)  # fmt: skip
RENDERED_SIDE = 1024
"""Pixels."""


def render_heads(folder: Path) -> list[Path]:
    """Photograph the rendered heads into ``folder``; the same pixels every time."""
    from model_pipeline.studio.head import make_head
    from model_pipeline.studio.identity import draw_person
    from model_pipeline.studio.picture import Studio, draw_shot
    from model_pipeline.studio.sheet import save

    found = []
    for item in RENDERED:
        person = draw_person(item.seed, child=item.child, beard=item.beard, glasses=item.glasses, tone=item.tone)
        picture = Studio(make_head(person)).shoot(draw_shot(item.seed, yaw=item.yaw, size=RENDERED_SIDE))
        found.append(folder / f"{item.name}.png")
        save(picture, found[-1])
    return found


def find_photos(folders: Sequence[Path]) -> list[Path]:
    """Return the sample portrait, then the pictures of each folder by name; raises DataMissing."""
    return [sample_portrait(), *(photo for folder in folders for photo in _pictures(folder))]


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataMissing(f"{folder} is no folder; --photos wants folders of pictures")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise DataMissing(f"{folder} holds no picture ({', '.join(sorted(PICTURES))}); --photos wants some")
    return found
