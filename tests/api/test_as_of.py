"""What Arpad showed then: every dated read, whatever happens to the league afterwards, keeps its bytes, its tag and its address."""

import json
import sys
from weakref import WeakKeyDictionary

import pytest

from app.api.answers import dated_tag
from app.services.moments import parse_as_of
from app.services.permalinks import HeadAt
from app.services.refits import run_next_refit
from tests.api.operations import OPERATIONS
from tests.api.site import assert_problem, match, pointers

DATED = {
    "league": "",
    "leaderboard": "leaderboard",
    "leaderboard.csv": "leaderboard.csv",
    "leaderboard by fit": "leaderboard.ndjson?by=fit",
    "competitors": "competitors",
    "competitors.csv": "competitors.csv",
    "competitor": "competitors/Alice",
    "history": "competitors/Alice/history",
    "opponents": "competitors/Alice/opponents.csv",
    "explain": "competitors/Alice/explain",
    "prediction": "predictions?first=Alice&second=Bob",
    "prediction by fit": "predictions?first=Alice&second=Bob&by=fit",
    "matrix": "predictions/matrix",
    "matrix by fit": "predictions/matrix?by=fit",
    "difference": "differences?first=Alice&second=Bob",
    "difference live": "differences?first=Alice&second=Bob&by=live",
    "drift": "drift",
    "bridges": "bridges",
    "suggestions": "suggestions?goal=top&k=1",
    "connections": "suggestions?goal=connect",
    "matches": "matches",
    "matches.csv": "matches.csv",
    "match": "matches/2026-11-20-17",
    "fits": "fits",
    "fit": "fits/1",
}
every_dated = pytest.mark.parametrize("path", DATED.values(), ids=DATED)
WITHOUT_BOOKMARK = {"fits/1"}


def fitted_league(site, **options):
    league = site.played_league(**options)
    assert site.manager.post(f"/v1/leagues/{league}/fits").status_code == 202
    assert run_next_refit(site.database, "test", league=league)["status"] == "published"
    return league


@pytest.fixture(scope="module")
def league(site):
    return fitted_league(site)


def address(league, path, **query):
    added = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/v1/leagues/{league}{'/' if path else ''}{path}{'&' if '?' in path else '?'}{added}"


def position(site, league):
    return site.reporter.get(f"/v1/leagues/{league}").json()["position"]


def go_on(site, league):
    """Everything that can happen to a league, but for another name."""
    base = f"/v1/leagues/{league}"
    assert site.reporter.post(f"{base}/matches", json=match("Dora", "Alice", match_id="later")).is_success
    assert site.manager.post(f"{base}/matches/2026-11-20-17/correct", json={"outcome": "draw", "reason": "misread"}).is_success
    assert site.manager.post(f"{base}/matches/later/void", json={"reason": "twice"}).is_success
    assert site.manager.post(f"{base}/matches/2026-11-20-17/void", json={"reason": "twice"}).is_success
    assert site.manager.patch(f"{base}/competitors/Alice", json={"retired": True}).is_success
    assert site.reporter.post(f"{base}/matches", json=match("Eve", "Carol")).is_success
    assert site.manager.post(f"{base}/competitors/Alice/merge", json={"into": "Eve", "reason": "one person"}).is_success
    assert site.manager.patch(base, json={"name": "Renamed", "settings": {"k": 99.0, "offset": 1000.0}}).is_success
    assert site.manager.post(f"{base}/fits").is_success
    assert run_next_refit(site.database, "test", league=league)["status"] == "published"


def test_the_reads_are_those_that_the_document_dates(site):
    document = site.anonymous.get("/openapi.json").json()
    dated = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
        if any(parameter["name"] == "as_of" for parameter in operation.get("parameters", []))
    }
    reads = {operation.name for operation in OPERATIONS if operation.needs_league and operation.method == "GET"}
    assert dated == reads - {"get_import", "get_log", "get_events"} | {"predict_many", "simulate"}


def forget_what_is_kept(site):
    """As another process would answer."""
    cache = site.app.state.runtime.cache
    for tag in list(cache._kept):
        cache._forget(tag)
    for name, module in list(sys.modules.items()):
        if name.startswith("app.services.") and isinstance(getattr(module, "_kept", None), WeakKeyDictionary):
            module._kept.clear()


@pytest.fixture(scope="module")
def before_and_after(site):
    """Every dated read as of a position, before and after the league went on."""
    league = fitted_league(site)
    then = position(site, league)
    before = [site.anonymous.get(address(league, path, as_of=then)) for path in DATED.values()]
    go_on(site, league)
    forget_what_is_kept(site)
    after = [site.anonymous.get(address(league, path, as_of=then)) for path in DATED.values()]
    return dict(zip(DATED.values(), zip(before, after, strict=True), strict=True))


@every_dated
def test_bytes_and_tag_stay_whatever_happens_afterwards(before_and_after, path):
    before, after = before_and_after[path]
    assert (before.status_code, after.status_code) == (200, 200), after.text
    assert after.content == before.content
    assert after.headers["etag"] == before.headers["etag"]
    assert after.headers.get("link") == before.headers.get("link")


@pytest.mark.parametrize("other", [HeadAt(8, 2, True, True), HeadAt(7, 3, True, True)])
def test_position_and_names_decide_the_tag(other):
    assert dated_tag("/a", b"", "text/csv", HeadAt(7, 2, True, True)) != dated_tag("/a", b"", "text/csv", other)


@every_dated
def test_a_permalink_is_kept_for_a_day_and_answered_once(site, league, path):
    asked = address(league, path, as_of=position(site, league))
    first = site.anonymous.get(asked)
    again = site.anonymous.get(asked, headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["cache-control"] == "public, max-age=86400"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


@every_dated
def test_a_private_answer_is_not_stored(site, path):
    private = fitted_league(site, public=False)
    answer = site.reporter.get(address(private, path, as_of=position(site, private)))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert_problem(site.anonymous.get(address(private, path, as_of=0)), 404, "league-not-found")


@pytest.mark.parametrize("path", ["matches", "matches/2026-11-20-17"])
def test_what_depends_on_the_caller_is_not_stored_for_those_with_a_key(site, league, path):
    answer = site.reporter.get(address(league, path, as_of=1))
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


def without_time(answer):
    shape = answer.json()
    shape.pop("as_of", None)
    return shape


@pytest.mark.parametrize(
    "path", [path for path in DATED.values() if path not in WITHOUT_BOOKMARK and not path.partition("?")[0].endswith(("csv", "ndjson"))]
)
def test_every_live_answer_names_its_permalink(site, league, path):
    live = site.anonymous.get(address(league, path).removesuffix("?").removesuffix("&"))
    link = live.links["bookmark"]["url"]
    assert link == address(league, path, as_of=position(site, league))
    assert without_time(site.anonymous.get(link)) == without_time(live)


def test_pages_of_the_past_lead_on_in_the_past(site):
    league = site.played_league()
    at = position(site, league)
    path, seen = f"/v1/leagues/{league}/leaderboard?limit=1&as_of={at}", []
    site.reporter.post(f"/v1/leagues/{league}/matches", json=match("Zoe", "Alice"))
    while path:
        answer = site.anonymous.get(path)
        seen += [row["competitor"] for row in answer.json()["rows"]]
        path = answer.links.get("next", {}).get("url")
    assert sorted(seen) == ["Alice", "Bob", "Carol"]


@every_dated
@pytest.mark.parametrize(
    "as_of",
    ["-1", "999999", "1e3", "1.0", "", "yesterday", "%D9%A3", "9" * 30, "2999-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2026-11-20", "1&as_of=1"],
)
def test_what_was_never_shown_is_refused_by_name(site, league, path, as_of):
    assert pointers(assert_problem(site.anonymous.get(address(league, path, as_of=as_of)), 422, "bad-input")) == ["as_of"]


@pytest.mark.parametrize("as_of", ["-1", "999999", "soon"])
def test_predictions_of_many_pairs_are_dated_too(site, league, as_of):
    asked, body = f"/v1/leagues/{league}/predictions", {"pairs": [{"first": "Alice", "second": "Bob"}]}
    assert site.anonymous.post(asked, params={"as_of": "1"}, json=body).json()["position"] == 1
    assert pointers(assert_problem(site.anonymous.post(asked, params={"as_of": as_of}, json=body), 422, "bad-input")) == ["as_of"]


def test_a_time_is_the_last_entry_at_or_before_it(site):
    league = fitted_league(site)
    entries = [json.loads(line) for line in site.admin.get(f"/v1/leagues/{league}/log").text.splitlines()]
    recorded = {entry["position"]: entry["recorded_at"] for entry in entries if "position" in entry}
    last_at = {time: position for position, time in sorted(recorded.items())}
    for time, last in last_at.items():
        answer = site.anonymous.get(f"/v1/leagues/{league}/leaderboard", params={"as_of": time})
        assert (answer.json()["position"], answer.json()["as_of"]) == (last, time)
        # Whatever is recorded at the very end of the log may still get company at its time.
        kept = "public, max-age=86400" if last < max(recorded) else "public, max-age=0, must-revalidate"
        assert answer.headers["cache-control"] == kept
        # An offset whose plus was not escaped comes as a space.
        same = site.anonymous.get(f"/v1/leagues/{league}/leaderboard?as_of={time.replace('Z', '+00:00')}")
        assert (same.status_code, same.json()) == (200, answer.json())


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-11-20", "2026-11-20T00:00:00Z"),
        ("2026-11-20T01:00:00 01:00", "2026-11-20T00:00:00Z"),
        ("2026-11-20T00:00:00.5 00:30", "2026-11-19T23:30:00.5Z"),
    ],
)
def test_dates_and_lost_pluses_are_understood(sent, meant):
    assert parse_as_of(sent) == parse_as_of(meant)


def test_names_are_current_and_change_the_tag(site):
    league = site.played_league()
    asked = f"/v1/leagues/{league}/leaderboard?as_of=3"
    before = site.anonymous.get(asked)
    assert site.manager.patch(f"/v1/leagues/{league}/competitors/Alice", json={"name": "Alice Ashe"}).is_success
    after = site.anonymous.get(asked, headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    renamed = [{**row, "name": "Alice Ashe"} if row["competitor"] == "Alice" else row for row in before.json()["rows"]]
    assert after.json()["rows"] == renamed


def test_what_came_later_is_not_found_then(site, league):
    assert_problem(site.anonymous.get(f"/v1/leagues/{league}/fits/1?as_of=3"), 404, "fit-not-found")
    assert_problem(site.anonymous.get(f"/v1/leagues/{league}/matches/2026-11-20-17?as_of=0"), 404, "match-not-found")
    assert_problem(site.anonymous.get(f"/v1/leagues/{league}/competitors/Carol?as_of=1"), 404, "competitor-not-found")
    assert_problem(site.anonymous.get(f"/v1/leagues/{league}/leaderboard?by=fit&as_of=3"), 409, "fit-not-published")
    assert site.anonymous.get(f"/v1/leagues/{league}/leaderboard?as_of=0").json()["rows"] == []


def test_an_explanation_leads_from_one_position_to_another(site):
    league = site.played_league()
    go_on(site, league)
    head = position(site, league)
    for key in ("Carol", "Eve", "Bob"):
        told = site.anonymous.get(f"/v1/leagues/{league}/competitors/{key}/explain").json()
        ratings = [told["rows"][0]["before"], *(row["after"] for row in told["rows"])]
        assert ratings[1:-1] == [row["before"] for row in told["rows"][1:]]
        assert ratings[-1] == told["after"] == site.anonymous.get(f"/v1/leagues/{league}/competitors/{key}").json()["live"]["rating"]
        assert (told["from_position"], told["position"]) == (0, head)


@pytest.mark.parametrize("since", ["-1", "999999", "soon", "", "2999-01-01T00:00:00Z"])
def test_a_span_that_is_none_is_refused_by_name(site, league, since):
    answer = site.anonymous.get(f"/v1/leagues/{league}/competitors/Alice/explain", params={"since": since})
    assert pointers(assert_problem(answer, 422, "bad-input")) == ["since"]
    backwards = site.anonymous.get(f"/v1/leagues/{league}/competitors/Alice/explain", params={"since": "3", "as_of": "1"})
    assert pointers(assert_problem(backwards, 422, "bad-input")) == ["since"]
