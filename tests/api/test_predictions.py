"""Predictions over HTTP: of one pair, of many, of everyone against everyone."""

import pytest

from tests.api.site import assert_problem, pointers


@pytest.fixture(scope="module")
def league(site):
    return site.played_league()


@pytest.fixture
def ask(site, league):
    return lambda body: site.anonymous.post(f"/v1/leagues/{league}/predictions", json=body)


def test_many_are_the_same_as_one_by_one(site, league, ask):
    pairs = [{"first": "Alice", "second": "Bob"}, {"first": "Carol", "second": "Alice"}]
    rows = ask({"pairs": pairs}).json()["rows"]
    assert rows == [site.anonymous.get(f"/v1/leagues/{league}/predictions", params=pair).json() for pair in pairs]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/pairs"),
        ({"pairs": []}, "/pairs"),
        ({"pairs": [{"first": "Alice"}]}, "/pairs/0/second"),
        ({"pairs": [{"first": "Alice", "second": "Bob"}, {"first": " ", "second": "Bob"}]}, "/pairs/1/first"),
        ({"pairs": [{"first": "Alice", "second": "Bob"}], "by": "neither"}, "/by"),
        ({"pairs": [{"first": "A", "second": "B"}] * 1001}, "/pairs"),
    ],
)
def test_a_question_that_is_none_is_refused_at_its_place(ask, body, place):
    assert pointers(assert_problem(ask(body), 422, "bad-input")) == [place]


def test_the_matrix_is_of_whom_was_named(site, league):
    path = f"/v1/leagues/{league}/predictions/matrix"
    named = site.anonymous.get(path, params=[("competitor", "Carol"), ("competitor", "Alice")]).json()
    assert named["competitors"] == ["Carol", "Alice"]
    assert len(site.anonymous.get(path, params={"top": "2"}).json()["competitors"]) == 2
    assert_problem(site.anonymous.get(path, params=[("competitor", "Alice")] * 101), 422, "bad-input")


def test_a_stranger_of_the_league_is_named(site, league, ask):
    problem = assert_problem(ask({"pairs": [{"first": "Alice", "second": "Alise"}]}), 404, "competitor-not-found")
    assert "Alise" in problem["detail"]
