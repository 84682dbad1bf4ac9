"""`arpad serve`, `demo`, `worker`, `migrate`, `health`: what runs, and whether it does."""

import json
import shlex
import sys
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.output import Parts, write_json, write_text
from app.cli.session import Session, command
from app.errors import Unavailable
from app.services.shapes import LeagueShape

if TYPE_CHECKING:
    from app.cli.server import Place
    from app.settings import Settings

group = typer.Typer(rich_markup_mode=None)

HEALTH_SECONDS = 5.0

HostOption = Annotated[str | None, typer.Option("--host", help="The address to listen on.", show_default="ARPAD_HOST, else 127.0.0.1")]
PortOption = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="0 takes a free one.", show_default="ARPAD_PORT, else 8000")]
WorkerOption = Annotated[bool, typer.Option("--worker/--no-worker", help="Whether to run a worker for the refits beside the server.")]


@command(group, "serve", example="arpad serve\narpad serve --host 0.0.0.0 --port 80 --data /var/lib/arpad")
def serve(session: Session, *, host: HostOption = None, port: PortOption = None, worker: WorkerOption = True) -> None:
    """Serve the API and the pages. The first start makes an admin key and says where it is."""
    from app.cli.server import answer_requests, prepared_place

    with prepared_place(session.settings_with(host=host, port=port)) as place:
        if session.as_json:
            write_json({"url": place.url, "data": str(place.settings.data), "admin_key_file": str(place.settings.admin_key_file)})
        else:
            write_text(_announcement(place))
        sys.stdout.flush()
        answer_requests(place, with_worker=worker)


@command(group, "demo", example="arpad demo\narpad demo --port 8080")
def demo(session: Session, *, host: HostOption = None, port: PortOption = None) -> None:
    """Make the demo league and serve it: 50 competitors, 5,000 matches, a fit. It is kept for the next time."""
    from app.cli.server import answer_requests, prepared_place
    from app.services.demonstration import make_demo

    with prepared_place(session.settings_with(host=host, port=port)) as place:
        league = make_demo(place.database, session.caller)
        first, second = _two_names(session, place, league)
        session.show(league, lambda made: [*_announcement(place), *_tour(place, made, first, second)])
        sys.stdout.flush()
        answer_requests(place, with_worker=True)


@command(group, "worker", example="arpad worker --database-url postgresql://arpad@db/arpad")
def worker(session: Session) -> None:
    """Run the refits of this database, until SIGTERM or Ctrl-C. Any number of workers may share one."""
    import signal

    from app.logs import configure_logs
    from app.worker import fits_apart, run_worker, stop_on_signals, worker_name

    stop, name = Event(), worker_name()
    stop_on_signals(stop, signal.SIGTERM, signal.SIGINT)
    configure_logs(session.settings.log_format)
    with session.database() as database, fits_apart(session.settings) as fitter:
        session.show({"worker": name}, lambda shape: [f"Worker {shape['worker']} is at work. Ctrl-C stops it after the job in hand."])
        sys.stdout.flush()
        run_worker(database, stop=stop, name=name, fitter=fitter)


@command(group, "migrate", example="arpad migrate --database-url postgresql://arpad@db/arpad")
def migrate(session: Session) -> None:
    """Bring the database to the schema of this version."""
    from app.cli.preparation import migrate_now
    from app.storage import migrations
    from app.storage.tables import SCHEMA_REVISION
    from app.storage.unit_of_work import Database

    database = Database.open(session.settings.url)
    try:
        before = migrations.current_revision(database)
        migrate_now(database, session.settings.database_file)
        shape = {"database": database.engine.url.render_as_string(hide_password=True), "from": before, "to": SCHEMA_REVISION}
    finally:
        database.close()
    session.show(shape, _migrated)


@command(group, "health", example="arpad health\narpad health --url http://ratings.example:8000")
def health(
    session: Session,
    *,
    url: Annotated[str | None, typer.Option("--url", help="Of the server.", show_default="the address that `arpad serve` takes")] = None,
) -> None:
    """Ask a running server whether it can take work. Leaves with 7 if not."""
    session.show(_asked(url or _own_url(session.settings)), lambda shape: [f"{name}: {_word(value)}" for name, value in shape.items()])


def _asked(url: str) -> dict[str, Any]:
    import httpx

    try:
        response = httpx.get(f"{url.rstrip('/')}/readyz", timeout=HEALTH_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"No server answers at {url}: {error}") from error
    if response.status_code != httpx.codes.OK:
        raise Unavailable(f"The server at {url} is not ready ({response.status_code}): {response.text[:500]}")
    answer: dict[str, Any] = response.json()
    return answer


def _own_url(settings: "Settings") -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 (compared, not bound)
    return f"http://{host}:{settings.port}"


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _announcement(place: "Place") -> Parts:
    lines: Parts = [f"Arpad answers at {place.url}, data in {place.settings.data}. Ctrl-C stops it."]
    if place.new_admin_key is not None:
        lines.append(f"The admin key is in {place.settings.admin_key_file}, for you alone.")
        if sys.stdout.isatty():
            lines.append(f"It is {place.new_admin_key}")
    return lines


def _two_names(session: Session, place: "Place", league: LeagueShape) -> tuple[str, str]:
    from app.services.standings import leaderboard

    first, second = leaderboard(place.database, session.caller, league["league"], limit=2)["rows"]
    return first["competitor"], second["competitor"]


def _tour(place: "Place", league: LeagueShape, first: str, second: str) -> Parts:
    """Three lines that work as they stand."""
    api = f"{place.url}/v1/leagues/{league['league']}"
    match = json.dumps({"first": first, "second": second, "outcome": "first"}, ensure_ascii=False)
    key = f'"Authorization: Bearer $(cat {shlex.quote(str(place.settings.admin_key_file))})"'
    return [
        f"The league is at {place.url}/leagues/{league['league']}. Who leads, who would win, and a match more:",
        f"  curl {shlex.quote(f'{api}/leaderboard?limit=5')}",
        f"  curl --get {api}/predictions --data-urlencode {shlex.quote(f'first={first}')} --data-urlencode {shlex.quote(f'second={second}')}",
        f"  curl {api}/matches -H {key} -H 'Content-Type: application/json' -d {shlex.quote(match)}",
    ]


def _migrated(shape: dict[str, Any]) -> Parts:
    if shape["from"] == shape["to"]:
        return [f"{shape['database']} has the schema of this version ({shape['to']}) already."]
    return [f"Migrated {shape['database']} from {shape['from'] or 'an empty database'} to {shape['to']}."]
