"""What is kept of a fit, as arrays by competitor's number in natural units, and the hash that the log tells of them."""

import hashlib
from typing import Final

import numpy as np

from app.ratings.fitted import Strengths
from app.services.packing import Arrays

TABLE: Final = ("theta", "standard_error", "components", "classes", "rank_low", "rank_high", "rank_ub")
ADDED: Final = ("p_top", "tier", "centred_error", "numbers")
"""What fits of earlier versions do not have; their hash is over the rest. `centred_error` is there only beside an anchor, `numbers` only in a fit
of a segment: its arrays are those of these competitors alone."""
WEIGHTS: Final = ("information", "meat", "second")
"""A number per pair, whose digits little foretells: compressing them took most of the time of packing and left nine bytes of ten."""


def table_hash(arrays: Arrays) -> bytes:
    """sha256 over the arrays of the table."""
    digest = hashlib.sha256()
    for name in (*TABLE, *(name for name in ADDED if name in arrays)):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.digest()


def by_number(arrays: Arrays) -> Arrays:
    """The arrays of a table by competitor's number; who is not in a fit of a segment has rank_ub 0, as whoever does not play."""
    if "numbers" not in arrays:
        return arrays
    numbers = arrays["numbers"]
    spread = {name: np.zeros(int(numbers.max(initial=-1)) + 1, array.dtype) for name, array in arrays.items()}
    for name, array in arrays.items():
        spread[name][numbers] = array
    return spread


def second_order(strengths: Strengths) -> Arrays:
    """What is needed beside the table to answer about differences."""
    edges = strengths.structure.class_edges
    return {
        **strengths.uncertainty.arrays(),
        "edge_indptr": edges.indptr,
        "edge_indices": edges.indices,
        "coefficients": np.array([*([strengths.side_advantage] if strengths.side_is_estimated else []), *strengths.coefficients]),
    }
