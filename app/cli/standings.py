"""`arpad leaderboard` and `arpad predict`: who leads, and who would win."""

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.arguments import (
    AsOfOption,
    CursorOption,
    FirstArgument,
    LeagueArgument,
    LimitOption,
    SecondArgument,
    WhereOption,
    as_of_given,
    of_segment,
    options_of,
    then,
    where_given,
)
from app.cli.output import More, Next, Parts, count, filled_table, short, table
from app.cli.session import Session, command
from app.services.answer_shapes import DriftShape
from app.services.shapes import By, FitShape, FittedRatingShape, LeaderboardRow, LeaderboardShape, LiveRating, PredictionShape

if TYPE_CHECKING:
    from app.storage.unit_of_work import Database

group = typer.Typer(rich_markup_mode=None)

ByOption = Annotated[
    By | None, typer.Option("--by", help="The ratings that follow every match, or those of the fit.", show_default="the league's primary ones")
]


@command(group, "leaderboard", example="arpad leaderboard tennis --by fit --limit 20\narpad leaderboard tennis --where surface=clay")
def leaderboard(
    session: Session,
    league: LeagueArgument,
    *,
    by: ByOption = None,
    limit: LimitOption = 100,
    min_matches: Annotated[int, typer.Option("--min-matches", min=0, metavar="N", help="Leave out who played less.")] = 0,
    around: Annotated[str | None, typer.Option("--around", metavar="KEY", help="The part around this competitor.", show_default=False)] = None,
    where: WhereOption = None,
    cursor: CursorOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show who leads, and how sure that is; with --where as if nothing else had been played."""
    from app.services import standings

    ask = partial(standings.leaderboard, by=by, min_matches=min_matches, around=around, where=where_given(where))
    when = as_of_given(as_of)
    with session.database() as database:
        shape = ask(database, session.caller, league, cursor=cursor, limit=limit, as_of=when)
        beside = Beside() if session.as_json else _beside(session, database, shape, as_of)
    session.show(shape, lambda board: _leaderboard(board, beside, as_of, continued=cursor is not None))


@command(group, "predict", example="arpad predict tennis Alice Bob\narpad predict tennis Alice Bob --by fit --with-sides")
def predict(
    session: Session,
    league: LeagueArgument,
    first: FirstArgument,
    second: SecondArgument,
    *,
    by: ByOption = None,
    with_sides: Annotated[bool, typer.Option("--with-sides", help="The first side has the advantage of its side (home, white).")] = False,
    where: WhereOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Predict a match between two competitors. Says so where the matches so far cannot tell."""
    from app.services import predictions

    when, segment = as_of_given(as_of), where_given(where)
    with session.database() as database:
        shape = predictions.predict(database, session.caller, league, first, second, by=by, neutral=not with_sides, where=segment, as_of=when)
    session.show(shape, lambda prediction: _prediction(prediction, as_of))


@dataclass(frozen=True, slots=True)
class Beside:
    """What a table for people tells beside its rows."""

    fit: FitShape | None = None
    last: FitShape | None = None
    """The last fit that was asked for."""
    drift: DriftShape | None = None


def _beside(session: Session, database: "Database", board: LeaderboardShape, as_of: str | None) -> Beside:
    from app.services.conditions import Conditions
    from app.services.drift_alarms import league_drift
    from app.services.refits import get_fit, list_fits

    league, last, segment = board["league"], None, Conditions.of_values(board.get("where", {}))
    if as_of is None:
        last = next(iter(list_fits(database, session.caller, league, where=segment, limit=1)["rows"]), None)
    if board["fit"] is None:
        return Beside(last=last)
    drift = league_drift(database, session.caller, league, limit=1, where=segment, as_of=as_of_given(as_of))
    return Beside(get_fit(database, session.caller, league, board["fit"]), last, drift)


def _leaderboard(board: LeaderboardShape, beside: Beside, as_of: str | None = None, *, continued: bool = False) -> Parts:
    league, segment = board["league"], board.get("where")
    if not board["rows"] and segment:
        return [f"No counted match of “{league}” meets the conditions{of_segment(segment)}.", Next(f"matches {league}")]
    if not board["rows"] and as_of is not None:
        return [f"Nobody was on the leaderboard of “{league}”{then(board['position'], as_of, board['as_of'])}."]
    if not board["rows"]:
        return [f"Nobody is on the leaderboard of “{league}” yet.", Next(f"record {league} Alice Bob first")]
    where = f" at position {board['position']:,}" if as_of is None else then(board["position"], as_of, board["as_of"])
    heading = f"{board['name']}: {count(board['total'], 'competitor')}{_of_matches(board)}{where}, by {_basis(board, beside.fit)}."
    more = [More(board["next"])] if board["next"] else []
    return [heading, *_news(board, beside), *_islands(board, continued=continued), *more, Next(f"predict {league} FIRST SECOND{options_of(segment)}")]


def _news(board: LeaderboardShape, beside: Beside) -> list[str]:
    """What somebody should know before reading the table."""
    from app.services import sentences

    refused = None if beside.last is None else sentences.outcome_of_fit(beside.last, board["fit"])
    alarm = f"Live and fit disagree: {beside.drift['sentence']}" if beside.drift is not None and beside.drift["alarm"] else None
    islands = len(board["components"])
    split = f"They fall into {islands} islands without a match between them; nothing compares one with another, so each has a table of its own."
    return [line for line in (refused, alarm, split if islands > 1 else None) if line]


def _islands(board: LeaderboardShape, *, continued: bool) -> Parts:
    """One table per island, each with who may be the strongest there."""
    from app.services import sentences

    parts, sizes = list[Any](), {one["component"]: one["competitors"] for one in board["components"]}
    for place, (island, group) in enumerate(groupby(board["rows"], key=lambda row: row["component"])):
        rows = list(group)
        goes_on = continued and place == 0
        if len(sizes) > 1:
            parts.append(f"Island {island}{' (continued)' if goes_on else ''}: {count(sizes[island], 'competitor')}")
        strongest = None if goes_on else sentences.strongest(rows)
        parts += [f"The strongest, by the fit: {strongest}."] if strongest else []
        parts += _island(rows, board["by"])
    return parts


def _island(rows: list[LeaderboardRow], by: By) -> Parts:
    from app.services import sentences

    ratings = (">fit", ">±", ">live", ">±") if by == "fit" else (">live", ">±", ">fit", ">±")
    columns = (">rank", "likely", "competitor", *ratings, ">matches", ">won", ">drawn", ">lost", "status")
    gaps = [place for place, tier in enumerate(sentences.opened_tiers(rows, by)) if tier is not None]
    explained = (
        ["A gap: right below it stands somebody who is clearly weaker (at 95 %, of these two alone) than the first of the group above."]
        if gaps
        else []
    )
    return [filled_table(columns, [_row(row, by) for row in rows], gaps=gaps), *explained]


def _of_matches(board: LeaderboardShape) -> str:
    """Which segment, and of how many matches."""
    return f" with {count(board['matches'], 'match')}{of_segment(board['where'])}" if "where" in board else ""


def _basis(board: LeaderboardShape, fit: FitShape | None) -> str:
    if board["by"] == "live":
        return "live ratings"
    position = None if fit is None else fit["position"]
    up_to = f" (up to entry {position:,})" if position is not None and position < board["position"] else ""
    return f"fit {board['fit']}{up_to}"


def _row(row: LeaderboardRow, by: By) -> tuple[object, ...]:
    from app.services import sentences

    low, high = row["rank_low"], row["rank_high"]
    likely = None if low is None or high is None else f"{low}–{high}" if low < high else f"{low}"
    name = short(row["name"]) if row["name"] == row["competitor"] else f"{short(row['name'])} ({short(row['competitor'])})"
    live, fitted = _live(row["live"]), _fitted(row["fit"])
    return (
        *(row["rank"], likely, name),
        *((*fitted, *live) if by == "fit" else (*live, *fitted)),
        *(row["matches"], row["wins"], row["draws"], row["losses"], ", ".join([row["status"], *sentences.remarks(row)])),
    )


def _live(live: LiveRating) -> tuple[float, float | None]:
    """The rating and half the width of its 95 % interval."""
    from app.ratings.fitted import NORMAL_95

    return live["rating"], None if live["standard_error"] is None else NORMAL_95 * live["standard_error"]


def _fitted(fit: FittedRatingShape | None) -> tuple[float | None, float | None]:
    """As `_live`."""
    if fit is None:
        return None, None
    half = None if fit["lower"] is None or fit["upper"] is None else (fit["upper"] - fit["lower"]) / 2
    return fit["rating"], half


def _prediction(prediction: PredictionShape, as_of: str | None) -> Parts:
    heading = [f"What was expected at position {prediction['position']:,}:"] if as_of is not None else []
    return [*heading, *_expected(prediction)]


def _expected(prediction: PredictionShape) -> Parts:
    first, second = prediction["pair"]["first"], prediction["pair"]["second"]
    if prediction["first"] is None:
        return [prediction["sentence"]]
    rows = [(short(first), _percent(prediction["first"])), ("draw", _percent(prediction["draw"])), (short(second), _percent(prediction["second"]))]
    what = "wins" if prediction["meaning"] == "outcome" else "expected score"
    return [table(("", f">{what}"), [row for row in rows if row[1] is not None]), prediction["sentence"]]


def _percent(probability: float | None) -> str | None:
    return None if probability is None else f"{100 * probability:.1f} %"
