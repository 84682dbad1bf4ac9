"""Contexts to bytes: the template environment, the static files, and the headers that every page carries beside those of every answer."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.errors import Fault
from app.web.contexts import ComparePage, LeaderboardPage, LeaguesPage, Note, ProblemPage

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

SAFETY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file; its name carries a digest of its content, so that it may be cached for ever."""

    name: str
    content: bytes
    media_type: str


def _read_asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"{path.stem}-{digest}{path.suffix}", content, MEDIA_TYPES[path.suffix])


_ASSETS_BY_FILE = {path.name: _read_asset(path) for path in sorted((FOLDER / "static").iterdir()) if path.suffix in MEDIA_TYPES}
ASSETS: Mapping[str, Asset] = {asset.name: asset for asset in _ASSETS_BY_FILE.values()}


def _asset_url(file: str) -> str:
    return f"/static/{_ASSETS_BY_FILE[file].name}"


def _representation() -> str:
    """A digest of everything that decides how pages look: a page kept by a browser is of no use after an upgrade."""
    sources = sorted([*TEMPLATES.iterdir(), *FOLDER.glob("*.py"), *(FOLDER / "static").iterdir()])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources if path.is_file())).hexdigest()[:12]


REPRESENTATION = _representation()

templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
)
templates.globals["asset"] = _asset_url


def render(page: LeaguesPage | LeaderboardPage | ComparePage | ProblemPage) -> bytes:
    """The page as HTML in UTF-8."""
    return templates.get_template(page.template).render({field.name: getattr(page, field.name) for field in fields(page)}).encode()


def render_problem(
    status: int, title: str, detail: str, *, faults: Iterable[Fault] = (), back_text: str = "To the list of leagues", back_url: str = "/"
) -> bytes:
    """An error as an HTML page; answer it with `SAFETY_HEADERS`."""
    return render(ProblemPage(status, title, detail, tuple(Note(fault.pointer, fault.detail) for fault in faults), back_text, back_url))
