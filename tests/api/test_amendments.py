"""What takes back, restores, corrects, merges: previews equal outcomes, 412 where the league moved on, and every fault has its place."""

import pytest

from tests.api.operations import OPERATIONS
from tests.api.site import assert_problem, match, pointers

AMENDING = {
    "void_match": {"reason": "a test"},
    "restore_match": {"reason": "a test"},
    "correct_match": {"outcome": "second", "reason": "a test"},
    "void_entry": {"reason": "a test"},
    "merge_competitor": {"into": "Dora", "reason": "a test"},
}
every_amending = pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.name in AMENDING], ids=lambda operation: operation.name)


@pytest.fixture
def league(site):
    return site.played_league()


def ratings(site, league):
    return {row["competitor"]: row["rating"] for row in site.reporter.get(f"/v1/leagues/{league}/competitors").json()["rows"]}


@every_amending
def test_a_preview_equals_its_outcome_and_is_refused_once_the_league_moved_on(site, league, operation):
    operation.prepare(site.admin, league)
    path, body = operation.path(league), AMENDING[operation.name]
    before = ratings(site, league)
    preview = site.manager.post(path, params={"dry_run": "true"}, json=body).json()
    assert (preview["dry_run"], preview["position"]) == (True, None)
    assert ratings(site, league) == before
    late = site.manager.post(path, json=body | {"expected_position": preview["expected_position"] - 1})
    assert_problem(late, 412, "position-moved")
    done = site.manager.post(path, json=body | {"expected_position": preview["expected_position"]}).json()
    assert done["moved"] == preview["moved"] != []
    assert done["position"] == preview["expected_position"] + 1
    after = ratings(site, league)
    assert {move["competitor"]: move["after"] for move in done["moved"]} == {
        key: after.get(key) for key in before | after if before.get(key) != after.get(key)
    } | {move["competitor"]: move["after"] for move in done["moved"] if move["before"] == move["after"]}
    assert_problem(site.reporter.post(path, json=body), 403, "scope-missing")


@every_amending
@pytest.mark.parametrize(
    ("member", "value"),
    [("reason", ""), ("reason", "x" * 501), ("reason", None), ("reason", "a\u0007"), ("expected_position", -1), ("expected_position", "1")],
)
def test_what_an_amendment_says_is_checked_at_its_place(site, league, operation, member, value):
    operation.prepare(site.admin, league)
    answer = site.manager.post(operation.path(league), json=AMENDING[operation.name] | {member: value})
    assert pointers(assert_problem(answer, 422, "bad-input")) == [f"/{member}"]


@every_amending
def test_an_amendment_is_taken_back_by_its_position(site, league, operation):
    operation.prepare(site.admin, league)
    before = ratings(site, league)
    done = site.manager.post(operation.path(league), json=AMENDING[operation.name]).json()
    assert ratings(site, league) != before
    back = site.manager.post(f"/v1/leagues/{league}/log/{done['position']}/void", json={"reason": "not so"})
    assert (back.status_code, back.json()["target"]) == (200, done["position"])
    assert ratings(site, league) == before


def correct(site, league, match_id="2026-11-20-17", **body):
    return site.manager.post(f"/v1/leagues/{league}/matches/{match_id}/correct", json={"reason": "a test", **body})


@pytest.mark.parametrize(
    ("member", "value", "shown"),
    [
        ("first", "Dora", "Dora"),
        ("second", "Carol", "Carol"),
        ("outcome", "draw", "draw"),
        ("played_at", "2026-11-20T19:00:00+01:00", "2026-11-20T18:00:00Z"),
        ("weight", 2, 2.0),
        ("neutral", True, True),
        ("first_score", 11, 11.0),
        ("second_score", -7.5, -7.5),
        ("context", {"surface": "grass"}, {"surface": "grass"}),
        ("context", None, {}),
    ],
)
def test_a_member_is_corrected_and_the_others_stay(site, league, member, value, shown):
    path = f"/v1/leagues/{league}/matches/2026-11-20-17"
    before = site.reporter.get(path).json()
    done = correct(site, league, **{member: value})
    assert done.status_code == 200, done.text
    found = site.reporter.get(path).json()
    [amendment] = found.pop("amendments")
    said = found.pop("corrected")
    assert found == before
    assert said == amendment["match"]
    [listed] = [row for row in site.reporter.get(f"/v1/leagues/{league}/matches").json()["rows"] if row["match_id"] == "2026-11-20-17"]
    assert listed.pop("corrected") == said
    assert listed == before
    fields = before.keys() & {"match_id", "first", "second", "outcome", "played_at", "weight", "neutral", "first_score", "second_score", "context"}
    assert {name: said.get(name) for name in fields} == {name: before[name] for name in fields} | {member: shown}
    assert (amendment["kind"], amendment["counts"], amendment["author"]) == ("correct", True, "manage")


def test_amendments_say_nothing_of_context_and_author_to_strangers(site, league):
    correct(site, league, outcome="draw")
    [amendment] = site.anonymous.get(f"/v1/leagues/{league}/matches/2026-11-20-17").json()["amendments"]
    assert "author" not in amendment
    assert "context" not in amendment["match"]
    [listed] = [row for row in site.anonymous.get(f"/v1/leagues/{league}/matches").json()["rows"] if row["match_id"] == "2026-11-20-17"]
    assert "context" not in listed["corrected"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"first": " Alice"}, "/first"),
        ({"first": ""}, "/first"),
        ({"first": "Bob"}, "/second"),
        ({"first": "Dora", "second": "Dora"}, "/second"),
        ({"second": None}, "/second"),
        ({"outcome": "won"}, "/outcome"),
        ({"outcome": None}, "/outcome"),
        ({"played_at": "yesterday"}, "/played_at"),
        ({"weight": 0}, "/weight"),
        ({"weight": None}, "/weight"),
        ({"neutral": None}, "/neutral"),
        ({"first_score": "11"}, "/first_score"),
        ({"context": {"": 1}}, "/context"),
        ({"id": "other"}, "/id"),
        ({}, ""),
        ({"expected_position": 3}, ""),
    ],
)
def test_a_correction_is_checked_like_a_match(site, league, body, place):
    problem = assert_problem(correct(site, league, **body), 422, "bad-input")
    assert any(pointer.startswith(place) if place else pointer == "" for pointer in pointers(problem)), problem


def test_a_correction_that_changes_nothing_contradicts(site, league):
    assert_problem(correct(site, league, outcome="first"), 409, "conflict")
    assert_problem(correct(site, league, "unknown", outcome="draw"), 404, "match-not-found")


def test_only_what_is_void_is_restored(site, league):
    path = f"/v1/leagues/{league}/matches/2026-11-20-17"
    assert_problem(site.manager.post(f"{path}/restore", json={"reason": "a test"}), 409, "conflict")
    site.manager.post(f"{path}/void", json={"reason": "a test"})
    assert_problem(correct(site, league, outcome="draw"), 409, "conflict")
    assert site.reporter.get(path).json()["status"] == "voided"
    site.manager.post(f"{path}/restore", json={"reason": "a test"})
    assert site.reporter.get(path).json()["status"] == "counted"


@pytest.mark.parametrize(
    ("position", "status", "code"),
    [("0", 409, "conflict"), ("999", 404, "entry-not-found"), (str(2**63), 422, "bad-input"), ("-1", 422, "bad-input"), ("one", 422, "bad-input")],
)
def test_what_is_no_such_entry_is_not_taken_back(site, league, position, status, code):
    problem = assert_problem(site.manager.post(f"/v1/leagues/{league}/log/{position}/void", json={"reason": "a test"}), status, code)
    assert pointers(problem) == (["position"] if status == 422 else [])


def test_a_merged_key_is_understood_as_the_other(site, league):
    site.reporter.post(f"/v1/leagues/{league}/matches", json=match("Al", "Dora"))
    path = f"/v1/leagues/{league}/competitors/Al"
    assert pointers(assert_problem(site.manager.post(f"{path}/merge", json={"into": "Al", "reason": "x"}), 422)) == ["/into"]
    assert pointers(assert_problem(site.manager.post(f"{path}/merge", json={"into": " ", "reason": "x"}), 422)) == ["/into"]
    problem = assert_problem(site.manager.post(f"{path}/merge", json={"into": "Alic", "reason": "x"}), 404, "competitor-not-found")
    assert problem["similar"] == ["Alice"]
    assert site.manager.post(f"{path}/merge", json={"into": "Alice", "reason": "one person"}).status_code == 200
    assert site.reporter.get(path).json()["competitor"] == "Alice"
    assert_problem(site.manager.post(f"{path}/merge", json={"into": "Bob", "reason": "x"}), 409, "conflict")


def test_who_played_each_other_is_not_merged(site, league):
    problem = assert_problem(site.manager.post(f"/v1/leagues/{league}/competitors/Alice/merge", json={"into": "Bob", "reason": "x"}), 409, "conflict")
    assert problem["match_id"] == "2026-11-20-17"


def test_a_competitor_is_renamed_retired_and_had_back(site, league):
    path = f"/v1/leagues/{league}/competitors/Alice"
    steps = [
        ({"name": "Alice Ashe"}, ("Alice Ashe", False), 1),
        ({"name": "Alice Ashe"}, ("Alice Ashe", False), 0),
        ({"retired": True}, ("Alice Ashe", True), 1),
        ({"name": None, "retired": False}, ("Alice", False), 2),
        ({"name": None, "retired": True}, ("Alice", True), 1),
    ]
    position = 3
    for body, (name, retired), entries in steps:
        changed = site.manager.patch(path, json=body).json()
        position += entries
        assert changed == {"competitor": "Alice", "name": name, "retired": retired, "position": position if entries else None}
        assert site.anonymous.get(path).json()["name"] == name
        assert site.anonymous.get(f"/v1/leagues/{league}").json()["position"] == position


@pytest.mark.parametrize(
    ("body", "place"), [({}, ""), ({"name": ""}, "/name"), ({"name": " A"}, "/name"), ({"retired": None}, "/retired"), ({"key": "B"}, "/key")]
)
def test_a_change_of_a_competitor_is_checked_at_its_place(site, league, body, place):
    assert pointers(assert_problem(site.manager.patch(f"/v1/leagues/{league}/competitors/Alice", json=body), 422, "bad-input")) == [place]


def test_nobody_is_forgotten_by_accident(site, league):
    path = f"/v1/leagues/{league}/competitors/Alice"
    assert_problem(site.manager.post(f"{path}/forget", json={"confirm": "Alice"}), 403, "scope-missing")
    for wrong in ("alice", "", "Bob"):
        assert pointers(assert_problem(site.admin.post(f"{path}/forget", json={"confirm": wrong}), 422, "bad-input")) == ["/confirm"]
    gone = site.admin.post(f"{path}/forget", json={"confirm": "Alice"}).json()
    assert_problem(site.anonymous.get(path), 404, "competitor-not-found")
    assert site.anonymous.get(f"/v1/leagues/{league}/competitors/{gone['competitor']}").json()["matches"] == 2
    assert "Alice" not in site.anonymous.get(f"/v1/leagues/{league}/leaderboard").text
    assert "Alice" not in site.anonymous.get(f"/v1/leagues/{league}/leaderboard?as_of=3").text


SENT = [match("Dora", "Alice", match_id="n1"), match("Dora", "Bob", "draw", match_id="n2")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("matches", SENT[0]),
        ("matches/batch", {"matches": SENT}),
        ("matches/batch", {"columns": {name: [row[name] for row in SENT] for name in SENT[0]}}),
    ],
    ids=["one", "rows", "columns"],
)
def test_what_matches_would_do_is_what_they_do(site, league, path, body):
    asked = f"/v1/leagues/{league}/{path}"
    before = ratings(site, league)
    preview = site.reporter.post(asked, params={"dry_run": "true"}, json=body)
    assert (preview.status_code, preview.headers["cache-control"]) == (200, "no-store")
    assert ratings(site, league) == before
    assert preview.json()["expected_position"] == 3
    assert site.reporter.post(asked, params={"dry_run": "false"}, json=body).status_code == 201
    after = ratings(site, league)
    moved = {move["competitor"]: (move["before"], move["after"]) for move in preview.json()["moved"]}
    assert {key: ends for key, ends in moved.items() if ends[0] != ends[1]} == {
        key: (before.get(key), after[key]) for key in after if before.get(key) != after[key]
    }
    assert site.reporter.post(asked, params={"dry_run": "true"}, json=body).json()["moved"] == []


@pytest.mark.parametrize(("path", "body"), [("matches", SENT[0]), ("matches/batch", {"matches": SENT})], ids=["one", "rows"])
def test_matches_are_recorded_at_the_expected_position_or_not_at_all(site, league, path, body):
    asked = f"/v1/leagues/{league}/{path}"
    for wrong in (2, 4):
        for dry_run in ("false", "true"):
            refused = site.reporter.post(asked, params={"expected_position": wrong, "dry_run": dry_run}, json=body)
            assert assert_problem(refused, 412, "position-moved")["position"] == 3
    assert site.reporter.post(asked, params={"expected_position": 3}, json=body).status_code == 201
    again = site.reporter.post(asked, params={"expected_position": 3}, json=body)
    assert (again.status_code, again.headers["idempotent-replay"]) == (200, "true")
    assert pointers(assert_problem(site.reporter.post(asked, params={"expected_position": "x"}, json=body), 422, "bad-input")) == [
        "expected_position"
    ]


def test_a_preview_is_refused_as_recording_is(site, league):
    taken = match("Bob", "Carol", match_id="2026-11-20-17")
    path = f"/v1/leagues/{league}/matches"
    cases = [
        (path, taken, "/match_id"),
        (f"{path}/batch", {"matches": [SENT[0], taken]}, "/matches/1/match_id"),
        (f"{path}/batch", {"columns": {name: [SENT[0][name], taken[name]] for name in taken}}, "/columns/match_id/1"),
    ]
    for asked, body, place in cases:
        for query in ({"dry_run": "true"}, {}):
            assert pointers(assert_problem(site.reporter.post(asked, params=query, json=body), 409, "match-id-taken")) == [place]
    assert_problem(site.anonymous.post(path, params={"dry_run": "true"}, json=SENT[0]), 401, "key-required")
    assert pointers(assert_problem(site.reporter.post(path, params={"dry_run": "perhaps"}, json=SENT[0]), 422)) == ["dry_run"]


@pytest.mark.parametrize("query", [{}, {"dry_run": "true"}], ids=["recorded", "previewed"])
def test_the_order_of_play_needs_a_time_and_an_id(site, query):
    league = site.new_league(settings={"order": "played_at"})
    path, when = f"/v1/leagues/{league}/matches", "2026-11-20T18:00:00Z"
    cases = [
        (path, match(), ["/played_at", "/match_id"]),
        (path, match(match_id="a"), ["/played_at"]),
        (path, match(played_at=when), ["/match_id"]),
        (f"{path}/batch", {"matches": [match(match_id="a", played_at=when), match(match_id="b")]}, ["/matches/1/played_at"]),
        (f"{path}/batch", {"matches": [match(played_at=when), match()]}, ["/matches/0/match_id", "/matches/1/played_at", "/matches/1/match_id"]),
        (f"{path}/batch", {"columns": {name: [value] for name, value in match(match_id="a").items()}}, ["/columns/played_at/0"]),
        (f"{path}/batch", {"columns": {name: [value] for name, value in match(played_at=when).items()}}, ["/columns/match_id/0"]),
    ]
    for asked, body, places in cases:
        assert pointers(assert_problem(site.reporter.post(asked, params=query, json=body), 422, "bad-input")) == places
    assert site.reporter.post(path, params=query, json=match(match_id="a", played_at=when)).is_success


def test_a_time_cannot_be_taken_away_in_the_order_of_play(site):
    league = site.new_league(settings={"order": "played_at"})
    site.reporter.post(f"/v1/leagues/{league}/matches", json=match(match_id="a", played_at="2026-11-20T18:00:00Z"))
    assert pointers(assert_problem(correct(site, league, "a", played_at=None), 422, "bad-input")) == ["/played_at"]


def test_a_late_result_is_inserted_as_its_preview_said(site):
    league = site.new_league(settings={"order": "played_at"})
    path = f"/v1/leagues/{league}/matches"
    late = match("Bob", "Alice", match_id="b", played_at="2026-11-19T18:00:00Z")
    site.reporter.post(path, json=match(match_id="a", played_at="2026-11-20T18:00:00Z"))
    preview = site.reporter.post(path, params={"dry_run": "true"}, json=late).json()
    assert site.reporter.post(path, json=late).status_code == 201
    assert {move["competitor"]: move["after"] for move in preview["moved"]} == ratings(site, league)


def test_a_setting_of_the_order_is_described(site):
    schema = site.anonymous.get("/openapi.json").json()["components"]["schemas"]["LeagueSettings"]
    assert schema["properties"]["order"]["enum"] == ["log", "played_at"]
