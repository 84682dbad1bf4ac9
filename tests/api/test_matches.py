"""Matches over HTTP: once for ever, one by one or in batches, and every fault with its place."""

import json
import socket

import pytest

from app.api.bodies import LARGE_BODY, SMALL_BODY
from tests.api.site import as_json, assert_problem, match, pointers, send_raw


@pytest.fixture(scope="module")
def league(site):
    return site.new_league()


@pytest.fixture
def post(site, league):
    return lambda body: send_raw(site.reporter, "POST", f"/v1/leagues/{league}/matches", body if isinstance(body, bytes) else as_json(body))


@pytest.fixture
def post_batch(site, league):
    return lambda body: site.reporter.post(
        f"/v1/leagues/{league}/matches/batch", content=as_json(body), headers={"Content-Type": "application/json; charset=utf-8"}
    )


def test_a_match_is_recorded_and_found(site, post):
    answer = post(match(match_id="found"))
    assert answer.status_code == 201
    assert site.reporter.get(answer.headers["location"]).json() == answer.json()


def test_the_same_match_again_is_answered_with_the_original(post):
    first = post(match(match_id="twice", played_at="2026-11-20T18:00:00Z", weight=1))
    again = post(match(match_id="twice", played_at="2026-11-20T19:00:00+01:00"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replay"] == "true"
    assert "idempotent-replay" not in first.headers
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]


def test_another_match_under_a_known_id_is_a_conflict(post):
    post(match(match_id="taken"))
    problem = assert_problem(post(match(match_id="taken", outcome="draw")), 409, "match-id-taken")
    assert problem["differing"] == ["outcome"]
    assert pointers(problem) == ["/match_id"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("first", ""),
        ("first", " Alice"),
        ("first", "A\u0000B"),
        ("first", "A\nB"),
        ("first", "x" * 201),
        ("first", 7),
        ("first", None),
        ("second", "Alice"),
        ("match_id", ""),
        ("match_id", 17),
        ("outcome", "First"),
        ("outcome", 1),
        ("outcome", None),
        ("weight", 0),
        ("weight", -1),
        ("weight", 1e7),
        ("weight", "1"),
        ("weight", True),
        ("weight", None),
        ("neutral", "yes"),
        ("neutral", 1),
        ("first_score", "11"),
        ("second_score", [7]),
        ("played_at", "2026-11-20"),
        ("played_at", "2026-11-20T18:00:00"),
        ("played_at", "2026-11-20T18:00Z"),
        ("played_at", "2026-11-20T24:00:00Z"),
        ("played_at", "2026-02-30T18:00:00Z"),
        ("played_at", "0001-01-01T00:00:00+05:00"),
        ("played_at", "9999-12-31T23:59:59-05:00"),
        ("played_at", "2026-11-20T18:00:00.1234567Z"),
        ("played_at", 1763661600),
        ("played_at", "1763661600"),
        ("context", []),
        ("context", {"a": {"b": 1}}),
        ("context", {"": 1}),
        ("context", {"a": "x" * 201}),
        ("context", {str(number): number for number in range(33)}),
        ("context", {"a": "\u0000"}),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_place(post, member, value):
    problem = assert_problem(post(match() | {member: value}), 422, "bad-input")
    assert any(pointer.startswith(f"/{member}") for pointer in pointers(problem)), problem


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1" + b"0" * 400, b"1" * 5000])
@pytest.mark.parametrize("member", [b"weight", b"first_score", b"context"])
def test_a_number_that_is_none_is_refused(post, member, number):
    value = b'{"a": %s}' % number if member == b"context" else number
    assert_problem(post(b'{"first": "A", "second": "B", "outcome": "first", "%s": %s}' % (member, value)), 422, "bad-input")


@pytest.mark.parametrize("key", [b"\\ud800", b"\\udfff", b"\\ud83c", b"a\\u0000"])
@pytest.mark.parametrize("member", ["first", "match_id", "context"])
def test_what_is_no_text_is_refused(post, member, key):
    sent = as_json(match() | {member: {"a": "?"} if member == "context" else "?"}).replace(b'"?"', b'"%s"' % key)
    assert_problem(post(sent), 422, "bad-input")


def test_all_faults_are_told_at_once(post):
    problem = assert_problem(post({"first": "A ", "second": "", "outcome": "draw", "played_at": "soon", "context": {"": 1}}), 422)
    assert pointers(problem) == ["/first", "/second", "/played_at", "/context"]


def test_a_body_may_not_be_larger_than_its_bound(site, league):
    path = f"/v1/leagues/{league}/matches"
    fits = as_json(match(second="Fits")).ljust(SMALL_BODY)
    assert send_raw(site.reporter, "POST", path, fits).status_code == 201
    assert assert_problem(send_raw(site.reporter, "POST", path, fits + b" "), 413, "body-too-large")["limit"] == SMALL_BODY


def test_a_body_without_a_length_is_bounded_too(site, league):
    def parts():
        for _ in range(100):
            yield b" " * 2**10

    answer = site.reporter.post(f"/v1/leagues/{league}/matches", content=parts(), headers={"Content-Type": "application/json"})
    assert_problem(answer, 413, "body-too-large")


def test_a_batch_that_announces_too_much_is_not_read(site, league):
    key = site.reporter.headers["authorization"]
    head = f"POST /v1/leagues/{league}/matches/batch HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: application/json\r\nContent-Length: {LARGE_BODY + 1}\r\n\r\n"
    with socket.create_connection((site.reporter.base_url.host, site.reporter.base_url.port), timeout=10) as connection:
        connection.sendall(head.encode())
        told = b"".join(iter(lambda: connection.recv(65536), b""))
    assert told.startswith(b"HTTP/1.1 413 ")
    assert b"/problems/body-too-large" in told


ROWS = [
    match("A", "B", match_id="{0}-1"),
    match("B", "C", "draw", match_id="{0}-2", weight=2, played_at="2026-11-20T18:00:00Z", context={"surface": "clay"}),
]


def rows(name):
    return json.loads(json.dumps(ROWS).replace("{0}", name))


def columns(name):
    matches = rows(name)
    defaults = {"weight": 1, "played_at": None, "context": None}
    return {member: [row.get(member, defaults.get(member)) for row in matches] for member in matches[1]}


@pytest.mark.parametrize("body", [lambda: {"matches": rows("r")}, lambda: {"columns": columns("c")}], ids=["rows", "columns"])
def test_a_batch_is_recorded_once(post_batch, body):
    first, again = post_batch(body()), post_batch(body())
    assert first.status_code == 201, first.text
    assert [receipt["second"] for receipt in first.json()["receipts"]] == ["B", "C"]
    assert again.status_code == 200
    assert again.headers["idempotent-replay"] == "true"
    assert again.json()["recorded"] == 0
    assert again.json()["replayed"] == 2


def test_rows_and_columns_are_the_same_matches(post_batch):
    assert post_batch({"matches": rows("same")}).json()["recorded"] == 2
    assert post_batch({"columns": columns("same")}).json()["replayed"] == 2


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("first", " "),
        ("first", 1),
        ("second", "B"),
        ("outcome", "x"),
        ("match_id", "\n"),
        ("played_at", "soon"),
        ("context", {"": 1}),
        ("weight", 0),
        ("neutral", None),
    ],
)
def test_faults_of_a_batch_have_their_place(post_batch, member, value):
    by_row = rows("fault")
    by_row[1][member] = value
    by_column = columns("fault") | ({"neutral": [False, False]} if member == "neutral" else {})
    by_column[member][1] = value
    row_fault = assert_problem(post_batch({"matches": by_row}), 422)["errors"][0]
    column_fault = assert_problem(post_batch({"columns": by_column}), 422)["errors"][0]
    assert row_fault["pointer"].startswith(f"/matches/1/{member}")
    assert column_fault["pointer"].startswith(f"/columns/{member}/1")
    assert row_fault["detail"] == column_fault["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"matches": rows("clash")}, "/matches/0/match_id"), ({"columns": columns("clash")}, "/columns/match_id/0")],
    ids=["rows", "columns"],
)
def test_a_contradiction_in_a_batch_has_its_place(post, post_batch, body, pointer):
    post(match("A", "B", "draw", match_id="clash-1"))
    assert pointers(assert_problem(post_batch(body), 409, "match-id-taken")) == [pointer]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, ""),
        ({"matches": rows("x"), "columns": columns("x")}, ""),
        ({"matches": []}, "/matches"),
        ({"matches": {}}, "/matches"),
        ({"matches": [3]}, "/matches/0"),
        ({"matches": [match() | {"winner": 1}]}, "/matches/0/winner"),
        ({"columns": {"first": [], "second": [], "outcome": []}}, "/columns/first"),
        ({"columns": {"first": ["A"], "second": ["B", "C"], "outcome": ["first"]}}, "/columns/second"),
        ({"columns": {"first": ["A"], "second": ["B"], "outcome": ["first"], "who": [1]}}, "/columns/who"),
        ({"columns": {"first": ["A"], "second": ["B"]}}, "/columns/outcome"),
    ],
)
def test_a_batch_of_another_form_is_refused(post_batch, body, place):
    assert pointers(assert_problem(post_batch(body), 422, "bad-input"))[0] == place


def test_more_matches_than_a_batch_may_have_are_refused(post_batch):
    body = {"columns": {"first": ["A"] * 100_001, "second": ["B"] * 100_001, "outcome": ["draw"] * 100_001}}
    assert pointers(assert_problem(post_batch(body), 422)) == ["/columns/first", "/columns/second", "/columns/outcome"]


def test_matches_are_paged_by_link(site):
    league = site.played_league()
    path, seen = f"/v1/leagues/{league}/matches.ndjson?limit=1", []
    while path:
        answer = site.reporter.get(path)
        seen += [json.loads(line)["position"] for line in answer.text.splitlines()]
        path = answer.links.get("next", {}).get("url")
    assert seen == [3, 2, 1]


def test_context_and_author_are_not_for_strangers(site):
    league = site.played_league()
    path = f"/v1/leagues/{league}/matches/2026-11-20-17"
    known, strange = site.reporter.get(path), site.anonymous.get(path)
    assert known.json()["context"] == {"surface": "clay"}
    assert {"context", "author"}.isdisjoint(strange.json())
    assert known.headers["cache-control"] == "no-store"
    assert strange.headers["cache-control"] == "public, max-age=0, must-revalidate"


def test_a_void_is_previewed_then_done_then_refused(site):
    league = site.played_league()
    path = f"/v1/leagues/{league}/matches/2026-11-20-17/void"
    preview = site.manager.post(path, params={"dry_run": "true"}, json={"reason": "a mistake"}).json()
    wrong = site.manager.post(path, json={"reason": "a mistake", "expected_position": preview["expected_position"] + 1})
    assert_problem(wrong, 412, "position-moved")
    done = site.manager.post(path, json={"reason": "a mistake", "expected_position": preview["expected_position"]}).json()
    assert done["moved"] == preview["moved"]
    assert_problem(site.manager.post(path, json={"reason": "again"}), 409, "match-already-voided")
    assert_problem(site.reporter.post(path, json={"reason": "again"}), 403, "scope-missing")
