"""`arpad league …`: create, list, show, change."""

import json
from typing import Annotated

import typer

from app.cli.arguments import AsOfOption, CursorOption, LeagueArgument, LimitOption, as_of_given, assignments, json_or_text
from app.cli.output import More, Next, Parts, count, short, table
from app.cli.session import Session, command
from app.services.shapes import LeagueListShape, LeagueShape

SettingOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting, its value in JSON; may be given several times.", show_default=False),
]
NameOption = Annotated[str | None, typer.Option("--name", help="The name that people see.", show_default=False)]
PublicOption = Annotated[bool | None, typer.Option("--public/--private", help="Whether it is read without a key.", show_default=False)]

group = typer.Typer(help="Create, list, show and change leagues.", no_args_is_help=True, rich_markup_mode=None)


@command(group, "create", example='arpad league create tennis --name "Club tennis" --set k=24 --set draws=davidson')
def create(
    session: Session,
    league: LeagueArgument,
    *,
    name: NameOption = None,
    settings: SettingOption = None,
    public: PublicOption = None,
) -> None:
    """Create a league; what is not set gets its default. It is public unless the server can be reached from other machines (ARPAD_HOST)."""
    from app.services.leagues import create_league

    is_public = session.settings.is_local if public is None else public
    chosen = _settings(settings)
    with session.database() as database:
        shape = create_league(database, session.caller, league, name=name, settings=chosen, public=is_public)
    session.show(shape, _created)


@command(group, "list", example="arpad league list --json")
def list_(session: Session, *, cursor: CursorOption = None, limit: LimitOption = 100) -> None:
    """List the leagues of this database."""
    from app.services.leagues import list_leagues

    with session.database() as database:
        shape = list_leagues(database, session.caller, cursor=cursor, limit=limit)
    session.show(shape, _list)


@command(group, "show", example="arpad league show tennis")
def show(session: Session, league: LeagueArgument, *, as_of: AsOfOption = None) -> None:
    """Show a league and its settings, now or as they were."""
    from app.services.leagues import get_league

    with session.database() as database:
        shape = get_league(database, session.caller, league, as_of=as_of_given(as_of))
    session.show(shape, _details)


@command(group, "set", example="arpad league set tennis --set k=24 --set prior_sd=null --public")
def set_(
    session: Session,
    league: LeagueArgument,
    *,
    name: NameOption = None,
    settings: SettingOption = None,
    public: PublicOption = None,
) -> None:
    """Change a league: its name, settings, visibility. Each change is an entry of its log, from here on."""
    from app.services.leagues import change_league

    chosen = _settings(settings)
    if name is None and public is None and chosen is None:
        raise typer.BadParameter("nothing to change: give --name, --set, --public or --private")
    with session.database() as database:
        shape = change_league(database, session.caller, league, name=name, settings=chosen, public=public)
    session.show(shape, _details)


def _settings(texts: list[str] | None) -> dict[str, object] | None:
    return {name: json_or_text(value) for name, value in assignments("--set", texts).items()} if texts else None


def _created(league: LeagueShape) -> Parts:
    return [
        f"Created the {_visibility(league)} league “{league['league']}”.",
        Next(f"record {league['league']} Alice Bob first", f"import {league['league']} matches.csv"),
    ]


def _list(found: LeagueListShape) -> Parts:
    if not found["rows"]:
        return ["There is no league yet.", Next("league create LEAGUE", "demo")]
    rows = [
        (each["league"], short(each["name"]), _visibility(each), each["competitors"], each["matches"], each["position"]) for each in found["rows"]
    ]
    more = [More(found["next"])] if found["next"] else []
    return [table(("league", "name", "read by", ">competitors", ">matches", ">position"), rows), *more]


def _details(league: LeagueShape) -> Parts:
    size = f"{count(league['competitors'], 'competitor')}, {count(league['matches'], 'match')}, position {league['position']:,}"
    fit = f"fit {league['published_fit']}" if league["published_fit"] is not None else "no fit published yet"
    heading = f"{league['name']} ({league['league']}, {_visibility(league)}): {size}, {fit}."
    since = f"These settings hold since position {league['settings_position']:,}."
    return [heading, since, table(("setting", "value"), [(name, json.dumps(value)) for name, value in sorted(league["settings"].items())])]


def _visibility(league: LeagueShape) -> str:
    return "public" if league["public"] else "private"
