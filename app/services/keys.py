"""Who calls, and what they may do. Secrets are 256 random bits; only their hash is stored, so a plain digest is enough to look them up.

A key is checked in the transaction that does the work: a revoked key fails at the very next request. What each route needs is said by the
service that it calls.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from app.errors import BadInput, Fault, KeyNotFound, KeyRequired, LeagueNotFound, ScopeMissing
from app.ratings.matches import clean_key, format_time
from app.services.conditions import Conditions
from app.services.locking import hold_league
from app.services.shapes import KeyShape
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit

Scope = Literal["read", "report", "manage", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "report", "manage", "admin")
SECRET_PREFIX: Final = "arpad_"  # noqa: S105  what every key begins with is no secret


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks: the operator at the command line, the holder of a key, or nobody in particular."""

    kind: Literal["operator", "key", "anonymous"]
    name: str | None = None
    digest: bytes | None = None

    @classmethod
    def operator(cls, name: str = "operator") -> Self:
        """Whoever can reach the database itself may do everything."""
        return cls("operator", name)

    @classmethod
    def anonymous(cls) -> Self:
        return cls("anonymous")

    @classmethod
    def with_key(cls, secret: str) -> Self:
        return cls("key", None, hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest())


def covers(granted: str, needed: Scope) -> bool:
    """Whether a scope includes another: read < report < manage < admin."""
    return SCOPES.index(granted) >= SCOPES.index(needed)


def known_keys(unit: ReadUnit, callers: Sequence[Caller], now: int) -> Mapping[bytes, Any]:
    """The valid keys among these callers, in one query."""
    digests = list({caller.digest for caller in callers if caller.digest is not None})
    return unit.keys.valid(digests, now) if digests else {}


def require_valid(caller: Caller, keys: Mapping[bytes, Any]) -> None:
    """Raise KeyRequired for a key that was sent but is none."""
    if caller.digest is not None and caller.digest not in keys:
        raise KeyRequired("The key is unknown, expired or revoked. Send a valid one: Authorization: Bearer <key>.")


def permit(caller: Caller, league: Stored, scope: Scope, keys: Mapping[bytes, Any]) -> str | None:
    """The author's name if this caller may do this in this league.

    Raises KeyRequired, ScopeMissing, or LeagueNotFound where the caller may not even know of a private league.
    """
    if caller.kind == "operator":
        return caller.name
    key = keys.get(caller.digest) if caller.digest is not None else None
    require_valid(caller, keys)
    reaches = key is not None and key.league_id in {None, league.id}
    if not league.public and not reaches:
        raise LeagueNotFound(league.key)
    if scope == "read" and league.public:
        return str(key.name) if key is not None and reaches else None
    if key is None:
        raise KeyRequired
    if not reaches or not covers(key.scope, scope):
        raise ScopeMissing(scope)
    return str(key.name)


def lock_league(unit: WriteUnit, caller: Caller, league_key: str, scope: Scope) -> tuple[Stored, str | None]:
    """As `require_league`, with the league's row locked until the end of the transaction, whose first act this is. Raises LeagueBusy."""
    row = hold_league(unit, league_key)
    keys = known_keys(unit, [caller], unit.now() if row is None else row.now)
    if row is None:
        require_valid(caller, keys)
        raise LeagueNotFound(league_key)
    return row, permit(caller, row, scope, keys)


def permit_globally(unit: ReadUnit, caller: Caller, scope: Scope) -> str | None:
    """As `permit`, for what belongs to no league: it needs a key for all leagues."""
    if caller.kind == "operator":
        return caller.name
    key = known_keys(unit, [caller], unit.now()).get(caller.digest or b"")
    if key is None:
        raise KeyRequired
    if key.league_id is not None or not covers(key.scope, scope):
        raise ScopeMissing(scope)
    return str(key.name)


def require_league(unit: ReadUnit, caller: Caller, league_key: str, scope: Scope = "read", *, even_if_public: bool = False) -> tuple[Any, str | None]:
    """The league's row and the author's name, or the error that says why not. `even_if_public`: being public does not open this."""
    row = unit.leagues.by_key(league_key)
    keys = known_keys(unit, [caller], unit.now()) if caller.digest is not None else {}
    if row is None:
        require_valid(caller, keys)
        raise LeagueNotFound(league_key)
    author = permit(caller, row, scope, keys)
    if even_if_public and caller.kind != "operator":
        key = keys.get(caller.digest or b"")
        if key is None:
            raise KeyRequired
        if key.league_id not in {None, row.id}:
            raise ScopeMissing(scope)
    return row, author


def require_segment(unit: ReadUnit, caller: Caller, league_key: str, where: Conditions) -> tuple[Any, str | None]:
    """As `require_league`; a segment tells what the contexts of matches say, and those are not for the public."""
    try:
        return require_league(unit, caller, league_key, even_if_public=bool(where))
    except KeyRequired:
        if not where or caller.kind != "anonymous":
            raise
        raise KeyRequired(
            "A segment (“where”) tells what the contexts of matches say, which are not public even in a public league. "
            "Send a key with the scope read: Authorization: Bearer <key>; or ask for the whole league, without “where”."
        ) from None


def check_permission(database: Database, caller: Caller, league: str, scope: Scope) -> None:
    """Raise what a service would raise for this caller, before a large body is read for nothing. The service checks again."""
    with database.read() as unit:
        require_league(unit, caller, league, scope)


def create_key(
    database: Database, caller: Caller, *, name: str, scopes: Sequence[str] = ("report",), league: str | None = None, expires_at: int | None = None
) -> KeyShape:
    """Make a key; the answer holds the secret, which is shown this once. Raises BadInput, LeagueNotFound."""
    scope = _widest(scopes)
    try:
        clean_name = clean_key(name)
    except ValueError as error:
        raise BadInput("The key's name cannot be accepted.", [Fault("/name", f"name {error}")]) from None
    with database.write() as unit:
        permit_globally(unit, caller, "admin")
        if expires_at is not None and expires_at <= unit.now():
            raise BadInput("The key would have expired already.", [Fault("/expires_at", "Choose a time to come, or leave it out.")])
        shape = _new_key(unit, clean_name, scope, league, expires_at)
        unit.commit()
        return shape


def _widest(scopes: Sequence[str]) -> Scope:
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise BadInput("The scope cannot be accepted.", [Fault("/scopes", f"Choose among {', '.join(SCOPES)}; each includes those before it.")])
    return max((scope for scope in SCOPES if scope in scopes), key=SCOPES.index)


def _new_key(unit: ReadUnit, name: str, scope: Scope, league: str | None, expires_at: int | None) -> KeyShape:
    league_id = None
    if league is not None:
        row = unit.leagues.by_key(league)
        if row is None:
            raise LeagueNotFound(league)
        league_id = row.id
    prefix = secrets.token_hex(4)
    secret = f"{SECRET_PREFIX}{prefix}_{secrets.token_urlsafe(32)}"
    values = {
        "prefix": prefix,
        "hash": hashlib.sha256(secret.encode()).digest(),
        "name": name,
        "scope": scope,
        "league_id": league_id,
        "created_at": unit.now(),
        "expires_at": expires_at,
        "revoked_at": None,
    }
    unit.keys.add(values)
    return {**_key_shape(values, league), "key": secret}


def list_keys(database: Database, caller: Caller) -> list[KeyShape]:
    """All keys, revoked ones too, without their secrets."""
    with database.read() as unit:
        permit_globally(unit, caller, "admin")
        return [_key_shape(dict(row._mapping), row.league) for row in unit.keys.all()]  # noqa: SLF001  SQLAlchemy's public name for a row as a mapping


def revoke_key(database: Database, caller: Caller, prefix: str) -> KeyShape:
    """Revoke a key by its prefix; revoking twice changes nothing. Raises NotFound."""
    with database.write() as unit:
        permit_globally(unit, caller, "admin")
        if unit.keys.by_prefix(prefix) is None:
            raise KeyNotFound(f"There is no key with the prefix “{prefix}”. `arpad key list` shows them.")
        unit.keys.revoke(prefix, unit.now())
        row = unit.keys.by_prefix(prefix)
        assert row is not None  # noqa: S101  it was there in this transaction
        shape = _key_shape(dict(row._mapping), row.league)  # noqa: SLF001  as above
        unit.commit()
        return shape


def ensure_admin_key(database: Database, path: Path) -> str | None:
    """On the first start: an admin key in a file that only its owner can read. Returns the secret, or None where an admin key exists."""
    with database.write() as unit:
        unit.keys.lock()
        if unit.keys.any_admin(unit.now()):
            return None
        shape = _new_key(unit, "admin", "admin", None, None)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(shape["key"] + "\n")
        unit.commit()
        return shape["key"]


def _key_shape(values: Mapping[str, Any], league: str | None) -> KeyShape:
    return {
        "prefix": values["prefix"],
        "name": values["name"],
        "scopes": list(SCOPES[: SCOPES.index(values["scope"]) + 1]),
        "league": league,
        "created_at": format_time(values["created_at"]),
        "expires_at": None if values["expires_at"] is None else format_time(values["expires_at"]),
        "revoked_at": None if values["revoked_at"] is None else format_time(values["revoked_at"]),
    }
