"""`arpad record`, `arpad matches`: single matches. What puts them right is in `amendments`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.amendments import amended
from app.cli.arguments import (
    AsOfOption,
    CursorOption,
    FirstArgument,
    LeagueArgument,
    LimitOption,
    SecondArgument,
    as_of_given,
    assignments,
    full_time,
    json_or_text,
)
from app.cli.newcomers import with_names_meant
from app.cli.output import More, Next, Parts, short, table
from app.cli.session import Session, command
from app.errors import BadInput
from app.services.amendment_shapes import MatchDetailShape
from app.services.shapes import ListedMatchShape, MatchListShape, Outcome, ReceiptShape, SideRating

if TYPE_CHECKING:
    from rich.table import Table

    from app.services.recording import MatchIn

group = typer.Typer(rich_markup_mode=None)


@command(
    group, "record", example="arpad record tennis Alice Bob first\narpad record tennis Alice Bob draw --match-id 2026-11-20-17 --played-at 2026-11-20"
)
def record(
    session: Session,
    league: LeagueArgument,
    first: FirstArgument,
    second: SecondArgument,
    outcome: Annotated[Outcome, typer.Argument(metavar="OUTCOME", help="Who won.", show_default=False)],
    *,
    match_id: Annotated[str | None, typer.Option("--match-id", metavar="ID", help="Makes it safe to repeat.", show_default="minted")] = None,
    played_at: Annotated[str | None, typer.Option("--played-at", metavar="TIME", help="A date or a time.", show_default=False)] = None,
    weight: Annotated[float, typer.Option("--weight", help="How much it counts.")] = 1.0,
    neutral: Annotated[bool, typer.Option("--neutral", help="No side had the advantage of its side.")] = False,
    first_score: Annotated[float | None, typer.Option("--first-score", help="For the record.", show_default=False)] = None,
    second_score: Annotated[float | None, typer.Option("--second-score", help="For the record.", show_default=False)] = None,
    context: Annotated[list[str] | None, typer.Option("--context", metavar="NAME=VALUE", help="May be repeated.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask about names that are new and close to a known one.")] = False,
) -> None:
    """Record a match and show what it did to the two ratings. A name that is new, but close to a known one, is asked about first."""
    from app.services.recording import record_match

    match = _match(
        match_id=match_id,
        first=first,
        second=second,
        outcome=outcome,
        played_at=full_time(played_at) if played_at is not None else None,
        weight=weight,
        neutral=neutral,
        first_score=first_score,
        second_score=second_score,
        context={name: json_or_text(value) for name, value in assignments("--context", context or []).items()},
    )
    with session.database() as database:
        if not yes:
            match = with_names_meant(session, database, league, match)
        recorded = record_match(database, session.caller, league, match)
    session.show(recorded.receipt, lambda receipt: _recorded(league, receipt, replayed=recorded.replayed))


def _match(**fields: object) -> "MatchIn":
    """The match, accepted or refused by the rules, and in the words, of HTTP. Raises BadInput."""
    from app.api.bodies import Body
    from app.api.incoming import match_of
    from app.api.schemas import NewMatch

    try:
        return match_of(Body(NewMatch).parse(json.dumps(fields).encode()))
    except BadInput as error:
        raise BadInput("The match cannot be accepted.", error.faults) from error


@command(group, "matches", example="arpad matches tennis --competitor Alice --limit 20\narpad matches tennis --match-id 2026-11-20-17 --json")
def matches(
    session: Session,
    league: LeagueArgument,
    *,
    match_id: Annotated[str | None, typer.Option("--match-id", metavar="ID", help="This match alone.", show_default=False)] = None,
    competitor: Annotated[str | None, typer.Option("--competitor", metavar="KEY", help="Theirs alone.", show_default=False)] = None,
    limit: LimitOption = 20,
    cursor: CursorOption = None,
    as_of: AsOfOption = None,
) -> None:
    """List the matches of a league, newest first."""
    from app.services.matches import get_match, list_matches

    when = as_of_given(as_of)
    with session.database() as database:
        if match_id is not None:
            session.show(get_match(database, session.caller, league, match_id, as_of=when), _one)
            return
        shape = list_matches(database, session.caller, league, competitor=competitor, cursor=cursor, limit=limit, as_of=when)
    session.show(shape, lambda found: _list(league, found))


def _recorded(league: str, receipt: ReceiptShape, *, replayed: bool) -> Parts:
    verb = "Recorded already" if replayed else "Recorded"
    sides = [(short(receipt[side]), rating["before"], rating["expected"], rating["k"], rating["after"]) for side, rating in _sides(receipt)]
    created = [f"New in this league: {', '.join(receipt['created'])}."] if receipt["created"] and not replayed else []
    return [
        f"{verb}: match {receipt['match_id']} at position {receipt['position']:,} ({receipt['status']}).",
        table(("competitor", ">before", ">expected", ">K", ">after"), [(key, before, f"{p:.3f}", k, after) for key, before, p, k, after in sides]),
        *created,
        Next(f"leaderboard {league}"),
    ]


def _sides(receipt: ReceiptShape) -> list[tuple[Literal["first", "second"], SideRating]]:
    return [("first", receipt["ratings"]["first"]), ("second", receipt["ratings"]["second"])]


def _one(match: MatchDetailShape) -> Parts:
    amendments = [
        (each["position"], each["recorded_at"], amended(each) + ("" if each["counts"] else " (taken back)"), each["reason"])
        for each in match.get("amendments", [])
    ]
    return [_table([match]), *([table((">entry", "when", "amended", "reason"), amendments)] if amendments else [])]


def _list(league: str, found: MatchListShape) -> Parts:
    if not found["rows"]:
        return [f"There is no match in “{league}” yet.", Next(f"record {league} Alice Bob first")]
    more = [More(found["next"])] if found["next"] else []
    return [_table(found["rows"]), *more]


def _table(receipts: Sequence[ListedMatchShape]) -> "Table":
    columns = ("match", "played", "first", "second", "outcome", ">first’s change", "status")
    return table(columns, [_row(each) for each in receipts])


def _row(receipt: ListedMatchShape) -> tuple[object, ...]:
    """As it counts: of a corrected match what it was corrected to, whose change of a rating the receipt does not tell."""
    counts = receipt.get("corrected", receipt)
    before, after = (receipt["ratings"]["first"][when] for when in ("before", "after"))
    change = None if "corrected" in receipt else f"{after - before:+.1f}"
    status = "corrected" if "corrected" in receipt and receipt["status"] == "counted" else receipt["status"]
    played = counts["played_at"] or receipt["recorded_at"]
    return (receipt["match_id"], played, short(counts["first"]), short(counts["second"]), counts["outcome"], change, status)
