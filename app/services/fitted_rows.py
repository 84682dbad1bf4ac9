"""What a fit says of some competitors, column by column: a page is answered several times as fast as competitor by competitor."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ratings.fitted import NORMAL_95
from app.ratings.scale import natural_unit
from app.services.shapes import FittedRatingShape
from app.services.stored_fits import FitTable


class FittedRow(NamedTuple):
    """Of one competitor; None for what is not known."""

    shape: FittedRatingShape | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    rank_ub: int | None = None
    p_top: float | None = None
    tier: int | None = None


UNFITTED: Final = FittedRow()
_BOUNDS: Final = ("rank_low", "rank_high", "rank_ub")


def fitted_rows(fit: FitTable, numbers: NDArray[np.int64]) -> list[FittedRow]:
    """As `FitTable.shape` and its like tell of one; who is new to the fit is `UNFITTED`."""
    known = fit.knows(numbers)
    chosen = numbers[known]
    error = fit.arrays["standard_error"][chosen] * natural_unit(fit.settings.scale)
    columns = (
        fit.rating[chosen].tolist(),
        error.tolist(),
        *((1 + fit.arrays[name][chosen]).tolist() for name in ("components", "classes")),
        *(_or_none(fit.arrays[name][chosen]) for name in _BOUNDS),
        _probabilities(fit, chosen),
        _or_none(fit.arrays["tier"][chosen]) if "tier" in fit.arrays else [None] * len(chosen),
    )
    found = iter([FittedRow(_shape(*each[:4]), *each[4:]) for each in zip(*columns, strict=True)])
    return [next(found) if is_known else UNFITTED for is_known in known.tolist()]


def _shape(rating: float, error: float, component: int, among: int) -> FittedRatingShape:
    is_known = error == error  # noqa: PLR0124  NaN alone is not equal to itself
    return {
        "rating": rating,
        "lower": rating - NORMAL_95 * error if is_known else None,
        "upper": rating + NORMAL_95 * error if is_known else None,
        "standard_error": error if is_known else None,
        "component": component,
        "class": among,
    }


def _or_none(values: NDArray[Any]) -> list[int | None]:
    return [value or None for value in values.tolist()]


def _probabilities(fit: FitTable, chosen: NDArray[np.int64]) -> list[float | None]:
    if "p_top" not in fit.arrays:
        return [None] * len(chosen)
    return [None if np.isnan(value) else value for value in fit.arrays["p_top"][chosen].tolist()]
