"""How far two competitors are apart, how sure that is, and whether it is known at all."""

from app.core.identifiability import Comparable
from app.ratings.fitted import NORMAL_95, Difference
from app.ratings.scale import natural_unit
from app.services.answer_shapes import DifferenceShape
from app.services.as_of import AsOf
from app.services.comparability import RESTS_ON, comparability, what_is_ordered, why_unknown
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.predictions import pair_of
from app.services.shapes import By, IntervalShape
from app.services.standings import segment_of
from app.services.stored_fits import published_number
from app.storage.tables import Stored
from app.storage.unit_of_work import Database


def difference(
    database: Database,
    caller: Caller,
    league: str,
    first: str,
    second: str,
    *,
    by: By | None = None,
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> DifferenceShape:
    """The difference of two ratings, of the published fit where there is one unless told otherwise.

    Raises LeagueNotFound, CompetitorNotFound, FitNotPublished, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        basis: By = by or ("live" if published_number(unit, then, where) is None else "fit")
        table = ordered_table(database, unit, then, basis, where)
        pair = pair_of(unit, table, first, second, "first")
    return _shape(table, *pair)


def _shape(table: Table, first: Stored, second: Stored) -> DifferenceShape:
    comparable = comparability(table, first.number, second.number)
    estimate, error, superiority = _figures(table, first, second, comparable)
    return {
        **segment_of(table),
        "league": table.league.key,
        "pair": {"first": first.key, "second": second.key},
        "estimate": estimate,
        "standard_error": error,
        "interval": interval_of(estimate, error),
        "superiority": superiority,
        "relative_to": f"“{second.key}”",
        "comparable": comparable,
        "rests_on": RESTS_ON[comparable],
        "sentence": _sentence(table, first, second, comparable, estimate, error, superiority),
        "by": table.by,
        "position": table.league.position,
        "fit": None if table.shown_fit is None else table.shown_fit.number,
    }


def _figures(table: Table, first: Stored, second: Stored, comparable: Comparable) -> tuple[float | None, float | None, float | None]:
    """Estimate and standard error in points, and the probability that the first is the stronger."""
    if comparable == "no":
        return None, None, None
    fit = table.shown_fit
    if fit is None:
        return first.rating - second.rating, None, None
    found: Difference = fit.strengths.difference(fit.place(first.number), fit.place(second.number))
    unit = natural_unit(fit.settings.scale)
    return unit * found.estimate, unit * found.standard_error, found.superiority


def interval_of(estimate: float | None, error: float | None) -> IntervalShape | None:
    """95 %, None where there is no error."""
    if estimate is None or error is None:
        return None
    return {"lower": estimate - NORMAL_95 * error, "upper": estimate + NORMAL_95 * error}


def _sentence(
    table: Table, one: Stored, other: Stored, comparable: Comparable, estimate: float | None, error: float | None, superiority: float | None
) -> str:
    first, second = one.key, other.key
    if estimate is None:
        return why_unknown(table, one, other, "how far they are apart")
    said = [_rated(first, second, estimate, error, superiority)]
    if comparable == "ordered-only":
        said.append(what_is_ordered(table, one, other))
    return " ".join(said)


def _rated(first: str, second: str, estimate: float, error: float | None, superiority: float | None) -> str:
    ahead, behind = (first, second) if estimate >= 0 else (second, first)
    apart = round(abs(estimate))
    text = (
        f"{first} and {second} are rated the same" if not apart else f"{ahead} is rated {apart} {'point' if apart == 1 else 'points'} above {behind}"
    )
    if error is None or superiority is None:
        return f"{text}; a live rating has no interval."
    low, high = (round(abs(estimate) + sign * NORMAL_95 * error) for sign in (-1.0, 1.0))
    return f"{text} (95 % interval {low:+d} to {high:+d}); the probability that {first} is the stronger one is {superiority:.0%}."
