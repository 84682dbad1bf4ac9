"""The log as a stream: every entry once, in order, to every listener, whatever happens to the connection between two of them."""

import json
import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import httpx
import pytest

from app.api import events
from tests.api.site import assert_problem, match, pointers, running_site
from tests.conftest import BACKENDS
from tests.faults.databases import temporary_databases
from tests.faults.server import running_server
from tests.test_outside import Season

WRITERS = 3
MATCHES = 40


class Stream:
    """A listener as the standard describes one: the fields of each event, and the id that a reconnection sends."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.last_id: str | None = None

    def __iter__(self) -> Iterator[tuple[str, str | None, str]]:
        """(type, last id, data) of each event that is dispatched."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                yield fields["event"], fields.get("id"), fields["data"]
            fields = {}

    def entries(self) -> Iterator[tuple[int, str]]:
        return ((int(position), data) for _, position, data in self if position is not None)

    def taken(self, up_to: int) -> list[tuple[int, str]]:
        """The entries up to a position."""
        found = []
        for position, data in self.entries():
            found.append((position, data))
            if position >= up_to:
                break
        return found


class Place:
    """A league of a real server, written and listened to."""

    def __init__(self, url: str, key: str, league: str) -> None:
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self.path = f"/v1/leagues/{league}"
        assert self.client.post("/v1/leagues", json={"league": league}).status_code == 201

    def listen(self, *, last_id: str | None = None, **query: int):
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        return self.client.stream("GET", f"{self.path}/events", params=query, headers=headers)

    def record(self, *matches: dict) -> None:
        assert self.client.post(f"{self.path}/matches/batch", json={"matches": list(matches)}).status_code == 201

    def log(self) -> list[str]:
        return [line for line in self.client.get(f"{self.path}/log").text.splitlines() if '"hash"' in line]


@pytest.fixture(scope="module", params=BACKENDS)
def server(request, tmp_path_factory):
    on_server = request.getfixturevalue("postgresql_server") if request.param == "postgresql" else None
    with temporary_databases(on_server) as databases, running_server(tmp_path_factory.mktemp("events"), databases.new(request.param)) as started:
        yield started
        assert '"level": "error"' not in started.log


@pytest.fixture
def new_place(server):
    """Makes leagues of the server."""
    places = []

    def new(league="tennis"):
        places.append(Place(server.url, server.key, f"{league}-{secrets.token_hex(4)}"))
        return places[-1]

    yield new
    for place in places:
        place.client.close()


@pytest.fixture
def place(new_place):
    return new_place()


def write(place, writer):
    for number in range(MATCHES):
        place.record(match(f"player {(writer + number) % 7}", f"player {7 + number % 5}", match_id=f"{writer}-{number}"))


def follow(place, end, begun, *, reconnect_every=None):
    """Every entry up to the end; with a number, hanging up after so many and coming back with the last id."""
    found, last_id = [], None
    while not found or found[-1][0] < end:
        with place.listen(last_id=last_id, **({"after": 0} if last_id is None else {})) as answer:
            begun()
            stream = Stream(answer.iter_lines())
            for taken in stream.entries():
                found.append(taken)
                if taken[0] >= end or (reconnect_every and len(found) % reconnect_every == 0):
                    break
            last_id = stream.last_id
    return found


def test_writers_and_listeners_at_once_and_nobody_misses_a_thing(place):
    end, listening = WRITERS * MATCHES, threading.Barrier(WRITERS + 2)
    once = {name: iter([listening.wait]) for name in ("steady", "restless")}

    def begun(name):
        next(once[name], lambda: None)()

    def started(writer):
        listening.wait()
        write(place, writer)

    with ThreadPoolExecutor(WRITERS + 2) as threads:
        steady = threads.submit(follow, place, end, lambda: begun("steady"))
        restless = threads.submit(follow, place, end, lambda: begun("restless"), reconnect_every=7)
        for writing in [threads.submit(started, writer) for writer in range(WRITERS)]:
            writing.result()
    expected = list(enumerate(place.log()))[1:]
    assert steady.result() == expected
    assert restless.result() == expected


def test_the_whole_stream_is_the_whole_export_without_its_last_line(place):
    place.record(*(match(f"a {number}", f"b {number % 3}") for number in range(1_200)))
    place.client.post(f"{place.path}/matches", json=match("a 0", "c", match_id="taken back"))
    assert place.client.post(f"{place.path}/matches/taken%20back/void", json={"reason": "a test"}).is_success
    export = place.client.get(f"{place.path}/log").text.splitlines()[:-1]
    with place.listen(after=-1) as answer:
        seen = Stream(answer.iter_lines())
        lines = [(kind, position, data) for _, (kind, position, data) in zip(export, seen, strict=False)]
    assert [data for _, _, data in lines] == export
    for kind, position, data in lines:
        value = json.loads(data)
        assert (kind, position) == (("competitor", None) if "competitor" in value else (value["kind"], str(value["position"])))


def test_it_goes_on_after_any_position(place):
    place.record(*(match(f"a {number}", f"b {number % 3}") for number in range(1_200)))
    log = place.log()
    for position in (-1, 0, 1, 499, 500, 501, 1_199):
        with place.listen(after=position) as answer:
            assert Stream(answer.iter_lines()).taken(1_200) == list(enumerate(log))[position + 1 :]
    with place.listen(after=1_200) as answer:
        place.record(match("one", "more"))
        assert Stream(answer.iter_lines()).taken(1_201) == [(1_201, place.log()[-1])]


def test_without_a_position_it_begins_now_and_says_where_that_is(place):
    place.record(match("A", "B"), match("B", "C"))
    with place.listen() as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        stream = Stream(answer.iter_lines())
        place.record(match("C", "A"))
        assert [position for position, _ in stream.taken(3)] == [3]
    with place.listen() as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(3)] == ["retry: 1000", "id: 3", ""]


def test_the_header_goes_before_the_parameter(place):
    place.record(match("A", "B"), match("B", "C"))
    with place.listen(last_id="1", after=-1) as answer:
        assert [position for position, _ in Stream(answer.iter_lines()).taken(2)] == [2]


def test_sigterm_ends_the_streams_and_the_server(tmp_path):
    with temporary_databases() as databases, running_server(tmp_path / "data", databases.new("sqlite")) as server:
        place = Place(server.url, server.key, "tennis")
        with closing(place.client), place.listen(after=0) as one, place.listen() as other:
            place.record(match("A", "B"))
            first, second = Stream(one.iter_lines()), Stream(other.iter_lines())
            assert first.taken(1)[0][0] == second.taken(1)[0][0] == 1
            server.terminate()
            # The last chunk arrives: a connection that is cut instead would be an error here.
            assert list(first) == list(second) == []
        assert server.wait() == 0
        assert "graceful shutdown exceeded" not in server.log


BAD = {"ahead": "9", "text": "x", "below": "-2", "huge": str(2**64), "fraction": "1.5"}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
def test_a_position_that_is_none_is_refused_by_name(site, value):
    path = f"/v1/leagues/{site.played_league()}/events"
    assert pointers(assert_problem(site.reporter.get(path, params={"after": value}), 422, "bad-input")) == ["after"]
    assert pointers(assert_problem(site.reporter.get(path, headers={"Last-Event-ID": value}), 422, "bad-input")) == ["Last-Event-ID"]


def test_a_public_league_needs_a_key_too(site):
    assert_problem(site.anonymous.get(f"/v1/leagues/{site.played_league()}/events"), 401, "key-required")


def test_head_is_answered_and_ends(site):
    answer = site.reporter.head(f"/v1/leagues/{site.played_league()}/events")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert site.app.state.streams._feeds == {}, "nobody listens"
    assert site.reporter.get("/healthz").status_code == 200, "the connection serves on"


def streaming(site, path, stack):
    answer = stack.enter_context(site.reporter.stream("GET", path))
    return answer, answer.iter_lines()


def test_listeners_beyond_the_bound_are_refused_and_leaving_makes_room(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "MAX_LISTENERS", 2)
    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)
    with running_site(tmp_path) as site:
        path = f"/v1/leagues/{site.played_league()}/events"
        with ExitStack() as stack:
            listening = [streaming(site, path, stack) for _ in range(2)]
            for answer, lines in listening:
                assert answer.status_code == 200
                # Somebody who has nothing to hear hears that.
                assert ": nothing new" in (next(lines) for _ in range(9))
            refused = site.reporter.get(path)
            assert_problem(refused, 503, "unavailable")
            assert refused.headers["retry-after"] == "30"
        streams = site.app.state.streams
        while streams._listeners:
            assert site.reporter.get("/healthz").status_code == 200
        assert streams._feeds == {}
        with ExitStack() as stack:
            assert streaming(site, path, stack)[0].status_code == 200


def test_a_revoked_key_ends_the_stream(tmp_path, monkeypatch):
    from app.services.keys import Caller, create_key, revoke_key

    monkeypatch.setattr(events, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(events, "KEEP_ALIVE_SECONDS", 0.05)
    with running_site(tmp_path) as site:
        path = f"/v1/leagues/{site.played_league()}/events"
        key = create_key(site.database, Caller.operator(), name="brief", scopes=["read"])
        headers = {"Authorization": f"Bearer {key['key']}"}
        with site.anonymous.stream("GET", path, headers=headers) as answer:
            lines = answer.iter_lines()
            assert ": nothing new" in (next(lines) for _ in range(30))
            revoke_key(site.database, Caller.operator(), key["prefix"])
            assert {line for line in lines if line} <= {": nothing new"}
        assert_problem(site.anonymous.get(path, headers=headers), 401, "key-required")


def test_a_place_found_once_is_near_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "STRIDE", 10)
    monkeypatch.setattr(events.events, "STRIDE", 10)
    with running_site(tmp_path) as site:
        league = site.new_league()
        matches = [match(f"a {number % 9}", f"b {number % 5}") for number in range(95)]
        assert site.reporter.post(f"/v1/leagues/{league}/matches/batch", json={"matches": matches}).status_code == 201
        log = [line for line in site.reporter.get(f"/v1/leagues/{league}/log").text.splitlines() if '"hash"' in line]
        for position in (70, 33, 94, 10, 70):
            with site.reporter.stream("GET", f"/v1/leagues/{league}/events", params={"after": position}) as answer:
                assert Stream(answer.iter_lines()).taken(95) == list(enumerate(log))[position + 1 :]
        [marks] = site.app.state.streams._marks.values()
        assert [mark.position for mark in marks] == [-1, 9, 19, 29, 39, 49, 59, 69, 79, 89]


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_of_entry_is_streamed_as_it_is_exported(tmp_path, seed):
    with running_site(tmp_path) as site:
        season = Season(site.database, seed).live(60)
        path = f"/v1/leagues/{season.play.league}"
        export = site.reporter.get(f"{path}/log").text.splitlines()[:-1]
        with site.reporter.stream("GET", f"{path}/events", params={"after": -1}) as answer:
            assert [data for _, (_, _, data) in zip(export, Stream(answer.iter_lines()), strict=False)] == export
