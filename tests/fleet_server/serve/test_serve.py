import argparse
import os
import signal
import stat
import sys
import time

import httpx
import psutil
import pytest

from fleet_server.cli import build_parser
from fleet_server.errors import ServerError
from fleet_server.serve.supervisor import Child, Supervisor
from tests.support.running_fleet import RunningFleet


def gone(processes: list[psutil.Process], seconds: float = 15.0) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


def test_it_starts_answers_and_stops_without_leaving_anything(fleet: RunningFleet):
    run = fleet.run
    assert httpx.get(f"{run['people_url']}healthz").text == "ok\n"
    assert set(run["pids"]) == {"broker", "ingest", "frames", "people", "upkeep"}
    family = fleet.family()
    assert "mosquitto" in {one.name() for one in family}
    assert fleet.stop() == 0
    assert gone(family)
    assert not (fleet.data_dir / "run.json").exists()


def test_when_serve_itself_is_killed_its_children_end_too(fleet: RunningFleet):
    family = fleet.family()
    os.kill(fleet.process.pid, signal.SIGKILL)
    assert gone(family)


def test_a_child_that_dies_is_started_again(standing_fleet: RunningFleet):
    old = standing_fleet.kill("people")
    deadline = time.monotonic() + 20
    while standing_fleet.run["pids"].get("people") in (old, None):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    while True:
        try:
            assert httpx.get(f"{standing_fleet.run['people_url']}healthz").text == "ok\n"
            break
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_nothing_in_the_data_directory_is_for_others_to_read(standing_fleet: RunningFleet):
    public = {"ca.pem", "trusted.pem", "server.pem", "ingest.pem", "crl.pem", "ingest.prom"}
    readable = {
        path.name
        for path in standing_fleet.data_dir.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077 and path.name not in public
    }
    assert readable == set()


def test_the_supervisor_says_what_did_not_become_ready():
    silent = Child("silent", [sys.executable, "-c", "raise SystemExit(7)"])
    with pytest.raises(ServerError, match="silent ended with exit code"):
        Supervisor([[silent]], {}).start()


def test_every_command_explains_itself_with_an_example():
    parser = build_parser()
    checked = 0
    pending = [parser]
    while pending:
        for action in pending.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                for child in action.choices.values():
                    nested = any(isinstance(one, argparse._SubParsersAction) for one in child._actions)
                    assert nested or (child.epilog and "fleet-server" in child.epilog), child.prog
                    checked += 1
                    pending.append(child)
    assert checked >= 15
