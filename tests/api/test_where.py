"""Segments over HTTP: conditions in the query and in a body, and nothing of them for the public, whatever is kept."""

import pytest

from app.services.refits import run_next_refit
from tests.api.site import assert_problem, match, pointers

CLAY, HARD = {"surface": "Clay"}, {"surface": "Hard", "sets": 3, "indoor": True}


@pytest.fixture
def league(site):
    league = site.new_league(public=True)
    played = [match("Alice", "Bob", context=CLAY), match("Bob", "Carol", context=CLAY), match("Carol", "Dora", "draw", context=HARD)]
    assert site.reporter.post(f"/v1/leagues/{league}/matches/batch", json={"matches": played}).status_code == 201
    return f"/v1/leagues/{league}"


def names(answer):
    assert answer.status_code == 200, answer.text
    return {row["competitor"] for row in answer.json()["rows"]}


def test_a_leaderboard_of_a_segment(site, league):
    answer = site.reporter.get(f"{league}/leaderboard", params={"where": "surface=Clay"})
    assert names(answer) == {"Alice", "Bob", "Carol"}
    assert (answer.json()["where"], answer.json()["matches"]) == (CLAY, 2)
    assert names(site.reporter.get(f"{league}/leaderboard?where=sets=3&where=indoor%3Dtrue")) == {"Carol", "Dora"}
    assert names(site.reporter.get(f"{league}/leaderboard?where=sets=3&where=surface=Clay")) == set()
    assert "where" not in site.reporter.get(f"{league}/leaderboard").json()
    assert site.reporter.get(f"{league}/leaderboard.csv?where=sets=3").text.count("\n") == 3


def test_what_is_kept_of_a_segment_is_not_for_the_public(site, league):
    for path in ("leaderboard?where=surface=Clay", "predictions?first=Alice&second=Bob&where=surface=Clay", "fits?where=surface=Clay"):
        known = site.reporter.get(f"{league}/{path}")
        dated = site.reporter.get(f"{league}/{path}&as_of=3")
        assert (known.status_code, dated.status_code) == (200, 200)
        for answer in (known, dated):
            assert answer.headers["cache-control"] == "no-store"
            assert site.reporter.get(answer.request.url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
            for headers in ({}, {"If-None-Match": answer.headers["etag"]}):
                problem = assert_problem(site.anonymous.get(answer.request.url, headers=headers), 401, "key-required")
                assert "contexts" in problem["detail"]


def test_links_name_the_segment_again(site, league):
    answer = site.reporter.get(f"{league}/leaderboard?where=surface=Clay&limit=1")
    assert answer.headers["link"].count("where=surface%3DClay") == 2
    following = answer.links["next"]["url"]
    assert len(names(site.reporter.get(following))) == 1
    assert names(site.reporter.get(answer.links["bookmark"]["url"])) == names(answer)


def test_a_new_match_of_a_segment_changes_its_tag(site, league):
    tag = site.reporter.get(f"{league}/leaderboard?where=surface=Clay").headers["etag"]
    assert site.reporter.post(f"{league}/matches", json=match("Carol", "Alice", context=CLAY)).status_code == 201
    fresh = site.reporter.get(f"{league}/leaderboard?where=surface=Clay", headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.json()["matches"]) == (200, 3)


@pytest.mark.parametrize("where", ["surface", "=Clay", "surface=Clay&where=surface=Hard", "a%00=1", "&".join(f"where=f{n}=1" for n in range(9))])
@pytest.mark.parametrize("path", ["leaderboard?", "fits?", "predictions?first=Alice&second=Bob&"])
def test_a_bad_condition_is_refused(site, league, path, where):
    problem = assert_problem(site.reporter.get(f"{league}/{path}where={where}"), 422)
    assert pointers(problem) == ["where"]


def test_a_fit_of_a_segment(site, league):
    asked = site.manager.post(f"{league}/fits", json={"where": {"sets": 3, "indoor": True}})
    assert (asked.status_code, asked.json()["where"]) == (202, {"indoor": "true", "sets": "3"})
    problem = assert_problem(site.reporter.get(f"{league}/leaderboard?where=indoor=true&where=sets=3&by=fit"), 409, "fit-not-published")
    assert "where" in problem["detail"]
    assert run_next_refit(site.database, "tester", league=league.rpartition("/")[2])["status"] == "published"
    board = site.reporter.get(f"{league}/leaderboard?where=indoor=true&where=sets=3&by=fit")
    assert (names(board), board.json()["fit"]) == ({"Carol", "Dora"}, 1)
    certificate = site.reporter.get(asked.headers["location"]).json()["certificate"]
    assert (certificate["matches"], certificate["competitors"]) == (1, 2)
    assert_problem(site.anonymous.get(asked.headers["location"]), 401)
    assert site.anonymous.get(f"{league}/fits").json()["rows"] == []
    assert site.anonymous.get(f"{league.replace('/v1', '')}").status_code == 200


def test_a_request_without_a_body_is_one_for_the_whole_league(site, league):
    for content in ({}, {"json": {}}, {"content": b"", "headers": {"Content-Type": "text/plain"}}):
        answer = site.manager.post(f"{league}/fits", **content)
        assert (answer.status_code, answer.json()["fit"]) == (202, 1)
        assert "where" not in answer.json()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"where": {"surface": None}}, "/where/surface"),
        ({"where": {"surface": ["Clay"]}}, "/where/surface"),
        ({"where": {f"f{n}": 1 for n in range(9)}}, "/where"),
        ({"where": {" surface": "Clay"}}, "/where"),
        ({"where": "surface=Clay"}, "/where"),
        ({"were": {}}, "/were"),
    ],
    ids=str,
)
def test_a_bad_body_is_refused_and_nothing_is_asked_for(site, league, body, pointer):
    problem = assert_problem(site.manager.post(f"{league}/fits", json=body), 422)
    assert all(found.startswith(pointer) for found in pointers(problem))
    assert site.manager.get(f"{league}/fits").json()["rows"] == []
    assert_problem(site.manager.post(f"{league}/fits", content=b"surface=Clay", headers={"Content-Type": "text/plain"}), 415)
