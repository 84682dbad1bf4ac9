"""The contexts with which the matches of a league were recorded: a number per match, and each distinct text once.

What a process has read of a league it keeps, as far as that is small: every distinct text is decided once, however many matches have it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from app.services.amendments import Amendments
from app.services.conditions import Conditions
from app.services.match_log import MatchLog
from app.storage.unit_of_work import Database, ReadUnit

MAX_MATCHES_KEPT: Final = 3_000_000
MAX_CHARACTERS_KEPT: Final = 50_000_000
"""In this process, of all leagues together; a larger league is kept alone, unless its texts by themselves are more."""


@dataclass(frozen=True, eq=False)
class MatchContexts:
    """Of every match, void ones too, in the order of the log: `text[number]` is its context, None for an empty one."""

    position: NDArray[np.int64]
    number: NDArray[np.int32]
    texts: tuple[str | None, ...]

    @property
    def characters(self) -> int:
        return sum(len(text) for text in self.texts if text is not None)

    def of_counted(self, log: MatchLog, amendments: Amendments) -> "MatchContexts":
        """Those of the counted matches alone, in the order of the log; a corrected match has the context that its correction says."""
        found = self.number[np.searchsorted(self.position, log.position)]
        numbers: dict[str | None, int] = {text: number for number, text in enumerate(self.texts)} if amendments.corrections else {}
        for target, correction in amendments.corrections.items():
            place = int(np.searchsorted(log.position, target))
            if correction.match is not None and place < len(log) and log.position[place] == target:
                found[place] = numbers.setdefault(correction.match["context"], len(numbers))
        return MatchContexts(log.position, found, tuple(numbers) or self.texts)

    def mask(self, where: Conditions) -> NDArray[np.bool_]:
        """Which of the matches are of a segment."""
        met = np.array([where.met_by(text) for text in self.texts], dtype=np.bool_)
        return np.asarray(met[self.number])


NOTHING: Final = MatchContexts(np.empty(0, np.int64), np.empty(0, np.int32), ())


class _Kept:
    def __init__(self) -> None:
        self.lock = Lock()
        self.leagues: OrderedDict[int, tuple[int, MatchContexts]] = OrderedDict()


_kept: WeakKeyDictionary[Database, _Kept] = WeakKeyDictionary()


def of_segment(
    database: Database, unit: ReadUnit, league_id: int, position: int, log: MatchLog, amendments: Amendments, where: Conditions
) -> MatchLog:
    """Of the matches that count at a position, those of a segment."""
    return log.take(_read_kept(database, unit, league_id, position).of_counted(log, amendments).mask(where)) if where else log


def read_contexts(unit: ReadUnit, league_id: int, log: MatchLog, amendments: Amendments) -> MatchContexts:
    """The contexts of counted matches; nothing is kept."""
    up_to = int(log.position[-1]) if len(log) else -1
    return _advanced(unit, league_id, up_to, -1, NOTHING).of_counted(log, amendments)


def _read_kept(database: Database, unit: ReadUnit, league_id: int, up_to: int) -> MatchContexts:
    """At least up to a position: what lies beyond is never asked for."""
    kept = _kept.setdefault(database, _Kept())
    with kept.lock:
        known_to, known = kept.leagues.get(league_id, (-1, NOTHING))
    if known_to >= up_to:
        return known
    found = _advanced(unit, league_id, up_to, known_to, known)
    with kept.lock:
        if kept.leagues.get(league_id, (-1, NOTHING))[0] < up_to:
            kept.leagues[league_id] = (up_to, found)
        kept.leagues.move_to_end(league_id)
        while kept.leagues and _is_too_much([one for _, one in kept.leagues.values()]):
            kept.leagues.popitem(last=False)
    return found


def _is_too_much(leagues: list[MatchContexts]) -> bool:
    characters = sum(one.characters for one in leagues)
    return characters > MAX_CHARACTERS_KEPT or (len(leagues) > 1 and sum(len(one.position) for one in leagues) > MAX_MATCHES_KEPT)


def _advanced(unit: ReadUnit, league_id: int, up_to: int, known_to: int, known: MatchContexts) -> MatchContexts:
    numbers: dict[str | None, int] = {text: number for number, text in enumerate(known.texts)}
    positions, codes = [known.position], [known.number]
    for rows in unit.entries.stream(league_id, up_to, ("position", "context"), after=known_to, matches_only=True):
        where, texts = zip(*rows, strict=True)
        positions.append(np.array(where, np.int64))
        codes.append(np.array([numbers.setdefault(text, len(numbers)) for text in texts], np.int32))
    return MatchContexts(np.concatenate(positions), np.concatenate(codes), tuple(numbers))
