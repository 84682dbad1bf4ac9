"""Segments over HTTP: every operation that takes `where` obeys the same laws about who may ask, what is kept and what is refused."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.services.keys import Caller, create_key
from app.services.refits import run_next_refit
from tests.api.operations import OPERATIONS, Operation
from tests.api.site import Site, assert_problem, match, pointers

CLAY = {"surface": "Clay"}
BY_ADDRESS = {
    "leaderboard",
    "list_fits",
    "get_competitor",
    "predict",
    "predict_many",
    "predict_matrix",
    "simulate",
    "difference",
    "drift",
    "bridges",
    "suggestions",
}
ASKED = [operation for operation in OPERATIONS if operation.name in BY_ADDRESS]
every_answer = pytest.mark.parametrize("operation", ASKED, ids=lambda operation: operation.name)
every_read = pytest.mark.parametrize("operation", [one for one in ASKED if one.method == "GET"], ids=lambda operation: operation.name)


def new_league(site: Site) -> str:
    """A public league; on clay everybody beats who follows in the alphabet, elsewhere plays Zoe."""
    league = site.new_league(public=True)
    pairs = [("Alice", "Bob"), ("Bob", "Carol"), ("Alice", "Carol"), ("Carol", "Dora")]
    played = [match(*pair, context=CLAY) for pair in pairs * 3] + [match("Zoe", "Alice", context={"surface": "Hard"}), match("Zoe", "Bob")]
    assert site.reporter.post(f"/v1/leagues/{league}/matches/batch", json={"matches": played}).status_code == 201
    for body in ({}, {"where": CLAY}):
        assert site.manager.post(f"/v1/leagues/{league}/fits", json=body).status_code == 202
        assert run_next_refit(site.database, "tester", league=league)["status"] == "published"
    return league


@pytest.fixture(scope="module")
def league(site):
    return new_league(site)


def ask(operation: Operation, client: httpx.Client, league: str, where: str | None = "surface=Clay", **query: str) -> httpx.Response:
    segment = {} if where is None else {"where": where}
    return operation.send(client, league, {**segment, **query})


def segments_of(answer: httpx.Response) -> list[Any]:
    """What an answer says of its segment, or each of its rows."""
    assert answer.status_code == 200, answer.text
    found = answer.json()
    return [found["where"]] if "where" in found else [row.get("where") for row in found["rows"]]


def test_these_operations_take_conditions_and_no_others(site):
    described = {
        operation["operationId"]: [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
        for methods in site.anonymous.get("/openapi.json").json()["paths"].values()
        for operation in methods.values()
    }
    assert {name for name, names in described.items() if "where" in names} == BY_ADDRESS
    assert all("as_of" in described[name] for name in BY_ADDRESS)


@every_answer
def test_the_answer_says_of_which_segment_it_is(site, league, operation):
    told = segments_of(ask(operation, site.reporter, league))
    assert told
    assert all(one == CLAY for one in told)
    found = ask(operation, site.reporter, league)
    assert "Zoe" not in found.text
    whole = ask(operation, site.reporter, league, where=None)
    assert whole.status_code == 200
    assert whole.content != found.content


@every_answer
def test_a_segment_is_for_keys_of_the_league_alone(site, league, operation):
    assert ask(operation, site.reporter, league).status_code == 200
    problem = assert_problem(ask(operation, site.anonymous, league), 401, "key-required")
    assert "contexts" in problem["detail"]
    assert "without “where”" in problem["detail"]
    key = create_key(site.database, Caller.operator(), name="elsewhere", scopes=["admin"], league=site.new_league())["key"]
    assert_problem(operation.send(site.anonymous, league, {"where": "surface=Clay"}, Authorization=f"Bearer {key}"), 403, "scope-missing")
    assert ask(operation, site.anonymous, league, where=None).status_code == 200


@every_read
def test_nothing_of_a_segment_is_kept_for_others(site, league, operation):
    for query in ({}, {"as_of": "16"}):
        known = ask(operation, site.reporter, league, **query)
        assert known.status_code == 200, known.text
        assert known.headers["cache-control"] == "no-store"
        condition = {"If-None-Match": known.headers["etag"]}
        same = site.reporter.get(known.request.url, headers=condition)
        assert (same.status_code, same.headers["cache-control"]) == (304, "no-store")
        assert_problem(site.anonymous.get(known.request.url, headers=condition), 401, "key-required")
        assert_problem(site.anonymous.get(known.request.url, headers={"If-None-Match": "*"}), 401, "key-required")


@every_read
def test_each_segment_has_a_tag_of_its_own_that_moves_with_the_league(site, operation):
    league = new_league(site)
    clay, whole = ask(operation, site.reporter, league), ask(operation, site.reporter, league, where=None)
    assert clay.headers["etag"] != whole.headers["etag"]
    assert site.reporter.post(f"/v1/leagues/{league}/matches", json=match("Dora", "Alice", context=CLAY)).status_code == 201
    site.manager.post(f"/v1/leagues/{league}/fits", json={"where": CLAY})
    fresh = site.reporter.get(clay.request.url, headers={"If-None-Match": clay.headers["etag"]})
    assert (fresh.status_code, fresh.headers["etag"] != clay.headers["etag"]) == (200, True)


@every_answer
def test_a_segment_as_of_then(site, operation):
    league = new_league(site)
    position = str(site.reporter.get(f"/v1/leagues/{league}").json()["position"])
    before = ask(operation, site.reporter, league, as_of=position)
    assert before.status_code == 200
    assert site.reporter.post(f"/v1/leagues/{league}/matches", json=match("Dora", "Alice", context=CLAY)).status_code == 201
    assert ask(operation, site.reporter, league, as_of=position).content == before.content
    if operation.method == "GET":
        assert "where=surface%3DClay" in before.headers["link"]
    assert pointers(assert_problem(ask(operation, site.reporter, league, as_of="9999"), 422)) == ["as_of"]


BAD = {
    "no value": ["surface"],
    "no field": ["=Clay"],
    "nothing": [""],
    "twice": ["surface=Clay", "surface=Hard"],
    "too many": [f"f{n}=1" for n in range(9)],
    "very many": [f"f{n}=1" for n in range(300)],
    "a long field": ["f" * 201 + "=1"],
    "a huge value": ["f=" + "é" * 5_000],
    "too much in all": [f"f{n}=" + "🎾" * 100 for n in range(8)],
    "nul": ["a\x00=1"],
    "a control character": ["a=\x1b[2J"],
    "a line": ["a=1\n2"],
    "padded": [" surface=Clay"],
    "a lone surrogate": ["a=%ED%A0%80"],
    "no UTF-8": ["a=%FF"],
}


@every_answer
@pytest.mark.parametrize("name", BAD)
def test_conditions_that_are_none_are_refused_by_name(site, league, operation, name):
    raw = name in {"a lone surrogate", "no UTF-8"}
    asked = "&".join("where=" + (text if raw else quote(text, safe="")) for text in BAD[name])
    sent = operation.send(site.reporter, league).request
    answer = site.reporter.send(_with_query(sent, asked))
    if raw and answer.status_code in {200, 409}:
        # Bytes that are no text are read as the sign for that, which no context has.
        return
    if answer.status_code != 404:
        assert pointers(assert_problem(answer, 422)) == ["where"], answer.text


def _with_query(request: httpx.Request, query: str) -> httpx.Request:
    joined = request.url.raw_path.decode() + ("&" if request.url.query else "?") + query
    headers = {name: value for name, value in request.headers.items() if name in {"authorization", "content-type"}}
    return httpx.Request(request.method, request.url.copy_with(raw_path=joined.encode()), headers=headers, content=request.content)


STRANGE = [
    "surface=🎾",
    "surface=" + "\u202e" + "yalC",
    "a=b=c=d",
    "surface=1e999",
    "surface=NaN",
    "surface=[",
    "'; DROP TABLE entry; --=1",
    "%=%%",
    "a.b[0]=x",
]


@every_answer
@pytest.mark.parametrize("text", STRANGE)
def test_strange_conditions_are_met_by_nothing_and_break_nothing(site, league, operation, text):
    answer = ask(operation, site.reporter, league, where=text)
    if answer.status_code == 200:
        assert all(one == dict([text.split("=", 1)]) for one in segments_of(answer))
    else:
        problem = assert_problem(answer, answer.status_code)
        assert problem["type"] in {"/problems/competitor-not-found", "/problems/fit-not-published", "/problems/bad-input"}


def test_who_is_not_in_the_segment_is_not_found_and_told_where_to_look(site, league):
    path = f"/v1/leagues/{league}"
    where = {"where": "surface=Clay"}
    answers = [
        site.reporter.get(f"{path}/competitors/Zoe", params=where),
        site.reporter.get(f"{path}/predictions", params={"first": "Zoe", "second": "Bob", **where}),
        site.reporter.get(f"{path}/differences", params={"first": "Bob", "second": "Zoe", **where}),
        site.reporter.get(f"{path}/predictions/matrix", params={"competitor": ["Bob", "Zoe"], **where}),
        site.reporter.post(f"{path}/predictions", params=where, json={"pairs": [{"first": "Bob", "second": "Zoe"}]}),
        site.reporter.post(f"{path}/predictions/simulate", params=where, json={"format": "knock-out", "competitors": ["Bob", "Zoe"]}),
    ]
    for answer in answers:
        problem = assert_problem(answer, 404, "competitor-not-found")
        assert "No counted match of “Zoe” meets surface = Clay; leave out “where”" in problem["detail"]


def test_of_a_segment_without_a_fit_the_remedy_names_the_segment(site, league):
    for path in ("drift", "suggestions", "predictions/matrix?by=fit", "differences?first=Zoe&second=Alice&by=fit", "leaderboard?by=fit"):
        answer = site.reporter.get(f"/v1/leagues/{league}/{path}{'&' if '?' in path else '?'}where=surface=Hard")
        problem = assert_problem(answer, 409, "fit-not-published")
        assert "No fit of surface = Hard is published. Request one (POST …/fits with “where”" in problem["detail"]


def test_a_condition_in_a_body_of_predictions_is_refused_by_name(site, league):
    answer = site.reporter.post(f"/v1/leagues/{league}/predictions", json={"pairs": [{"first": "Alice", "second": "Bob"}], "where": CLAY})
    assert pointers(assert_problem(answer, 422)) == ["/where"]


def test_a_browser_without_a_key_is_shown_a_page_that_says_why_and_what_to_do(site, league):
    for path in (f"/leagues/{league}?", f"/leagues/{league}/compare?first=Alice&second=Bob&"):
        shown = site.anonymous.get(f"{path}where=surface%3DClay", headers={"Accept": "text/html"})
        assert (shown.status_code, shown.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "not public even in a public league" in shown.text
        assert "ask for the whole league, without" in shown.text
        assert site.reporter.get(f"{path}where=surface%3DClay", headers={"Accept": "text/html"}).status_code == 200
