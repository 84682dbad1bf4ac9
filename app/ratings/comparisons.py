"""Columns of comparisons between numbered competitors, checked once at the border of the Python surface.

Every error is a ValueError that names the argument. What the columns mean is in STATISTICS §1: a score in [0, 1] for the first side, a weight
that counts equal observations, an importance that scales one observation, and a side (+1 first, −1 second, 0 neither) that has the advantage.
Time decay is an importance: 2^(−age / half_life).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Checked columns of one length; those with a default are None where nothing was given. Decay by age is part of `importance`."""

    first: Integers
    second: Integers
    score: Floats
    n_competitors: int
    weight: Floats | None = None
    side: Floats | None = None
    importance: Floats | None = None
    covariates: Floats | None = None
    cluster: Integers | None = None

    def __len__(self) -> int:
        return len(self.first)


def check_comparisons(  # noqa: PLR0913 - a column each
    first: ArrayLike,
    second: ArrayLike,
    score: ArrayLike,
    n_competitors: int | None = None,
    *,
    weight: ArrayLike | None = None,
    side: ArrayLike | None = None,
    importance: ArrayLike | None = None,
    covariates: ArrayLike | None = None,
    age: ArrayLike | None = None,
    half_life: float | None = None,
    cluster: ArrayLike | None = None,
) -> Comparisons:
    """The columns as arrays of one length, or a ValueError that names the argument and the first row at fault."""
    first_numbers = _numbers("first", first, None)
    n = len(first_numbers)
    second_numbers = _numbers("second", second, n)
    _refuse_where("second", first_numbers == second_numbers, "is the same competitor as first")
    scores = _floats("score", score, n)
    _refuse_where("score", ~((scores >= 0.0) & (scores <= 1.0)), "must lie between 0 and 1")
    return Comparisons(
        first_numbers,
        second_numbers,
        scores,
        _count(first_numbers, second_numbers, n_competitors),
        _non_negative("weight", weight, n),
        _side(side, n),
        _importance(_non_negative("importance", importance, n), _non_negative("age", age, n), half_life),
        _covariates(covariates, n),
        None if cluster is None else _numbers("cluster", cluster, n),
    )


def _numbers(name: str, values: ArrayLike, n: int | None) -> Integers:
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold integers from 0, not {array.dtype}")
    _refuse_shape(name, array.shape, 1, n)
    numbers: Integers = np.ascontiguousarray(array, dtype=np.int64)
    _refuse_where(name, numbers < 0, "must not be negative")
    return numbers


def _floats(name: str, values: ArrayLike, n: int, dimensions: int = 1) -> Floats:
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers: {error}") from error
    _refuse_shape(name, array.shape, dimensions, n)
    _refuse_where(name, np.logical_not(np.isfinite(array).all(axis=tuple(range(1, dimensions)))), "must be finite")
    return array


def _non_negative(name: str, values: ArrayLike | None, n: int) -> Floats | None:
    if values is None:
        return None
    array = _floats(name, values, n)
    _refuse_where(name, array < 0.0, "must not be negative")
    return array


def _importance(importance: Floats | None, age: Floats | None, half_life: float | None) -> Floats | None:
    """Importance times decay; an infinite half-life is no decay."""
    if age is None and half_life is None:
        return importance
    if age is None or half_life is None:
        raise ValueError("age must be given with half_life, and half_life with age")
    if not half_life > 0.0:
        raise ValueError(f"half_life must be a positive number of days, not {half_life}")
    decay = np.exp2(-age / half_life)
    return np.asarray(decay if importance is None else importance * decay)


def _side(values: ArrayLike | None, n: int) -> Floats | None:
    if values is None:
        return None
    array = _floats("side", values, n)
    _refuse_where("side", ~np.isin(array, (-1.0, 0.0, 1.0)), "must be +1 (first), −1 (second) or 0 (neither)")
    return array


def _covariates(values: ArrayLike | None, n: int) -> Floats | None:
    return None if values is None else _floats("covariates", values, n, dimensions=2)


def _count(first: Integers, second: Integers, n_competitors: int | None) -> int:
    seen = 1 + int(max(first.max(initial=-1), second.max(initial=-1)))
    if n_competitors is None:
        return seen
    if n_competitors < seen:
        raise ValueError(f"n_competitors is {n_competitors}, but competitor {seen - 1} has a match")
    return int(n_competitors)


def _refuse_shape(name: str, shape: tuple[int, ...], dimensions: int, n: int | None) -> None:
    if len(shape) != dimensions:
        raise ValueError(f"{name} must have {dimensions} dimension{'s' if dimensions > 1 else ''}, not {len(shape)}")
    if n is not None and shape[0] != n:
        raise ValueError(f"{name} must have {n} rows, as first has, not {shape[0]}")


def _refuse_where(name: str, wrong: NDArray[np.bool_], rule: str) -> None:
    if wrong.any():
        raise ValueError(f"{name} {rule} (row {int(np.argmax(wrong))})")
