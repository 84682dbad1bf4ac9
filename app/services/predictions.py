"""Who would win, how sure that is, and whether the question has an answer at all.

The live rating's probability is Elo's expected score; the fit's is the mean over its uncertainty, with its interval. What data cannot compare gets
no number; what they can only order gets one that rests on the prior, and says so.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from app.core.identifiability import Comparable
from app.errors import BadInput, Fault
from app.ratings.scale import expected_score
from app.services.answer_shapes import ByBoth
from app.services.as_of import AsOf
from app.services.comparability import RESTS_ON, comparabilities, comparability, what_is_ordered, why_unknown
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.segments import counted_matches
from app.services.shapes import By, MatrixShape, PredictionListShape, PredictionShape
from app.services.standings import alias, segment_of
from app.services.stored_fits import FitTable
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_PAIRS: Final = 1_000
MAX_MATRIX: Final = 100


def predict(
    database: Database,
    caller: Caller,
    league: str,
    first: str,
    second: str,
    *,
    by: By | None = None,
    neutral: bool = True,
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> PredictionShape:
    """The probabilities of one match, by all matches or by those of a segment.

    Raises LeagueNotFound, CompetitorNotFound, FitNotPublished, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        table = ordered_table(database, unit, readable_at(unit, caller, league, where, as_of), by, where)
        return _prediction(table, *pair_of(unit, table, first, second, "first"), neutral=neutral)


def predict_many(
    database: Database,
    caller: Caller,
    league: str,
    pairs: Sequence[tuple[str, str]],
    *,
    by: ByBoth | None = None,
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> PredictionListShape:
    """The probabilities of up to 1,000 matches, on neutral ground; by both, those of the live ratings and of the fit in turn. Raises as `predict`."""
    if len(pairs) > MAX_PAIRS:
        raise BadInput("Too many pairs.", [Fault("/pairs", f"Ask for at most {MAX_PAIRS} pairs at a time.")])
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        bases: list[By | None] = ["live", "fit"] if by == "both" else [by]
        tables = [ordered_table(database, unit, then, basis, where) for basis in bases]
        found = [[pair_of(unit, table, *pair, f"/pairs/{index}") for table in tables] for index, pair in enumerate(pairs)]
    return {
        "rows": [_prediction(table, *sides, neutral=True) for both in found for table, sides in zip(tables, both, strict=True)],
        "position": then.position,
    }


def pair_of(unit: ReadUnit, table: Table, first: str, second: str, pointer: str) -> tuple[Any, Any]:
    """The rows of two different competitors. Raises CompetitorNotFound, BadInput."""
    keys = alias(unit, table, first), alias(unit, table, second)
    if keys[0] == keys[1]:
        raise BadInput("A match needs two different competitors.", [Fault(pointer, f"“{first}” cannot play against itself.")])
    return table.row(keys[0]), table.row(keys[1])


def _prediction(table: Table, first: Stored, second: Stored, *, neutral: bool) -> PredictionShape:
    comparable = comparability(table, first.number, second.number)
    chance, draw, interval = _probability(table, first, second, comparable, neutral=neutral)
    with_draws = draw is not None
    return {
        **segment_of(table),
        "pair": {"first": first.key, "second": second.key},
        "first": chance,
        "draw": draw,
        "second": None if chance is None else max(0.0, 1.0 - chance - (draw or 0.0)),
        "meaning": "outcome" if with_draws else "score",
        "interval": None if interval is None else {"lower": interval[0], "upper": interval[1]},
        "comparable": comparable,
        "rests_on": RESTS_ON[comparable],
        "sentence": _sentence(table, first, second, comparable, chance, interval, with_draws=with_draws),
        "by": table.by,
        "position": table.league.position,
        "fit": None if table.shown_fit is None else table.shown_fit.number,
    }


def _probability(
    table: Table, first: Stored, second: Stored, comparable: Comparable, *, neutral: bool
) -> tuple[float | None, float | None, tuple[float, float] | None]:
    """The first side's chance, the draw's where draws are modelled, and the interval of the first."""
    if comparable == "no":
        return None, None, None
    fit = table.shown_fit
    if fit is None:
        ahead = first.rating - second.rating + (0.0 if neutral else table.settings.side_points or 0.0)
        return expected_score(ahead, table.settings.scale), None, None
    found = fit.strengths.win_probability(fit.place(first.number), fit.place(second.number), side=0.0 if neutral else 1.0)
    if math.isnan(found.first):
        return None, None, None
    return found.first, None if math.isnan(found.draw) else found.draw, (found.lower, found.upper)


def _sentence(
    table: Table,
    one: Stored,
    other: Stored,
    comparable: Comparable,
    chance: float | None,
    interval: tuple[float, float] | None,
    *,
    with_draws: bool,
) -> str:
    first = one.key
    if comparable == "no" or chance is None:
        return why_unknown(table, one, other, "who would win")
    what = "to win" if with_draws else "of the points"
    between = f" (95 % interval {interval[0]:.0%} to {interval[1]:.0%})" if interval else ""
    text = f"{first} is expected {what} with {chance:.0%}{between}." if with_draws else f"{first} is expected to take {chance:.0%} {what}{between}."
    return f"{text} {what_is_ordered(table, one, other)}" if comparable == "ordered-only" else text


def matrix(
    database: Database,
    caller: Caller,
    league: str,
    competitors: Sequence[str] | None = None,
    *,
    top: int = 10,
    by: By | None = None,
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> MatrixShape:
    """Everybody against everybody, of those named or of the first of the leaderboard, on neutral ground. Raises as `predict`."""
    if not 2 <= (top if competitors is None else len(competitors)) <= MAX_MATRIX:
        raise BadInput("A matrix has 2 to 100 competitors.", [Fault("top" if competitors is None else "competitors", "Ask for 2 to 100.")])
    with database.read() as unit:
        table = ordered_table(database, unit, readable_at(unit, caller, league, where, as_of), by, where)
        chosen = table.first(top) if competitors is None else [table.row(alias(unit, table, key)) for key in competitors]
        numbers = [one.number for one in chosen]
        games = _games(database, unit, table, numbers) if len(set(numbers)) == len(numbers) else []
    if len(set(numbers)) < len(numbers):
        raise BadInput("A competitor is named twice.", [Fault("competitors", "Name each competitor once.")])
    comparable = comparabilities(table, numbers)
    return {
        **segment_of(table),
        "competitors": [one.key for one in chosen],
        "first": _chances(table, chosen, comparable),
        "comparable": comparable,
        "games": games,
        "by": table.by,
        "position": table.league.position,
        "fit": None if table.shown_fit is None else table.shown_fit.number,
    }


def _chances(table: Table, chosen: Sequence[Any], comparable: Sequence[Sequence[Comparable | None]]) -> list[list[float | None]]:
    numbers = [one.number for one in chosen]
    fit = table.shown_fit
    if fit is None:
        values = [[expected_score(one.rating - other.rating, table.settings.scale) for other in chosen] for one in chosen]
    else:
        values = _fitted_chances(fit, numbers)
    return [
        [value if among not in {None, "no"} else None for value, among in zip(row, own, strict=True)]
        for row, own in zip(values, comparable, strict=True)
    ]


def _fitted_chances(fit: FitTable, numbers: Sequence[int]) -> list[list[float]]:
    known = [place for place, number in enumerate(numbers) if number in fit]
    chances = np.full((len(numbers), len(numbers)), np.nan)
    chances[np.ix_(known, known)] = fit.strengths.win_matrix([fit.place(numbers[place]) for place in known])
    values: list[list[float]] = chances.tolist()
    return values


def _games(database: Database, unit: ReadUnit, table: Table, numbers: Sequence[int]) -> list[list[int]]:
    """How often they met, in matches that count."""
    league = table.league
    if table.where or league.amended_position:
        log = counted_matches(database, unit, league, league.position, table.where)
        among = np.isin(log.first, numbers) & np.isin(log.second, numbers)
        pairs = [(int(first), int(second), 1) for first, second in zip(log.first[among], log.second[among], strict=True)]
    else:
        pairs = [(row.first, row.second, row.games) for row in unit.entries.games_between(league.id, numbers, league.position)]
    place = {number: index for index, number in enumerate(numbers)}
    games = [[0] * len(numbers) for _ in numbers]
    for first, second, count in pairs:
        games[place[first]][place[second]] += count
        games[place[second]][place[first]] += count
    return games
