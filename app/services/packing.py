"""Arrays as bytes for the database: the same bytes for the same arrays."""

import io
import zipfile
import zlib
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
FASTEST: Final = 1
"""Of zlib's levels: on the second order of a large fit five times as fast as the usual 6, and no larger."""


UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)
"""What is raised by bytes that `packed` did not write, and by arrays that are others than expected."""


def packed(arrays: Arrays, *, as_they_are: Collection[str] = ()) -> bytes:
    """Arrays as bytes, as `numpy.savez_compressed` writes them; no time and no address is among them.

    `as_they_are`: arrays that are not compressed, because little would be won.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=FASTEST) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_STORED if name in as_they_are else zipfile.ZIP_DEFLATED
            entry._compresslevel = FASTEST  # type: ignore[attr-defined]  # noqa: SLF001  of a member it has no public name before Python 3.13
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def unpacked(stored: bytes, *, except_for: Sequence[str] = ()) -> Arrays:
    """What `packed` was given, or what of it is wanted."""
    with np.load(io.BytesIO(stored), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name not in except_for}
