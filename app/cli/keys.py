"""`arpad key …`: create, list, revoke."""

import socket
from typing import Annotated, Literal

import typer

from app.cli.arguments import checked, moment
from app.cli.output import Next, Parts, table
from app.cli.session import Session, command, user_name
from app.services.shapes import KeyShape

Scope = Literal["read", "report", "manage", "admin"]


group = typer.Typer(help="Create, list and revoke keys.", no_args_is_help=True, rich_markup_mode=None)


@command(group, "create", example="arpad key create --name scoreboard --scope report --league tennis --expires 2027-12-31")
def create(
    session: Session,
    *,
    name: Annotated[str | None, typer.Option("--name", help="Who or what uses it.", show_default="you, on this host")] = None,
    scope: Annotated[Scope, typer.Option("--scope", help="What it allows; each includes those before it.")] = "report",
    league: Annotated[str | None, typer.Option("--league", help="For this league alone.", show_default="all")] = None,
    expires: Annotated[str | None, typer.Option("--expires", metavar="TIME", help="A date or a time.", show_default="never")] = None,
) -> None:
    """Create a key. It is shown this once; the database keeps its hash alone."""
    from app.services.keys import create_key

    expires_at = checked("--expires", moment, expires) if expires else None
    owner = name or f"{user_name()} on {socket.gethostname()}"
    with session.database() as database:
        shape = create_key(database, session.caller, name=owner, scopes=[scope], league=league, expires_at=expires_at)
    session.show(shape, _created)


@command(group, "list", example="arpad key list")
def list_(session: Session) -> None:
    """List the keys, without their secrets."""
    from app.services.keys import list_keys

    with session.database() as database:
        shape = list_keys(database, session.caller)
    session.show(shape, _list)


@command(group, "revoke", example="arpad key revoke 3f9a1c")
def revoke(session: Session, prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="As `arpad key list` shows it.")]) -> None:
    """Revoke a key; its next request is refused."""
    from app.services.keys import revoke_key

    with session.database() as database:
        shape = revoke_key(database, session.caller, prefix)
    session.show(shape, lambda key: [f"Revoked the key {key['prefix']} ({key['name']}); its next request is refused."])


def _created(key: KeyShape) -> Parts:
    return [
        f"Created the key {key['prefix']} ({_reach(key)}). It is shown only now:",
        key.get("key", ""),
        'Next: curl -H "Authorization: Bearer <key>" …',
    ]


def _list(keys: list[KeyShape]) -> Parts:
    if not keys:
        return ["There is no key yet.", Next("key create --name NAME --scope report")]
    rows = [(each["prefix"], each["name"], _reach(each), each["created_at"], each["expires_at"], each["revoked_at"]) for each in keys]
    return [table(("prefix", "name", "may", "created", "expires", "revoked"), rows)]


def _reach(key: KeyShape) -> str:
    return f"{', '.join(key['scopes'])} in {key['league'] or 'every league'}"
