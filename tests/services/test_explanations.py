"""Why a rating moved: lines that join from the rating at the beginning of a span to the rating at its end, with every amendment that moved it."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.errors import BadInput, CompetitorNotFound
from app.services.explanations import explain
from tests.services.mirror import Mirror
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match
from tests.services.test_amendments import _steps, season, take

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


@settings(max_examples=40, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(_steps, min_size=2, max_size=8),
    order=st.sampled_from(["log", "played_at"]),
    span=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_the_lines_join_and_no_amendment_is_missing(shared, steps, order, span):
    mirror = season(Play.begin(shared, order=order))
    for step in steps:
        take(mirror, step)
    position = mirror.play.position()
    since, as_of = sorted(one % (position + 1) for one in span)
    for key in mirror.keys:
        mirror.explains(key)
        mirror.explains(key, since=since)
        if mirror._rating_at(key, as_of) is not None:
            mirror.explains(key, since=since, as_of=as_of)


@pytest.fixture
def mirror(play: Play) -> Mirror:
    return season(play)


def rows(mirror: Mirror, key: str, **span: int) -> list:
    return explain(mirror.play.database, OPERATOR, mirror.play.league, key, **span)["rows"]


def test_a_match_is_a_line_with_what_its_receipt_says(mirror):
    (receipt,) = mirror.record(match("B", "A", "draw", "x", weight=2.0))
    line = rows(mirror, "A")[-1]
    own = receipt["ratings"]["second"]
    assert (line["before"], line["expected"], line["k"], line["after"]) == (own["before"], own["expected"], own["k"], own["after"])
    assert (line["kind"], line["opponent"], line["score"], line["weight"], line["match_id"]) == ("match", "B", 0.5, 2.0, "x")


def test_an_amendment_is_a_line_with_its_reason_and_its_match(mirror):
    answer = mirror.void("m0")
    assert answer is not None
    for moved in answer["moved"]:
        line = rows(mirror, moved["competitor"])[-1]
        assert (line["kind"], line["match_id"], line["reason"], line["position"]) == ("void", "m0", "why", answer["position"])
        assert (line["before"], line["after"]) == (moved["before"], moved["after"])


def test_a_merge_is_a_line_and_what_follows_under_either_key_is_told(mirror):
    mirror.merge("E", "C")
    mirror.record(match("E", "B", "first", "later"))
    assert [row["kind"] for row in rows(mirror, "C")][-2:] == ["merge", "match"]
    assert rows(mirror, "E") == rows(mirror, "C")
    mirror.explains("C")


def test_late_results_are_told_as_rated_again(shared):
    mirror = season(Play.begin(shared, order="played_at"))
    mirror.record(match("A", "B", "second", "late", played_at=NEW_YEAR_2024 - DAY))
    kinds = [row["kind"] for row in rows(mirror, "A")]
    assert kinds[-2:] == ["match", "rerated"] or kinds[-1] == "match"
    mirror.explains("A")
    mirror.explains("C")


def test_a_span_that_ends_before_it_begins_is_refused(mirror):
    for since, as_of in ((5, 4), (99, None)):
        with pytest.raises(BadInput):
            explain(mirror.play.database, OPERATOR, mirror.play.league, "A", since=since, as_of=as_of)


def test_an_empty_span_has_no_lines(mirror):
    assert rows(mirror, "A", since=mirror.play.position()) == []


def test_who_has_no_counted_match_cannot_be_explained(mirror):
    mirror.record(match("New", "A", "first", "only"))
    mirror.void("only")
    with pytest.raises(CompetitorNotFound):
        rows(mirror, "New")


def test_a_story_that_is_too_long_names_its_length(mirror, monkeypatch):
    monkeypatch.setattr("app.services.explanations.MAX_LINES", 2)
    with pytest.raises(BadInput, match="3 changes"):
        rows(mirror, "B")
