"""`arpad difference`, `drift`, `bridges`, `suggest` and `simulate`: what is known, what is not, and what would help."""

import shlex
from typing import Annotated

import typer

from app.cli.arguments import (
    AsOfOption,
    FirstArgument,
    LeagueArgument,
    LimitOption,
    SecondArgument,
    WhereOption,
    as_of_given,
    heading_of,
    typed,
    where_given,
)
from app.cli.output import Next, Parts, filled_table, short, table
from app.cli.session import Session, command
from app.cli.standings import ByOption
from app.services.answer_shapes import (
    BridgesShape,
    DifferenceShape,
    DriftShape,
    Goal,
    Seeding,
    SuggestionRow,
    SuggestionsShape,
    TournamentFormat,
    TournamentShape,
    UpsetShape,
)

group = typer.Typer(rich_markup_mode=None)

SeedOption = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="The same seed gives the same answer.")]


@command(group, "difference", example="arpad difference tennis Alice Bob")
def difference(
    session: Session,
    league: LeagueArgument,
    first: FirstArgument,
    second: SecondArgument,
    *,
    by: ByOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Say how far two competitors are apart, and how sure that is."""
    from app.services import differences

    with session.database() as database:
        shape = differences.difference(database, session.caller, league, first, second, by=by, where=where_given(where), as_of=as_of_given(as_of))
    session.show(shape, _difference)


@command(group, "drift", example="arpad drift tennis")
def drift(session: Session, league: LeagueArgument, *, limit: LimitOption = 20, where: WhereOption = None, as_of: AsOfOption = None) -> None:
    """Say whether the live ratings have left the published fit, and who stands far from it."""
    from app.services.drift_alarms import league_drift

    with session.database() as database:
        shape = league_drift(database, session.caller, league, limit=limit, where=where_given(where), as_of=as_of_given(as_of))
    session.show(shape, _drift)


@command(group, "bridges", example="arpad bridges tennis")
def bridges(session: Session, league: LeagueArgument, *, limit: LimitOption = 20, where: WhereOption = None, as_of: AsOfOption = None) -> None:
    """Name the matches that would join the islands of a league, and the results by which everyone could be compared."""
    from app.services import bridges as missing

    with session.database() as database:
        shape = missing.bridges(database, session.caller, league, limit=limit, where=where_given(where), as_of=as_of_given(as_of))
    session.show(shape, _bridges)


@command(group, "suggest", example="arpad suggest tennis --goal top --top 3 --count 5 --seed 1")
def suggest(
    session: Session,
    league: LeagueArgument,
    *,
    goal: Annotated[Goal, typer.Option("--goal", help="What the matches are to tell.")] = "neighbours",
    top: Annotated[int, typer.Option("--top", min=1, max=30, metavar="K", help="Of the goal “top”: how many.")] = 3,
    count: Annotated[int, typer.Option("--count", min=1, max=100, metavar="N", help="At most so many pairs.")] = 5,
    seed: SeedOption = 0,
    where: WhereOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Suggest pairs worth playing next, each with the probability with which it was drawn."""
    from app.services.suggestions import suggestions

    with session.database() as database:
        shape = suggestions(
            database, session.caller, league, goal=goal, k=top, count=count, seed=seed, where=where_given(where), as_of=as_of_given(as_of)
        )
    session.show(shape, _suggestions)


@command(
    group,
    "simulate",
    example="arpad simulate tennis --top 8\narpad simulate tennis Alice Bob Carla --format round-robin --legs 2 --by fit",
)
def simulate(
    session: Session,
    league: LeagueArgument,
    competitors: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMPETITOR]...", help="Who takes part, in the order of their seeds.", show_default="the first of the leaderboard"),
    ] = None,
    *,
    kind: Annotated[TournamentFormat, typer.Option("--format", help="How it is played.")] = "knock-out",
    top: Annotated[int, typer.Option("--top", min=2, max=128, metavar="N", help="So many of the leaderboard, where nobody is named.")] = 8,
    by: ByOption = None,
    seeding: Annotated[Seeding, typer.Option("--seeding", help="Keep the first apart, or pair them as listed.")] = "standard",
    legs: Annotated[int, typer.Option("--legs", min=1, max=10, metavar="N", help="How often a pair meets in a round robin.")] = 1,
    runs: Annotated[int, typer.Option("--runs", min=1, max=100_000, metavar="N", help="How often it is played.")] = 10_000,
    seed: SeedOption = 0,
    where: WhereOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Simulate a tournament and show the odds of the title. Nothing is recorded."""
    from app.services.tournaments import Tournament
    from app.services.tournaments import simulate as play

    tournament = Tournament(kind, seeding, legs, runs, seed)
    with session.database() as database:
        shape = play(
            database, session.caller, league, tournament, competitors or None, top=top, by=by, where=where_given(where), as_of=as_of_given(as_of)
        )
    session.show(shape, _tournament)


def _difference(found: DifferenceShape) -> Parts:
    return [*heading_of(found), found["sentence"]]


def _drift(found: DriftShape) -> Parts:
    rows = [(short(row["name"]), f"{row['drift']:+.1f}", row["live"]["rating"], row["matches"]) for row in found["rows"]]
    return [*heading_of(found), found["sentence"], *([table(("competitor", ">drift", ">live", ">matches"), rows)] if rows else [])]


def _bridges(found: BridgesShape) -> Parts:
    pairings = [(short(row["first"]), short(row["second"]), " – ".join(map(str, row["components"]))) for row in found["pairings"]]
    shown = [table(("play", "against", "islands"), pairings)] if pairings else []
    return [*heading_of(found), found["sentence"], *shown, *_upsets(found["upsets"])]


def _upsets(upsets: list[UpsetShape]) -> Parts:
    rows = [(short(row["taker"]), short(row["giver"])) for row in upsets]
    return [table(("should take points", "from"), rows)] if rows else []


def _suggestions(found: SuggestionsShape) -> Parts:
    rows = [(short(row["first"]), short(row["second"]), row["gain"], f"{row['propensity']:.0%}") for row in found["rows"]]
    shown = [table(("first", "second", ">gain", ">drawn with"), rows)] if rows else []
    forecast = [found["forecast"]["sentence"]] if found["forecast"] else []
    return [*heading_of(found), found["sentence"], *shown, *forecast, *([_recording(found["league"], found["rows"][0])] if rows else [])]


def _recording(league: str, row: SuggestionRow) -> Next:
    """How a match that was suggested is recorded with the probability with which it was drawn."""
    context = [word for name, value in row["context"].items() for word in ("--context", f"{name}={typed(value)}")]
    return Next(shlex.join(["record", league, row["first"], row["second"], "first", *context]))


def _tournament(found: TournamentShape) -> Parts:
    rows = [(short(row["name"]), f"{row['title']:.1%}", row["points"]) for row in found["rows"]]
    return [*heading_of(found), found["sentence"], filled_table(("competitor", ">title", ">points"), rows)]
