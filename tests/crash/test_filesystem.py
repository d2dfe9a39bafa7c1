"""The model of a disk loses what POSIX lets a disk lose, and nothing that was synced."""

import pytest

from tests.crash import losses
from tests.crash import operations as ops
from tests.crash.cuts import chance
from tests.crash.filesystem import Filesystem, Link, load, store


def disk_after(*operations, before=None):
    disk = Filesystem(before)
    for operation in operations:
        disk.perform(operation)
    return disk


NEW_FILE = (ops.Create("a"), ops.Write("a", b"one"), ops.Write("a", b"two"))


def test_a_kill_loses_nothing():
    assert disk_after(*NEW_FILE).after(losses.NOTHING) == {"a": b"onetwo"}


def test_content_needs_a_sync_of_the_file_and_a_name_one_of_its_directory():
    synced_file = disk_after(*NEW_FILE, ops.SyncFile("a"))
    assert synced_file.after(losses.EVERYTHING) == {}
    synced_name = disk_after(*NEW_FILE, ops.SyncDirectory("."))
    assert synced_name.after(losses.EVERYTHING) == {"a": b""}
    both = disk_after(*NEW_FILE, ops.SyncFile("a"), ops.SyncDirectory("."))
    assert both.after(losses.EVERYTHING) == {"a": b"onetwo"}


def test_a_rename_is_done_or_not_done():
    disk = disk_after(ops.Rename("a", "b"), before={"a": b"new", "b": b"old"})
    assert disk.after(losses.EVERYTHING) == {"a": b"new", "b": b"old"}
    assert disk.after(losses.NOTHING) == {"b": b"new"}
    disk.perform(ops.SyncDirectory("."))
    assert disk.after(losses.EVERYTHING) == {"b": b"new"}


def test_a_rename_without_a_sync_of_the_content_leaves_an_empty_file():
    disk = disk_after(ops.Create("a.new"), ops.Write("a.new", b"new"), ops.Rename("a.new", "a"), before={"a": b"old"})
    assert disk.after(losses.CONTENT) == {"a": b""}


def test_what_lies_in_a_directory_is_lost_with_its_name():
    disk = disk_after(
        ops.MakeDirectory("d"), ops.Create("d/a"), ops.SyncFile("d/a"), ops.SyncDirectory("d"), before={}
    )
    assert disk.after(losses.EVERYTHING) == {}
    disk.perform(ops.SyncDirectory("."))
    assert disk.after(losses.EVERYTHING) == {"d": None, "d/a": b""}


def test_an_overwritten_file_may_be_old_in_part():
    disk = disk_after(ops.Truncate("a", 2), ops.Write("a", b"XYZ"), before={"a": b"abcd"})
    found = {disk.after(losses.chance(chance(seed)))["a"] for seed in range(200)}
    assert found == {b"abcd", b"ab", b"abX", b"abXY", b"abXYZ", b"abX\0\0", b"abXY\0", b"ab\0\0\0"}


def test_a_torn_write_is_short_or_ends_in_zeros():
    write = ops.Write("a", b"12345678")
    for zeros, expected in [(False, b"1234"), (True, b"1234\0\0\0\0")]:
        disk = disk_after(ops.Create("a"))
        disk.tear(write, 0.5, zeros=zeros)
        assert disk.after(losses.NOTHING) == {"a": expected}


def test_a_tree_survives_the_real_disk(tmp_path):
    tree = {"d": None, "d/a": b"content", "d/link": Link("a"), "empty": None}
    store(tree, tmp_path / "home")
    assert load(tmp_path / "home") == tree
    assert Filesystem(tree).after(losses.EVERYTHING) == tree


@pytest.mark.parametrize("wrong", [ops.Unlink("missing"), ops.RemoveDirectory("missing")])
def test_an_operation_that_cannot_be_is_a_fault_of_the_recorder(wrong):
    with pytest.raises(AssertionError):
        disk_after(wrong)
