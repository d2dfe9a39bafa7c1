"""The outbox keeps what it took, numbers it without gap or double, and lets go on the server's word alone."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from device_agent.errors import StorageError
from device_agent.telemetry import policy
from device_agent.telemetry.outbox import DAMAGED_CODE, INVALID_CODE, Outbox
from device_agent.telemetry.policy import Limits
from frame_protocol import codec
from frame_protocol.telemetry import Fault, Health, Playback, TelemetryMessage


def health(uptime: float = 1.0) -> Health:
    return Health(uptime_seconds=uptime)


def playback() -> Playback:
    return Playback(
        playback_id="00000000-0000-0000-0000-000000000000",
        frames=1,
        shown=1,
        dropped=0,
        seconds_watched=1,
        video_seconds=1,
        fps=25,
        completed=True,
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite")


def held(outbox: Outbox) -> list[tuple[str, int]]:
    return [(item.boot, item.seq) for item in outbox.unacknowledged(10_000)]


def test_numbers_count_from_one_and_survive_closing(outbox: Outbox, tmp_path: Path):
    assert [outbox.append(health()) for _ in range(3)] == [1, 2, 3]
    outbox.close()
    again = Outbox(tmp_path / "outbox.sqlite")
    assert again.append(health()) == 4
    assert [item.seq for item in again.unacknowledged(10)] == [1, 2, 3, 4]


def test_a_new_boot_counts_from_one_and_comes_after_the_old(outbox: Outbox):
    first = outbox.begin_boot()
    outbox.append(health())
    second = outbox.begin_boot()
    outbox.append(health())
    assert held(outbox) == [(first, 1), (second, 1)]


def test_a_boot_does_not_outlive_the_run_of_the_kernel(outbox: Outbox):
    outbox.append(health())
    outbox._kernel = "the kernel started again"
    outbox.append(health())
    (before, seq_before), (after, seq_after) = held(outbox)
    assert before != after
    assert (seq_before, seq_after) == (1, 1)


def test_a_key_seen_before_changes_nothing_even_after_the_acknowledgement(outbox: Outbox):
    seq = outbox.append(health(), key="order-1/kept")
    assert outbox.append(health(), key="order-1/kept") == seq
    outbox.acknowledge(outbox.current_boot(), seq)
    assert outbox.append(health(), key="order-1/kept") == seq
    assert outbox.depth() == 0


def test_an_acknowledgement_deletes_up_to_its_number_of_its_boot_only(outbox: Outbox):
    first = outbox.begin_boot()
    for _ in range(3):
        outbox.append(health())
    second = outbox.begin_boot()
    outbox.append(health())
    assert outbox.acknowledge(first, 2) == 2
    assert held(outbox) == [(first, 3), (second, 1)]
    assert outbox.acknowledge("f" * 16, 9) == 0
    assert outbox.acknowledge(second, 10_000) == 1
    assert outbox.append(health()) == 2


def test_the_floor_is_the_smallest_number_still_held(outbox: Outbox):
    boot = outbox.begin_boot()
    for _ in range(4):
        outbox.append(health())
    outbox.acknowledge(boot, 2)
    assert {item.floor for item in outbox.unacknowledged(10)} == {3}


def test_a_full_outbox_drops_the_oldest_health_first_then_render_then_playback(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", limits=Limits(rows=3))
    outbox.append(playback())
    outbox.append(health())
    outbox.append(Fault(code="kept"))
    outbox.append(health())
    codes = [type(item.message("frame-test1").event).__name__ for item in outbox.unacknowledged(10)]
    assert codes == ["Playback", "Fault", "Fault", "Health"]
    dropped = outbox.unacknowledged(10)[1].message("frame-test1")
    assert (dropped.seq, dropped.event.code, dropped.floor) == (2, policy.DROPPED_CODE, 1)


def test_dropping_the_lowest_raises_the_floor_and_leaves_no_hole(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", limits=Limits(rows=3))
    for _ in range(10):
        outbox.append(health())
    assert [item.seq for item in outbox.unacknowledged(20)] == [8, 9, 10]
    assert {item.floor for item in outbox.unacknowledged(20)} == {8}
    assert outbox.depth() == 3


def test_holes_join_and_go_with_the_acknowledgement(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", limits=Limits(rows=2))
    boot = outbox.begin_boot()
    outbox.append(Fault(code="stays"))
    for _ in range(500):
        outbox.append(health())
    assert outbox.depth() == 501
    assert [item.seq for item in outbox.unacknowledged(1_000)] == list(range(1, 502))
    outbox.append(Fault(code="above"))
    assert outbox.acknowledge(boot, 1) == 501, "nothing is held below the fault above, so the floor settles the holes"
    assert [(item.seq, item.floor) for item in outbox.unacknowledged(1_000)] == [(502, 502)]


def test_updates_and_faults_are_never_dropped_but_refused_beyond_twice_the_limit(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", limits=Limits(rows=5))
    for number in range(10):
        outbox.append(Fault(code=f"fault-{number}"))
    with pytest.raises(StorageError, match="never dropped"):
        outbox.append(Fault(code="one too many"))
    assert outbox.depth() == 10


def test_bytes_are_bounded_like_rows(tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.sqlite", limits=Limits(octets=1_000))
    for _ in range(100):
        outbox.append(health())
    assert sum(len(item.body) for item in outbox.unacknowledged(1_000)) <= 1_000


@pytest.mark.parametrize("event", [Fault(code="x", detail="y" * 201), Health(uptime_seconds=float("nan"))])
def test_a_report_that_the_server_would_drop_is_kept_as_a_fault_that_says_so(outbox: Outbox, event: Fault | Health):
    outbox.append(event)
    (kept,) = outbox.unacknowledged(10)
    message = kept.message("frame-test1")
    assert message.event.code == INVALID_CODE
    assert codec.decode(codec.encode(message), TelemetryMessage) == message


def append_many(path: Path, count: int) -> None:
    outbox = Outbox(path)
    for number in range(count):
        outbox.append(health(number))


def test_several_processes_append_without_gap_or_double(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=append_many, args=(path, 50)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert [item.seq for item in Outbox(path).unacknowledged(1_000)] == list(range(1, 151))


@pytest.mark.parametrize("damage", ["header", "middle", "cut", "text"])
def test_a_damaged_file_is_set_aside_and_reported(tmp_path: Path, damage: str):
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path)
    for number in range(300):
        outbox.append(Fault(code=f"fault-{number}", detail="x" * 150))
    outbox.close()
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:100] = bytes(100)
    elif damage == "middle":
        content[4096:] = os.urandom(len(content) - 4096)
    elif damage == "cut":
        del content[len(content) // 2 :]
    else:
        content = bytearray(b"this is no database\n" * 100)
    path.write_bytes(content)

    again = Outbox(path)
    again.check()
    codes = [item.message("frame-test1").event.code for item in again.unacknowledged(10)]
    assert codes == [DAMAGED_CODE]
    assert path.with_name("outbox.sqlite.damaged").exists()
    assert again.append(health()) == 2


def test_a_process_that_has_the_file_open_follows_it_when_another_sets_it_aside(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    first, second = Outbox(path), Outbox(path)
    first.append(health())
    second.append(health())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(b"overwritten by something else")
    second.append(health())
    first.append(health())
    assert [item.seq for item in second.unacknowledged(10)] == [1, 2, 3]
    assert [item.seq for item in first.unacknowledged(10)] == [1, 2, 3]


FILL = """
    import resource, signal, sys
    from pathlib import Path
    from device_agent.errors import StorageError
    from device_agent.telemetry.outbox import Outbox
    from frame_protocol.telemetry import Fault
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    outbox = Outbox(Path(sys.argv[1]))
    outbox.append(Fault(code="before"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    taken = 0
    try:
        while True:
            outbox.append(Fault(code="fault", detail="x" * 190))
            taken += 1
    except StorageError as error:
        print(taken)
        sys.exit(error.exit_code)
"""


def test_a_disk_that_takes_no_more_is_a_clear_error_and_loses_nothing_committed(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FILL), str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 50, result.stderr
    assert Outbox(path).depth() == int(result.stdout) + 1
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


KILLED = """
    import sys
    from pathlib import Path
    from device_agent.telemetry.outbox import Outbox
    from frame_protocol.telemetry import Health
    outbox = Outbox(Path(sys.argv[1]))
    while True:
        print(outbox.append(Health(uptime_seconds=1)), flush=True)
"""


def test_a_kill_in_the_middle_of_appending_loses_nothing_that_was_confirmed(tmp_path: Path):
    path = tmp_path / "outbox.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    confirmed = 0
    while confirmed < 100:
        confirmed = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    confirmed = max([confirmed, *map(int, (line for line in rest if line.isdigit()))])
    seqs = [item.seq for item in Outbox(path).unacknowledged(100_000)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) - confirmed in (0, 1)
