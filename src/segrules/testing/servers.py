"""Database servers of our own, in a folder and on a free port, that a test may stop and start as it likes."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from attrs import define

from segrules.testing.backends import required

#: So many seconds a server may take to answer, or to be gone.
PATIENCE = 90


@define
class Server:
    """A server that can be killed and comes back with what was committed."""

    command: Sequence[str]
    user: str
    log: Path
    url: sa.URL
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """It answers."""
        deadline = time.monotonic() + PATIENCE
        engine = sa.create_engine(self.url)
        while True:
            if self.process is None or self.process.poll() is not None:  # or what was killed is still going away
                with self.log.open("ab") as log:
                    command = as_user(self.user, self.command)
                    self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                with engine.connect():
                    break
            except sa.exc.OperationalError:
                if time.monotonic() > deadline:
                    pytest.fail(f"the server did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.05)
        engine.dispose()

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """It is gone: at once, as when the power fails, or as it goes by itself at a gentler signal."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                if how is signal.SIGKILL:
                    os.killpg(self.process.pid, how)
                else:
                    self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None

    def restart(self) -> None:
        """It dies, and comes back."""
        self.kill()
        self.start()


def as_user(user: str, command: Sequence[str]) -> list[str]:
    """Servers refuse to run as root: root hands down to their own users, by a program that becomes the server."""
    down = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.geteuid() == 0 else []
    return [*down, *command]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def program(name: str, *places: str) -> str:
    """Where a program is; the test is skipped where it is not."""
    for place in places:
        found = sorted(Path("/").glob(f"{place}/{name}"))
        if found:
            return str(found[-1])
    which = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if which is None:
        pytest.skip(f"there is no {name} here")
    return which


@contextmanager
def own_folder(user: str) -> Iterator[Path]:
    """A folder that belongs to a user; not pytest's, into which no other user may look."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, user, user)
        yield folder


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL; the test is skipped where it is not installed."""
    initdb = program("initdb", "usr/lib/postgresql/*/bin")
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()
    with own_folder(user) as place:
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        _run(as_user(user, [initdb, f"--pgdata={place}/data", *options]))
        port, binary = free_port(), str(Path(initdb).parent / "postgres")
        command = [binary, "-D", f"{place}/data", "-k", str(place), "-p", str(port)]
        url = sa.make_url(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
        yield from _running(Server(command, user, place / "log", url))


@contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB; the test is skipped where it is not installed."""
    server, installer = program("mariadbd"), program("mariadb-install-db")
    user = "mysql" if os.geteuid() == 0 else getpass.getuser()
    with own_folder(user) as place:
        options = ["--auth-root-authentication-method=normal"]
        _run(as_user(user, [installer, "--no-defaults", f"--datadir={place}/data", *options]))
        port = free_port()
        command = [server, "--no-defaults", f"--datadir={place}/data", f"--socket={place}/socket", f"--port={port}"]
        command += ["--bind-address=127.0.0.1", f"--pid-file={place}/pid"]
        url = sa.make_url(f"mariadb+pymysql://root@127.0.0.1:{port}/test?charset=utf8mb4")
        yield from _running(Server(command, user, place / "log", url))


def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = f"{command[0]}: {done.stdout}{done.stderr}"
        pytest.fail(said) if required() else pytest.skip(said)
