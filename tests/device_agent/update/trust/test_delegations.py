"""Who may say what about which path: the walk through the delegations, and where it stops.

The situations are those of python-tuf's test_updater_delegation_graphs, each said for our client and store.
"""

from pathlib import Path
from urllib.parse import quote

import pytest
from tuf.api.metadata import DelegatedRole, Delegations

from device_agent.errors import TrustError
from device_agent.update.trust.client import Bounds
from tests.support.tuf_simulator import PAST, TOP_LEVEL

GRAPHS = {
    "one": ([("targets", "A")], "A"),
    "side by side": ([("targets", "A"), ("targets", "B")], "AB"),
    "two levels": ([("targets", "A"), ("targets", "B"), ("B", "C")], "ABC"),
    "depth first": ([("targets", "A"), ("targets", "B"), ("A", "C"), ("A", "D")], "ACDB"),
    "depth first, three levels": ([("targets", "A"), ("targets", "B"), ("A", "C"), ("C", "D")], "ACDB"),
    "terminating": ([("targets", "A"), ("targets", "B"), ("A", "C", {"terminating": True}), ("A", "D")], "AC"),
    "terminating above others": (
        [("targets", "A"), ("targets", "B"), ("A", "C", {"terminating": True}), ("C", "D")],
        "ACD",
    ),
    "not this path": ([("targets", "A", {"paths": ["*.py"]}), ("targets", "B"), ("A", "C")], "B"),
    "not this path below": (
        [("targets", "A"), ("targets", "B"), ("A", "C", {"paths": ["*.py"]}), ("C", "D")],
        "AB",
    ),
    "a circle": ([("targets", "A"), ("targets", "B"), ("B", "C"), ("C", "D"), ("D", "B")], "ABCD"),
    "two ways to one": ([("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C")], "ACB"),
    "two ways, one of another path": (
        [("targets", "A"), ("targets", "B"), ("B", "C"), ("A", "C", {"paths": ["*.py"]})],
        "ABC",
    ),
    "more than the bound": ([("targets", "A"), ("targets", "B"), ("targets", "C"), ("C", "D"), ("C", "E")], "ABCD"),
}
BOUND = Bounds(delegations=4)


def visited(simulator, client, path):
    """Return the names of delegated metadata that the search for ``path`` fetched, and what it found."""
    client.refresh()
    simulator.asked.clear()
    found = client.target(path)
    assert all(name.startswith("1.") for name in simulator.asked)
    return [name.removeprefix("1.").removesuffix(".json") for name in simulator.asked], found


def stored(frame) -> set[str]:
    return {path.name.removesuffix(".json") for path in frame.directory.glob("*.json")}


@pytest.mark.parametrize(("edges", "order"), GRAPHS.values(), ids=GRAPHS.keys())
def test_roles_are_visited_in_their_order_depth_first(frame, simulator, edges, order):
    for delegator, role, *more in edges:
        simulator.delegate(delegator, role, **(more[0] if more else {}))
    simulator.update_snapshot()
    names, found = visited(simulator, frame.client(bounds=BOUND), "missing")
    assert ("".join(names), found) == (order, None)
    assert stored(frame) == {*TOP_LEVEL, *order}


def test_an_unsigned_role_ends_the_search(frame, simulator):
    simulator.delegate("targets", "bad")
    simulator.delegate("targets", "next")
    simulator.signers["bad"] = []
    simulator.update_snapshot()
    with pytest.raises(TrustError, match="sign"):
        frame.client().target("missing")
    assert stored(frame) == set(TOP_LEVEL)


def test_an_expired_role_ends_the_search_and_is_not_kept(frame, simulator):
    simulator.delegate("targets", "late", ["late/*"])
    simulator.delegated["late"].expires = PAST
    simulator.add_file("late", "late/file", b"late")
    simulator.update_snapshot()
    with pytest.raises(TrustError, match="expired"):
        frame.client().target("late/file")
    assert stored(frame) == set(TOP_LEVEL)


def test_a_role_that_the_snapshot_does_not_name_ends_the_search(frame, simulator):
    role = DelegatedRole("nowhere", [], 1, True, ["*"])
    simulator.targets.delegations = Delegations({}, roles={role.name: role})
    simulator.update_snapshot()
    with pytest.raises(TrustError, match="nowhere"):
        frame.client().target("missing")


def test_a_role_with_two_delegators_is_judged_by_the_keys_of_each(frame, simulator):
    """7.0.0 of python-tuf answered the second question from what the first had loaded."""
    for name in "ab":
        simulator.delegate("targets", f"parent-{name}", [f"path-{name}"])
        simulator.delegate(f"parent-{name}", "release", [f"path-{name}"])
        simulator.add_file("release", f"path-{name}", b"content")
    simulator.update_snapshot()
    client = frame.client()
    assert client.target("path-a")
    assert client.target("path-b")

    simulator.signers["release"] = simulator.signers["release"][:1]
    simulator.publish("release")
    client = frame.client()
    assert client.target("path-a")
    with pytest.raises(TrustError, match="sign"):
        client.target("path-b")


@pytest.mark.parametrize("role", ["../a", ".", "..", "/", "ö", "?", "#", "/rooted", "a b"])
def test_a_role_of_any_name_stays_inside_the_store(frame, simulator, role):
    simulator.delegate("targets", role)
    simulator.update_snapshot()
    names, _ = visited(simulator, frame.client(), "missing")
    assert names == [quote(role, safe="")]
    assert stored(frame) == {*TOP_LEVEL, quote(role, safe="")}
    assert {path.name for path in frame.directory.parent.iterdir()} == {frame.directory.name}


@pytest.mark.parametrize("role", TOP_LEVEL)
def test_no_delegation_can_take_the_name_of_a_top_level_role(role):
    with pytest.raises(ValueError, match="top-level"):
        Delegations({}, roles={role: DelegatedRole(role, [], 1, False, ["*"])})


def test_hash_prefixes_choose_the_role(frame, simulator):
    for role, prefixes in (("one", "89ab"), ("two", "0123"), ("three", "cdef")):
        simulator.delegate("targets", role, path_hash_prefixes=list(prefixes))
    simulator.update_snapshot()
    client = frame.client()
    names = [visited(simulator, client, path)[0] for path in ("missingpath", "othermissingpath", "thirdmissingpath")]
    assert names == [["one"], ["two"], ["three"]]


@pytest.mark.parametrize(
    ("bits", "path", "role"),
    [(1, "boo", "bin-0"), (1, "too", "bin-1"), (2, "foo", "bin-0"), (2, "doo", "bin-1"), (2, "too", "bin-2"),
     (2, "bar", "bin-3"), (8, "bar", "bin-fc")],
)  # fmt: skip
def test_of_many_bins_only_the_right_one_is_read(frame, simulator, bits, path, role):
    simulator.delegate_bins(bits)
    simulator.update_snapshot()
    assert visited(simulator, frame.client(), path) == ([role], None)
    assert stored(frame) == {*TOP_LEVEL, role}


@pytest.mark.parametrize(
    ("path", "found", "order"),
    [
        ("targetfile", True, ""),
        ("README.md", True, "A"),
        ("releases/x/x_v1", True, "BC"),
        ("releases/y/y_v1.zip", True, "BD"),
        ("releases/z/z_v1.zip", False, "B"),
    ],
)
def test_a_file_is_found_only_where_every_role_above_delegates_its_path(frame, simulator, path, found, order):
    simulator.delegate("targets", "A", ["*.doc", "*.md"])
    simulator.delegate("targets", "B", ["releases/*/*"])
    simulator.delegate("B", "C", ["releases/x/*"])
    simulator.delegate("B", "D", ["releases/y/*.zip"])
    for role, name in (
        ("targets", "targetfile"),
        ("A", "README.md"),
        ("C", "releases/x/x_v1"),
        ("D", "releases/y/y_v1.zip"),
        ("D", "releases/z/z_v1.zip"),
    ):
        simulator.add_file(role, name, Path(name).name.encode())
    simulator.update_snapshot()
    names, target = visited(simulator, frame.client(), path)
    assert ("".join(names), target is not None) == (order, found)
    if target:
        assert (target.path, target.length) == (path, len(Path(path).name))


def test_a_known_role_is_read_from_the_disk(frame, simulator):
    simulator.delegate("targets", "A")
    simulator.update_snapshot()
    frame.client().target("missing")
    simulator.asked.clear()
    frame.client().target("missing")
    assert simulator.asked == ["2.root.json", "timestamp.json"]


def test_a_snapshot_of_hashes_binds_delegated_roles_too(frame, simulator):
    simulator.with_hashes = True
    simulator.delegate("targets", "A")
    simulator.publish("targets")
    simulator.delegated["A"].unrecognized_fields["smuggled"] = "in"
    with pytest.raises(TrustError):
        frame.client().target("missing")
