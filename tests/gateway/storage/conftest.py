"""A PostgreSQL server for tests of storage: on a free loopback port, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest


def program(name: str) -> str | None:
    """On the path, or where Debian keeps it."""
    found = shutil.which(name)
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return found or (str(kept[-1]) if kept else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A PostgreSQL of our own that can be killed and started again."""

    url: str
    folder: Path
    pg_ctl: str
    as_user: tuple[str, ...]
    port: int

    def run(self, *words: str) -> None:
        command = [*self.as_user, *words]
        subprocess.run(command, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=60)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self.run(self.pg_ctl, "-D", data, "-w", "-l", log, "-o", options, "start")

    def kill(self) -> None:
        """As a crash does: no word to whoever is connected."""
        self.run(self.pg_ctl, "-D", str(self.folder / "data"), "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    if initdb is None or pg_ctl is None:
        _missing("postgresql")
    with tempfile.TemporaryDirectory(prefix="crosspoint-postgres-") as folder:  # pytest's own folders are root's alone
        server = _made(Path(folder), initdb, pg_ctl)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def postgres_url(postgres: Server) -> str:
    return postgres.url


def _made(folder: Path, initdb: str, pg_ctl: str) -> Server:
    as_user: tuple[str, ...] = ()
    if os.geteuid() == 0:  # the server refuses to be root
        if (
            shutil.which("runuser") is None
            or subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode
        ):
            _missing("a user for postgresql to run as")
        shutil.chown(folder, "postgres")
        as_user = ("runuser", "-u", "postgres", "--")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"postgresql://gateway:hunter2@127.0.0.1:{port}/postgres"
    server = Server(url=url, folder=folder, pg_ctl=pg_ctl, as_user=as_user, port=port)
    server.run(initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "gateway", "-E", "UTF8", "--no-sync")
    return server


def _missing(why: str) -> NoReturn:
    """Loud at home, a failure where everything has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why} (CI=true)", pytrace=False)
    pytest.skip(f"not installed: {why}")
