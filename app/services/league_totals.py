"""What a fit of a large league is of: the totals of its pairs, kept, and moved on by what has been recorded and amended since.

Kept are the totals of the matches as they were recorded, up to a position. The log only grows, so that they are never out of date; which matches
count, and how, is reckoned on top of them for each fit, by taking away what amendments concern and adding what they made of it. Without kept ones
the whole log is read, and the totals are the same. Who fits only reads; the worker that publishes keeps what was told to be kept.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.ratings.buckets import Buckets, outcomes
from app.ratings.comparisons import Comparisons, Floats
from app.ratings.totals import PairTotals
from app.services.amendments import Amendments
from app.services.league_settings import LeagueSettings
from app.services.match_log import MatchLog, read_rows_at
from app.services.packing import UNREADABLE, Arrays, packed, unpacked
from app.services.segments import Recorded, amendments_at, read_for_fit
from app.services.shapes import ReadShape
from app.storage.tables import Stored
from app.storage.unit_of_work import ReadUnit

LARGE: Final = 1_000_000
"""Matches from which a league has totals; reading fewer takes a tenth of a fit."""
RENEWED_AT: Final = 0.05
"""Kept totals are written again when so many matches, as a share of theirs, came after them."""
MAX_AMENDED: Final = 20_000
"""Matches that amendments concern; with more of them the log is read instead."""
MAX_BYTES: Final = 500_000_000
"""What either database takes as one value."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """The totals of the matches that count, where they were read, and what is to be kept of them."""

    totals: PairTotals
    read: ReadShape
    to_keep: bytes | None


def have_totals(league: Stored, settings: LeagueSettings) -> bool:
    """Whether a league is large enough, and its fit asks for no more than totals tell."""
    return league.matches >= LARGE and settings.half_life_days is None and settings.balance == "none" and not settings.covariates


def is_sided(settings: LeagueSettings) -> bool:
    """Whether totals tell on whose ground a match was."""
    return settings.side != "off"


def counted_totals(unit: ReadUnit, league: Stored, settings: LeagueSettings) -> Counted | Recorded | None:
    """The totals of the matches that count now. Not where weights do not sum exactly, or amendments are too many: then all that was recorded, if it was read."""
    sided, n = is_sided(settings), league.competitors
    position, base = _kept(unit, league, sided=sided)
    fresh, read = read_for_fit(unit, league.id, position, league.position)
    recorded = _moved(None if base is None else base.among(n), totals_of(fresh, n, sided=sided), len(fresh))
    amendments = amendments_at(unit, league, league.position)
    counting = None if recorded is None else _amended(unit, league, recorded, amendments, sided=sided)
    if recorded is None or counting is None:
        return (fresh, read) if base is None else None
    to_keep = packed_totals(recorded) if base is None or len(fresh) > RENEWED_AT * base.matches else None
    told: ReadShape = {**read, "totals": 0 if base is None else base.matches}
    return Counted(counting, told, None if to_keep is None or len(to_keep) > MAX_BYTES else to_keep)


def _kept(unit: ReadUnit, league: Stored, *, sided: bool) -> tuple[int, PairTotals | None]:
    """What is kept, and up to where. Damaged bytes, which `arpad verify` tells of, are as good as none."""
    kept = unit.totals.kept(league.id, league.position, sided)
    if kept is not None:
        with suppress(*UNREADABLE):
            return kept.position, unpacked_totals(kept.totals)
    return -1, None


def totals_of(log: MatchLog, n_competitors: int, *, sided: bool) -> PairTotals | None:
    """Of matches as they stand in a log; None where their weights do not sum exactly, and for none at all."""
    weight = None if (log.weight == 1.0).all() else log.weight
    side = np.where(log.neutral, 0.0, 1.0) if sided else None
    return PairTotals.of(Comparisons(log.first, log.second, log.score, n_competitors, weight, side))


def _moved(base: PairTotals | None, fresh: PairTotals | None, count: int) -> PairTotals | None:
    if base is None or (fresh is None and count):
        return fresh
    return base if fresh is None else base.plus(fresh)


def _amended(unit: ReadUnit, league: Stored, recorded: PairTotals, amendments: Amendments, *, sided: bool) -> PairTotals | None:
    """What counts of what was recorded. None where somebody would have met themselves, too, whom a reader of the log then names."""
    if not amendments:
        return recorded
    concerned = sorted({*amendments.voided, *amendments.corrections})
    if len(concerned) > MAX_AMENDED:
        return None
    before = read_rows_at(unit, league.id, concerned)
    after = amendments.applied(before)
    counting: PairTotals | None = recorded
    if len(before):
        taken = totals_of(before, league.competitors, sided=sided)
        given = totals_of(after, league.competitors, sided=sided)
        counting = None if taken is None or (given is None and len(after)) else _moved(recorded.minus(taken), given, len(after))
    if counting is None or not amendments.merges:
        return counting
    with suppress(ValueError):
        return counting.relabelled(amendments.renumbered(league.competitors))
    return None


def packed_totals(totals: PairTotals) -> bytes:
    """As narrow columns: how many rows each first has, the second, the side, and the weights of wins, draws and losses."""
    buckets = totals.buckets
    counted = dict(zip(("wins", "draws", "losses"), map(_narrow, outcomes(buckets.moments).T), strict=True))
    rows = np.bincount(buckets.first, minlength=buckets.n_competitors).astype(np.int32)
    sides = {"side": buckets.columns[:, 0].astype(np.int8)} if buckets.columns.shape[1] else {}
    arrays: Arrays = {"matches": np.array(totals.matches), "rows": rows, "second": buckets.second.astype(np.int32), **sides, **counted}
    return packed(arrays, as_they_are=arrays)


def unpacked_totals(stored: bytes) -> PairTotals:
    """What `packed_totals` was given."""
    arrays = unpacked(stored)
    n, wins, draws = len(arrays["rows"]), arrays["wins"], arrays["draws"]
    moments = np.empty((3, len(wins)))
    for row, share in enumerate((1.0, 0.5, 0.25)):
        np.multiply(draws, share, out=moments[row])
        moments[row] += wins
    moments[0] += arrays["losses"]
    columns = arrays["side"].astype(np.float64)[:, None] if "side" in arrays else np.zeros((len(wins), 0))
    buckets = Buckets(np.repeat(np.arange(n), arrays["rows"]), arrays["second"].astype(np.int64), columns, moments, moments, n)
    return PairTotals(buckets, int(arrays["matches"]))


def _narrow(values: Floats) -> Any:  # noqa: ANN401  an array of whatever holds the values
    if np.array_equal(values, np.rint(values)):
        for kind in (np.uint8, np.uint16, np.uint32):
            if float(values.max(initial=0.0)) <= np.iinfo(kind).max:
                return values.astype(kind)
    return np.ascontiguousarray(values)


def totals_differences(unit: ReadUnit, league: Stored, log: MatchLog) -> Sequence[str]:
    """Whether the totals that are kept are those of the log; a log that has none says nothing."""
    kept = unit.totals.any(league.id)
    if kept is None:
        return []
    try:
        stored = unpacked_totals(kept.totals)
        told = totals_of(log.up_to(kept.position), league.competitors, sided=kept.sided)
        is_told = kept.position <= league.position and told is not None and _is_same(stored.among(league.competitors), told)
    except UNREADABLE:
        is_told = False
    return [] if is_told else [f"The totals of the matches up to position {kept.position} are not what the log says."]


def _is_same(one: PairTotals, other: PairTotals) -> bool:
    names = ("first", "second", "columns", "moments")
    return one.matches == other.matches and all(np.array_equal(getattr(one.buckets, name), getattr(other.buckets, name)) for name in names)
