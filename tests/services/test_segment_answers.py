"""Every answer about a segment is that of a league in which nothing else was recorded: settings and results × what can be asked."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from app.errors import ArpadError, BadInput, CompetitorNotFound, FitNotPublished, KeyRequired, ScopeMissing
from app.ratings.matches import canonical_context
from app.services.bridges import bridges
from app.services.conditions import WHOLE, Conditions
from app.services.corrections import correct_match
from app.services.differences import difference
from app.services.drift_alarms import league_drift
from app.services.keys import Caller, create_key
from app.services.predictions import matrix, predict, predict_many
from app.services.recording import MatchIn
from app.services.refits import request_refit, run_next_refit
from app.services.roster import merge_competitors, register_competitor
from app.services.standings import competitor, leaderboard
from app.services.suggestions import forecast, suggestions
from app.services.tournaments import Tournament, simulate
from tests.services.cases import LEAGUES, elsewhere
from tests.services.mirror import cold
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

CLAY = Conditions.of_texts(["surface=Clay"])
RESULTS = ("first", "second", "draw")
LAST_MONTH = time.time_ns() // 1000 // DAY * DAY - 30 * DAY
"""Recent enough for everyone to be active."""
NAMES = {"league", "position", "as_of", "context", "where"}
Rows = list[tuple[str, str, str]]
Ask = Callable[..., Any]


def season(players: str, n: int, seed: int, weights: Sequence[float] = (0.5, 0.3, 0.2)) -> Rows:
    """Results of random pairs in which whoever is named earlier is a little stronger."""
    generator = np.random.default_rng(seed)
    pairs = [sorted(generator.choice(list(players), 2, replace=False)) for _ in range(n)]
    return [(str(one), str(other), str(generator.choice(RESULTS, p=weights))) for one, other in pairs]


CASES: dict[str, tuple[dict[str, Any], Rows]] = {
    **LEAGUES,
    "a season": ({}, season("ABCDEFG", 90, 1)),
    "a season with draws": ({"draws": "davidson"}, season("ABCDE", 80, 2)),
    "a season with sides": ({"side": "estimate", "primary": "fit"}, season("ABCDE", 70, 3)),
    "pairs balanced, with an anchor": ({"balance": "pairs", "anchor": {"competitor": "C", "rating": 1700.0}}, season("ABCDEF", 60, 4)),
    "a few results": ({"prior_sd": None}, season("ABCDEFGH", 9, 5)),
    "live ratings far away": ({"k": 400.0}, season("ABCD", 160, 6)),
    "in the order of play": ({"order": "played_at"}, season("ABCDE", 40, 7)),
    "style": ({"covariates": ["length"]}, season("ABCDE", 80, 8)),
    "nothing at all": ({}, []),
}


def played(rows: Rows, settings: Mapping[str, Any], **context: Any) -> list[MatchIn]:
    """In an order of play that is not the order in which they are sent."""
    styled = [{"length": float((7 * n) % 11 - 5)} if "covariates" in settings else {} for n in range(len(rows))]
    times = [LAST_MONTH + ((5 * n) % 13) * DAY + n for n in range(len(rows))]
    return [
        match(*row, f"{context['surface']}{n}", played_at=time, context=canonical_context({**context, **style}))
        for n, (row, time, style) in enumerate(zip(rows, times, styled, strict=True))
    ]


def riffled(one: list[MatchIn], other: list[MatchIn]) -> list[MatchIn]:
    """Both in their own order, evenly mixed; it begins with the first of one."""
    placed = [((n + late) / len(matches), each) for late, matches in ((0.0, one), (0.5, other)) for n, each in enumerate(matches)]
    return [each for _, each in sorted(placed, key=lambda at: at[0])]


@dataclass(frozen=True)
class Two:
    """The segment of a league, and the league in which nothing else was recorded."""

    mixed: Play
    alone: Play

    @classmethod
    def of(cls, database: Any, settings: dict[str, Any], rows: Rows) -> "Two":
        two = cls(Play.begin(database, **settings), Play.begin(database, **settings))
        clay, hard = played(rows, settings, surface="Clay"), played(elsewhere(rows), settings, surface="Hard")
        if clay:
            two.mixed.batch(riffled(hard, clay))
        two.record_alone(clay)
        return two

    def record_alone(self, matches: list[MatchIn]) -> None:
        """By people of the same numbers, so that what is in the order of the roster has the same order."""
        for row in self.mixed.competitors():
            register_competitor(self.alone.database, OPERATOR, self.alone.league, row.key)
        if matches:
            self.alone.batch(matches)

    def fit(self) -> None:
        self.mixed.fit()
        statuses = [fit(self.mixed, CLAY)["status"], fit(self.alone, WHOLE)["status"]]
        assert statuses[0] == statuses[1]


def fit(play: Play, where: Conditions) -> dict[str, Any]:
    request_refit(play.database, OPERATOR, play.league, where=where)
    found = run_next_refit(play.database, "tester", league=play.league)
    assert found is not None
    return dict(found)


def ask(service: Ask, *arguments: Any, **options: Any) -> Ask:
    return lambda play, where, **more: service(play.database, OPERATOR, play.league, *arguments, where=where, **options, **more)


def asks(keys: str) -> dict[str, Ask]:
    """Everything that can be asked of a segment, about these competitors among others."""
    pairs = list(itertools.pairwise([*keys, keys[0]]))
    knock_out, round_robin = Tournament("knock-out", runs=5_000, seed=5), Tournament("round-robin", runs=5_000, legs=2)
    by_rating: dict[str, Ask] = {}
    for by in ("live", "fit", None):
        by_rating |= {
            f"leaderboard by {by}": ask(leaderboard, by=by),
            f"the second page by {by}": ask(leaderboard, by=by, limit=1, min_matches=1),
            f"matrix by {by}": ask(matrix, by=by),
            f"matrix of those named by {by}": ask(matrix, list(keys), by=by),
            f"knock-out by {by}": ask(simulate, knock_out, top=3, by=by),
            f"round robin by {by}": ask(simulate, round_robin, list(keys), by=by),
            f"predictions by {by}": ask(predict_many, pairs, by=by),
        }
        by_rating |= {f"prediction {pair} by {by}": ask(predict, *pair, by=by, neutral=False) for pair in pairs}
        by_rating |= {f"difference {pair} by {by}": ask(difference, *pair, by=by) for pair in pairs}
    return {
        **by_rating,
        **{f"competitor {key}": ask(competitor, key) for key in (*keys, "Z")},
        **{f"suggestions to {goal}": ask(suggestions, goal=goal, k=2, count=4, seed=3) for goal in ("top", "neighbours", "connect")},
        "predictions by both": ask(predict_many, pairs, by="both"),
        "bridges": ask(bridges),
        "drift": ask(league_drift),
        "forecast": ask(forecast),
    }


def essence(found: Any) -> Any:
    """Without what names league, position, fit and segment, or how many matches the segment has."""
    if isinstance(found, Mapping):
        left_out = NAMES | ({"matches"} if "where" in found and "wins" not in found else set()) | ({"name"} if "components" in found else set())
        left_out |= set() if isinstance(found.get("fit"), Mapping) else {"fit"}
        told = {name: essence(value) for name, value in found.items() if name not in left_out}
        if "candidates" in told:
            # Equal gains are in order by their last digits.
            told["rows"] = sorted(told["rows"], key=lambda row: (row["first"], row["second"]))
        return _drawn(told) if found.get("uncertainty") == "joint" else told
    return [essence(one) for one in found] if isinstance(found, list | tuple) else found


def _drawn(told: dict[str, Any]) -> dict[str, Any]:
    """The draws from a joint distribution turn with its last digits: what is simulated is the same but for chance."""
    rows = {row["competitor"]: {name: row[name] for name in ("title", "reaches", "points")} for row in told["rows"]}
    return {**{name: value for name, value in told.items() if name not in {"rows", "sentence"}}, "drawn": rows}


def assert_same(one: Any, other: Any, place: str, names: set[tuple[bool, int, int]]) -> None:
    """But for the rounding of figures and what classes are called, which is gathered in `names`."""
    if isinstance(other, Mapping):
        assert one.keys() == other.keys(), place
        for name in other:
            assert_same(one[name], other[name], f"{place}, {name}", names)
    elif isinstance(other, list):
        assert len(one) == len(other), place
        for n, (left, right) in enumerate(zip(one, other, strict=True)):
            assert_same(left, right, f"{place}, {n}", names)
    elif place.endswith(", class"):
        names.add((place.split(", ")[-2] == "fit", one, other))
    else:
        chance = 0.15 if "points" in place else 0.05
        assert one == (pytest.approx(other, rel=1e-6, abs=chance if ", drawn," in place else 1e-6) if isinstance(other, float) else other), place


def answered(question: Ask, play: Play, where: Conditions) -> Any:
    """A refusal by its kind and the places that it names."""
    try:
        return essence(question(play, where))
    except ArpadError as error:
        return type(error).__name__, [fault.pointer for fault in getattr(error, "faults", ())]


def agree(two: Two, keys: str) -> int:
    """How many questions were answered rather than refused."""
    answers = {name: (answered(question, two.mixed, CLAY), answered(question, two.alone, WHOLE)) for name, question in asks(keys).items()}
    for name, (segment, alone) in answers.items():
        assert type(segment) is type(alone), (name, segment, alone)
        classes: set[tuple[bool, int, int]] = set()
        assert_same(segment, alone, name, classes)
        assert len({each[:2] for each in classes}) == len({each[::2] for each in classes}) == len(classes), name
    return sum(not isinstance(segment, tuple) for segment, _ in answers.values())


@pytest.mark.parametrize("case", CASES)
def test_whatever_is_asked_of_a_segment_nothing_else_was_played(shared, case):
    settings, rows = CASES[case]
    two = Two.of(shared, settings, rows)
    keys = "".join(sorted({key for one, other, _ in rows for key in (one, other)}))[:5] or "AB"
    before = agree(two, keys)
    two.fit()
    after = agree(two, keys)
    if rows:
        assert min(before, after) >= 12
    if settings.get("prior_sd", 2.0) is not None and rows:
        assert after > before


def test_amended_matches_count_in_the_segment_in_which_they_stand(shared):
    settings, rows = CASES["a season with draws"]
    two = Two.of(shared, settings, rows)
    clay, hard, here = played(rows, settings, surface="Clay"), played(elsewhere(rows), settings, surface="Hard"), (shared, OPERATOR, two.mixed.league)
    two.mixed.void("Clay3")
    correct_match(*here, "Clay5", {"context": canonical_context({"surface": "Hard"})}, reason="it rained")
    correct_match(*here, "Hard0", {"context": clay[0].context, "score": 0.5}, reason="it did not")
    two.mixed.batch([match("Y", "A", "draw", "late", played_at=LAST_MONTH, context=clay[0].context)])
    merge_competitors(*here, "Y", "Z", reason="one person")
    moved, late = replace(hard[0], context=clay[0].context, score=0.5), match("Z", "A", "draw", "late", played_at=LAST_MONTH)
    two = replace(two, alone=Play.begin(shared, **settings))
    two.record_alone([moved, *(one for n, one in enumerate(clay) if n not in {3, 5}), late])
    agree(two, "ABZ")
    two.fit()
    assert agree(two, "ABZ") > 40
    with pytest.raises(CompetitorNotFound):
        competitor(*here, "Y", where=Conditions.of_texts(["surface=Grass"]))
    assert competitor(*here, "Y", where=CLAY)["competitor"] == "Z"


@pytest.fixture
def two(shared) -> Two:
    two = Two.of(shared, *CASES["a season"])
    two.fit()
    return two


def names_in(found: Any) -> set[str]:
    if isinstance(found, Mapping):
        return {one for value in found.values() for one in names_in(value)}
    return {one for each in found for one in names_in(each)} if isinstance(found, list | tuple) else {str(found)}


def test_nobody_who_does_not_play_in_a_segment_is_told_of(two):
    assert "Z" in names_in(leaderboard(two.mixed.database, OPERATOR, two.mixed.league))
    for name, question in asks("ABC").items():
        if name != "competitor Z":
            found = question(two.mixed, CLAY)
            assert "Z" not in names_in(found), name
            if name != "forecast":
                assert (found.get("where") or found["rows"][0]["where"]) == CLAY.shape, name


def test_there_is_something_to_suggest_of_a_segment(two):
    here = (two.mixed.database, OPERATOR, two.mixed.league)
    for goal in ("top", "neighbours"):
        told = suggestions(*here, goal=goal, where=CLAY)
        assert len(told["rows"]) >= 3
        assert told["forecast"] is not None


def test_what_was_said_of_a_segment_then_is_said_for_ever(two):
    play, questions = two.mixed, asks("ABC")
    del questions["competitor Z"]
    before = {name: question(play, CLAY) for name, question in questions.items()}
    position = play.position()
    play.batch(played([("A", "B", "second"), ("New", "A", "first")] * 3, {}, surface="Grass"))
    later = [
        replace(one, match_id=f"later {n}") for n, one in enumerate(played([("New", "A", "first"), ("G", "B", "first")] * 3, {}, surface="Clay"))
    ]
    play.batch(later)
    two.mixed.fit()
    fit(play, CLAY)
    with cold(play) as again:
        for name, question in questions.items():
            then = question(again, CLAY, as_of=position)
            told_by_day = {"as_of", "status"}
            classes: set[tuple[bool, int, int]] = set()
            assert_same(*(_without(essence(one), told_by_day) for one in (then, before[name])), name, classes)
            assert all(one == other for _, one, other in classes)


def _without(found: Any, names: set[str]) -> Any:
    if isinstance(found, Mapping):
        return {name: _without(value, names) for name, value in found.items() if name not in names}
    return [_without(one, names) for one in found] if isinstance(found, list) else found


def test_the_public_may_ask_nothing_of_a_segment(shared):
    play = Play.begin(shared, public=True)
    play.batch(played([("A", "B", "first"), ("B", "A", "first")], {}, surface="Clay"))
    fit(play, CLAY)
    key = create_key(shared, OPERATOR, name="elsewhere", scopes=["read"], league=Play.begin(shared).league)["key"]
    own = create_key(shared, OPERATOR, name="here", scopes=["read"], league=play.league)["key"]
    for service, arguments in (
        (leaderboard, ()),
        (competitor, ("A",)),
        (predict, ("A", "B")),
        (predict_many, ([("A", "B")],)),
        (matrix, ()),
        (simulate, (Tournament("knock-out", runs=10), ["A", "B"])),
        (difference, ("A", "B")),
        (bridges, ()),
        (suggestions, ()),
        (forecast, ()),
        (league_drift, ()),
    ):
        with pytest.raises(KeyRequired, match="contexts"):
            service(shared, Caller.anonymous(), play.league, *arguments, where=CLAY)
        with pytest.raises(ScopeMissing):
            service(shared, Caller.with_key(key), play.league, *arguments, where=CLAY)
        service(shared, Caller.with_key(own), play.league, *arguments, where=CLAY)


def test_who_is_not_in_a_segment_is_not_found_and_the_answer_says_how_to_find_them(two):
    here = (two.mixed.database, OPERATOR, two.mixed.league)
    for unknown in (
        lambda: competitor(*here, "Z", where=CLAY),
        lambda: predict_many(*here, [("A", "B"), ("A", "Z")], where=CLAY),
        lambda: matrix(*here, ["A", "Z"], where=CLAY),
        lambda: simulate(*here, Tournament("round-robin"), ["A", "Z"], where=CLAY),
        lambda: difference(*here, "Z", "A", where=CLAY),
        lambda: leaderboard(*here, around="Z", where=CLAY),
    ):
        with pytest.raises(CompetitorNotFound, match="No counted match of “Z” meets surface = Clay; leave out “where” to ask of the whole league"):
            unknown()
    with pytest.raises(CompetitorNotFound, match="There is no competitor “Nobody” in this league"):
        competitor(*here, "Nobody")


def test_what_needs_a_fit_of_the_segment_says_how_to_have_one(two):
    here, ice = (two.mixed.database, OPERATOR, two.mixed.league), Conditions.of_texts(["surface=Hard"])
    for unfitted in (
        lambda: league_drift(*here, where=ice),
        lambda: suggestions(*here, where=ice),
        lambda: difference(*here, "A", "Z", by="fit", where=ice),
        lambda: matrix(*here, by="fit", where=ice),
    ):
        with pytest.raises(FitNotPublished, match=r"No fit of surface = Hard is published\. Request one"):
            unfitted()
    assert difference(*here, "A", "Z", where=ice)["by"] == "live"


def test_a_suggested_match_is_one_of_the_segment(shared):
    where = Conditions.of_texts(["surface=Clay", "sets=3", "indoor=true", "version=3.10"])
    play = Play.begin(shared)
    context = canonical_context({"surface": "Clay", "sets": 3, "indoor": True, "version": "3.10"})
    play.batch([match("A", "B", context=context), match("X", "Y", context=context), match("A", "X")])
    told = suggestions(shared, OPERATOR, play.league, goal="connect", where=where)
    assert told["rows"]
    for row in told["rows"]:
        assert row["context"].items() >= {"surface": "Clay", "sets": 3.0, "indoor": True, "version": "3.10"}.items()
        assert row["context"]["propensity"] == row["propensity"]
    row = told["rows"][0]
    play.batch([match(row["first"], row["second"], context=canonical_context(row["context"]))])
    after = bridges(shared, OPERATOR, play.league, where=where)
    assert (after["islands"], after["matches"]) == (1, 3)


def test_a_segment_by_a_column_of_the_style(shared):
    """Where a column is the same throughout it acts like a side; where it is nothing throughout, nothing can be said of it."""
    two = Two.of(shared, *CASES["style"])
    constant = fit(two.mixed, Conditions.of_texts(["surface=Clay", "length=2"]))
    assert (constant["status"], constant["certificate"]["covariates"][0]["standard_deviation"]) == ("published", 2.0)
    one = Conditions.of_texts(["surface=Clay", "length=0"])
    told = fit(two.mixed, one)
    assert (told["status"], told["where"]) == ("refused", {"length": "0", "surface": "Clay"})
    assert "is the same for both sides in every match" in told["reason"]
    board = leaderboard(shared, OPERATOR, two.mixed.league, where=one)
    assert 0 < board["matches"] < 20
    assert board["by"] == "live"
    with pytest.raises(FitNotPublished, match=f"fit {told['fit']} was refused"):
        league_drift(shared, OPERATOR, two.mixed.league, where=one)


def test_who_is_inactive_is_reckoned_at_the_moment_that_is_meant_also_of_what_is_kept(shared):
    """The last position and the present are two questions, whichever was asked first."""
    play = Play.begin(shared, inactive_days=30)
    clay = canonical_context({"surface": "Clay"})
    old = [match("Old", b, match_id=f"{b}{n}", played_at=NEW_YEAR_2024, context=clay) for b in "AB" for n in range(3)]
    play.batch(
        [*old, match("A", "B", "first", "new", played_at=LAST_MONTH + 29 * DAY, context=clay), match("X", "Y", "first", "other", context=clay)]
    )
    play.sql("UPDATE entry SET recorded_at = :then WHERE league_id = :league", then=NEW_YEAR_2024 + DAY)
    for where in (CLAY, WHOLE):
        with cold(play) as again:
            ask_again = (again.database, OPERATOR, again.league)
            then = bridges(*ask_again, where=where, as_of=play.position())
            now = bridges(*ask_again, where=where)
            assert then["pairings"][0]["first"] == "Old"
            assert now["pairings"][0]["first"] == "A"


def test_a_tournament_needs_two_of_the_segment(shared):
    play = Play.begin(shared)
    play.play("A", "B")
    with pytest.raises(BadInput, match="2 to 128"):
        simulate(shared, OPERATOR, play.league, Tournament("knock-out"), where=CLAY)
    assert matrix(shared, OPERATOR, play.league, where=CLAY)["competitors"] == []
