"""Segments: the standings of the matches that meet some conditions are those of a league in which nothing else was played."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.errors import CompetitorNotFound, FitNotPublished, KeyRequired, ScopeMissing
from app.ratings.matches import SCORES, canonical_context
from app.services import match_contexts
from app.services.conditions import Conditions
from app.services.corrections import correct_match, void_match
from app.services.keys import Caller, create_key
from app.services.predictions import predict
from app.services.recording import MatchIn
from app.services.roster import merge_competitors
from app.services.segments import keep_segments
from app.services.standings import leaderboard
from tests.services.mirror import cold, rename, small_blocks
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
QUIET = {"deadline": None, "phases": PHASES, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
CLAY = Conditions.of_texts(["surface=Clay"])
OUTDOORS = Conditions.of_texts(["surface=Clay", "indoor=false"])
NOWHERE = Conditions.of_texts(["surface=Ice"])
CONTEXTS: tuple[dict[str, Any], ...] = (
    {},
    {"surface": "Clay"},
    {"surface": "Hard"},
    {"surface": "Clay", "indoor": False},
    {"indoor": False},
    {"surface": "Clay", "indoor": True},
)
TOLD = ("competitor", "live", "rank", "matches", "wins", "draws", "losses", "last_played_at", "remarks")

_sides = st.permutations("ABCDEF").map(lambda keys: (keys[0], keys[1]))
_matches = st.tuples(st.just("match"), _sides, st.sampled_from(list(SCORES)), st.sampled_from(CONTEXTS))
_amendments = st.one_of(
    st.tuples(st.just("void"), st.integers(0, 40)),
    st.tuples(st.just("move"), st.integers(0, 40), st.sampled_from(CONTEXTS)),
    st.tuples(st.just("turn"), st.integers(0, 40)),
    st.tuples(st.just("merge"), _sides),
)
_seasons = st.lists(st.one_of(_matches, _matches, _matches, _amendments), min_size=6, max_size=24)


@dataclass
class Season:
    """A league, and its counted matches as they count, kept by hand."""

    play: Play
    counted: dict[str, MatchIn] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def take(self, step: tuple) -> None:
        here = (self.play.database, OPERATOR, self.play.league)
        if step[0] == "match":
            number = len(self.counted)
            sides = [self.merged.get(key, key) for key in step[1]]
            if sides[0] != sides[1]:
                fields = {"played_at": NEW_YEAR_2024 + (number * 7 % 5) * DAY + number, "context": canonical_context(step[3])}
                self.counted[f"m{number}"] = match(*step[1], step[2], f"m{number}", **fields)
                self.play.batch([self.counted[f"m{number}"]])
        elif step[0] == "merge":
            self._merge(*step[1])
        elif self.counted and (match_id := f"m{step[1] % len(self.counted)}") and self.counted[match_id].weight:
            self._amend(step, match_id, here)

    def _amend(self, step: tuple, match_id: str, here: tuple) -> None:
        known = self.counted[match_id]
        if step[0] == "void":
            void_match(*here, match_id, reason="why")
            self.counted[match_id] = replace(known, weight=0.0)
        elif step[0] == "turn":
            self._correct(match_id, here, score=1.0 - known.score, weight=known.weight + 1.0)
        elif canonical_context(step[2]) != known.context:
            self._correct(match_id, here, context=canonical_context(step[2]))

    def _correct(self, match_id: str, here: tuple, **changes: Any) -> None:
        correct_match(*here, match_id, changes, reason="why")
        self.counted[match_id] = replace(self.counted[match_id], **changes)

    def _merge(self, one: str, other: str) -> None:
        known = {key for played in self.counted.values() for key in (played.first, played.second)}
        met = any({self.merged.get(key, key) for key in (played.first, played.second)} <= {one, other} for played in self.counted.values())
        if not self.merged and {one, other} <= known and not met:
            merge_competitors(self.play.database, OPERATOR, self.play.league, one, other, reason="one person")
            self.merged[one] = other

    def of(self, where: Conditions) -> list[MatchIn]:
        """The counted matches of a segment under the names under which they count."""
        counting = [one for one in self.counted.values() if one.weight and where.met_by(one.context)]
        return [replace(one, first=self.merged.get(one.first, one.first), second=self.merged.get(one.second, one.second)) for one in counting]


def board(play: Play, where: Conditions, **asked: Any) -> dict[str, Any]:
    return dict(leaderboard(play.database, OPERATOR, play.league, by="live", where=where, **asked))


def essence(told: dict[str, Any]) -> tuple:
    """Without positions, the names of islands, and what a segment says of itself."""
    rows = sorted(({name: row[name] for name in TOLD} for row in told["rows"]), key=lambda row: row["competitor"])
    islands: dict[int, set[str]] = {}
    classes: dict[int, set[str]] = {}
    for row in told["rows"]:
        islands.setdefault(row["component"], set()).add(row["competitor"])
        classes.setdefault(row["class"], set()).add(row["competitor"])
    return rows, sorted(map(sorted, islands.values())), sorted(map(sorted, classes.values()))


@settings(max_examples=12, **QUIET)
@given(steps=_seasons, order=st.sampled_from(["log", "played_at"]))
def test_a_segment_is_a_league_in_which_nothing_else_was_played(shared, steps, order):
    season = Season(Play.begin(shared, order=order))
    for step in steps:
        season.take(step)
    for where in (CLAY, OUTDOORS, NOWHERE):
        alone = Play.begin(shared, order=order)
        if season.of(where):
            alone.batch(season.of(where))
        told = board(season.play, where)
        assert essence(told) == essence(board(alone, Conditions()))
        assert (told["where"], told["matches"]) == (where.shape, len(season.of(where)))


@settings(max_examples=8, **QUIET)
@given(steps=_seasons, order=st.sampled_from(["log", "played_at"]))
def test_what_a_segment_was_at_a_position_it_is_for_ever(shared, steps, order):
    with small_blocks(4):
        season = Season(Play.begin(shared, order=order))
        then = {}
        for number, step in enumerate(steps):
            season.take(step)
            if number % 3 == 0:
                keep_segments(shared, season.play.league)
            then[season.play.position()] = essence(board(season.play, CLAY))
        with cold(season.play) as again:
            for position, told in reversed(then.items()):
                assert essence(board(again, CLAY, as_of=position)) == told == essence(board(season.play, CLAY, as_of=position))


@pytest.fixture
def season(play: Play) -> Play:
    clay, hard = canonical_context({"surface": "Clay"}), canonical_context({"surface": "Hard"})
    play.batch(
        [match("A", "B", "first", context=clay), match("B", "C", "first", context=clay), match("C", "A", "draw", context=clay)]
        + [match("C", "D", "first", context=hard) for _ in range(3)]
        + [match("D", "A", "first")]
    )
    return play


def test_who_did_not_play_in_a_segment_is_not_on_its_leaderboard(season):
    told = board(season, CLAY)
    assert {row["competitor"]: row["matches"] for row in told["rows"]} == {"A": 2, "B": 2, "C": 2}
    assert (told["matches"], told["total"], told["components"]) == (3, 3, [{"component": 1, "competitors": 3, "classes": 1}])
    with pytest.raises(CompetitorNotFound):
        board(season, CLAY, around="D")
    assert "where" not in board(season, Conditions())


def test_a_value_that_no_match_has_is_an_empty_leaderboard(season):
    told = board(season, NOWHERE)
    assert (told["rows"], told["total"], told["matches"], told["components"], told["where"]) == ([], 0, 0, [], {"surface": "Ice"})


def test_names_are_current_and_pages_follow_each_other(season):
    rename(season, "B", "Bea")
    first = board(season, CLAY, limit=2)
    rest = board(season, CLAY, limit=2, cursor=first["next"])
    names = [row["name"] for row in first["rows"] + rest["rows"]]
    assert sorted(names) == ["A", "Bea", "C"]


def test_the_public_may_not_ask_for_a_segment(shared):
    play, other = Play.begin(shared, public=True), Play.begin(shared)
    play.play("A", "B", context=canonical_context({"surface": "Clay"}))
    key = create_key(shared, OPERATOR, name="reader", scopes=["read"], league=play.league)["key"]
    elsewhere = create_key(shared, OPERATOR, name="reader", scopes=["read"], league=other.league)["key"]
    assert leaderboard(shared, Caller.with_key(key), play.league, where=CLAY)["matches"] == 1
    with pytest.raises(KeyRequired, match="contexts"):
        leaderboard(shared, Caller.anonymous(), play.league, where=CLAY)
    with pytest.raises(KeyRequired, match="contexts"):
        predict(shared, Caller.anonymous(), play.league, "A", "B", where=CLAY)
    with pytest.raises(ScopeMissing):
        leaderboard(shared, Caller.with_key(elsewhere), play.league, where=CLAY)
    assert leaderboard(shared, Caller.anonymous(), play.league)["total"] == 2


def test_predictions_of_a_segment_rest_on_its_matches(season):
    ask = (season.database, OPERATOR, season.league)
    told = predict(*ask, "A", "B", where=CLAY)
    ratings = {row["competitor"]: row["live"]["rating"] for row in board(season, CLAY)["rows"]}
    assert told["first"] == pytest.approx(1 / (1 + 10 ** ((ratings["B"] - ratings["A"]) / 400)), abs=1e-12)
    assert (told["where"], told["matches"]) == ({"surface": "Clay"}, 3)
    with pytest.raises(CompetitorNotFound):
        predict(*ask, "A", "D", where=CLAY)
    with pytest.raises(FitNotPublished, match="surface = Clay"):
        predict(*ask, "A", "B", by="fit", where=CLAY)


def test_contexts_that_are_too_large_to_be_kept_are_read_again(season, monkeypatch):
    monkeypatch.setattr(match_contexts, "MAX_CHARACTERS_KEPT", 10)
    told = json.dumps(board(season, CLAY))
    assert json.dumps(board(season, CLAY)) == told
    assert not match_contexts._kept[season.database].leagues
