"""Pairs worth playing next, drawn with known probabilities, and how many more matches the first two would need.

    top         matches that tell who belongs to the first k of the largest island
    neighbours  matches between competitors who stand next to each other
    connect     matches that make pairs of competitors comparable

The propensity of a pair is the probability with which it was among those drawn: whoever keeps it with the match can later undo the choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final

import numpy as np

from app.core.identifiability import Comparable
from app.core.spreads import pair_variances
from app.errors import BadInput, Fault
from app.ratings.comparisons import Floats
from app.ratings.scale import natural_unit
from app.ratings.suggestions import drawn, matches_to_separate, own_gains, propensities, separating_gains
from app.services.answer_shapes import ForecastShape, Goal, SuggestionRow, SuggestionsShape
from app.services.as_of import AsOf
from app.services.bridges import Missing
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.standings import moment_of, segment_of
from app.services.stored_fits import FitTable
from app.storage.unit_of_work import Database

MAX_TOP: Final = 30
MAX_COUNT: Final = 100
CONTENDERS: Final = 12
"""So many beside the top k are candidates."""
NEIGHBOURS: Final = 60
REACH: Final = 3
"""Neighbours are at most so many places apart."""
ENVOYS: Final = 3
"""So many of each island or class are candidates to connect it."""
MAX_GROUPS: Final = 200

Pair = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class _Candidates:
    pairs: list[Pair]
    gains: Floats


def suggestions(
    database: Database,
    caller: Caller,
    league: str,
    *,
    goal: Goal = "neighbours",
    k: int = 3,
    count: int = 5,
    seed: int = 0,
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> SuggestionsShape:
    """Pairs to play next, of a league or of a segment. The goals “top” and “neighbours” need a published fit.

    Raises LeagueNotFound, FitNotPublished, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    if not (1 <= k <= MAX_TOP and 1 <= count <= MAX_COUNT):
        fault = Fault("k", f"Use 1 to {MAX_TOP}.") if not 1 <= k <= MAX_TOP else Fault("count", f"Use 1 to {MAX_COUNT}.")
        raise BadInput("So much cannot be asked for.", [fault])
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        table = ordered_table(database, unit, then, "live" if goal == "connect" else "fit", where)
    moment, by_fit = moment_of(then), None if goal == "connect" else table.fit
    active = [] if by_fit is None else _active(table, by_fit, moment)
    found = _connecting(table, moment) if by_fit is None else _informative(active, by_fit, goal, k)
    chances = propensities(found.gains, count) if found.pairs else np.zeros(0)
    places = drawn(chances, np.random.default_rng(seed)) if found.pairs else np.zeros(0, dtype=np.int64)
    rows = [_row(found, int(place), float(chances[place]), f"{goal}-{then.position}-{seed}", where) for place in places]
    return {
        **segment_of(table),
        "league": then.key,
        "position": then.position,
        "fit": None if by_fit is None else by_fit.number,
        "goal": goal,
        "seed": seed,
        "candidates": len(found.pairs),
        "unit": "pairs that become comparable" if goal == "connect" else "variance in squared points",
        "rows": sorted(rows, key=lambda each: (-each["gain"], each["first"], each["second"])),
        "forecast": None if by_fit is None else _forecast(active, by_fit),
        "sentence": _sentence(found, rows, goal, k) if rows else _why_none(goal, k, len(active)),
    }


def forecast(database: Database, caller: Caller, league: str, *, where: Conditions = WHOLE, as_of: AsOf = None) -> ForecastShape | None:
    """About how many more matches the first two of the fit would need; None where there are no two. Raises as `suggestions`."""
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        table = ordered_table(database, unit, then, "fit", where)
    return None if table.fit is None else _forecast(_active(table, table.fit, moment_of(then)), table.fit)


def _row(found: _Candidates, place: int, propensity: float, draw: str, where: Conditions) -> SuggestionRow:
    """A match that is suggested for a segment is of it only if its context says so."""
    first, second = found.pairs[place]
    context: dict[str, str | float | bool] = {**where.context, "suggestion": draw, "propensity": propensity}
    return {"first": first.key, "second": second.key, "propensity": propensity, "gain": float(found.gains[place]), "context": context}


def _sentence(found: _Candidates, rows: Sequence[SuggestionRow], goal: Goal, k: int) -> str:
    told = {
        "top": f"These matches are expected to tell most about who belongs to the first {k}",
        "neighbours": "These matches are expected to tell most about who stands before whom",
        "connect": "These matches would make competitors comparable; between classes of one island only if the side that is behind takes points",
    }
    return f"{told[goal]}; {len(rows)} of {len(found.pairs)} candidates were drawn, each with its own known probability."


def _why_none(goal: Goal, k: int, active: int) -> str:
    if goal == "connect":
        return "Everyone can be compared with everyone."
    if active < 2:
        return "There are no two active competitors with a fitted rating on the largest island."
    return f"All {active} active competitors with a fitted rating on the largest island belong to the first {k:,}: ask for a smaller k."


def _active(table: Table, fit: FitTable, moment: int) -> list[Any]:
    """Of the largest island, in the order of the fit, who still plays."""
    plays = (table.ordering.islands == 0) & fit.knows(table.ordering.numbers) & ~table.gone(moment)
    return [table.at(place) for place in np.flatnonzero(plays).tolist()]


def _informative(active: Sequence[Any], fit: FitTable, goal: Goal, k: int) -> _Candidates:
    active = active[: k + CONTENDERS if goal == "top" else NEIGHBOURS]
    pairs = [(i, j) for i, j in combinations(range(len(active)), 2) if goal == "top" or j - i <= REACH]
    if not pairs or (goal == "top" and k >= len(active)):
        return _Candidates([], np.zeros(0))
    places = [fit.place(row.number) for row in active]
    theta, first, second = fit.strengths.theta[places], *np.array(pairs).T
    squared = natural_unit(fit.settings.scale) ** 2
    if goal == "top":
        gains = separating_gains(theta, fit.strengths.uncertainty.joint(places), k, first, second)
    else:
        gains = own_gains(theta[first] - theta[second], pair_variances(fit.strengths.second_order.among_few, places)[first, second])
    return _Candidates([(active[i], active[j]) for i, j in pairs], gains * squared)


def _connecting(table: Table, moment: int) -> _Candidates:
    """Between islands; where there is one, between its classes: who took points from nobody against who gave none away."""
    missing = Missing(table, moment)
    if len(missing.of_island) > 1:
        groups = [missing.of_island[island] for island in sorted(missing.of_island)][:MAX_GROUPS]
        joined = [(groups[0], other) for other in groups[1:]]
    else:
        needed = missing.upsets()[:MAX_GROUPS]
        classes = {member.key: members for members in missing.of_class.values() for member in members}
        joined = [(classes[one["taker"]], classes[one["giver"]]) for one in needed]
    pairs = [(a, b, len(one) * len(other)) for one, other in joined for a in one[:ENVOYS] for b in other[:ENVOYS]]
    return _Candidates([(a, b) for a, b, _ in pairs], np.array([float(gain) for *_, gain in pairs]))


def _forecast(active: Sequence[Any], fit: FitTable) -> ForecastShape | None:
    """For the first two of them."""
    for one, other in pairwise(active[:2]):
        found = fit.strengths.difference(fit.place(one.number), fit.place(other.number))
        matches = None if found.comparable == "no" else matches_to_separate(found.estimate, found.standard_error**2)
        sentence = _forecast_sentence(one.key, other.key, found.comparable, matches)
        return {"first": one.key, "second": other.key, "matches": matches, "sentence": sentence}
    return None


def _forecast_sentence(first: str, second: str, comparable: Comparable, matches: int | None) -> str:
    if comparable == "no":
        return f"The results do not say which of {first} and {second} is ahead; once they have met, it can be said how many matches are needed."
    if matches is None:
        return f"No number of matches would separate {first} and {second} as the ratings stand."
    if not matches:
        return f"{first} and {second} are separated at 95 % already."
    count = "1 more match" if matches == 1 else f"{matches:,} more matches"
    assumed = "; how large that is, is an assumption: results only order them" if comparable == "ordered-only" else ""
    return f"About {count} between {first} and {second} would separate them at 95 %, if their difference stays as it is estimated{assumed}."
