"""Who can be compared with whom: the comparison graph of a league at its head, kept in this process and extended as the log grows.

A new match between two competitors of one class, or along an edge between classes that is there already, changes nothing. Anything else joins
classes or adds to them, which needs no more than the classes; an amendment may part them, and builds the structure anew from the log.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.core.identifiability import Identifiability, extended, identify
from app.services.match_log import MatchLog, read_rows
from app.services.segments import amendments_at, counted_matches
from app.services.stored_fits import published_fit
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit

MAX_LEAGUES: Final = 64
_SHIFT: Final = 32
_MASK: Final = (1 << _SHIFT) - 1


@dataclass(frozen=True, eq=False)
class Structure:
    """What follows from the graph of a league at a position."""

    position: int
    amended_position: int
    n_competitors: int
    identifiability: Identifiability


class _Kept:
    def __init__(self) -> None:
        self.lock = Lock()
        self.leagues: OrderedDict[int, Structure] = OrderedDict()


_kept: WeakKeyDictionary[Database, _Kept] = WeakKeyDictionary()


def structure_at_head(database: Database, unit: ReadUnit, league: Stored) -> Structure:
    """The structure of a league at the position of this snapshot."""
    kept = _kept.setdefault(database, _Kept())
    with kept.lock:
        known = kept.leagues.get(league.id)
    found = known if known is not None and known.position == league.position else _advanced(database, unit, league, known)
    with kept.lock:
        newer = kept.leagues.get(league.id)
        if newer is None or newer.position <= found.position:
            kept.leagues[league.id] = found
        kept.leagues.move_to_end(league.id)
        while len(kept.leagues) > MAX_LEAGUES:
            kept.leagues.popitem(last=False)
    return found


def structure_at(league: Any, counted: MatchLog) -> Structure:  # noqa: ANN401  a row or LeagueAt
    """The structure of a league at a position, whose counted matches are given."""
    return Structure(league.position, league.amended_position, league.competitors, structure_of(counted, league.competitors))


def _advanced(database: Database, unit: ReadUnit, league: Stored, known: Structure | None) -> Structure:
    if known is None:
        known = _of_published_fit(database, unit, league)
    if known is None or known.amended_position != league.amended_position or known.position > league.position:
        return structure_at(league, counted_matches(database, unit, league, league.position))
    fresh = _edges(amendments_at(unit, league, league.position).applied(read_rows(unit, league.id, known.position, league.position)))
    if league.competitors == known.n_competitors and _known_already(known.identifiability, fresh):
        return replace(known, position=league.position)
    grown = extended(known.identifiability, fresh >> _SHIFT, fresh & _MASK, league.competitors)
    return Structure(league.position, league.amended_position, league.competitors, grown)


def _of_published_fit(database: Database, unit: ReadUnit, league: Stored) -> Structure | None:
    """The structure that the published fit saw, where nothing was amended since: a start that saves reading the whole log.

    Not where matches fade: to a fit, those of no weight are none.
    """
    fit = published_fit(database, unit, league)
    if fit is None or league.amended_position > fit.position or fit.settings.half_life_days is not None:
        return None
    return Structure(fit.position, league.amended_position, len(fit.arrays["theta"]), fit.strengths.structure)


def _edges(log: MatchLog) -> NDArray[np.int64]:
    """The distinct edges, winner << 32 | loser."""
    first_took, second_took = log.score > 0.0, log.score < 1.0
    forth = log.first[first_took] << _SHIFT | log.second[first_took]
    back = log.second[second_took] << _SHIFT | log.first[second_took]
    return np.unique(np.concatenate([forth, back]))


def _known_already(structure: Identifiability, edges: NDArray[np.int64]) -> bool:
    above, below = structure.classes[edges >> _SHIFT], structure.classes[edges & _MASK]
    return all(structure.class_edges[int(a), int(b)] for a, b in zip(above, below, strict=True) if a != b)


def structure_of(log: MatchLog, n_competitors: int) -> Identifiability:
    """The structure of any selection of matches."""
    return identify(log.first, log.second, log.score > 0.0, log.score < 1.0, n_competitors)
