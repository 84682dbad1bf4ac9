"""A whole database as one file, taken while it is in use, and a database filled from such a file: SQLite or PostgreSQL at either end.

    a line of JSON           what it is, its schema, and of every league position, counts, state hash and log head
    gzip of lines of JSON    {"table": …, "columns": {name: [values]}}, bytes as URL-safe base64
    a line of JSON           {"sha256": of all bytes before this line}

One snapshot is read, so writers go on and the file is of one moment. A restore reads the whole file once for its hash before it opens a
transaction, and fills an empty database or none: everything is written, or nothing. Other than an export of one league, a backup has what lies
beside the logs too: fits, reports of imports, and the hashes of keys.
"""

import gzip
import hashlib
import json
import os
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final, Protocol, cast

from pydantic_core import to_json
from typing_extensions import TypedDict

from app import __version__
from app.errors import BackupDamaged, DatabaseNotEmpty, SchemaUnknown
from app.services import ledger
from app.services.keys import Caller, permit_globally
from app.services.shapes import VerifyShape
from app.services.verification import verify_league
from app.storage.contents import Block, byte_columns, continue_numbering, is_vacant, keep_others_out, read_contents, write_block
from app.storage.tables import SCHEMA_REVISION
from app.storage.unit_of_work import Database, ReadUnit

FORMAT: Final = 1
BEGINNING: Final = b'{"arpad":"backup",'
"""No export and no file of matches begins like this."""
_GZIP: Final = 31  # zlib's number for deflate within the frame of gzip
_LEVEL: Final = 4
_CHUNK: Final = 2**20
_LONGEST_MANIFEST: Final = 2**28
_MANY: Final = 2**62


class BackedLeague(TypedDict):
    league: str
    position: int
    matches: int
    competitors: int
    state_hash: str
    log_head: str


class BackupShape(TypedDict):
    """What a backup says of itself. `leagues` by id."""

    arpad: str
    format: int
    version: str
    schema: str
    leagues: list[BackedLeague]


class WrittenBackupShape(BackupShape):
    bytes: int
    sha256: str


class RestoredBackupShape(TypedDict):
    """What was restored, each league with the verdict of its verification. `equal`: all of them are what their logs replay to."""

    leagues: list[VerifyShape]
    equal: bool


class Target(Protocol):
    """Where bytes can be written to."""

    def write(self, data: bytes, /) -> object: ...


class _Hashing:
    """A file that is written, its bytes counted and hashed on the way."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self._target.write(data)
        self.digest.update(data)
        self.size += len(data)


def write_backup(database: Database, caller: Caller, target: Target) -> WrittenBackupShape:
    """Write everything that one snapshot of the database holds. Raises KeyRequired, ScopeMissing, Unavailable, and what `target` raises."""
    file, packer = _Hashing(target), zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    with database.read() as unit:
        permit_globally(unit, caller, "admin")
        manifest: BackupShape = {
            "arpad": "backup",
            "format": FORMAT,
            "version": __version__,
            "schema": SCHEMA_REVISION,
            "leagues": _leagues(unit),
        }
        file.write(to_json(manifest) + b"\n")
        for block in read_contents(unit.connection):
            file.write(packer.compress(to_json(block._asdict(), bytes_mode="base64") + b"\n"))
        file.write(packer.flush())
    seal = file.digest.hexdigest()
    file.write(_seal_line(seal))
    return {**manifest, "bytes": file.size, "sha256": seal}


def _leagues(unit: ReadUnit) -> list[BackedLeague]:
    """What is stored of every league; whether its log leads there is asked by a verification."""
    return [_league(unit, row) for row in unit.leagues.page("", _MANY, only_public=False, only_id=None)]


def _league(unit: ReadUnit, row: Any) -> BackedLeague:  # noqa: ANN401  a row of the table
    people = unit.competitors.all(row.id)
    return {
        "league": row.key,
        "position": row.position,
        "matches": row.matches,
        "competitors": sum(who.matches > 0 for who in people),
        "state_hash": ledger.state_hash((who.key, who.rating, who.matches, who.wins, who.draws, who.losses) for who in people),
        "log_head": row.log_head.hex(),
    }


def _seal_line(digest: str) -> bytes:
    return f'{{"sha256":"{digest}"}}\n'.encode("ascii")


class Backup:
    """A backup whose bytes are those that were written."""

    def __init__(self, manifest: BackupShape, source: IO[bytes], begin: int, end: int) -> None:
        self.manifest = manifest
        self._source = source
        self._begin = begin
        self._end = end

    def blocks(self) -> Iterator[Block]:
        """The rows, block by block. Raises BackupDamaged."""
        self._source.seek(self._begin)
        with _damage_told(), gzip.GzipFile(fileobj=cast("IO[bytes]", _Part(self._source, self._end - self._begin)), mode="rb") as lines:
            for line in lines:
                value = json.loads(line)
                yield Block(value["table"], _decoded(value["table"], value["columns"]))


class _Part:
    """The next bytes of a file, up to a number of them."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _decoded(table: str, columns: dict[str, list[Any]]) -> dict[str, Sequence[Any]]:
    in_bytes = byte_columns(table)
    return {name: [_bytes(value) for value in values] if name in in_bytes else values for name, values in columns.items()}


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else urlsafe_b64decode(value)


@contextmanager
def _damage_told() -> Iterator[None]:
    """Whatever reading nonsense leads to is a damaged file."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError, zlib.error, gzip.BadGzipFile) as error:
        raise BackupDamaged("The backup is not as Arpad writes one.") from error


def open_backup(source: IO[bytes]) -> Backup:
    """Read a file whole, from its place to its end, and compare its hash. Raises BackupDamaged; SchemaUnknown for that of another version."""
    start, seal = source.tell(), len(_seal_line("0" * 64))
    end = source.seek(0, os.SEEK_END) - seal
    if end < start or _digest(source, start, end) != source.read(seal):
        raise BackupDamaged("The backup was cut or changed: its bytes are not those that were written. Use another copy.")
    source.seek(start)
    with _damage_told():
        manifest = json.loads(source.readline(_LONGEST_MANIFEST))
        known = (manifest["arpad"], manifest["format"]) == ("backup", FORMAT)
        schema = manifest["schema"]
    if not known or schema != SCHEMA_REVISION:
        raise SchemaUnknown(
            f"The backup is of Arpad {manifest.get('version')} and has the schema {schema}; this is Arpad {__version__} with {SCHEMA_REVISION}. "
            "Restore it with the Arpad that made it, then migrate."
        )
    return Backup(manifest, source, source.tell(), end)


def _digest(source: IO[bytes], start: int, end: int) -> bytes:
    """The last line that a backup of these bytes has."""
    digest, part = hashlib.sha256(), _Part(source, end - start)
    source.seek(start)
    while data := part.read(_CHUNK):
        digest.update(data)
    return _seal_line(digest.hexdigest())


def restore_backup(database: Database, caller: Caller, backup: Backup) -> RestoredBackupShape:
    """Fill an empty database, in one transaction, then verify every league.

    Raises DatabaseNotEmpty, BackupDamaged; then nothing is written. A league that was not what its log replays to when it was backed up is not
    so now: that is an answer, as it is of a verification.
    """
    with database.write() as unit:
        permit_globally(unit, caller, "admin")
        keep_others_out(unit.connection)
        if not is_vacant(unit.connection):
            raise DatabaseNotEmpty("A backup fills an empty database, and this one holds leagues or keys. Name a new folder with --data.")
        with _damage_told():
            for block in backup.blocks():
                write_block(unit.connection, block)
        continue_numbering(unit.connection)
        if _leagues(unit) != backup.manifest["leagues"]:
            raise BackupDamaged("The backup does not hold the leagues that it says it holds.")
        unit.commit()
    verdicts = [verify_league(database, caller, one["league"]) for one in backup.manifest["leagues"]]
    return {"leagues": verdicts, "equal": all(verdict["equal"] for verdict in verdicts)}
