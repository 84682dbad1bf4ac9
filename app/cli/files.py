"""Files and folders that cannot be used: what that means, and what to do about it."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from app.errors import ArpadError, BadInput, Unavailable

_FULL: Final = "There is no room left for {file}. Make room, or choose another place."
_FORBIDDEN: Final = "This account may not use {file}. Give it the right, or choose another place."
_NOT_A_FOLDER: Final = "{file} is not a folder, or lies below a file. Choose another folder."

_LACKS_ROOM: Final[Mapping[int, str]] = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EFBIG: _FULL}
_CANNOT_BE: Final[Mapping[int, str]] = {
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: "{file} lies on a disk that is read-only. Choose another place.",
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EEXIST: _NOT_A_FOLDER,
    errno.EISDIR: "{file} is a folder. Name a file in it.",
    errno.ENOENT: "The folder of {file} does not exist. Make it first, or choose another place.",
    errno.ENAMETOOLONG: "The name {file} is too long. Choose a shorter one.",
}


def file_error(error: OSError) -> ArpadError | None:
    """The condition behind an error of the operating system; None where it is about no file. Without a name it is the standard output."""
    number = error.errno or 0
    if number in _LACKS_ROOM:
        return Unavailable(_LACKS_ROOM[number].format(file=f"“{error.filename}”" if error.filename is not None else "the standard output"))
    if number in _CANNOT_BE and error.filename is not None:
        return BadInput(_CANNOT_BE[number].format(file=f"“{error.filename}”"))
    return None


@contextmanager
def named(file: Path) -> Iterator[None]:
    """Errors of the operating system within the block are about this file: writing names none, and a part file means nothing to people."""
    try:
        yield
    except OSError as error:
        error.filename = str(file)
        raise
