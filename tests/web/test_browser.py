"""A real browser before a real server with the demo league: what it makes of the pages, and how they look.

Skipped where no Chromium is found, unless ARPAD_REQUIRE_BROWSER=1. ARPAD_UPDATE_SCREENSHOT=1 renews the picture of README.
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote, unquote

import httpx
import pytest

from app.web.rendering import ASSETS, SAFETY_HEADERS
from tests.web.documents import Element, read
from tests.web.test_rendering import PAGES

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / ".github" / "leaderboard.png"
BINARIES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
)  # fmt: skip
SECONDS = 60


def chromium() -> str:
    found = next((path for name in BINARIES if (path := shutil.which(name))), None)
    if found is None and os.environ.get("ARPAD_REQUIRE_BROWSER") == "1":
        pytest.fail(f"ARPAD_REQUIRE_BROWSER=1, but none of {', '.join(BINARIES)} is on the PATH")
    return found or pytest.skip(f"none of {', '.join(BINARIES)} is on the PATH")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with the demo league."""
    chromium()
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "app.cli", "--data", str(folder / "data"), "demo", "--port", "0"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert server.stdout is not None
        first_line = server.stdout.readline()
        address = re.search(r"http://\S+?:\d+", first_line)
        assert address, first_line + (folder / "log").read_text()
        yield address.group()
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=SECONDS)


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    """The address of a server with the pages made of constructed shapes."""
    chromium()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gallery)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class Gallery(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = unquote(self.path).removeprefix("/")
        asset = ASSETS.get(name.removeprefix("static/"))
        self.send_response(200 if asset or name in PAGES else 404)
        self.send_header("Content-Type", asset.media_type if asset else "text/html; charset=utf-8")
        for header, value in SAFETY_HEADERS.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(asset.content if asset else PAGES.get(name, b""))

    def log_message(self, *_: object) -> None:
        pass


def browse(profile: Path, address: str, *options: str) -> bytes:
    """What the browser prints. Fails on any complaint in its console: a blocked style, a file that is not there."""
    command = [chromium(), *OPTIONS, f"--user-data-dir={profile}", *options, address]
    ran = subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
    complaints = [line for line in ran.stderr.decode(errors="replace").splitlines() if ":CONSOLE" in line]
    assert not complaints
    return ran.stdout


def rendered(tmp_path: Path, address: str) -> Element:
    return read(browse(tmp_path / "profile", address, "--dump-dom"))


def picture(tmp_path: Path, address: str, width: int, height: int) -> Path:
    target = tmp_path / f"leaderboard-{width}.png"
    browse(tmp_path / "profile", address, f"--window-size={width},{height}", f"--screenshot={target}")
    return target


def size_of(png: Path) -> tuple[int, int]:
    header = png.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", header[16:])
    return width, height


def test_the_browser_shows_the_demo_league(demo, tmp_path):
    document = rendered(tmp_path, f"{demo}/leagues/demo?by=fit")
    lines = document.one("tbody").all("tr")
    rows = httpx.get(f"{demo}/leagues/demo.json?by=fit").json()["rows"]
    assert [line.one("bdi").text for line in lines] == [row["name"] for row in rows]
    assert len(rows) == 50
    for line, row in zip(lines, rows, strict=True):
        low, high = (f"{row['fit'][end]:.0f}" for end in ("lower", "upper"))
        assert line.one("desc").text == f"95 % interval of the fit {low} to {high}"
        assert len(line.one("svg").all("circle")) == 1


def test_the_browser_shows_the_list_of_leagues_and_its_link_works(demo, tmp_path):
    link = rendered(tmp_path, demo).one("tbody").one("a").attributes["href"]
    assert link == "/leagues/demo"
    assert httpx.get(f"{demo}{link}").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_the_browser_understands_every_page_as_it_was_written(gallery, tmp_path, page):
    shown, written = rendered(tmp_path, f"{gallery}/{quote(page)}"), read(PAGES[page])
    assert outline(shown.one("body")) == outline(written.one("body"))
    assert shown.one("body").text.split() == written.one("body").text.split()


def outline(element: Element) -> list[str]:
    return [each.name for each in element.walk()]


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 900)])
def test_a_picture_can_be_taken(demo, tmp_path, width, height):
    address = f"{demo}/leagues/demo?by=fit"
    assert httpx.get(address).status_code == 200
    taken = picture(tmp_path, address, width, height)
    assert size_of(taken) == (width, height)
    assert taken.stat().st_size > 10_000
    if width == 1280 and os.environ.get("ARPAD_UPDATE_SCREENSHOT") == "1":
        PICTURE.parent.mkdir(exist_ok=True)
        shutil.copyfile(taken, PICTURE)


def test_the_picture_of_readme_is_small():
    if not PICTURE.exists():
        pytest.skip("the picture has not been taken yet: ARPAD_UPDATE_SCREENSHOT=1")
    assert size_of(PICTURE) == (1280, 900)
    assert PICTURE.stat().st_size <= 160_000
