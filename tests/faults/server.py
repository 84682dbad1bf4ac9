"""A real `arpad serve` as a process that can be killed and started again; every start has a free port of its own.

It starts only on a database that carries the mark of this run (`databases.prove_ours`).
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.faults.databases import prove_ours

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.02


class Server:
    """One server on one database, with a data folder of its own.

    `reached_at` is the address under which the server finds its database, where that is not its own: a proxy's. `program` is what is run.
    """

    def __init__(self, folder: Path, database_url: str, *, reached_at: str | None = None, program: str = "app.cli") -> None:
        prove_ours(database_url)
        self.folder = folder
        self.database_url = database_url
        self.reached_at = reached_at or database_url
        self.program = program
        self.url = ""
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_embedded(self) -> bool:
        """Whether its database is SQLite."""
        return self.database_url.startswith("sqlite")

    @property
    def key(self) -> str:
        """The admin key that the first start made."""
        return (self.folder / "admin.key").read_text().strip()

    @property
    def log(self) -> str:
        """What all starts together wrote to standard error."""
        return (self.folder / "server.log").read_text()

    @property
    def _switches(self) -> list[str]:
        # The program itself must not depend on the folder it is started in; one of ours is found there.
        return ["-P"] if self.program == "app.cli" else []

    def start(self) -> None:
        """Start the server and wait until it can take work."""
        shared = ["--port", "0", "--data", str(self.folder), "--database-url", self.reached_at]
        command = [sys.executable, *self._switches, "-m", self.program, "serve", "--no-worker", "--json", *shared]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ARPAD_")}
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)
        announced = self._process.stdout.readline()
        if not announced or "url" not in json.loads(announced):
            raise RuntimeError(f"the server did not start: {announced!r} {self.log[-2000:]}")
        self.url = json.loads(announced)["url"]
        self.starts += 1
        wait_until_ready(f"{self.url}/readyz")

    def kill(self) -> None:
        """End the process as a power cut would: no handler runs."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    def terminate(self) -> None:
        """Ask the process to end in order."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """The exit code, once it has ended."""
        code = self._process.wait(STOP_SECONDS)
        self._process.stdout.close()
        return code

    def close(self) -> None:
        """End the process whatever its state."""
        if self._process is not None and self._process.poll() is None:
            self.terminate()
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.kill()


def wait_until_ready(url: str) -> None:
    """Wait until an address answers with 200."""
    until = time.monotonic() + READY_SECONDS
    while True:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=READY_SECONDS) as answer:
            if answer.status == 200:
                return
        if time.monotonic() > until:
            raise TimeoutError(f"{url} was not ready within {READY_SECONDS:.0f} s")
        time.sleep(_LOOK_SECONDS)


@contextlib.contextmanager
def running_server(folder: Path, database_url: str, *, reached_at: str | None = None, program: str = "app.cli") -> Iterator[Server]:
    """A server that is ready, and gone afterwards."""
    server = Server(folder, database_url, reached_at=reached_at, program=program)
    try:
        server.start()
        yield server
    finally:
        server.close()
