"""Builds the frame's wheel (PEP 517), from two packages of the repository that lie above this project.

A build backend of its own because the usual ones take nothing from outside their project, and the licence texts must
travel with the program. The same sources give the same bytes: files are sorted and their dates fixed.
"""

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
REPOSITORY = PROJECT.parents[1]
PACKAGES = ("device_agent", "frame_protocol")
EXTRAS = ("heic",)
LICENCES = ("LICENSE", "NOTICE")
TAG = "py3-none-any"
OLDEST_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip file can say."""
MODE = 0o644 << 16


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """Nothing but Python is needed."""
    return []


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """Write the wheel and return its file name."""
    project, version = read_project()
    stem = f"{project['name'].replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = dict(sources())
    files |= {f"{info}/licenses/{name}": (REPOSITORY / name).read_bytes() for name in LICENCES}
    files[f"{info}/METADATA"] = metadata(project, version).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: frame_wheel\nRoot-Is-Purelib: true\nTag: {TAG}\n".encode()
    )
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    files[f"{info}/RECORD"] = record(files, f"{info}/RECORD").encode()
    name = f"{stem}-{TAG}.whl"
    write(Path(wheel_directory) / name, files)
    return name


def read_project() -> tuple[dict[str, dict[str, str]], str]:
    """Return this project's table and the repository's version."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    root = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project, root["version"]


def sources() -> Iterator[tuple[str, bytes]]:
    """Yield every file of the two packages under the name it has in the wheel."""
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(REPOSITORY).as_posix(), path.read_bytes()


def dependencies(name: str) -> list[str]:
    """Return the packages that requirements/``name`` asks for."""
    lines = (REPOSITORY / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return [line for line in (line.split("#")[0].strip() for line in lines) if line and not line.startswith("-")]


def metadata(project: dict[str, dict[str, str]], version: str) -> str:
    """Return the METADATA file (core metadata 2.4)."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        f"License-Expression: {project['license']}",
        *(f"License-File: {name}" for name in LICENCES),
        *(f"Requires-Dist: {requirement}" for requirement in dependencies("frame.in")),
        *(f"Provides-Extra: {extra}" for extra in EXTRAS),
        *(f'Requires-Dist: {line}; extra == "{extra}"' for extra in EXTRAS for line in dependencies(f"{extra}.in")),
    ]
    return "\n".join(lines) + "\n"


def record(files: dict[str, bytes], own_name: str) -> str:
    """Return the RECORD file: name, hash and length of every other file."""
    rows = []
    for name, data in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}\n")
    return "".join(rows) + f"{own_name},,\n"


def write(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip file whose bytes depend on nothing but names and contents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, data in sorted(files.items(), key=lambda item: (".dist-info/" in item[0], item[0])):
            entry = zipfile.ZipInfo(name, OLDEST_DATE)
            entry.external_attr = MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
