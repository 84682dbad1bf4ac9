"""`arpad competitor …`: how somebody stands and why; registered, renamed, retired or back, merged with another, forgotten."""

import shlex
from typing import Annotated, Any

import typer

from app.cli.amendments import DryRunOption, ExpectedOption, ReasonOption, amended, told
from app.cli.arguments import AsOfOption, CursorOption, LeagueArgument, LimitOption, WhereOption, as_of_given, of_segment, then, where_given
from app.cli.output import More, Next, Parts, can_ask, count, filled_table, plain, short, table
from app.cli.session import Session, command
from app.errors import BadInput, Fault
from app.services.amendment_shapes import ExplainedRow, ExplainedShape, RosterShape
from app.services.shapes import CompetitorShape, HistoryRow, HistoryShape

group = typer.Typer(help="Show, explain, register, rename, retire, merge and forget competitors.", no_args_is_help=True, rich_markup_mode=None)

CompetitorArgument = Annotated[str, typer.Argument(metavar="COMPETITOR", help="Their key.", show_default=False)]


@command(group, "show", example="arpad competitor show tennis Alice\narpad competitor show tennis Alice --as-of 2026-11-20")
def show(session: Session, league: LeagueArgument, competitor: CompetitorArgument, *, where: WhereOption = None, as_of: AsOfOption = None) -> None:
    """Show one competitor: ratings, rank and record; with --where as if nothing else had been played."""
    from app.services import standings

    with session.database() as database:
        shape = standings.competitor(database, session.caller, league, competitor, where=where_given(where), as_of=as_of_given(as_of))
    session.show(shape, lambda found: _details(found, as_of))


@command(group, "history", example="arpad competitor history tennis Alice --limit 10")
def history(
    session: Session,
    league: LeagueArgument,
    competitor: CompetitorArgument,
    *,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
    as_of: AsOfOption = None,
) -> None:
    """List the matches of a competitor that count, newest first, with the rating before and after."""
    from app.services import histories

    with session.database() as database:
        shape = histories.history(database, session.caller, league, competitor, cursor=cursor, limit=limit, as_of=as_of_given(as_of))
    session.show(shape, _history)


@command(group, "explain", example="arpad competitor explain tennis Alice --since 2026-11-01")
def explain(
    session: Session,
    league: LeagueArgument,
    competitor: CompetitorArgument,
    *,
    since: Annotated[str, typer.Option("--since", metavar="WHEN", help="From where on: a position, a date or a time.")] = "0",
    as_of: AsOfOption = None,
) -> None:
    """Explain why a rating moved: every match and every correction since, each line following on from the one before."""
    from app.services import explanations

    start = as_of_given(since, "--since")
    with session.database() as database:
        shape = explanations.explain(database, session.caller, league, competitor, since=start, as_of=as_of_given(as_of))
    session.show(shape, _explained)


@command(group, "add", example='arpad competitor add tennis Erin --name "Erin Evans"')
def add(
    session: Session,
    league: LeagueArgument,
    competitor: CompetitorArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", help="The name that people see.", show_default="the key")] = None,
) -> None:
    """Register a competitor before their first match, as leagues with `competitors=registered` ask for."""
    from app.services.roster import register_competitor

    with session.database() as database:
        shape = register_competitor(database, session.caller, league, competitor, name)
    session.show(shape, lambda added: _changed(added, f"“{added['competitor']}” is registered"))


@command(group, "rename", example='arpad competitor rename tennis Alice "Alice Ashe"')
def rename(
    session: Session,
    league: LeagueArgument,
    competitor: CompetitorArgument,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The name that people see.", show_default="the key again")] = None,
) -> None:
    """Change the name that a competitor is shown by. The key, by which matches name them, stays."""
    from app.services.roster import change_competitor

    with session.database() as database:
        shape = change_competitor(database, session.caller, league, competitor, {"name": name})
    session.show(shape, lambda changed: _changed(changed, f"“{changed['competitor']}” is shown as “{changed['name']}”"))


@command(group, "retire", example="arpad competitor retire tennis Alice")
def retire(session: Session, league: LeagueArgument, competitor: CompetitorArgument) -> None:
    """Mark a competitor as retired. Their results go on counting."""
    _retire(session, league, competitor, retired=True)


@command(group, "return", example="arpad competitor return tennis Alice")
def return_(session: Session, league: LeagueArgument, competitor: CompetitorArgument) -> None:
    """Have a competitor back who had retired."""
    _retire(session, league, competitor, retired=False)


def _retire(session: Session, league: str, competitor: str, *, retired: bool) -> None:
    from app.services.roster import change_competitor

    with session.database() as database:
        shape = change_competitor(database, session.caller, league, competitor, {"retired": retired})
    session.show(shape, lambda changed: _changed(changed, f"“{changed['competitor']}” {'has retired' if retired else 'plays again'}"))


@command(group, "merge", example='arpad competitor merge tennis "A. Ashe" Alice --reason "one person under two names" --dry-run')
def merge(
    session: Session,
    league: LeagueArgument,
    competitor: CompetitorArgument,
    into: Annotated[str, typer.Argument(metavar="INTO", help="Whose the matches are from now on.", show_default=False)],
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    expected_position: ExpectedOption = None,
) -> None:
    """Merge two names of one person: all matches of the first, also later ones, count as the second's. `arpad void --position` takes it back."""
    from app.services.roster import merge_competitors

    with session.database() as database:
        shape = merge_competitors(
            database, session.caller, league, competitor, into, reason=reason, dry_run=dry_run, expected_position=expected_position
        )
    again = shlex.join(["competitor", "merge", league, competitor, into])
    session.show(shape, lambda merged: told(league, merged, ("Merging", "Merged"), f"“{competitor}” into “{into}”", again))


@command(group, "forget", example="arpad competitor forget tennis Alice --confirm Alice")
def forget(
    session: Session,
    league: LeagueArgument,
    competitor: CompetitorArgument,
    *,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="KEY", help="The key once more; else it is asked for.", show_default=False)
    ] = None,
) -> None:
    """Forget a person: delete their key and name for good. Their matches stay, under a pseudonym. Nothing brings the name back."""
    from app.services.roster import forget_competitor

    if _confirmed(competitor, confirm) != competitor:
        fault = Fault("--confirm", f"must be the key once more: --confirm {shlex.quote(competitor)}")
        raise BadInput(f"“{competitor}” was not forgotten.", [fault])
    with session.database() as database:
        shape = forget_competitor(database, session.caller, league, competitor)
    text = f"“{competitor}” is forgotten; the matches stay under “{shape['competitor']}”. Older exports and backups still have the name"
    session.show(shape, lambda changed: _changed(changed, text))


def _confirmed(competitor: str, confirm: str | None) -> str | None:
    if confirm is None and can_ask():
        return str(typer.prompt(plain(f"This cannot be undone. Type the key ({competitor}) to forget them"), err=True))
    return confirm


def _changed(shape: RosterShape, sentence: str) -> Parts:
    entry = f" (entry {shape['position']:,})" if shape["position"] is not None else " already; nothing was written"
    return [f"{sentence}{entry}."]


def _details(found: CompetitorShape, as_of: str | None) -> Parts:
    from app.services import sentences

    fit = found["fit"]
    name = found["name"] if found["name"] == found["competitor"] else f"{found['name']} ({found['competitor']})"
    record = f"{count(found['matches'], 'match')}: {found['wins']:,} won, {found['draws']:,} drawn, {found['losses']:,} lost"
    rows = [
        ("rank", f"{found['rank']:,}"),
        ("live rating", found["live"]["rating"]),
        ("fitted rating", None if fit is None else fit["rating"]),
        ("tier", found["tier"]),
        ("strongest of the island with", None if found["p_top"] is None else sentences.percent(found["p_top"])),
        ("live rating against the fit", None if found["drift"] is None else f"{found['drift']:+.1f} standard errors"),
        ("matches", record),
        ("last played", found["last_played_at"]),
        ("status", ", ".join([found["status"], *sentences.remarks(found)])),
    ]
    league = found["league"]
    return [
        f"{name} in “{league}”{of_segment(found.get('where'))}{then(found['position'], as_of)}:",
        table(("", ""), [row for row in rows if row[1] is not None]),
        Next(shlex.join(["competitor", "explain", league, found["competitor"]])),
    ]


def _history(found: HistoryShape) -> Parts:
    more = [More(found["next"])] if found["next"] else []
    columns = ("match", "played", "opponent", "outcome", ">expected", ">before", ">after")
    return [table(columns, [_past(row) for row in found["rows"]]), *more]


def _past(row: HistoryRow) -> tuple[object, ...]:
    played = row["played_at"] or row["recorded_at"]
    return (row["match_id"], played, short(row["opponent"]), row["outcome"], f"{row['expected']:.3f}", row["before"], row["after"])


def _explained(found: ExplainedShape) -> Parts:
    key, span = found["competitor"], f"from position {found['from_position']:,} to {found['position']:,}"
    if not found["rows"]:
        return [f"Nothing moved the rating of “{key}” {span}."]
    first, last = found["rows"][0]["before"], found["rows"][-1]["after"]
    heading = f"“{key}” went from {first:.1f} to {last:.1f} points ({last - first:+.1f}), {span}:"
    columns = (">entry", "what happened", ">expected", ">scored", ">change", ">after")
    return [heading, filled_table(columns, [_line(row) for row in found["rows"]])]


def _line(row: ExplainedRow) -> tuple[object, ...]:
    expected = None if row["expected"] is None else f"{row['expected']:.3f}"
    return (row["position"], _happened(row), expected, row["score"], f"{row['after'] - row['before']:+.1f}", row["after"])


def _happened(row: ExplainedRow) -> str:
    if row["kind"] == "match":
        return f"match {row['match_id']} against {short(row['opponent'] or '')}"
    if row["kind"] == "rerated":
        return "earlier results, recorded late, were rated"
    about: Any = f"match {row['match_id']} " if row["match_id"] else ""
    return f"{about}{amended(row)}: {row['reason']}"
