"""What decides an answer about a league as it was: the position that is meant, and the names, which are current."""

import json
from dataclasses import dataclass
from typing import Any

from app.services.as_of import AsOf, Moment, league_at, position_at
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller, require_league, require_segment
from app.storage.unit_of_work import Database, ReadUnit


@dataclass(frozen=True, slots=True)
class HeadAt:
    """A position of a log as an answer's foundation."""

    position: int
    named_position: int
    """Of the last entry that changed how somebody is called."""
    public: bool
    is_settled: bool
    """Whether the same question leads to the same position for ever."""


def head_at(database: Database, caller: Caller, league: str, as_of: int | Moment, where: Conditions = WHOLE) -> HeadAt:
    """The position that a position or a time means.

    Raises LeagueNotFound, BadInput for what lies ahead, or before the league; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        row, _ = require_segment(unit, caller, league, where)
        position = position_at(unit, row, as_of)
    # An entry whose transaction runs still may have a time at or before the one asked for; once a later entry is there, times only rise.
    is_settled = not isinstance(as_of, Moment) or position < row.position
    return HeadAt(position, row.named_position, row.public, is_settled)


def readable_at(unit: ReadUnit, caller: Caller, league: str, where: Conditions, as_of: AsOf) -> Any:  # noqa: ANN401  a row or LeagueAt
    """The league of which a caller asks for all or for a segment, at a position, a time or its head. Raises as `head_at`."""
    row, _ = require_segment(unit, caller, league, where)
    return league_at(unit, row, as_of)


def settings_at(database: Database, caller: Caller, league: str, as_of: AsOf) -> dict[str, Any]:
    """A league's settings as they were. Raises as `head_at`."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league)
        settings: dict[str, Any] = json.loads(league_at(unit, row, as_of).settings)
    return settings
