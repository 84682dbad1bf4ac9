"""How far two competitors of a table can be compared, and the words for it: what joins them, what is missing, who is ahead."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from app.core.augmentation import paths_among
from app.core.identifiability import Comparable, Identifiability
from app.services import sentences
from app.services.ordered_tables import Table
from app.services.stored_fits import FitTable

RESTS_ON: Final[dict[Comparable, Literal["data", "prior"] | None]] = {"yes": "data", "ordered-only": "prior", "no": None}
_WEAKEST: Final[dict[Comparable, int]] = {"no": 0, "ordered-only": 1, "yes": 2}
_LEVELS: Final[tuple[Comparable, ...]] = tuple(_WEAKEST)


def comparability(table: Table, first: int, second: int) -> Comparable:
    """How far the matches up to this position compare two competitors; for the fit, no further than those that it saw."""
    now = table.structure.identifiability.comparable(first, second)
    fit = table.shown_fit
    if fit is None:
        return now
    if first not in fit or second not in fit:
        return "no"
    return min(now, fit.strengths.structure.comparable(fit.place(first), fit.place(second)), key=_WEAKEST.__getitem__)


def comparabilities(table: Table, numbers: Sequence[int]) -> list[list[Comparable | None]]:
    """As `comparability`, of everyone with everyone of a few, by one search per class; None on the diagonal."""
    levels, fit = _levels(table.structure.identifiability, numbers), table.shown_fit
    if fit is not None:
        seen = np.array([number in fit for number in numbers])
        then = _levels(fit.strengths.structure, [fit.place(number) if known else 0 for number, known in zip(numbers, seen, strict=True)])
        levels = np.where(seen[:, None] & seen[None, :], np.minimum(levels, then), _WEAKEST["no"])
    return [[None if i == j else _LEVELS[level] for j, level in enumerate(row)] for i, row in enumerate(levels.tolist())]


def _levels(structure: Identifiability, numbers: Sequence[int]) -> NDArray[np.int64]:
    reaches = _reaches(structure, numbers)
    return reaches.astype(np.int64) + reaches.T


def _reaches(structure: Identifiability, numbers: Sequence[int]) -> NDArray[np.bool_]:
    return paths_among(structure.class_edges, structure.classes[np.asarray(numbers, dtype=np.int64)])


def why_unknown(table: Table, first: Any, second: Any, unknown: str) -> str:  # noqa: ANN401  rows of the database, or what stands for them
    """Why nobody can say something (`unknown`, as “who would win”) of two who cannot be compared, and what would help."""
    fit = table.shown_fit
    if fit is not None and (stale := _not_in(fit, table, first, second)) is not None:
        return f"{stale}, so it cannot say {unknown}; ask for a new fit, or by=live."
    same_island = table.island(first.number) == table.island(second.number)
    return sentences.unconnected(first.key, second.key, unknown, same_island=same_island)


def _not_in(fit: FitTable, table: Table, first: Any, second: Any) -> str | None:  # noqa: ANN401  as above
    """What the fit has not seen yet, where that is why it cannot compare two."""
    new = [one.key for one in (first, second) if one.number not in fit]
    if new:
        return f"Fit {fit.number} ends at entry {fit.position:,}, before the first counted {'match' if len(new) == 1 else 'matches'} of {' and '.join(new)}"
    if table.structure.identifiability.comparable(first.number, second.number) != "no":
        faded = ", or these have no weight left" if fit.settings.half_life_days is not None else ""
        return f"Fit {fit.number} ends at entry {fit.position:,}, before the matches that compare {first.key} with {second.key}{faded}"
    return None


def what_is_ordered(table: Table, first: Any, second: Any) -> str:  # noqa: ANN401  as above
    """What results say of two whom they only order."""
    fit = table.shown_fit
    structure, numbers = table.structure.identifiability, [first.number, second.number]
    if structure.comparable(*numbers) != "ordered-only" and fit is not None:
        structure, numbers = fit.strengths.structure, [fit.place(number) for number in numbers]
    is_first_ahead = bool(_reaches(structure, numbers)[0, 1])
    ahead, behind = (first.key, second.key) if is_first_ahead else (second.key, first.key)
    lead = first.rating - second.rating if fit is None else float(fit.rating[first.number] - fit.rating[second.number])
    against = "" if (lead >= 0) == is_first_ahead or lead == 0 else f" The figures have {behind} ahead all the same: take them as an assumption."
    return f"Results put {ahead} ahead of {behind}, but not by how much: the size of this number is an assumption.{against}"
