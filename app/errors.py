"""The conditions that Arpad reports, as one tree. What each means over HTTP or as an exit code is decided in `api.problems` and `cli`.

ArpadError
├── NotFound
│   ├── LeagueNotFound · MatchNotFound · CompetitorNotFound · EntryNotFound · FitNotFound · ImportNotFound · KeyNotFound
├── BadInput                 what was sent cannot be accepted; carries a list of faults
│   ├── FileNotUnderstood    the header or the format of a file
│   └── BadLines             single lines of a file
├── Conflict
│   ├── LeagueExists · MatchIdTaken · PositionMoved · MatchAlreadyVoided · FitNotPublished · FitFinished · FitWithoutTable
│   ├── ImportDiffers · DatabaseNotEmpty · PortInUse
├── NotAllowed
│   ├── KeyRequired · ScopeMissing
├── Unavailable              try again later; carries the seconds to wait
│   ├── LeagueBusy · RecorderFull · RecorderStopped · DatabaseLocked
├── SchemaUnknown            the database was made by a newer Arpad, or is not Arpad's
├── ExportDamaged            an export whose chain of hashes does not hold
│   └── BackupDamaged        a backup whose bytes are not those that were written
└── VerifyDiffers            the stored state is not what the log replays to
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input: where (a JSON pointer, or a field's name) and what to do about it."""

    pointer: str
    detail: str


class ArpadError(Exception):
    """The root of every condition that Arpad reports on purpose."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something is wrong"

    def __init__(self, detail: str, **extensions: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = extensions


class NotFound(ArpadError):
    code = "not-found"
    title = "There is no such thing"


class LeagueNotFound(NotFound):
    code = "league-not-found"
    title = "There is no such league"

    def __init__(self, league: str) -> None:
        super().__init__(f"There is no league “{league}”, or it is private and needs a key.")


class MatchNotFound(NotFound):
    code = "match-not-found"
    title = "There is no such match"

    def __init__(self, match_id: str) -> None:
        super().__init__(f"There is no match “{match_id}” in this league.")


class CompetitorNotFound(NotFound):
    code = "competitor-not-found"
    title = "There is no such competitor"

    def __init__(self, competitor: str, similar: Sequence[str] = (), segment: str = "", *, is_known: bool = False) -> None:
        hint = f" Did you mean {', '.join(f'“{name}”' for name in similar)}?" if similar else ""
        missing = f"There is no competitor “{competitor}” in this league."
        if segment:
            missing = f"No counted match of “{competitor}” meets {segment}; leave out “where” to ask of the whole league."
        elif is_known:
            missing = f"“{competitor}” is known in this league but has no counted match yet, so there is nothing to say of their strength."
        super().__init__(f"{missing}{hint}", similar=list(similar))


class EntryNotFound(NotFound):
    code = "entry-not-found"
    title = "There is no such entry"

    def __init__(self, position: int) -> None:
        super().__init__(f"The log has no entry at position {position}.")


class FitNotFound(NotFound):
    code = "fit-not-found"
    title = "There is no such fit"


class ImportNotFound(NotFound):
    code = "import-not-found"
    title = "There is no such import"


class KeyNotFound(NotFound):
    code = "key-not-found"
    title = "There is no such key"


class BadInput(ArpadError):
    """Something sent cannot be accepted; `faults` say where and what to do."""

    code = "bad-input"
    title = "The input cannot be accepted"

    def __init__(self, detail: str, faults: Sequence[Fault] = (), **extensions: object) -> None:
        super().__init__(detail, **extensions)
        self.faults = tuple(faults)


class FileNotUnderstood(BadInput):
    code = "file-not-understood"
    title = "The file cannot be understood"


class BadLines(BadInput):
    code = "bad-lines"
    title = "Some lines of the file cannot be accepted"


class Conflict(ArpadError):
    code = "conflict"
    title = "This contradicts what is recorded"


class LeagueExists(Conflict):
    code = "league-exists"
    title = "The league exists already"

    def __init__(self, league: str) -> None:
        super().__init__(f"There is a league “{league}” already. Choose another id.")


class MatchIdTaken(Conflict):
    """A known match_id came again with another content."""

    code = "match-id-taken"
    title = "The match id belongs to another match"

    def __init__(self, match_id: str, differing: Sequence[str], pointer: str = "/match_id") -> None:
        super().__init__(
            f"Match “{match_id}” is recorded with a different {', '.join(differing)}. Send a new match_id for a new match; to change the recorded one, correct it.",
            match_id=match_id,
            differing=list(differing),
        )
        self.faults: tuple[Fault, ...] = (Fault(pointer, self.detail),)


class PositionMoved(Conflict):
    code = "position-moved"
    title = "The league moved on since the preview"

    def __init__(self, expected: int, position: int) -> None:
        super().__init__(f"The league is at position {position}, not at {expected}. Ask for a new preview.", expected=expected, position=position)


class MatchAlreadyVoided(Conflict):
    code = "match-already-voided"
    title = "The match is void already"

    def __init__(self, match_id: str) -> None:
        super().__init__(f"Match “{match_id}” is void already.")


class FitNotPublished(Conflict):
    code = "fit-not-published"
    title = "The league has no published fit yet"


class FitFinished(Conflict):
    code = "fit-finished"
    title = "The refit has come to its end already"

    def __init__(self, fit: int, status: str) -> None:
        super().__init__(f"Fit {fit} is {status}: only what waits or runs can be cancelled.", status=status)


class FitWithoutTable(Conflict):
    code = "fit-without-table"
    title = "There is nothing to check of this fit"

    def __init__(self, fit: int, status: str, reason: str | None) -> None:
        why = f" {reason}" if reason else ""
        super().__init__(f"Fit {fit} is {status}; only published fits keep a table.{why}", status=status)


class ImportDiffers(Conflict):
    code = "import-differs"
    title = "The import id belongs to another file"


class DatabaseNotEmpty(Conflict):
    code = "database-not-empty"
    title = "The place to restore to is not empty"


class PortInUse(Conflict):
    code = "port-in-use"
    title = "The port is in use"


class NotAllowed(ArpadError):
    code = "not-allowed"
    title = "This is not allowed"


class KeyRequired(NotAllowed):
    code = "key-required"
    title = "A key is required"

    def __init__(self, detail: str = "Send a valid key: Authorization: Bearer <key>. `arpad key create` makes one.") -> None:
        super().__init__(detail)


class ScopeMissing(NotAllowed):
    code = "scope-missing"
    title = "The key does not reach that far"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This needs a key with the scope “{scope}” for this league.", scope=scope)


class Unavailable(ArpadError):
    """The request may be repeated as it is after `retry_after_seconds`."""

    code = "unavailable"
    title = "Not available at the moment"

    def __init__(self, detail: str, retry_after_seconds: int = 1, **extensions: object) -> None:
        super().__init__(detail, **extensions)
        self.retry_after_seconds = retry_after_seconds


class LeagueBusy(Unavailable):
    code = "league-busy"
    title = "The league is busy"


class RecorderFull(Unavailable):
    code = "recorder-full"
    title = "Too many matches are waiting"


class RecorderStopped(Unavailable):
    code = "recorder-stopped"
    title = "The server is stopping"


class DatabaseLocked(Unavailable):
    code = "database-locked"
    title = "The database is in use"


class SchemaUnknown(ArpadError):
    code = "schema-unknown"
    title = "The database has a schema that this version does not know"


class ExportDamaged(ArpadError):
    code = "export-damaged"
    title = "The export is cut or was changed"


class BackupDamaged(ExportDamaged):
    code = "backup-damaged"
    title = "The backup is cut or was changed"


class VerifyDiffers(ArpadError):
    code = "verify-differs"
    title = "The stored state is not what the log replays to"
