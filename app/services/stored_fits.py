"""A fit as it is kept: a table of arrays by competitor's number, and the second order that intervals of differences need.

Arrays are in natural units; points are made where they are shown. The hash of the table is over the arrays' bytes, in the order of `TABLE`.
"""

import hashlib
import io
import json
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.core.grams import Sparse
from app.core.identifiability import Identifiability
from app.core.inference import Uncertainty
from app.ratings.fitted import NORMAL_95, Strengths
from app.ratings.scale import natural_unit
from app.services.league_settings import LeagueSettings, read_settings
from app.services.shapes import FittedRatingShape
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

TABLE: Final = ("theta", "standard_error", "components", "classes", "rank_low", "rank_high", "rank_ub")
MAX_KEPT: Final = 8

Arrays = dict[str, NDArray[Any]]


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
    strengths: Strengths

    @cached_property
    def rating(self) -> NDArray[np.float64]:
        """In points, by competitor's number."""
        points = self.settings.offset + natural_unit(self.settings.scale) * self.arrays["theta"]
        return points if self.anchored is None else points + self.shift * (self.arrays["components"] == self.anchored)

    def __contains__(self, number: int) -> bool:
        """Whether the competitor had a match at the fit's position."""
        return number < len(self.arrays["theta"]) and bool(self.arrays["rank_ub"][number] > 0)

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

    def rank_bound(self, name: str, number: int) -> int | None:
        """rank_low, rank_high or rank_ub; None where it is not known."""
        if number not in self:
            return None
        return int(self.arrays[name][number]) or None


def table_hash(arrays: Arrays) -> bytes:
    """sha256 over the arrays of the table."""
    digest = hashlib.sha256()
    for name in TABLE:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.digest()


def packed(arrays: Arrays) -> bytes:
    """Arrays as bytes for the database; the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy's stub takes the names for its own options
    return buffer.getvalue()


def unpacked(stored: bytes) -> Arrays:
    """What `packed` was given."""
    with np.load(io.BytesIO(stored), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def second_order(strengths: Strengths) -> Arrays:
    """What is needed beside the table to answer about differences."""
    edges = strengths.structure.class_edges
    return {
        **strengths.uncertainty.arrays(),
        "edge_indptr": edges.indptr,
        "edge_indices": edges.indices,
        "coefficients": np.array([*([] if strengths.side_advantage is None else [strengths.side_advantage]), *strengths.coefficients]),
    }


@dataclass(frozen=True, eq=False)
class _StoredOrder:
    """The second order of a fit that was computed before."""

    uncertainty: Uncertainty


_kept: WeakKeyDictionary[Database, OrderedDict[tuple[int, int], FitTable]] = WeakKeyDictionary()
_lock = Lock()


def published_fit(database: Database, unit: ReadUnit, league: Stored) -> FitTable | None:
    """The league's published fit, kept in this process once read."""
    if league.published_fit is None:
        return None
    key = (league.id, league.published_fit)
    with _lock:
        kept = _kept.setdefault(database, OrderedDict())
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
    table = _read(unit, league.id, league.published_fit)
    with _lock:
        kept[key] = table
        while len(kept) > MAX_KEPT:
            kept.popitem(last=False)
    return table


def _read(unit: ReadUnit, league_id: int, number: int) -> FitTable:
    row = unit.fits.by_number(league_id, number, with_arrays=True)
    assert row is not None  # noqa: S101  a published fit is stored
    certificate = json.loads(row.certificate)
    arrays, second = unpacked(row.table), unpacked(row.uncertainty)
    classes, indices = arrays["classes"], second["edge_indices"]
    n_classes = len(second["edge_indptr"]) - 1
    edges: Sparse = Sparse((np.ones(len(indices)), indices, second["edge_indptr"]), shape=(n_classes, n_classes))
    has_side = certificate["side_advantage"] is not None
    strengths = Strengths(
        theta=arrays["theta"],
        structure=Identifiability(arrays["components"], classes, edges),
        draws=certificate["draws"],
        side_advantage=float(second["coefficients"][0]) if has_side else None,
        tie_parameter=certificate["tie_parameter"],
        coefficients=second["coefficients"][1 if has_side else 0 :],
        second_order=_StoredOrder(Uncertainty.from_arrays(second)),
    )
    settings = read_settings(row.settings)
    return FitTable(row.number, row.position, settings, certificate["anchor_shift"], certificate["anchored_component"], arrays, strengths)
