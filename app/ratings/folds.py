"""The loop that every Elo replay is, run by Python, or as machine code where numba is installed and the history is long.

`fold` is compiled from its own source and that of `core.kernels`, so there is one text of the arithmetic and not two. The bits are the same because
numba emits plain IEEE operations: LLVM fuses a product with a sum only where the instruction carries the flag `contract` or `fast`, and without
`fastmath` none does. Before machine code is used, its answer is compared with Python's, so a stale cache or a strange compiler costs time and
never a bit. What a match does to two ratings is explained in `online`.
"""

import os
import sys
from collections.abc import Callable, MutableSequence, Sequence
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from app.core import kernels
from app.core.kernels import logistic

LONG = 50_000
"""Matches from which machine code is worth loading."""
PROBES = 512

Values = Sequence[float] | NDArray[np.float64]
Indices = Sequence[int] | NDArray[np.int64]
Columns = tuple[Indices, Indices, Values, Values, Values, Values]
Log = tuple[Any, Any, Any, Any, Any]
Machine = Callable[..., Any]


def fold(
    first: Sequence[int],
    second: Sequence[int],
    score: Sequence[float],
    lead: Sequence[float],
    first_gain: Sequence[float],
    second_gain: Sequence[float],
    ratings: MutableSequence[float],
    unit: float,
    log: Log,
) -> None:
    """Rate matches in their order, in place: `log` takes the expected score, and the first's and the second's rating before and after."""
    expected, first_before, first_after, second_before, second_after = log
    for n in range(len(first)):
        i = first[n]
        j = second[n]
        a = ratings[i]
        b = ratings[j]
        p = logistic((a - b + lead[n]) / unit)
        surprise = score[n] - p
        expected[n] = p
        first_before[n] = a
        second_before[n] = b
        ratings[i] = a = a + first_gain[n] * surprise
        ratings[j] = b = b - second_gain[n] * surprise
        first_after[n] = a
        second_after[n] = b


def run(columns: Columns, ratings: Values, unit: float) -> tuple[Values, Log]:
    """The ratings after the last match, and the log: arrays from machine code, lists from Python. What is given is not changed.

    Parameters
    ----------
    columns : tuple
        Shape (n,) each: first, second, score; lead, what the side is worth to the first, in points; and of either side its gain, K·w.
    ratings : sequence of float
        By competitor.
    unit : float
        Points per natural unit.
    """
    n = len(columns[0])
    if any(len(column) != n for column in columns):
        raise ValueError(f"the columns of a replay differ in length: {', '.join(str(len(column)) for column in columns)}")
    machine = machine_fold() if n >= LONG else None
    return _run_python(columns, ratings, unit) if machine is None else _run(machine, columns, ratings, unit)


def _run_python(columns: Columns, ratings: Values, unit: float) -> tuple[list[float], Log]:
    """On lists, because reading one element of a NumPy array costs more than the update."""
    after = as_list(ratings)
    zeros = [0.0] * len(columns[0])
    log = (zeros, zeros.copy(), zeros.copy(), zeros.copy(), zeros.copy())
    first, second, score, lead, first_gain, second_gain = map(as_list, columns)
    fold(first, second, score, lead, first_gain, second_gain, after, unit, log)
    return after, log


def _run(machine: Machine, columns: Columns, ratings: Values, unit: float) -> tuple[NDArray[np.float64], Log]:
    after = np.array(ratings, dtype=np.float64)
    kinds = (np.int64, np.int64, np.float64, np.float64, np.float64, np.float64)
    arrays = [np.ascontiguousarray(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)]
    log = tuple(np.empty(len(arrays[0])) for _ in range(5))
    machine(*arrays, after, float(unit), log)
    return after, log  # type: ignore[return-value]  # five of them


def as_list(column: Indices | Values) -> list[Any]:
    """The column as plain Python numbers."""
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


@cache
def machine_fold() -> Machine | None:
    """`fold` as machine code; None without numba, or where it does not say what Python says."""
    try:
        import numba  # noqa: PLC0415 - it costs a quarter of a second, and most installations do not have it
    except ImportError:
        return None
    machine = _compile(numba, cached=True) or _compile(numba, cached=False)
    return machine if machine is not None and _agrees(machine) else None


def _compile(numba: ModuleType, *, cached: bool) -> Machine | None:
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, numba.config.CACHE_DIR or str(_cache_folder())

    def compiled(python: Machine, **names: Machine) -> Machine:
        """The function, with the names that it calls bound to compiled ones. Bounds are checked, as Python does."""
        function = cast("FunctionType", python)
        bound = FunctionType(function.__code__, function.__globals__ | names, function.__name__)
        machine: Machine = numba.njit(bound, cache=cached, fastmath=False, boundscheck=True, error_model="numpy")
        return machine

    try:
        exponential = compiled(kernels.exponential)
        machine = compiled(fold, logistic=compiled(kernels.logistic, exponential=exponential))
        _run(machine, ((), (), (), (), (), ()), [0.0], 1.0)
    except (RuntimeError, OSError):  # numba's words for a folder in which nothing can be kept
        return None
    finally:
        numba.config.CACHE_DIR = before
    return machine


def _cache_folder() -> Path:
    local = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(local) if local else Path("~/.cache").expanduser()) / "arpad"


def _agrees(machine: Machine) -> bool:
    """Whether ratings that move far apart give the same bits either way."""
    generator = np.random.default_rng(0)
    first = generator.integers(0, 8, PROBES)
    second = (first + generator.integers(1, 8, PROBES)) % 8
    lead, gains = generator.choice([-35.0, 0.0, 35.0], PROBES), generator.exponential(96.0, (2, PROBES))
    columns, start = (first, second, generator.random(PROBES), lead, *gains), generator.normal(1500.0, 1000.0, 8)
    (fast, fast_log), (slow, slow_log) = (way(columns, start, 173.7) for way in (lambda *a: _run(machine, *a), _run_python))
    return np.array_equal(fast, slow) and all(map(np.array_equal, fast_log, slow_log))
