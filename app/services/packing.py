"""Arrays as bytes for the database: the same bytes for the same arrays."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def packed(arrays: Arrays) -> bytes:
    """Arrays as bytes; no time and no address is among them."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # NumPy's stub takes the names for its own options
    return buffer.getvalue()


def unpacked(stored: bytes) -> Arrays:
    """What `packed` was given."""
    with np.load(io.BytesIO(stored), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
