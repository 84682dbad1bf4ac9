"""A fit as it is kept: a table of arrays by competitor's number, and the second order that intervals of differences need.

Arrays are in natural units; points are made where they are shown. The hash of the table is over the arrays' bytes, in the order of `TABLE`.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.core.grams import Sparse
from app.core.identifiability import Identifiability
from app.core.inference import Uncertainty
from app.core.nearby import Nearby, can_be_near
from app.core.spreads import AmongFew
from app.ratings.fitted import NORMAL_95, Strengths
from app.ratings.scale import natural_unit
from app.services.as_of import LeagueAt, last_published
from app.services.conditions import WHOLE, Conditions
from app.services.covariates import read_columns
from app.services.fit_arrays import by_number
from app.services.fitting import fit_league
from app.services.league_settings import LeagueSettings, read_settings
from app.services.packing import Arrays, unpacked
from app.services.segments import contexts_of, counted_matches
from app.services.shapes import FittedRatingShape
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_KEPT: Final = 8


@dataclass(frozen=True, eq=False)
class FitTable:
    """A stored fit with everything that an answer needs."""

    number: int
    position: int
    settings: LeagueSettings
    shift: float
    """Points that the anchor adds to its island, island 0 unless told otherwise."""
    anchored: int | None
    """The island that the anchor shifts."""
    arrays: Arrays
    tie_parameter: float | None
    remember: Callable[[], Strengths]
    """Of an earlier fit this may take as long as the fit did; see `strengths`."""
    numbers: NDArray[np.int64] | None = None
    """Whom a fit of a segment is of; None for everyone."""
    _remembering: Lock = field(default_factory=Lock)

    @cached_property
    def strengths(self) -> Strengths:
        """Of those whom the fit is of, in order of number; `place` tells where. Differences and predictions need it, a leaderboard does not."""
        with self._remembering:
            # Whoever waited for another finds it done.
            known: Strengths | None = self.__dict__.get("strengths")
            return self.remember() if known is None else known

    def place(self, number: int) -> int:
        """Where a competitor who is in the fit stands among its strengths."""
        return number if self.numbers is None else int(np.searchsorted(self.numbers, number))

    @cached_property
    def rating(self) -> NDArray[np.float64]:
        """In points, by competitor's number."""
        points = self.settings.offset + natural_unit(self.settings.scale) * self.arrays["theta"]
        return points if self.anchored is None else points + self.shift * (self.arrays["components"] == self.anchored)

    def __contains__(self, number: int) -> bool:
        """Whether the competitor had a match at the fit's position."""
        return number < len(self.arrays["theta"]) and bool(self.arrays["rank_ub"][number] > 0)

    def knows(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these competitors had a match at the fit's position."""
        rank_ub = self.arrays["rank_ub"]
        known: NDArray[np.bool_] = numbers < len(rank_ub)
        known[known] = rank_ub[numbers[known]] > 0
        return known

    def shape(self, number: int) -> FittedRatingShape | None:
        """One competitor's fitted rating with its 95 % interval."""
        if number not in self:
            return None
        rating = float(self.rating[number])
        error = float(self.arrays["standard_error"][number]) * natural_unit(self.settings.scale)
        known = not np.isnan(error)
        return {
            "rating": rating,
            "lower": rating - NORMAL_95 * error if known else None,
            "upper": rating + NORMAL_95 * error if known else None,
            "standard_error": error if known else None,
            "component": int(self.arrays["components"][number]) + 1,
            "class": int(self.arrays["classes"][number]) + 1,
        }

    def relative_to(self, number: int) -> str:
        """What a competitor's interval is relative to."""
        anchor = self.settings.anchor
        anchored = self.anchored is not None and number in self and int(self.arrays["components"][number]) == self.anchored
        return f"“{anchor.competitor}”" if anchor is not None and anchored else "the mean of the island"

    def rank_bound(self, name: str, number: int) -> int | None:
        """rank_low, rank_high or rank_ub; None where it is not known."""
        if number not in self:
            return None
        return int(self.arrays[name][number]) or None

    def tier(self, number: int) -> int | None:
        """Of the island; None where it is not known."""
        return self.rank_bound("tier", number) if "tier" in self.arrays else None

    def top_probability(self, number: int) -> float | None:
        """Of being the strongest of the island; None where it is not known."""
        if number not in self or "p_top" not in self.arrays:
            return None
        probability = float(self.arrays["p_top"][number])
        return None if np.isnan(probability) else probability

    @cached_property
    def centred_error(self) -> NDArray[np.float64] | None:
        """Of everyone relative to the mean of the island, whatever the anchor, natural units; None in an anchored fit of an earlier version."""
        if self.anchored is None:
            return self.arrays["standard_error"]
        return self.arrays.get("centred_error")


@dataclass(frozen=True, eq=False)
class _StoredOrder:
    """The second order of a fit that was computed before."""

    uncertainty: Uncertainty

    @cached_property
    def among_few(self) -> AmongFew:
        """Kept ready for as long as the fit is; of a large league from the neighbourhoods."""
        return Nearby(self.uncertainty) if can_be_near(self.uncertainty) else self.uncertainty


_kept: WeakKeyDictionary[Database, OrderedDict[tuple[int, int], FitTable]] = WeakKeyDictionary()
_lock = Lock()


def published_number(unit: ReadUnit, league: Any, where: Conditions = WHOLE) -> int | None:  # noqa: ANN401  a row or LeagueAt
    """The number of the published fit of a league or of a segment of it, at the league's position."""
    if not where:
        return None if league.published_fit is None else int(league.published_fit)
    if not isinstance(league, LeagueAt):
        return unit.refits.last_published(league.id, where.text)
    return last_published(unit, league.id, league.position, where)


def published_fit(database: Database, unit: ReadUnit, league: Stored) -> FitTable | None:
    """The published fit of a whole league."""
    number = published_number(unit, league)
    return None if number is None else stored_fit(database, unit, league, number)


def stored_fit(database: Database, unit: ReadUnit, league: Stored, number: int) -> FitTable:
    """A fit that was published, kept in this process once read."""
    key = (league.id, number)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    table = _read(database, unit, league, number)
    with _lock:
        kept[key] = table
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    return table


def _read(database: Database, unit: ReadUnit, league: Stored, number: int) -> FitTable:
    row = unit.fits.by_number(league.id, number, with_arrays=True)
    assert row is not None  # noqa: S101  a published fit is stored
    certificate, settings = json.loads(row.certificate), read_settings(row.settings)
    arrays = unpacked(row.table)
    return FitTable(
        row.number,
        row.position,
        settings,
        certificate["anchor_shift"],
        certificate["anchored_component"],
        by_number(arrays),
        certificate["tie_parameter"],
        lambda: _strengths(arrays, certificate, settings, _second_order(database, league, number)),
        arrays.get("numbers"),
    )


def _strengths(arrays: Arrays, certificate: Mapping[str, Any], settings: LeagueSettings, second: Arrays) -> Strengths:
    classes, indices = arrays["classes"], second["edge_indices"]
    n_classes = len(second["edge_indptr"]) - 1
    edges: Sparse = Sparse((np.ones(len(indices)), indices, second["edge_indptr"]), shape=(n_classes, n_classes))
    side, known = certificate["side_advantage"], settings.known_side is not None
    is_estimated = side is not None and not known
    return Strengths(
        theta=arrays["theta"],
        structure=Identifiability(arrays["components"], classes, edges),
        draws=certificate["draws"],
        side_advantage=float(second["coefficients"][0]) if is_estimated else side,
        tie_parameter=certificate["tie_parameter"],
        coefficients=second["coefficients"][int(is_estimated) :],
        second_order=_StoredOrder(Uncertainty.from_arrays(second)),
        side_is_known=known,
    )


def _second_order(database: Database, league: Stored, number: int) -> Arrays:
    with database.read() as unit:
        row = unit.fits.by_number(league.id, number, with_arrays=True)
        assert row is not None  # noqa: S101  fits are never deleted
        return _fitted_again(database, unit, league, row) if row.uncertainty is None else unpacked(row.uncertainty)


def _fitted_again(database: Database, unit: ReadUnit, league: Stored, row: Stored) -> Arrays:
    """The second order of a fit that is not the published one any more: it is large, and only its inputs are kept.

    An anchor shifts the ratings and takes no part in it; and whoever it was may have been forgotten since.
    """
    settings = read_settings(row.settings).model_copy(update={"anchor": None})
    where = Conditions.stored(unit.refits.existing(league.id, row.number).conditions)
    log = counted_matches(database, unit, league, row.position, where)
    n = len(unpacked(row.table)["theta"])
    recorded_at = unit.entries.time_of(league.id, row.position) or 0
    columns = read_columns(settings, contexts_of(unit, league, row.position, log)) if settings.covariates else None
    return fit_league(log, settings, n, None, recorded_at, columns=columns, players_only=bool(where)).second_order()
