"""The image's commands on a machine without containers: the wheel, as an unprivileged user, on a root where only /data and /tmp can be written.

Bubblewrap makes the confinement from the Dockerfile's own ENV, USER, ENTRYPOINT, CMD and HEALTHCHECK; the command is process 1, as it would be
there. Skipped where it does not work, unless ARPAD_REQUIRE_BWRAP=1. What it cannot show is the build of the image.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import httpx
import psutil
import pytest
from sqlalchemy.engine import make_url

from tests.container_files import ROOT, image_command, image_environment, last_stage

HOME = "/opt/arpad"
SYSTEM = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64")
UV = Path(sys.executable).with_name("uv")
SECONDS = 30.0


# What is confined


def not_here(reason: str) -> NoReturn:
    if os.environ.get("ARPAD_REQUIRE_BWRAP") == "1":
        pytest.fail(f"ARPAD_REQUIRE_BWRAP=1, but {reason}")
    pytest.skip(reason)


def quietly(*command: str | Path) -> None:
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, built from this tree."""
    if not UV.exists():
        not_here("there is no uv beside this Python (`make .venv/.dev` brings it)")
    folder = tmp_path_factory.mktemp("wheel")
    quietly(UV, "build", "--quiet", "--wheel", "--out-dir", folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment made as the Dockerfile makes it: the lock with its hashes, then the wheel alone, compiled for a root that is read-only."""
    folder = tmp_path_factory.mktemp("installed") / "arpad"
    into = ("pip", "install", "--quiet", "--compile-bytecode", "--python", folder / "bin" / "python")
    quietly(UV, "venv", "--quiet", "--relocatable", "--python", sys.executable, folder)
    quietly(UV, *into, "--require-hashes", "--requirement", "requirements.lock")
    quietly(UV, *into, "--no-deps", wheel)
    return folder


@pytest.fixture(scope="module")
def bwrap() -> str:
    program = shutil.which("bwrap")
    if program is None:
        not_here("bwrap is not on the PATH")
    tried = subprocess.run([program, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        not_here(f"bwrap may not make a namespace here: {tried.stderr.strip()}")
    return program


@dataclass
class Container:
    """Where commands run as they would in the image, with a data folder and a port of their own."""

    bwrap: str
    installed: Path
    data: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *command: str, stdout: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        with (self.data.parent / "log").open("ab") as log:
            self.started.append(subprocess.Popen(self._confined(command), stdin=subprocess.DEVNULL, stdout=stdout, stderr=log))
        return self.started[-1]

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code and standard output."""
        process = self.start(*command, stdout=subprocess.PIPE)
        out, _ = process.communicate(timeout=SECONDS)
        return process.returncode, out.decode()

    def log(self) -> str:
        return (self.data.parent / "log").read_text()

    def _confined(self, command: tuple[str, ...]) -> list[str]:
        user, _, group = last_stage("USER")[0].arguments.partition(":")
        environment = {**image_environment(), "ARPAD_PORT": str(self.port), **self.environment}
        environment["PATH"] = environment["PATH"].replace("$PATH", os.defpath)
        return [
            self.bwrap,
            *("--unshare-all", "--share-net", "--die-with-parent", "--new-session", "--as-pid-1"),
            *("--uid", user, "--gid", group, "--cap-drop", "ALL", "--clearenv"),
            *(word for name, value in environment.items() for word in ("--setenv", name, value)),
            *("--tmpfs", "/tmp", *_system()),
            *("--ro-bind", str(self.installed), HOME, "--bind", str(self.data), "/data"),
            *("--dev", "/dev", "--proc", "/proc", "--remount-ro", "/", "--chdir", "/"),
            *("--", *command),
        ]


def _system() -> Iterator[str]:
    """The system's folders and this Python; nobody's home, and not this repository."""
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.exists():
            yield from ("--ro-bind", str(path), str(path))
    if not any(Path(sys.base_prefix).is_relative_to(path) for path in SYSTEM):
        yield from ("--ro-bind", sys.base_prefix, sys.base_prefix)


@pytest.fixture
def container(bwrap: str, installed: Path, tmp_path: Path) -> Iterator[Container]:
    """A container with an empty volume."""
    data = tmp_path / "data"
    data.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = Container(bwrap, installed, data, port)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)


@contextmanager
def over_tcp(url: str) -> Iterator[str]:
    """The address of the same database by way of a port: a container sees no socket files of its host."""
    target = make_url(url)
    folder = target.query.get("host")
    if folder is None:
        yield url
        return
    listener = socket.create_server(("127.0.0.1", 0))
    Thread(target=_relay, args=(listener, f"{folder}/.s.PGSQL.{target.port or 5432}"), daemon=True).start()
    through = target.set(host="127.0.0.1", port=listener.getsockname()[1]).difference_update_query(["host"])
    try:
        yield through.update_query_dict({"sslmode": "disable", "gssencmode": "disable"}).render_as_string(hide_password=False)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _relay(listener: socket.socket, path: str) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.socket(socket.AF_UNIX)
        far.connect(path)
        for source, sink in ((near, far), (far, near)):
            Thread(target=_pour, args=(source, sink), daemon=True).start()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with source:
        try:
            while part := source.recv(65536):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


# What it does there


def eventually(condition: Callable[[], Any], container: Container) -> Any:
    until = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < until, container.log()
        time.sleep(0.1)
    return found


def wait_until_healthy(container: Container) -> None:
    """By the image's own health check, once the port is open."""

    def answers() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", container.port)) == 0

    eventually(answers, container)
    code, out = container.run(*image_command("HEALTHCHECK"))
    assert code == 0, out + container.log()


def stop(process: subprocess.Popen[bytes]) -> int:
    """As a container is stopped: the image's signal to process 1. Bubblewrap hands on how that ended."""
    [first] = psutil.Process(process.pid).children()
    first.send_signal(getattr(signal, last_stage("STOPSIGNAL")[0].arguments))
    return process.wait(SECONDS)


def play(container: Container) -> dict[str, Any]:
    """Make a league, record a match and ask for a fit, over HTTP with the admin key of the volume; returns the leaderboard."""
    secret = (container.data / "admin.key").read_text().strip()
    with httpx.Client(base_url=container.url, headers={"Authorization": f"Bearer {secret}"}, timeout=SECONDS) as client:
        assert client.post("/v1/leagues", json={"league": "tennis"}).status_code == 201
        match = {"match_id": "one", "first": "Alice", "second": "Bob", "outcome": "first"}
        assert client.post("/v1/leagues/tennis/matches", json=match).status_code == 201
        assert client.post("/v1/leagues/tennis/fits").status_code == 202
        eventually(lambda: client.get("/v1/leagues/tennis").json()["published_fit"], container)
        assert client.get("/v1/leagues/tennis/matches/one").json()["position"] == 1
        return client.get("/v1/leagues/tennis/leaderboard").json()


def names(leaderboard: dict[str, Any]) -> list[str]:
    return [row["competitor"] for row in leaderboard["rows"]]


def kept(container: Container) -> set[str]:
    """The names in the volume."""
    return {path.name for path in container.data.iterdir()}


def test_the_wheel_carries_what_is_not_python(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    beside = [path for folder in ("static", "templates") for path in (ROOT / "app" / "web" / folder).iterdir() if path.is_file()]
    assert {f"app/web/{path.parent.name}/{path.name}" for path in beside} <= packed
    scripts = [path.relative_to(ROOT / "migrations") for path in (ROOT / "migrations").rglob("*.py")]
    assert {f"app/storage/scripts/{path.as_posix()}" for path in scripts} <= packed
    assert any(name.startswith("app/storage/scripts/versions/") for name in packed)
    assert not any(name.startswith(("tests/", "migrations/")) for name in packed)


def test_only_data_and_tmp_can_be_written_to_by_nobody_in_particular(container):
    paths = ("/", HOME, f"{HOME}/lib", "/etc", "/usr", "/data", "/tmp")
    probe = "import os, sys; print(os.getuid(), os.getpid(), *(path for path in sys.argv[1:] if os.access(path, os.W_OK)))"
    code, out = container.run("python", "-c", probe, *paths)
    assert (code, out.split()) == (0, ["10001", "1", "/data", "/tmp"])


def test_the_repository_is_out_of_sight(container):
    code, out = container.run("python", "-c", f"import os, app; print(app.__file__, os.path.exists({str(ROOT)!r}))")
    assert code == 0, container.log()
    assert out.startswith(HOME)
    assert out.split()[-1] == "False"


def test_one_container_on_sqlite_serves_refits_and_keeps_its_data(container):
    command = [*image_command("ENTRYPOINT"), *image_command("CMD")]
    server = container.start(*command)
    wait_until_healthy(container)
    before = play(container)
    assert names(before) == ["Alice", "Bob"]
    assert httpx.get(f"{container.url}/", timeout=SECONDS).status_code == 200
    assert stop(server) == 0, container.log()
    assert container.run("arpad", "health")[0] == 7

    again = container.start(*command)
    wait_until_healthy(container)
    code, out = container.run("arpad", "leaderboard", "tennis", "--json")
    assert (code, names(before)) == (0, names(httpx.Response(200, text=out).json()))
    assert stop(again) == 0, container.log()
    assert kept(container) <= {"arpad.db", "arpad.db-shm", "arpad.db-wal", "admin.key", "server.lock"}


def test_api_and_worker_share_postgresql_after_the_migration(container, postgresql_url):
    with over_tcp(postgresql_url) as url:
        container.environment["ARPAD_DATABASE_URL"] = url
        assert container.run("arpad", "migrate")[0] == 0, container.log()
        api, worker = container.start("arpad", "serve", "--no-worker"), container.start("arpad", "worker")
        wait_until_healthy(container)
        assert names(play(container)) == ["Alice", "Bob"]
        assert (stop(worker), stop(api)) == (0, 0), container.log()
        assert kept(container) == {"admin.key"}
