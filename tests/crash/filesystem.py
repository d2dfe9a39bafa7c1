"""A disk that promises no more than POSIX: what was not synced may be lost, and what is lost is the tester's choice.

* Content is durable after a sync of the file, a name after a sync of its directory; neither implies the other.
* Of the unsynced changes to one directory a prefix survives (journals keep their order); directories are independent.
* Of the unsynced writes to one file a prefix survives, the next of them perhaps in part, perhaps as zeros.
* A rename changes two names of one directory in one instant.
"""

import copy
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.crash import operations as ops
from tests.crash.operations import Operation

ROOT = 0

Tree = dict[str, "bytes | Link | None"]
"""A disk as a dead frame leaves it: file content, link or None (a directory), by path."""


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass
class File:
    """Content that survives for certain, and what was done to it since, as (offset, data) or a new size."""

    durable: bytes = b""
    pending: "list[tuple[int, bytes] | int]" = field(default_factory=list)
    position: int = 0

    def content(self, changes: int | None = None) -> bytes:
        """Return the content with the first ``changes`` of what is pending (all by default)."""
        data = bytearray(self.durable)
        for change in self.pending[:changes]:
            apply_change(data, change)
        return bytes(data)

    def sync(self) -> None:
        """Make it durable."""
        self.durable, self.pending = self.content(), []


@dataclass
class Directory:
    """Names that survive for certain, and the changes since: each a map of names to nodes (None: gone)."""

    durable: dict[str, int] = field(default_factory=dict)
    pending: list[dict[str, int | None]] = field(default_factory=list)

    def names(self, changes: int | None = None) -> dict[str, int]:
        """Return the names with the first ``changes`` of what is pending (all by default)."""
        names: dict[str, int | None] = dict(self.durable)
        for change in self.pending[:changes]:
            names.update(change)
        return {name: node for name, node in names.items() if node is not None}

    def sync(self) -> None:
        """Make it durable."""
        self.durable, self.pending = self.names(), []


Node = File | Directory | Link


@dataclass(frozen=True)
class Loss:
    """What a power cut takes: how many pending changes of a directory survive, and what is left of a file."""

    names: Callable[[Directory], int]
    content: Callable[[File], bytes]


def apply_change(data: bytearray, change: "tuple[int, bytes] | int") -> None:
    """Change the content of a file; a hole reads as zeros."""
    if isinstance(change, int):
        data[change:] = bytes(max(0, change - len(data)))
    else:
        start, new = change
        data.extend(bytes(max(0, start - len(data))))
        data[start : start + len(new)] = new


class Filesystem:
    """One disk, in memory."""

    def __init__(self, tree: Tree | None = None) -> None:
        self._nodes: dict[int, Node] = {ROOT: Directory()}
        self.reports: list[ops.Report] = []
        for path, content in sorted((tree or {}).items()):
            self._add(path, File(content) if isinstance(content, bytes) else content or Directory())
        self._sync_everything()

    def copy(self) -> "Filesystem":
        """Return another disk in the same state, what is not durable included."""
        return copy.deepcopy(self)

    def perform(self, operation: Operation) -> None:
        """Do what the operation says, as the program that did it saw it."""
        match operation:
            case ops.Create(path):
                self._create(path)
            case ops.Write(path, data):
                file = self._file(path)
                file.pending.append((file.position, data))
                file.position += len(data)
            case ops.Truncate(path, size):
                file = self._file(path)
                file.pending.append(size)
                file.position = size
            case ops.Rename(old, new):
                assert PurePosixPath(old).parent == PurePosixPath(new).parent, (
                    "no rename of ours leaves its directory"
                )
                directory, name = self._parent(old)
                target = PurePosixPath(new).name
                directory.pending.append({target: directory.names()[name], name: None})
            case ops.Unlink(path) | ops.RemoveDirectory(path):
                directory, name = self._parent(path)
                assert name in directory.names(), path
                directory.pending.append({name: None})
            case ops.MakeDirectory(path):
                self._add(path, Directory())
            case ops.Symlink(path, target):
                self._add(path, Link(target))
            case ops.SyncFile(path):
                self._file(path).sync()
            case ops.SyncDirectory(path):
                self._directory(path).sync()
            case ops.Report():
                self.reports.append(operation)

    def after(self, loss: Loss) -> Tree:
        """Return the disk that is found when the power comes back."""
        tree: Tree = {}
        self._collect(ROOT, "", loss, tree)
        return tree

    def tear(self, write: ops.Write, share: float, *, zeros: bool) -> None:
        """Perform a part of a write; the rest of its bytes are not there, or read as zeros."""
        part = write.data[: int(len(write.data) * share)]
        self.perform(ops.Write(write.path, part + bytes(len(write.data) - len(part)) if zeros else part))

    def _collect(self, number: int, path: str, loss: Loss, tree: Tree) -> None:
        node = self._nodes[number]
        if isinstance(node, Directory):
            if path:
                tree[path] = None
            for name, child in sorted(node.names(loss.names(node)).items()):
                self._collect(child, f"{path}/{name}" if path else name, loss, tree)
        else:
            tree[path] = loss.content(node) if isinstance(node, File) else node

    def _create(self, path: str) -> None:
        directory, name = self._parent(path)
        number = directory.names().get(name)
        if number is None:
            self._add(path, File())
            return
        file = self._nodes[number]
        assert isinstance(file, File), path
        file.pending.append(0)
        file.position = 0

    def _add(self, path: str, node: Node) -> None:
        directory, name = self._parent(path)
        number = len(self._nodes)
        self._nodes[number] = node
        directory.pending.append({name: number})

    def _sync_everything(self) -> None:
        for node in self._nodes.values():
            if not isinstance(node, Link):
                node.sync()

    def _parent(self, path: str) -> tuple[Directory, str]:
        pure = PurePosixPath(path)
        return self._directory(str(pure.parent)), pure.name

    def _directory(self, path: str) -> Directory:
        node = self._find(path)
        assert isinstance(node, Directory), path
        return node

    def _file(self, path: str) -> File:
        node = self._find(path)
        assert isinstance(node, File), path
        return node

    def _find(self, path: str) -> Node:
        node = self._nodes[ROOT]
        for part in PurePosixPath(path).parts:
            assert isinstance(node, Directory), path
            node = self._nodes[node.names()[part]]
        return node


def load(home: Path, leave_out: Iterable[str] = ()) -> Tree:
    """Return what lies below a real directory."""
    left_out = frozenset(leave_out)
    tree: Tree = {}
    for folder, folders, names in os.walk(home):
        for name in [*folders, *names]:
            path = Path(folder) / name
            relative = str(path.relative_to(home))
            if relative in left_out:
                continue
            if path.is_symlink():
                tree[relative] = Link(str(path.readlink()))
            else:
                tree[relative] = None if path.is_dir() else path.read_bytes()
    return tree


def store(tree: Tree, home: Path) -> None:
    """Make a real directory that looks like ``tree``."""
    home.mkdir()
    for path, content in sorted(tree.items()):
        if content is None:
            (home / path).mkdir()
        elif isinstance(content, Link):
            (home / path).symlink_to(content.target)
        else:
            (home / path).write_bytes(content)
