"""Leagues over HTTP: made once, seen by those who may, changed by entries."""

import pytest

from tests.api.site import assert_problem, match, pointers


def test_a_league_is_found_where_its_location_says(site):
    answer = site.manager.post("/v1/leagues", json={"league": "located", "name": "Located", "settings": {"k": 24.0}})
    assert answer.status_code == 201
    assert answer.headers["location"] == "/v1/leagues/located"
    assert site.manager.get("/v1/leagues/located").json() == answer.json()
    assert answer.json()["settings"]["k"] == 24.0


def test_a_league_is_private_unless_its_maker_says(site):
    site.manager.post("/v1/leagues", json={"league": "unsaid"})
    assert_problem(site.anonymous.get("/v1/leagues/unsaid"), 404, "league-not-found")


def test_a_league_is_made_once(site):
    league = site.new_league()
    assert_problem(site.manager.post("/v1/leagues", json={"league": league}), 409, "league-exists")


def test_a_league_with_a_register_refuses_strangers_until_they_are_in_it(site):
    path = f"/v1/leagues/{site.new_league(settings={'competitors': 'registered'})}"
    problem = assert_problem(site.admin.post(f"{path}/matches", json=match("Alice", "Bob/2")), 422, "bad-input")
    assert pointers(problem) == ["/first", "/second"]
    for key in ("Alice", "Bob/2"):
        made, again = (site.admin.post(f"{path}/competitors", json={"competitor": key}) for _ in range(2))
        assert (made.status_code, again.status_code, again.headers["idempotent-replay"]) == (201, 200, "true")
        assert_problem(site.admin.get(made.headers["location"]), 404, "competitor-not-found")
    assert site.admin.post(f"{path}/matches", json=match("Alice", "Bob/2")).status_code == 201
    assert site.admin.get(made.headers["location"]).json()["competitor"] == "Bob/2"
    assert_problem(site.admin.post(f"{path}/competitors", json={"competitor": "Alice", "name": "Another"}), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/league"),
        ({"league": "Tennis"}, "/league"),
        ({"league": "a" * 64}, "/league"),
        ({"league": "a\n"}, "/league"),
        ({"league": "x1", "name": ""}, "/name"),
        ({"league": "x2", "name": "a\u0000"}, "/name"),
        ({"league": "x3", "public": "yes"}, "/public"),
        ({"league": "x4", "settings": []}, "/settings"),
        ({"league": "x5", "settings": {"k": -1}}, "/settings/k"),
        ({"league": "x6", "settings": {"kk": 1}}, "/settings/kk"),
        ({"league": "x7", "settings": {"k": 10**400}}, "/settings"),
        ({"league": "x8", "settings": {"provisional_matches": 2**63}}, "/settings"),
    ],
)
def test_a_league_that_cannot_be_is_refused_at_its_place(site, body, place):
    problem = assert_problem(site.manager.post("/v1/leagues", json=body), 422, "bad-input")
    assert pointers(problem)[0].startswith(place)


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"[[[[[[[[[[[[1]]]]]]]]]]]]", b'"\\ud800"'])
def test_no_setting_is_a_server_error(site, value):
    body = b'{"league": "hostile", "settings": {"k": %s}}' % value
    assert_problem(site.manager.post("/v1/leagues", content=body, headers={"Content-Type": "application/json"}), 422, "bad-input")


def test_a_change_is_an_entry(site):
    league = site.new_league()
    changed = site.manager.patch(f"/v1/leagues/{league}", json={"name": "New name", "settings": {"k": 20.0}, "public": False}).json()
    assert (changed["name"], changed["settings"]["k"], changed["public"], changed["position"]) == ("New name", 20.0, False, 1)
    assert_problem(site.anonymous.get(f"/v1/leagues/{league}"), 404)


def test_leagues_are_paged_by_link(site):
    made = {site.new_league() for _ in range(3)}
    path, seen = "/v1/leagues?limit=2", []
    while path:
        answer = site.manager.get(path)
        assert len(answer.json()["rows"]) <= 2
        seen += [row["league"] for row in answer.json()["rows"]]
        path = answer.links.get("next", {}).get("url")
    assert seen == sorted(set(seen))
    assert made <= set(seen)


def test_a_stranger_sees_the_public_leagues_alone(site):
    open_one, closed_one = site.new_league(), site.new_league(public=False)
    seen = {row["league"] for row in site.anonymous.get("/v1/leagues?limit=1000").json()["rows"]}
    assert open_one in seen
    assert closed_one not in seen
