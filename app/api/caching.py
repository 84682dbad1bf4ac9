"""A bounded cache of rendered answers, in this process. Keys are entity tags, which change with every entry, so nothing is ever invalidated."""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

CACHE_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Rendered:
    """The bytes of an answer, and the cursor of what follows."""

    body: bytes
    media_type: str
    next: str | None = None


class ByteCache:
    """Least recently used goes first once the bodies exceed `limit` bytes. Safe between threads."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._kept: OrderedDict[str, Rendered] = OrderedDict()
        self._lock = Lock()

    @property
    def size(self) -> int:
        """The bytes of all bodies kept."""
        return self._size

    def get(self, tag: str) -> Rendered | None:
        with self._lock:
            if tag not in self._kept:
                return None
            self._kept.move_to_end(tag)
            return self._kept[tag]

    def put(self, tag: str, rendered: Rendered) -> None:
        if len(rendered.body) > self._limit:
            return
        with self._lock:
            self._forget(tag)
            self._kept[tag] = rendered
            self._size += len(rendered.body)
            while self._size > self._limit:
                self._forget(next(iter(self._kept)))

    def _forget(self, tag: str) -> None:
        if (kept := self._kept.pop(tag, None)) is not None:
            self._size -= len(kept.body)
