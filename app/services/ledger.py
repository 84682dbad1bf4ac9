"""The log's written form: one line of JSON per entry, chained by hashes, and the hash of the state that the log leads to.

    hash_n = sha256(hash_{n−1} ‖ body_n)        exported line = body_n with a last member "hash"

The body is ASCII JSON without white space, its members in the order below, floats as Python's `repr`. The chain starts from 32 zero bytes.
Competitors appear by number; keys, names and salts stand in lines of their own outside the chain, so that a person can be forgotten. The
entry that brings a competitor into being carries a commitment to its key, sha256(salt ‖ key). Of one who was forgotten only that is left.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

from app.ratings.matches import OUTCOMES, format_time
from app.storage.tables import Kind, Stored

FORMAT: Final = 1
"""The version of this written form, stated in every log's first entry."""
FORGOTTEN: Final = "forgotten"
"""Begins what stands in the place of a forgotten key; the competitor's number follows."""
NO_HEAD: Final = bytes(32)
KIND_NAMES: Final[Mapping[int, str]] = {int(kind): kind.name.lower() for kind in Kind}
KINDS: Final[Mapping[str, Kind]] = {kind.name.lower(): kind for kind in Kind}

_MATCH_FIELDS: Final = (
    "position",
    "recorded_at",
    "author",
    "match_id",
    "first",
    "second",
    "score",
    "played_at",
    "weight",
    "neutral",
    "first_score",
    "second_score",
    "context",
)

time_text = lru_cache(maxsize=4096)(format_time)


def canonical(value: object) -> str:
    """JSON text with sorted members and no white space: the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def commitment(salt: bytes, key: str) -> str:
    """What the log says of a competitor's key without telling it."""
    return hashlib.sha256(salt + key.encode()).hexdigest()


def commitment_of(competitor: Stored) -> str:
    """The commitment of a stored competitor; it outlasts the key of one who was forgotten."""
    return str(competitor.commitment) if competitor.commitment is not None else commitment(competitor.salt, competitor.key)


def match_body(  # noqa: PLR0913, PLR0917  the fields of a match, in the order of the line
    position: int,
    recorded_at: int,
    author: str | None,
    match_id: str,
    first: int,
    second: int,
    score: float,
    played_at: int | None,
    weight: float,
    neutral: bool,
    first_score: float | None,
    second_score: float | None,
    context: str | None,
    commitments: Mapping[int, str],
) -> str:
    """The body of a match's line. `commitments` has the competitors that it brings into being."""
    return (
        f'{{"position":{position},"kind":"match","recorded_at":"{time_text(recorded_at)}","author":{_text(author)},"match_id":{quoted(match_id)}'
        f"{_played(first, second, score, played_at, weight, neutral, first_score, second_score, context)}{_commitments(commitments)}}}"
    )


def correct_body(  # noqa: PLR0913, PLR0917  the fields of a match, in the order of the line
    position: int,
    recorded_at: int,
    author: str | None,
    target: int,
    first: int,
    second: int,
    score: float,
    played_at: int | None,
    weight: float,
    neutral: bool,
    first_score: float | None,
    second_score: float | None,
    context: str | None,
    commitments: Mapping[int, str],
    details: str,
) -> str:
    """The body of a correction's line: the match at `target` as it should have been."""
    return (
        f'{{"position":{position},"kind":"correct","recorded_at":"{time_text(recorded_at)}","author":{_text(author)},"target":{target}'
        f"{_played(first, second, score, played_at, weight, neutral, first_score, second_score, context)}{_commitments(commitments)}"
        f",{details[1:-1]}}}"
    )


def _played(
    first: int,
    second: int,
    score: float,
    played_at: int | None,
    weight: float,
    neutral: bool,
    first_score: float | None,
    second_score: float | None,
    context: str | None,
) -> str:
    return (
        f',"first":{first},"second":{second},"outcome":"{OUTCOMES[score]}","played_at":{_time(played_at)},"weight":{weight!r}'
        f',"neutral":{"true" if neutral else "false"},"first_score":{_number(first_score)},"second_score":{_number(second_score)}'
        f',"context":{_ascii(context)}'
    )


def other_body(position: int, kind: int, recorded_at: int, author: str | None, target: int | None, details: str) -> str:
    """The body of any other entry's line; `details` is a canonical JSON object whose members follow the common ones."""
    about = "" if target is None else f',"target":{target}'
    members = details[1:-1]
    return (
        f'{{"position":{position},"kind":"{KIND_NAMES[kind]}","recorded_at":"{time_text(recorded_at)}","author":{_text(author)}{about}'
        f"{',' if members else ''}{members}}}"
    )


def register_body(position: int, recorded_at: int, author: str | None, commitments: Mapping[int, str]) -> str:
    """The body of the line that brings a competitor into being before any match."""
    return other_body(position, Kind.REGISTER, recorded_at, author, None, "{}")[:-1] + _commitments(commitments) + "}"


def chain(head: bytes, body: str) -> bytes:
    """The head of the log after one more line."""
    return hashlib.sha256(head + body.encode("ascii")).digest()


def exported(body: str, head: bytes) -> bytes:
    """The line as it is exported."""
    return f'{body[:-1]},"hash":"{head.hex()}"}}\n'.encode("ascii")


def competitor_line(number: int, key: str, name: str | None, salt: bytes, commitment: str | None = None) -> bytes:
    """The unchained line that tells who a number is; of one who was forgotten, only what the log says of the key."""
    known: dict[str, object] = {"competitor": number, "key": key, "name": name, "salt": salt.hex() if commitment is None else None}
    return (json.dumps(known if commitment is None else {**known, "commitment": commitment}, separators=(",", ":")) + "\n").encode("ascii")


def last_line(count: int, head: bytes) -> bytes:
    """The line that proves an export complete."""
    return f'{{"count":{count},"head":"{head.hex()}"}}\n'.encode("ascii")


def state_hash(standings: Iterable[tuple[str, float, int, int, int, int]]) -> str:
    """sha256 over lines of key, repr(rating), matches, wins, draws, losses (tab-separated), sorted by the key's UTF-8 bytes.

    Only competitors with a counted match. It knows no position, no clock and no order: two leagues in the same state have the same hash.
    """
    digest = hashlib.sha256()
    for key, rating, matches, wins, draws, losses in sorted(standings, key=lambda row: row[0].encode()):
        if matches:
            digest.update(f"{key}\t{rating!r}\t{matches}\t{wins}\t{draws}\t{losses}\n".encode())
    return digest.hexdigest()


def bodies(columns: Mapping[str, Sequence[Any]], created: Mapping[int, Sequence[Stored]]) -> Iterator[str]:
    """The bodies of stored entries, given as columns; `created` has the competitors that each position brought into being.

    Columns, because reading a million rows field by field costs more than hashing them.
    """
    nothing: dict[int, str] = {}
    every = zip(columns["kind"], *(columns[name] for name in _MATCH_FIELDS), columns["target"], columns["details"], strict=True)
    for kind, position, recorded_at, author, match_id, *sent, target, details in every:
        new = {who.number: commitment_of(who) for who in created[position]} if position in created else nothing
        if kind == Kind.MATCH:
            yield match_body(position, recorded_at, author, match_id, *sent, new)  # type: ignore[call-arg]  # a zip does not tell how many
        elif kind == Kind.CORRECT:
            yield correct_body(position, recorded_at, author, target, *sent, new, details)  # type: ignore[call-arg]  # as above
        elif kind == Kind.REGISTER:
            yield register_body(position, recorded_at, author, new)
        else:
            yield other_body(position, kind, recorded_at, author, target, details)


def created_at_position(competitors: Sequence[Any]) -> dict[int, list[Any]]:
    """The competitors that each position brought into being."""
    created: dict[int, list[Any]] = {}
    for row in competitors:
        created.setdefault(row.created_position, []).append(row)
    return created


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


def _time(value: int | None) -> str:
    return "null" if value is None else f'"{time_text(value)}"'


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)


@lru_cache(maxsize=4096)
def _ascii(context: str | None) -> str:
    return "{}" if context is None else canonical(json.loads(context))


def _commitments(commitments: Mapping[int, str]) -> str:
    if not commitments:
        return ""
    return ',"commitments":{' + ",".join(f'"{number}":"{value}"' for number, value in commitments.items()) + "}"
