"""Arrays as bytes for the database: the same bytes for the same arrays."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def packed(arrays: Arrays) -> bytes:
    """Arrays as bytes; no time and no address is among them."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy's stub takes the names for its own options
    return buffer.getvalue()


def unpacked(stored: bytes, *, except_for: Sequence[str] = ()) -> Arrays:
    """What `packed` was given, or what of it is wanted."""
    with np.load(io.BytesIO(stored), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in except_for}
