"""What is missing in the comparison graph of a league: the matches that would join its islands, and the results that would make it one class.

Matches join islands however they end. A class opens only to a result: somebody has to take points from who gave none away so far, and whether
that happens is not for the organiser to decide. What is suggested are competitors who still play, with as many matches as possible.
"""

from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from typing import Final

import numpy as np

from app.core.augmentation import strong_augmentation
from app.services.answer_shapes import BridgesShape, PairingShape, UpsetShape
from app.services.as_of import AsOf
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.standings import moment_of, segment_of
from app.storage.tables import Stored
from app.storage.unit_of_work import Database

HUBS: Final = 10
"""So many members of the largest island share its bridges."""


def bridges(database: Database, caller: Caller, league: str, *, limit: int = 100, where: Conditions = WHOLE, as_of: AsOf = None) -> BridgesShape:
    """What would join the islands of a league or a segment, and what would make the pure maximum likelihood exist.

    Raises LeagueNotFound, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        then = readable_at(unit, caller, league, where, as_of)
        table = ordered_table(database, unit, then, "live", where)
    missing = Missing(table, moment_of(then))
    pairings, upsets, throughout = missing.pairings(), missing.upsets(), missing.upsets_throughout()
    return {
        **segment_of(table),
        "league": table.league.key,
        "position": table.league.position,
        "competitors": len(table.rows),
        "islands": len(table.components),
        "classes": len(missing.of_class),
        "maximum_exists": bool(table.rows) and not upsets,
        "pairings": pairings[:limit],
        "pairings_needed": len(pairings),
        "upsets": upsets[:limit],
        "upsets_needed": len(upsets),
        "upsets_throughout": throughout[:limit],
        "upsets_throughout_needed": len(throughout),
        "sentence": _sentence(table, pairings, upsets, throughout),
    }


class Missing:
    """The graph of a table, with somebody to send from each island and each class: who still plays at a moment, if anybody does."""

    def __init__(self, table: Table, moment: int) -> None:
        self.table = table
        self.known = table.structure.identifiability
        gone = dict(zip((row.key for row in table.rows), table.gone(moment).tolist(), strict=True))
        self.preferred: list[Stored] = sorted(table.rows, key=lambda row: (gone[row.key], -row.matches, row.key))
        self.island = {row.key: island for row, island in zip(table.rows, table.islands, strict=True)}
        self.of_island: dict[int, list[Stored]] = {}
        self.of_class: dict[int, list[Stored]] = {}
        for row in self.preferred:
            self.of_island.setdefault(self.island[row.key], []).append(row)
            self.of_class.setdefault(int(self.known.classes[row.number]), []).append(row)

    def pairings(self) -> list[PairingShape]:
        """Islands − 1 matches: each island's most experienced player against one of the largest island's."""
        hubs = cycle(self.of_island.get(0, [])[:HUBS])
        others = [self.of_island[island][0] for island in sorted(self.of_island) if island > 0]
        return [self._pairing(hub, other) for hub, other in zip(hubs, others, strict=False)]

    def _pairing(self, first: Stored, second: Stored) -> PairingShape:
        return {"first": first.key, "second": second.key, "components": self._components(first, second)}

    def upsets(self) -> list[UpsetShape]:
        """The fewest results by which each island is one class."""
        by_island: dict[int, list[int]] = {}
        for label, members in self.of_class.items():
            by_island.setdefault(self.island[members[0].key], []).append(label)
        return [upset for island in sorted(by_island) for upset in self._augmented(by_island[island])]

    def upsets_throughout(self) -> list[UpsetShape]:
        """The fewest results by which the league is one class."""
        return self._augmented(self.of_class)

    def _augmented(self, classes: Iterable[int]) -> list[UpsetShape]:
        edges = strong_augmentation(self.known.class_edges, np.array(sorted(classes), dtype=np.int64))
        return [self._upset(self.of_class[taker][0], self.of_class[giver][0]) for taker, giver in edges]

    def _upset(self, taker: Stored, giver: Stored) -> UpsetShape:
        return {"taker": taker.key, "giver": giver.key, "components": self._components(taker, giver)}

    def _components(self, first: Stored, second: Stored) -> list[int]:
        return [self.island[first.key] + 1, self.island[second.key] + 1]


def _sentence(table: Table, pairings: Sequence[PairingShape], upsets: Sequence[UpsetShape], throughout: Sequence[UpsetShape]) -> str:
    if len(table.rows) < 2:
        return "There are no two competitors to join yet."
    if not throughout:
        return "Everyone can be compared with everyone; nothing is missing."
    said = list[str]()
    if pairings:
        said.append(f"{len(table.components):,} islands without a match between them: {_named(pairings)} would join them, however they end.")
    if upsets:
        results = ", ".join(f"{one['taker']} takes points from {one['giver']}" for one in islice(upsets, 3))
        others = f", and {len(upsets) - 3:,} more" if len(upsets) > 3 else ""
        needed = "1 result is" if len(upsets) == 1 else f"{len(upsets):,} results are"
        said.append(
            f"Some have only won or only lost against others; for a pure maximum likelihood fit at least {needed} needed, such as: {results}{others}."
        )
    if pairings:
        said.append(
            f"For everyone to be comparable with everyone, at least {len(throughout):,} results whose winner matters are needed in all; a draw counts both ways."
        )
    if table.settings.draws == "davidson":
        said.append("A fit with a model of draws asks for more than that: a draw, and enough wins beside the draws.")
    return " ".join(said)


def _named(pairings: Sequence[PairingShape]) -> str:
    shown = ", ".join(f"{one['first']} against {one['second']}" for one in islice(pairings, 3))
    return shown if len(pairings) <= 3 else f"{shown} and {len(pairings) - 3:,} more matches"
