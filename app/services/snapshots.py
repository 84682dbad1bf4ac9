"""Everyone's standing and the comparison graph, at the head of a log from the tables, at an earlier position from the course that led there."""

from typing import Any, NamedTuple

from app.services.as_of import LeagueAt, retired_at
from app.services.conditions import WHOLE, Conditions
from app.services.courses import Reckoning, rate, reckoned
from app.services.everyone import Everyone, everyone_at_head
from app.services.segments import rated_from, read_course, segment_course
from app.services.structures import Structure, structure_at, structure_at_head
from app.storage.unit_of_work import Database, ReadUnit


class CompetitorAt(NamedTuple):
    """A competitor's row as it was at a position, named like the columns; key and name are current."""

    number: int
    key: str
    name: str | None
    rating: float
    matches: int
    wins: int
    draws: int
    losses: int
    last_played_at: int | None
    retired: bool
    created_position: int


def standings_of(
    database: Database,
    unit: ReadUnit,
    league: Any,  # noqa: ANN401  a row or LeagueAt
    where: Conditions = WHOLE,
) -> tuple[Everyone, Structure]:
    """Everyone, and the graph of their matches; of a segment as if nothing else had been played."""
    if where:
        course = segment_course(database, unit, league, where)
        return Everyone.of(_competitors(unit, league, reckoned(course, rate(course).ratings()))), structure_at(league, course.log)
    if not isinstance(league, LeagueAt):
        return everyone_at_head(database, unit, league), structure_at_head(database, unit, league)
    course = read_course(database, unit, league, league.position)
    ratings = rated_from(unit, league.id, course, len(course)).ratings()
    return Everyone.of(_competitors(unit, league, reckoned(course, ratings))), structure_at(league, course.log)


def _competitors(unit: ReadUnit, league: Any, reckoning: Reckoning) -> list[CompetitorAt]:  # noqa: ANN401  a row or LeagueAt
    retired = retired_at(unit, league.id, league.position)
    columns = (reckoning.rating, reckoning.matches, reckoning.wins, reckoning.draws, reckoning.losses, reckoning.last_played_at)
    standings = list(zip(*columns, strict=True))
    return [
        CompetitorAt(number, key, name, *standings[number], retired.get(number, False), created_position)  # type: ignore[call-arg]  # six of them
        for number, key, name, created_position in unit.competitors.names(league.id, league.position)
    ]
