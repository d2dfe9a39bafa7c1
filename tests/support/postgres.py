"""A PostgreSQL server of its own in a temporary folder; as root it runs under the account ``postgres``."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.broker import free_port

ACCOUNT = "postgres"


def binaries() -> Path | None:
    """Debian keeps them under the versioned directory, not on PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Postgres:
    """One server; ``url`` names a fresh database each time it is asked for."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="liveframe-pg-"))
        self._port = free_port()
        self._databases = 0
        if os.geteuid() == 0:
            account = pwd.getpwnam(ACCOUNT)
            os.chown(self._folder, account.pw_uid, account.pw_gid)

    def _run(self, *command: str) -> None:
        prefix = ["setpriv", "--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups"] if os.geteuid() == 0 else []
        log = self._folder.parent / f"{self._folder.name}.log"
        with log.open("ab") as output:
            subprocess.run(
                [*prefix, "env", "-i", "PATH=/usr/bin:/bin", str(self._programs / command[0]), *command[1:]],
                check=True,
                stdout=output,
                stderr=output,
                cwd="/",
            )

    def start(self) -> "Postgres":
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "liveframe", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", data, "-w", "-o", options, "start")
        return self

    def fresh_url(self) -> str:
        """Make an empty database and return its SQLAlchemy URL."""
        self._databases += 1
        name = f"fleet{self._databases}"
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "liveframe", name)
        return f"postgresql+psycopg://liveframe@127.0.0.1:{self._port}/{name}"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)
        (self._folder.parent / f"{self._folder.name}.log").unlink(missing_ok=True)
