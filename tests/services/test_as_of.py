"""Time travel: asked as of a position, a league answers, byte for byte, what it answered when that was its head."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.errors import ArpadError, BadInput, CompetitorNotFound, Conflict, FitNotFound, FitNotPublished
from app.services import as_of as dates
from app.services import stored_fits
from app.services.as_of import Moment, last_published, published_numbers
from app.services.conditions import WHOLE, Conditions
from app.services.leagues import get_league
from app.services.predictions import matrix, predict, predict_many
from app.services.refits import get_fit, list_fits, request_refit, run_next_refit
from app.services.roster import forget_competitor, merge_competitors
from app.services.segments import keep_segments
from app.services.standings import competitor, leaderboard
from app.storage.unit_of_work import Database
from tests.services.mirror import Mirror, cold, pages, rename, retire, small_blocks
from tests.services.play import OPERATOR, Play, match
from tests.services.test_amendments import _steps, season, take

CLAY = Conditions.of_texts(["surface=clay"])
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
QUIET = {"deadline": None, "phases": PHASES, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}
_histories = st.lists(_steps | st.tuples(st.sampled_from(["fit", "retire", "pack", "davidson", "estimate"])), min_size=3, max_size=7)


def told(play: Play, as_of: int | Moment | None) -> dict[str, Any]:
    """Everything that can be asked of a league, with its fits."""
    ask = (play.database, OPERATOR, play.league)
    keys = [row["competitor"] for row in leaderboard(*ask, by="live", as_of=as_of)["rows"]]
    pairs = [(one, other) for one in keys[:3] for other in keys[-3:] if one != other]
    questions = {
        "board": lambda: leaderboard(*ask, as_of=as_of),
        "fitted": lambda: leaderboard(*ask, by="fit", as_of=as_of),
        "page": lambda: leaderboard(*ask, by="live", limit=2, min_matches=2, inactive=False, as_of=as_of),
        "fits": lambda: list_fits(*ask, as_of=as_of),
        "predictions": lambda: predict_many(*ask, pairs, as_of=as_of),
        "fitted predictions": lambda: predict_many(*ask, pairs, by="fit", as_of=as_of),
        "matrix": lambda: matrix(*ask, keys[:4], as_of=as_of),
        "fitted matrix": lambda: matrix(*ask, keys[:4], by="fit", as_of=as_of),
        "away": lambda: predict(*ask, *pairs[0], neutral=False, as_of=as_of) if pairs else None,
    }
    return {name: _answer(question) for name, question in questions.items()}


def _answer(question: Any) -> str:
    try:
        return json.dumps(question())
    except ArpadError as error:
        return type(error).__name__


def travel(mirror: Mirror, step: tuple) -> None:
    """A step of a history, with those that an amendment does not know."""
    play = mirror.play
    if step[0] == "fit":
        play.fit()
    elif step[0] == "retire":
        retire(play, "A", retired=play.position() % 2 == 0)
    elif step[0] == "pack":
        keep_segments(play.database, play.league)
    elif step[0] == "davidson":
        play.change(draws="davidson")
    elif step[0] == "estimate":
        play.change(side="estimate", half_life_days=100.0)
    else:
        take(mirror, step)


@settings(max_examples=8, **QUIET)
@given(steps=_histories, order=st.sampled_from(["log", "played_at"]))
def test_what_was_answered_at_a_position_is_answered_for_ever(shared, steps, order):
    with small_blocks(4):
        mirror = season(Play.begin(shared, order=order))
        mirror.play.fit()
        then: dict[int, dict[str, Any]] = {}
        for step in steps:
            travel(mirror, step)
            position = mirror.play.position()
            then[position] = told(mirror.play, position)
            mirror.remember()
            now = told(mirror.play, None)
            for name in ("fitted predictions", "fitted matrix", "predictions", "matrix", "away"):
                assert now[name] == then[position][name]
            assert _timeless(now["fitted"]) == _timeless(then[position]["fitted"])
            assert _timeless(now["board"]) == _timeless(then[position]["board"])
        for position, answers in then.items():
            assert told(mirror.play, position) == answers
        keep_segments(shared, mirror.play.league)
        with cold(mirror.play) as mirror.play:
            mirror.remembers()
            for position, answers in reversed(then.items()):
                assert told(mirror.play, position) == answers


def _timeless(answer: str) -> Any:
    """A leaderboard without what depends on the day."""
    if not answer.startswith("{"):
        return answer
    board = json.loads(answer)
    return {name: value for name, value in board.items() if name not in {"as_of", "rows"}}, [{**row, "status": None} for row in board["rows"]]


@settings(max_examples=6, **QUIET)
@given(steps=st.lists(_steps, min_size=2, max_size=5))
def test_a_time_means_the_last_entry_at_or_before_it(shared, steps):
    mirror = season(Play.begin(shared))
    for step in steps:
        take(mirror, step)
    entries = mirror.play.entries()
    for entry in entries[-2:]:
        for moment in (entry.recorded_at, entry.recorded_at + 1):
            last = max(one.position for one in entries if one.recorded_at <= moment)
            by_time = json.loads(pages(mirror.play, Moment(moment)))
            by_position = json.loads(pages(mirror.play, last))
            assert by_time[1:] == by_position[1:] or last == 0
            assert {**by_time[0], "as_of": ""} == {**by_position[0], "as_of": ""}


@pytest.fixture
def mirror(play: Play) -> Mirror:
    return season(play)


def ask(mirror: Mirror, as_of: Any) -> Any:
    return leaderboard(mirror.play.database, OPERATOR, mirror.play.league, as_of=as_of)


def test_what_lies_ahead_or_before_the_league_is_refused(mirror):
    row = mirror.play.row()
    for as_of in (row.position + 1, -1, 2**62, Moment(row.created_at - 1), Moment(2**60)):
        with pytest.raises(BadInput) as caught:
            ask(mirror, as_of)
        assert caught.value.faults[0].pointer == "as_of"
    assert ask(mirror, Moment(row.created_at))["position"] <= row.position
    assert ask(mirror, 0)["rows"] == []


def test_who_was_not_there_yet_is_not_found(mirror):
    with pytest.raises(CompetitorNotFound):
        competitor(mirror.play.database, OPERATOR, mirror.play.league, "D", as_of=3)
    assert competitor(mirror.play.database, OPERATOR, mirror.play.league, "D", as_of=4)["matches"] == 1


def test_no_fit_was_published_before_the_first(mirror):
    fit = mirror.play.fit()["fit"]
    position = mirror.play.position()
    here = mirror.play.database, OPERATOR, mirror.play.league
    assert ask(mirror, position)["fit"] == fit
    with pytest.raises(FitNotPublished):
        leaderboard(*here, by="fit", as_of=position - 1)
    with pytest.raises(FitNotFound):
        get_fit(*here, fit, as_of=position - 1)
    assert get_fit(*here, fit, as_of=position)["fit"] == fit


def test_an_older_fit_answers_as_when_it_was_published_though_its_uncertainty_is_gone(mirror):
    then = dict[int, Any]()
    for number in range(4):
        mirror.play.fit()
        then[mirror.play.position()] = told(mirror.play, mirror.play.position())
        mirror.record(match("A", "E", "second", f"x{number}"), match("E", "F", "draw", f"y{number}"))
        mirror.void(f"m{number}")
    assert mirror.play.sql("UPDATE fit SET uncertainty = uncertainty WHERE league_id = :league AND uncertainty IS NOT NULL") == 1
    with cold(mirror.play) as mirror.play:
        for position, answers in then.items():
            assert told(mirror.play, position) == answers


def test_names_are_current_and_who_was_retired_is_as_it_was(mirror):
    before = mirror.play.position()
    ask(mirror, before)
    rename(mirror.play, "A", "Ann")
    retire(mirror.play, "B")
    retired = mirror.play.position()
    retire(mirror.play, "B", retired=False)
    rows = {position: {row["competitor"]: row for row in ask(mirror, position)["rows"]} for position in (before, retired, None)}
    assert {one["A"]["name"] for one in rows.values()} == {"Ann"}
    assert [rows[position]["B"]["status"] for position in (before, retired, None)] == ["inactive", "retired", "inactive"]


def test_a_fit_whose_anchor_was_forgotten_or_merged_is_shown_as_it_was(play):
    play.batch([match("A", "B", "first", "m1"), match("B", "C", "first", "m2"), match("C", "A", "draw", "m3"), match("D", "B", "draw", "m4")])
    play.change(anchor={"competitor": "C", "rating": 2000.0})
    assert play.fit()["status"] == "published"
    position = get_league(play.database, OPERATOR, play.league)["position"]
    shown = predict(play.database, OPERATOR, play.league, "A", "B", by="fit", as_of=position)
    merge_competitors(play.database, OPERATOR, play.league, "C", "D", reason="one person")
    assert play.fit()["status"] == "published"
    board = leaderboard(play.database, OPERATOR, play.league, by="fit")["rows"]
    assert next(row["fit"] for row in board if row["competitor"] == "D")["rating"] == pytest.approx(2000.0)
    with pytest.raises(Conflict):
        forget_competitor(play.database, OPERATOR, play.league, "C")
    play.change(anchor=None)
    forget_competitor(play.database, OPERATOR, play.league, "C")
    fresh = Database(play.database.engine)
    assert predict(fresh, OPERATOR, play.league, "A", "B", by="fit", as_of=position) == shown


def test_a_leaderboard_of_the_past_fits_nothing_again(play, monkeypatch):
    play.batch([match("A", "B", "first"), match("B", "C", "first"), match("C", "A", "draw")])
    play.fit()
    position = play.position()
    play.play("A", "C")
    play.fit()

    def explode(*_: object, **__: object):
        raise AssertionError("it was fitted again")

    monkeypatch.setattr(stored_fits, "fit_league", explode)
    fresh = Database(play.database.engine)
    for by in ("live", "fit"):
        assert len(leaderboard(fresh, OPERATOR, play.league, by=by, as_of=position)["rows"]) == 3
    with pytest.raises(AssertionError, match="fitted again"):
        predict(fresh, OPERATOR, play.league, "A", "B", by="fit", as_of=position)


def test_the_fit_that_was_published_last_is_found_from_the_end(play, monkeypatch):
    monkeypatch.setattr(dates, "FITS_AT_ONCE", 2)
    for number in range(5):
        play.batch([match("A", "B", "first", context='{"surface":"clay"}'), match("B", "A", "draw")])
        request_refit(play.database, OPERATOR, play.league, where=CLAY if number in {1, 2, 3} else WHOLE)
        run_next_refit(play.database, "tester", league=play.league)
    with play.database.read() as unit:
        row = unit.leagues.existing(play.league)
        for position in range(row.position + 1):
            for where in (WHOLE, CLAY):
                numbers = published_numbers(unit, row.id, position, where)
                assert last_published(unit, row.id, position, where) == (numbers[-1] if numbers else None)
        assert numbers == [2, 3, 4]
