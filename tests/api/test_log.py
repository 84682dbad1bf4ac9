"""The log over HTTP: every line, for those with a key, and an end that proves itself."""

import json

from app.api.log import _Parts
from tests.api.site import assert_problem, match


def test_the_log_has_every_entry_and_its_end(site):
    league = site.played_league()
    answer = site.reporter.get(f"/v1/leagues/{league}/log")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["cache-control"] == "no-store"
    assert [line["position"] for line in lines if "position" in line] == [0, 1, 2, 3]
    assert lines[-1].keys() >= {"count", "head"}


def test_the_log_of_a_public_league_needs_a_key_too(site):
    assert_problem(site.anonymous.get(f"/v1/leagues/{site.played_league()}/log"), 401, "key-required")


def test_what_forbids_the_log_is_told_before_it_begins(site):
    assert_problem(site.reporter.get("/v1/leagues/no-such-league/log"), 404, "league-not-found")


def test_a_client_that_goes_away_leaves_the_server_well(site):
    league = site.new_league()
    keys = [f"competitor {number}" for number in range(4_000)]
    columns = {"first": keys[:-1], "second": keys[1:], "outcome": ["first"] * (len(keys) - 1)}
    assert site.reporter.post(f"/v1/leagues/{league}/matches/batch", json={"columns": columns}).status_code == 201
    for _ in range(5):
        with site.reporter.stream("GET", f"/v1/leagues/{league}/log") as answer:
            assert next(answer.iter_bytes(1))
    assert site.reporter.post(f"/v1/leagues/{league}/matches", json=match()).status_code == 201
    assert site.reporter.get(f"/v1/leagues/{league}/log").text.count("\n") == 4_000 + 4_002 + 2


def test_parts_are_the_lines_and_nothing_else():
    lines = [b"x" * size + b"\n" for size in (1, 300_000, 2, 3)]
    parts = _Parts(iter(lines))
    gathered = list(iter(parts.following, b""))
    assert b"".join(gathered) == b"".join(lines)
    assert len(gathered) == 2
    assert parts.following() == b""


def test_closing_ends_the_lines():
    closed = []

    def lines():
        try:
            yield b"a" * 2**18
            yield b"b"
        finally:
            closed.append(True)

    parts = _Parts(lines())
    parts.close()
    assert closed == [True]
