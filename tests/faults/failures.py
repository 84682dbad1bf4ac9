"""A script of thirty requests, run once for every statement and commit in it, each time with that one failing.

After each run: whatever was answered with 2xx is there, whatever was refused says when to come again, nothing is there by half, and the replay agrees;
then the script is sent once more in full and the league ends up as if nothing had happened.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.services.exports import export_league
from app.services.keys import Caller
from app.services.matches import list_matches
from app.services.verification import verify_league
from app.storage.unit_of_work import Database
from tests.faults.connection import Answer, Connection, request_bytes
from tests.faults.failing import WAYS, order
from tests.faults.server import Server

OPERATOR = Caller.operator()
LINES = 6
BROKEN_OFF = Answer(0, b"", b"")


@dataclass(frozen=True)
class Step:
    """One request of the script, and the matches that are recorded if and only if it succeeds."""

    request: bytes
    ids: tuple[str, ...] = ()
    reads: bool = False
    needs_others: bool = False
    """Answered with 404 where what it is about was refused before, or is gone since."""


def script(league: str, key: str) -> Iterator[Step]:
    """Thirty requests: a league is made, matches are reported one by one, in a batch, by file and again, one is voided, one corrected; people are
    renamed, merged and forgotten, settings change; reads between.
    """

    def send(method: str, path: str, body: object, ids: Iterable[str] = (), *, needs_others: bool = False) -> Step:
        return Step(request_bytes(method, f"/v1/leagues{path}", json.dumps(body).encode(), key=key), tuple(ids), needs_others=needs_others)

    def post(path: str, body: object, ids: Iterable[str] = ()) -> Step:
        return send("POST", path, body, ids)

    def get(path: str) -> Step:
        return Step(request_bytes("GET", f"/v1/leagues/{league}{path}", key=key), reads=True)

    def match(name: str, first: int, second: int, outcome: str = "first") -> dict[str, Any]:
        return {"match_id": name, "first": f"player {first}", "second": f"player {second}", "outcome": outcome}

    yield post("", {"league": league})
    for number in range(8):
        yield post(f"/{league}/matches", match(f"one {number}", number, number + 1), [f"one {number}"])
    yield get("/leaderboard")
    batch = [match(f"batch {number}", number, 9 - number, "draw") for number in range(5)]
    yield post(f"/{league}/matches/batch", {"matches": batch}, [str(each["match_id"]) for each in batch])
    yield post(f"/{league}/matches", match("one 3", 3, 4), ["one 3"])
    yield get("/matches?limit=5")
    yield get("/matches/one%203")
    lines = [f"file {number},player {number},newcomer {number},second" for number in range(LINES)]
    file = "\n".join(["match_id,first,second,outcome", *lines, ""]).encode()
    upload = request_bytes("POST", f"/v1/leagues/{league}/imports", file, key=key, media_type="text/csv")
    yield Step(upload, tuple(f"file {number}" for number in range(LINES)))
    yield get("/competitors")
    yield post(f"/{league}/matches/one%202/void", {"reason": "a practice game"}, ())
    yield get("/log")
    yield send("PATCH", f"/{league}", {"settings": {"k": 20.0}})
    yield post(f"/{league}/matches/one%203/correct", {"outcome": "draw", "reason": "misread"})
    yield send("PATCH", f"/{league}/competitors/player%201", {"name": "Player One", "retired": True})
    yield send("POST", f"/{league}/competitors/newcomer%200/merge", {"into": "player 5", "reason": "one person"}, needs_others=True)
    yield send("POST", f"/{league}/competitors/newcomer%201/forget", {"confirm": "newcomer 1"}, needs_others=True)
    for number in range(2):
        yield post(f"/{league}/matches", match(f"late {number}", 9 - number, number), [f"late {number}"])
    yield get("/leaderboard?limit=3")
    yield get("/competitors/player%201/history")
    yield get("/predictions?first=player%201&second=player%202")
    yield post(f"/{league}/fits", {})
    yield get("")


@dataclass
class Tally:
    """What all runs of the script came to."""

    runs: int = 0
    statements: int = 0
    refused: int = 0
    faults: list[str] | None = None

    def note(self, fault: str) -> None:
        self.faults = [*(self.faults or []), fault]


async def fail_each(server: Server, *, every: int = 1, first: int = 1) -> Tally:
    """Run the script for every n-th event of it and both ways of failing. The server runs `tests.faults.failing`."""
    tally = Tally(statements=await _count(server))
    database = Database.open(server.database_url)
    try:
        for way in WAYS:
            for number in range(first, tally.statements + 1, every):
                await _run(server, database, f"fail-{way}-{number}", number, way, tally)
    finally:
        database.close()
    return tally


async def _count(server: Server) -> int:
    order(server.folder, 0)
    steps = list(script("fail-none", server.key))
    assert len(steps) == 30, len(steps)
    answers = await _answers(server, steps)
    assert all(answer.status < 300 for answer in answers), [answer for answer in answers if answer.status >= 300]
    return order(server.folder, 0)


async def _answers(server: Server, steps: list[Step]) -> list[Answer]:
    """What each request is answered; a body that breaks off is an answer with the status 0, after which the client connects again."""
    answers: list[Answer] = []
    connection = await Connection.open(server.url)
    for step in steps:
        try:
            answers.append(await connection.ask(step.request))
        except ConnectionError:
            answers.append(BROKEN_OFF)
            connection = await Connection.open(server.url)
    connection.close()
    return answers


async def _run(server: Server, database: Database, league: str, number: int, way: str, tally: Tally) -> None:
    steps = list(script(league, server.key))
    order(server.folder, number, way)
    answers = await _answers(server, steps)
    order(server.folder, 0)
    tally.runs += 1
    for fault in _faults(database, league, steps, answers):
        tally.note(f"{league}: {fault}")
    tally.refused += sum(answer.status == 503 for answer in answers)
    again = await _answers(server, steps)
    for fault in _faults_when_repeated(database, league, steps, again):
        tally.note(f"{league}, repeated: {fault}")


def _faults(database: Database, league: str, steps: list[Step], answers: list[Answer]) -> Iterator[str]:
    made = answers[0].status == 201
    for place, (step, answer) in enumerate(zip(steps, answers, strict=True)):
        if not (answer is BROKEN_OFF and step.reads):
            yield from _wrong_answer(place, step, answer, made=made)
    if any(answer.status // 100 == 2 for answer in answers):
        yield from _not_as_told(database, league, steps, answers)


def _wrong_answer(place: int, step: Step, answer: Answer, *, made: bool) -> Iterator[str]:
    """One planted failure: everything else works, and what fails asks to come again."""
    if answer.status in {200, 201, 202} or (answer.status in {404, 409} and not made):
        return
    if answer.status == 404 and (b"match-not-found" in answer.body or (step.needs_others and b"competitor-not-found" in answer.body)):
        return
    if answer.status not in {503, 507} or b"\r\nretry-after: " not in answer.head.lower() or b"application/problem+json" not in answer.head:
        yield f"request {place} was answered with {answer.status}: {answer.body[:300]!r}"


def _not_as_told(database: Database, league: str, steps: list[Step], answers: list[Answer]) -> Iterator[str]:
    stored = {row["match_id"] for row in list_matches(database, OPERATOR, league, limit=1_000)["rows"]}
    for place, (step, answer) in enumerate(zip(steps, answers, strict=True)):
        there = [name for name in step.ids if name in stored]
        if answer.status // 100 == 2 and len(there) != len(step.ids):
            yield f"request {place} was acknowledged, and {set(step.ids) - stored} is not there"
        if there and len(there) != len(step.ids):
            yield f"request {place} is there by half: {there}"
    verified = verify_league(database, OPERATOR, league)
    if not verified["equal"]:
        yield f"verify differs: {verified['differences']}"
    entries = [json.loads(line) for line in export_league(database, OPERATOR, league)]
    positions = [entry["position"] for entry in entries if "position" in entry]
    if positions != list(range(len(positions))):
        yield f"the positions have gaps: {positions}"


def _faults_when_repeated(database: Database, league: str, steps: list[Step], answers: list[Answer]) -> Iterator[str]:
    """The league and the amendments are known by then, which is said with 409; who is forgotten is not found."""
    for place, (step, answer) in enumerate(zip(steps, answers, strict=True)):
        if answer.status >= 300 and answer.status != 409 and not (answer.status == 404 and step.needs_others):
            yield f"request {place} was answered with {answer.status}: {answer.body[:300]!r}"
    expected = {name for step in steps for name in step.ids}
    stored = [row["match_id"] for row in list_matches(database, OPERATOR, league, limit=1_000)["rows"]]
    if sorted(stored) != sorted(expected):
        yield f"recorded are {len(stored)} matches, sent were {len(expected)}"
    verified = verify_league(database, OPERATOR, league)
    if not verified["equal"]:
        yield f"verify differs: {verified['differences']}"
