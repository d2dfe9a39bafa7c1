"""What is written survives; what is locked is held by one; the frame's own condition is read, never guessed."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from device_agent.errors import StorageError
from device_agent.system import clock, files, lock, notify, sensors
from device_agent.system.backoff import delay, jittered
from device_agent.system.home import DEFAULT_HOME, Home, private_folder
from tests.support.crash import run_until_step


def test_a_file_is_old_or_new_and_whole_whenever_power_goes(tmp_path: Path):
    path = tmp_path / "state.json"
    files.atomic_write(path, b"old")
    for step in range(1, 50):
        killed = run_until_step(lambda: files.atomic_write(path, b"new" * 10_000), step, tmp_path)
        assert path.read_bytes() in (b"old", b"new" * 10_000)
        if not killed:
            break
    assert path.read_bytes() == b"new" * 10_000
    assert 2 < step < 49


def test_a_folder_that_cannot_be_written_is_a_storage_error_with_its_name(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        files.atomic_write(tmp_path / "file" / "state.json", b"x")


def test_the_home_is_the_named_one_or_the_default_and_private(tmp_path: Path):
    assert Home.from_environment({}).root == DEFAULT_HOME
    home = Home.from_environment({"LIVEFRAME_HOME": str(tmp_path / "home")}).prepare()
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
    home.root.chmod(0o755)
    private_folder(home.root)
    assert stat.S_IMODE(home.root.stat().st_mode) == 0o700


def test_one_process_holds_the_lock_and_the_next_is_told_which(tmp_path: Path):
    path = tmp_path / "agent.lock"
    with lock.exclusive(path, purpose="run"):
        assert lock.holder(path) == os.getpid()
        with pytest.raises(lock.AlreadyRunning, match=str(os.getpid())), lock.exclusive(path, purpose="flush"):
            pass
    assert lock.holder(path) is None
    with lock.exclusive(path, purpose="run"):
        pass


def test_a_lock_dies_with_its_process(tmp_path: Path):
    script = (
        "import sys, time; from pathlib import Path; from device_agent.system import lock\n"
        "with lock.exclusive(Path(sys.argv[1]), purpose='run'):\n    print('held', flush=True); time.sleep(60)"
    )
    path = tmp_path / "agent.lock"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert lock.holder(path) == process.pid
    process.kill()
    process.communicate()
    assert lock.holder(path) is None


def test_a_clock_in_1970_is_not_believed_and_the_floor_only_rises(tmp_path: Path):
    path = tmp_path / "clock.json"
    assert not clock.is_plausible(42.0, clock.read_floor(path))
    later = clock.BUILD_FLOOR + 10_000
    clock.raise_floor(path, later)
    clock.raise_floor(path, 42.0)
    assert clock.read_floor(path) == later
    assert clock.is_plausible(later + 1, clock.read_floor(path))
    path.write_bytes(b"torn")
    assert clock.read_floor(path) == clock.BUILD_FLOOR


def test_what_the_machine_lacks_is_left_out(tmp_path: Path):
    sample = sensors.sample(tmp_path, sys=tmp_path / "sys", proc=tmp_path / "proc")
    assert sample.temperatures == {}
    assert sample.battery_percent is None
    assert sample.power_watts is None
    assert sample.memory_available_mb is None
    assert sample.storage_free_mb is not None


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_what_the_machine_has_is_read_in_units_of_people(tmp_path: Path):
    sys_, proc = tmp_path / "sys", tmp_path / "proc"
    put(sys_ / "class/thermal/thermal_zone0/type", "soc-thermal")
    put(sys_ / "class/thermal/thermal_zone0/temp", "48500")
    put(sys_ / "class/thermal/thermal_zone1/type", "npu-thermal")
    put(sys_ / "class/thermal/thermal_zone1/temp", "-274000")
    put(sys_ / "class/hwmon/hwmon0/name", "gpu")
    put(sys_ / "class/hwmon/hwmon0/temp1_input", "51000")
    put(sys_ / "class/power_supply/ac/type", "Mains")
    put(sys_ / "class/power_supply/bat/type", "Battery")
    put(sys_ / "class/power_supply/bat/capacity", "87")
    put(sys_ / "class/power_supply/bat/current_now", "-1200000")
    put(sys_ / "class/power_supply/bat/voltage_now", "4000000")
    put(proc / "meminfo", "MemTotal: 8000000 kB\nMemAvailable:    2048 kB")
    put(proc / "uptime", "12.50 40.00")
    sample = sensors.sample(tmp_path, sys=sys_, proc=proc)
    assert sample.temperatures == {"soc-thermal": 48.5, "gpu temp1": 51.0}
    assert sample.battery_percent == 87
    assert sample.power_watts == pytest.approx(4.8)
    assert (sample.memory_available_mb, sample.uptime_seconds) == (2.0, 12.5)


def test_pauses_double_up_to_the_longest_and_spread(tmp_path: Path):
    assert [delay(attempt, first=1, longest=10) for attempt in range(6)] == [1, 2, 4, 8, 10, 10]
    assert (jittered(10, 0.0), jittered(10, 0.999)) == (5.0, pytest.approx(10, abs=0.01))


def test_systemd_hears_the_agent_and_nobody_else_is_needed(tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        assert notify.send(notify.READY, {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.recv(100) == b"READY=1"
    assert not notify.send(notify.READY, {})
    assert not notify.send(notify.READY, {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert notify.watchdog_seconds({"WATCHDOG_USEC": "60000000"}) == 60.0
    assert notify.watchdog_seconds({}) is None
