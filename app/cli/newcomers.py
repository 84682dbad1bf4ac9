"""Names that were perhaps meant otherwise: asked about before a slip of the keyboard becomes a competitor for good."""

import difflib
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import typer

from app.cli.output import can_ask, plain
from app.cli.session import Session
from app.errors import BadInput, Fault

if TYPE_CHECKING:
    from app.services.recording import MatchIn
    from app.storage.unit_of_work import Database

NEAR: Final = 0.8
_PAGE: Final = 1000


def with_names_meant(session: Session, database: "Database", league: str, match: "MatchIn") -> "MatchIn":
    """The match with the names that are meant. Raises BadInput for a new name close to a known one where nobody can be asked."""
    first = name_meant(session, database, league, "/first", match.first)
    second = name_meant(session, database, league, "/second", match.second)
    return replace(match, first=first, second=second)


def name_meant(session: Session, database: "Database", league: str, pointer: str, key: str) -> str:
    if _is_known(session, database, league, key):
        return key
    near = near_names(key, _known_keys(session, database, league))
    if not near:
        return key
    if can_ask():
        return _ask(key, near)
    listed = ", ".join(f"“{other}”" for other in near)
    fault = Fault(pointer, f"is close to {listed}; correct it, or say --yes to record the new name")
    raise BadInput(f"“{key}” would be a new competitor of this league.", [fault], similar=near)


def _is_known(session: Session, database: "Database", league: str, key: str) -> bool:
    from app.services.roster import is_known

    return is_known(database, session.caller, league, key)


def _known_keys(session: Session, database: "Database", league: str) -> list[str]:
    from app.services.standings import competitors

    keys: list[str] = []
    page = competitors(database, session.caller, league, limit=1000)
    while True:
        keys += [row["competitor"] for row in page["rows"]]
        if page["next"] is None:
            return keys
        page = competitors(database, session.caller, league, cursor=page["next"], limit=1000)


def _ask(key: str, near: list[str]) -> str:
    print(plain(f"“{key}” is new in this league, but close to:"), file=sys.stderr)
    for number, other in enumerate(near, start=1):
        print(plain(f"  {number}  {other}"), file=sys.stderr)
    answer = typer.prompt(f"Which is meant (1–{len(near)}, n for the new name)", err=True).strip().lower()
    if answer == "n":
        return key
    if answer.isdecimal() and 1 <= int(answer) <= len(near):
        return near[int(answer) - 1]
    raise typer.Abort


def near_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names that `name` may be a slip of, nearest first. Names that differ in their digits are meant to differ."""
    keys = {_folded(other): other for other in known if _digits(other) == _digits(name)}
    return [keys[key] for key in difflib.get_close_matches(_folded(name), keys, n=limit, cutoff=NEAR)]


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _digits(name: str) -> list[str]:
    return re.findall(r"\d+", name)
