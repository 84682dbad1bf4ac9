"""`arpad void`, `arpad restore-match`, `arpad correct`: what was recorded wrongly, put right; and how amendments are told."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.arguments import LeagueArgument, assignments, full_time, json_or_text
from app.cli.newcomers import name_meant
from app.cli.output import Next, Parts, count, short, table
from app.cli.session import Session, command
from app.errors import BadInput
from app.services.amendment_shapes import AmendedShape, AmendmentShape, ExplainedRow
from app.services.shapes import Outcome

if TYPE_CHECKING:
    from app.storage.unit_of_work import Database

group = typer.Typer(rich_markup_mode=None)

MatchArgument = Annotated[str, typer.Argument(metavar="MATCH", help="The id of the match.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; the log keeps it.", show_default=False)]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show who would move.")]
ExpectedOption = Annotated[
    int | None, typer.Option("--expected-position", help="Refuse if the league moved on since the preview.", show_default=False)
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask about names that are new and close to a known one.")]

_UNDONE: dict[str, str] = {
    "match": "taken back",
    "void": "counts again",
    "correct": "the correction taken back",
    "merge": "the merge of two names taken back",
}
_DONE: dict[str, str] = {"correct": "corrected", "merge": "two names merged"}


def amended(entry: AmendedShape | ExplainedRow) -> str:
    """What an amendment did, in words."""
    return _DONE[entry["kind"]] if entry["undoes"] is None else _UNDONE[entry["undoes"]]


@command(
    group,
    "void",
    example='arpad void tennis 2026-11-20-17 --reason "entered twice" --dry-run\narpad void tennis --position 120 --reason "not the same person"',
)
def void(
    session: Session,
    league: LeagueArgument,
    match: Annotated[str | None, typer.Argument(metavar="MATCH", help="The id of the match, unless --position is given.", show_default=False)] = None,
    *,
    reason: ReasonOption,
    position: Annotated[
        int | None,
        typer.Option("--position", metavar="N", help="Instead of a match: a void, correction or merge by its position.", show_default=False),
    ] = None,
    dry_run: DryRunOption = False,
    expected_position: ExpectedOption = None,
) -> None:
    """Take a match back, or an entry that amended something. The ratings become what they would be without it; both stay in the log."""
    from app.services.corrections import void_entry, void_match

    if (match is None) == (position is None):
        raise typer.BadParameter("give either MATCH or --position N")
    with session.database() as database:
        if position is not None:
            shape = void_entry(database, session.caller, league, position, reason=reason, dry_run=dry_run, expected_position=expected_position)
        else:
            shape = void_match(database, session.caller, league, str(match), reason=reason, dry_run=dry_run, expected_position=expected_position)
    what = f"the entry at position {position:,}" if position is not None else f"match {match}"
    again = f"void {league} {f'--position {position}' if position is not None else shlex.quote(str(match))}"
    session.show(shape, lambda voided: told(league, voided, ("Taking back", "Took back"), what, again))


@command(group, "restore-match", example='arpad restore-match tennis 2026-11-20-17 --reason "it was played after all"')
def restore_match(
    session: Session,
    league: LeagueArgument,
    match: MatchArgument,
    *,
    reason: ReasonOption,
    dry_run: DryRunOption = False,
    expected_position: ExpectedOption = None,
) -> None:
    """Count a match again that was void. It has its old place among the matches."""
    from app.services import corrections

    with session.database() as database:
        shape = corrections.restore_match(
            database, session.caller, league, match, reason=reason, dry_run=dry_run, expected_position=expected_position
        )
    again = f"restore-match {league} {shlex.quote(match)}"
    session.show(shape, lambda restored: told(league, restored, ("Restoring", "Restored"), f"match {match}", again))


@command(group, "correct", example='arpad correct tennis 2026-11-20-17 --outcome second --reason "Bob won; the sheet was misread"')
def correct(
    session: Session,
    league: LeagueArgument,
    match: MatchArgument,
    *,
    reason: ReasonOption,
    first: Annotated[str | None, typer.Option("--first", metavar="KEY", help="Who played first.", show_default=False)] = None,
    second: Annotated[str | None, typer.Option("--second", metavar="KEY", help="Who played second.", show_default=False)] = None,
    outcome: Annotated[Outcome | None, typer.Option("--outcome", help="Who won.", show_default=False)] = None,
    played_at: Annotated[str | None, typer.Option("--played-at", metavar="TIME", help="A date or a time.", show_default=False)] = None,
    weight: Annotated[float | None, typer.Option("--weight", help="How much it counts.", show_default=False)] = None,
    neutral: Annotated[
        bool | None, typer.Option("--neutral/--not-neutral", help="Whether no side had the advantage of its side.", show_default=False)
    ] = None,
    first_score: Annotated[float | None, typer.Option("--first-score", help="For the record.", show_default=False)] = None,
    second_score: Annotated[float | None, typer.Option("--second-score", help="For the record.", show_default=False)] = None,
    context: Annotated[
        list[str] | None, typer.Option("--context", metavar="NAME=VALUE", help="All of it; may be repeated.", show_default=False)
    ] = None,
    dry_run: DryRunOption = False,
    expected_position: ExpectedOption = None,
    yes: YesOption = False,
) -> None:
    """Correct a match: say what is different. It keeps its id and its place; what was recorded first stays in the log."""
    from app.services.corrections import correct_match

    given = {
        "first": first,
        "second": second,
        "outcome": outcome,
        "played_at": full_time(played_at) if played_at is not None else None,
        "weight": weight,
        "neutral": neutral,
        "first_score": first_score,
        "second_score": second_score,
        "context": {name: json_or_text(value) for name, value in assignments("--context", context).items()} if context else None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if not given:
        raise typer.BadParameter("nothing to correct: give --outcome, --first, --second, --played-at, --weight, --neutral or another of its options")
    changes = _changes(given)
    with session.database() as database:
        if not yes:
            names = _names_meant(session, database, league, changes)
            changes, given = {**changes, **names}, {**given, **names}
        shape = correct_match(database, session.caller, league, match, changes, reason=reason, dry_run=dry_run, expected_position=expected_position)
    again = shlex.join(["correct", league, match, *_options(given), *(["--yes"] if yes else [])])
    session.show(shape, lambda corrected: told(league, corrected, ("Correcting", "Corrected"), f"match {match}", again))


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """What is different, accepted or refused by the rules, and in the words, of HTTP. Raises BadInput."""
    from app.api.bodies import Body
    from app.api.incoming import changes_of
    from app.api.schemas import CorrectionRequest

    try:
        return changes_of(Body(CorrectionRequest).parse(json.dumps({**given, "reason": "as given"}).encode()))
    except BadInput as error:
        raise BadInput("The correction cannot be accepted.", error.faults) from error


def _names_meant(session: Session, database: "Database", league: str, changes: dict[str, Any]) -> dict[str, str]:
    return {side: name_meant(session, database, league, f"/{side}", changes[side]) for side in ("first", "second") if side in changes}


def _options(given: dict[str, Any]) -> list[str]:
    """The options that say this again."""
    words = list[str]()
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if name == "neutral":
            words.append(option if value else "--not-neutral")
        elif name == "context":
            words += [word for key, part in value.items() for word in (option, f"{key}={part if isinstance(part, str) else json.dumps(part)}")]
        else:
            words += [option, str(value)]
    return words


def told(league: str, shape: AmendmentShape, verbs: tuple[str, str], what: str, again: str) -> Parts:
    """An amendment for people. `verbs`: “Voiding”, “Voided”; `again`: the command, which follows a preview with a reason and the position."""
    would, did = verbs
    moved, number = shape["moved"], shape["moved_count"]
    if shape["dry_run"]:
        following = Next(f"{again} --reason {shlex.quote(shape['reason'])} --expected-position {shape['expected_position']}")
        return [
            f"{would} {what} would move {count(number, 'competitor') if number else 'nobody'}{':' if number else '.'}",
            *_effect(moved),
            following,
        ]
    position = f"{did} {what}, as entry {shape['position']:,}"
    effect = f"{position}; {count(number, 'competitor')} moved:" if number else f"{position}; nobody moved."
    return [effect, *_effect(moved), *_more(shape), Next(f"leaderboard {league}")]


def _effect(moved: list[Any]) -> Parts:
    rows = [(short(each["competitor"]), each["before"], each["after"], each["rank_before"], each["rank_after"]) for each in moved]
    return [table(("competitor", ">before", ">after", ">rank before", ">rank after"), rows)] if rows else []


def _more(shape: AmendmentShape) -> Parts:
    hidden = shape["moved_count"] - len(shape["moved"])
    return [f"… and {count(hidden, 'competitor')} more, who moved less."] if hidden else []
