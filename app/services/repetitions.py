"""What was recorded already: matches sorted into fresh ones, repetitions and contradictions, by what was sent first under their ids.

Refused beside contradictions is, in a league with a register, whoever is not in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.errors import ArpadError, BadInput, Fault, MatchIdTaken
from app.ratings.matches import MatchColumns
from app.services.league_settings import read_settings
from app.storage.tables import Stored
from app.storage.unit_of_work import ReadUnit

MAX_FAULTS: Final = 100


@dataclass(slots=True)
class Plan:
    """What is to be done with each match of a batch, by its index."""

    fresh: list[int] = field(default_factory=list)
    replayed: dict[int, Any] = field(default_factory=dict)
    """Index → the stored row, or the index of the same match earlier in this batch."""
    refused: dict[int, ArpadError] = field(default_factory=dict)


def plan(unit: ReadUnit, row: Stored, matches: MatchColumns) -> Plan:
    """Sort the matches into fresh ones, repetitions, and what is refused: contradictions, and competitors whom a league with a register does not know.

    Every match has an id by now.
    """
    decided = _compared(unit, row.id, matches)
    if read_settings(row.settings).competitors == "registered":
        _refuse_unregistered(unit, row.id, matches, decided)
    return decided


def unregistered(keys: Mapping[str, str]) -> BadInput:
    """What is said of competitors, by the place that names them, who are not registered in a league where that is asked for."""
    remedy = "is not registered in this league; register them first (POST …/competitors, `arpad competitor add`)"
    faults = [Fault(place, f"“{key}” {remedy}") for place, key in keys.items()]
    return BadInput("This league takes matches of registered competitors only.", faults)


def _refuse_unregistered(unit: ReadUnit, league_id: int, matches: MatchColumns, decided: Plan) -> None:
    keys = {key for index in decided.fresh for key in (matches.first[index], matches.second[index])}
    strange = keys - unit.competitors.by_keys(league_id, sorted(keys)).keys()
    for index in decided.fresh if strange else ():
        unknown = {f"/{side}": getattr(matches, side)[index] for side in ("first", "second") if getattr(matches, side)[index] in strange}
        if unknown:
            decided.refused[index] = unregistered(unknown)
    for index, earlier in list(decided.replayed.items()):
        if isinstance(earlier, int) and earlier in decided.refused:
            decided.refused[index] = decided.refused[earlier]
            del decided.replayed[index]
    decided.fresh = [index for index in decided.fresh if index not in decided.refused]


def refusal_of(decided: Plan) -> ArpadError:
    """Why a batch is refused as a whole: for each match at fault, where in the batch that is."""
    taken = {place: refusal for place, refusal in decided.refused.items() if isinstance(refusal, MatchIdTaken)}
    if not taken:
        every = [(place, fault) for place, refusal in decided.refused.items() for fault in getattr(refusal, "faults", ())]
        faults = [Fault(f"/matches/{place}{fault.pointer}", fault.detail) for place, fault in every]
        return BadInput("This league takes matches of registered competitors only; nothing was recorded.", faults[:MAX_FAULTS])
    index, first = next(iter(taken.items()))
    error = MatchIdTaken(str(first.extensions["match_id"]), first.extensions["differing"], f"/matches/{index}/match_id")  # type: ignore[arg-type]  # as it was given
    error.faults = tuple([Fault(f"/matches/{place}/match_id", refusal.detail) for place, refusal in taken.items()][:MAX_FAULTS])
    return error


def _compared(unit: ReadUnit, league_id: int, matches: MatchColumns) -> Plan:
    ids: list[str] = matches.match_id  # type: ignore[assignment]  # ids were given to all
    stored = unit.entries.matches_by_id(league_id, ids)
    names = _names_of(unit, league_id, stored, matches)
    decided = Plan()
    earlier: dict[str, int] = {}
    for index, match_id in enumerate(ids):
        if match_id in stored:
            differing = _differing(matches, index, stored[match_id], names)
            known: Any = stored[match_id]
        elif match_id in earlier:
            differing = _differing_here(matches, index, earlier[match_id])
            known = earlier[match_id]
        else:
            earlier[match_id] = index
            decided.fresh.append(index)
            continue
        if differing:
            decided.refused[index] = MatchIdTaken(match_id, differing)
        else:
            decided.replayed[index] = known
    return decided


@dataclass(frozen=True, slots=True)
class _Names:
    """The keys of stored sides by number; None for one who was forgotten, of whom nobody can tell what was sent, but that it was none of `others`."""

    keys: Mapping[int, str | None]
    others: frozenset[str]

    def may_be(self, number: int, key: str) -> bool:
        """Whether what was sent of a side may have been this key."""
        known = self.keys[number]
        return key not in self.others if known is None else key == known


def _names_of(unit: ReadUnit, league_id: int, stored: Mapping[str, Any], matches: MatchColumns) -> _Names:
    numbers = {number for row in stored.values() for number in (row.first, row.second)}
    rows = unit.competitors.by_numbers(league_id, numbers) if numbers else {}
    keys = {number: None if row.commitment is not None else row.key for number, row in rows.items()}
    if None not in keys.values():
        return _Names(keys, frozenset())
    sent = {side for match_id, *sides in zip(matches.match_id, matches.first, matches.second, strict=True) if match_id in stored for side in sides}
    return _Names(keys, frozenset(unit.competitors.by_keys(league_id, list(sent))))


_COMPARED: Final = ("score", "played_at", "weight", "neutral", "first_score", "second_score", "context")
_SHOWN_AS: Final = {"score": "outcome"}


def _differing(matches: MatchColumns, index: int, row: Stored, names: _Names) -> list[str]:
    numbers = (("first", row.first), ("second", row.second))
    sides = [side for side, number in numbers if not names.may_be(number, getattr(matches, side)[index])]
    return sides + [_SHOWN_AS.get(name, name) for name in _COMPARED if getattr(matches, name)[index] != getattr(row, name)]


def _differing_here(matches: MatchColumns, index: int, other: int) -> list[str]:
    return [_SHOWN_AS.get(name, name) for name in ("first", "second", *_COMPARED) if getattr(matches, name)[index] != getattr(matches, name)[other]]


def take(matches: MatchColumns, indices: Sequence[int]) -> MatchColumns:
    """The matches at these indices, in their order; the same object where that is all of them as they are."""
    if len(indices) == len(matches) and all(index == place for place, index in enumerate(indices)):
        return matches
    return MatchColumns(**{name: [getattr(matches, name)[index] for index in indices] for name in MatchColumns.__dataclass_fields__})
