"""From the JSON of a match, or of many, to what the services take: clean keys, microseconds, canonical contexts, a score.

Every fault has the JSON pointer of the value as it was sent, whether the matches came as rows or as columns.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, cast

from app.api.bodies import pointer
from app.api.problems import MAX_FAULTS
from app.api.schemas import CorrectionRequest, NewBatch, NewMatch, PredictionRequest
from app.errors import BadInput, Fault
from app.ratings.matches import SCORES, MatchColumns, canonical_context, clean_key
from app.services.moments import parse_moment
from app.services.recording import MatchIn

Place = Callable[[str, int], str]

_SAME_COMPETITOR = "must be another competitor than first"

DEFAULTS: Final[Mapping[str, Any]] = {
    "match_id": None,
    "played_at": None,
    "weight": 1.0,
    "neutral": False,
    "first_score": None,
    "second_score": None,
    "context": None,
}

_ABOUT_AMENDMENTS: Final = frozenset({"reason", "expected_position"})


_CLEANERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "match_id": clean_key,
    "first": clean_key,
    "second": clean_key,
    "played_at": parse_moment,
    "context": canonical_context,
}


def match_of(sent: NewMatch) -> MatchIn:
    """The match that a body describes. Raises BadInput."""
    values: dict[str, Any] = {**DEFAULTS, **sent}
    faults = _clean(values)
    if values["first"] == values["second"]:
        faults.append(Fault("/second", _SAME_COMPETITOR))
    if faults:
        raise BadInput("The match cannot be accepted.", faults)
    return MatchIn(score=SCORES[values.pop("outcome")], **values)


def changes_of(sent: CorrectionRequest) -> dict[str, Any]:
    """What a correction makes different, in the words of the services. Raises BadInput."""
    values: dict[str, Any] = {name: value for name, value in sent.items() if name not in _ABOUT_AMENDMENTS}
    faults = _clean(values)
    if not values:
        faults.append(Fault("", "must have at least one member of a match, such as outcome"))
    if "first" in values and values["first"] == values.get("second"):
        faults.append(Fault("/second", _SAME_COMPETITOR))
    if faults:
        raise BadInput("The correction cannot be accepted.", faults)
    if "outcome" in values:
        values["score"] = SCORES[values.pop("outcome")]
    return values


def _clean(values: dict[str, Any]) -> list[Fault]:
    """Put the values into the form that services take; returns what is wrong with those that have none."""
    faults = []
    for name, clean in _CLEANERS.items():
        if values.get(name) is not None:
            try:
                values[name] = clean(values[name])
            except ValueError as error:
                faults.append(Fault(f"/{name}", str(error)))
    return faults


def key_of(sent: str, place: str) -> str:
    """A key as it is compared. Raises BadInput."""
    try:
        return clean_key(sent)
    except ValueError as error:
        raise BadInput("A key cannot be accepted.", [Fault(place, str(error))]) from None


def columns_of(batch: NewBatch) -> MatchColumns:
    """The columns of a batch, from its rows or its columns. Raises BadInput."""
    if ("matches" in batch) == ("columns" in batch):
        raise BadInput("A batch has either “matches” or “columns”.", [Fault("", "must have exactly one of: matches, columns")])
    if "columns" in batch:
        columns = cast("dict[str, list[Any]]", dict(batch["columns"]))
        _refuse_unequal(columns)
        return _cleaned(columns, lambda name, row: pointer(("columns", name, row)))
    rows = batch["matches"]
    names = {name for row in rows for name in row}
    columns = {name: [row.get(name, DEFAULTS.get(name)) for row in rows] for name in names}
    return _cleaned(columns, lambda name, row: pointer(("matches", row, name)))


def _refuse_unequal(columns: Mapping[str, Sequence[Any]]) -> None:
    length = len(columns["first"])
    faults = [
        Fault(f"/columns/{name}", f"has {len(column):,} values where first has {length:,}")
        for name, column in columns.items()
        if len(column) != length
    ]
    if not length:
        faults.append(Fault("/columns/first", "must have at least one value"))
    if faults:
        raise BadInput("The columns of a batch must be of one length, at least 1.", faults)


def _cleaned(columns: dict[str, list[Any]], place: Place) -> MatchColumns:
    faults: list[Fault] = []
    for name, clean in _CLEANERS.items():
        if name in columns:
            columns[name] = _clean_column(columns[name], clean, lambda row, name=name: place(name, row), faults)  # type: ignore[misc]
    faults += [
        Fault(place("second", row), _SAME_COMPETITOR)
        for row, (first, second) in enumerate(zip(columns["first"], columns["second"], strict=True))
        if first == second
    ]
    if faults:
        raise BadInput(f"{len(faults):,} values of the batch cannot be accepted; nothing was recorded.", faults[:MAX_FAULTS])
    columns["score"] = [SCORES[outcome] for outcome in columns.pop("outcome")]
    length = len(columns["first"])
    return MatchColumns(**{name: [value] * length for name, value in DEFAULTS.items() if name not in columns}, **columns)


def _clean_column(column: list[Any], clean: Callable[[Any], Any], place: Callable[[int], str], faults: list[Fault]) -> list[Any]:
    """The column with each distinct value cleaned once; a value at fault stays as it is and is noted wherever it stands."""
    known: dict[Hashable, Any] = {None: None}
    bad: dict[Hashable, str] = {}
    keys = [_hashable(value) for value in column] if clean is canonical_context else column
    for key, value in zip(keys, column, strict=True):
        if key not in known:
            try:
                known[key] = clean(value)
            except ValueError as error:
                known[key] = value
                bad[key] = str(error)
    if bad:
        faults += [Fault(place(row), bad[key]) for row, key in enumerate(keys) if key in bad]
    return [known[key] for key in keys]


def _hashable(context: Mapping[str, Any] | None) -> Hashable:
    # True == 1.0 and 0.0 == -0.0, and a context distinguishes them.
    return None if context is None else tuple((name, repr(value)) for name, value in context.items())


def pairs_of(sent: PredictionRequest) -> list[tuple[str, str]]:
    """The pairs of a request, their keys cleaned. Raises BadInput."""
    faults: list[Fault] = []
    sides = [
        _clean_column([pair[side] for pair in sent["pairs"]], clean_key, lambda row, side=side: pointer(("pairs", row, side)), faults)  # type: ignore[misc]
        for side in ("first", "second")
    ]
    if faults:
        raise BadInput("Some keys cannot be accepted.", faults[:MAX_FAULTS])
    return list(zip(*sides, strict=True))
