"""Recording matches at their place: at the end, or, in a league that is rated in the order of play, where they belong.

A late result is inserted and what follows it is rated again. Fresh matches are appended to the log in the order of play, so that the receipt of
each is what it would be had they come one by one. Which matches are fresh is decided in `writing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.errors import BadInput, Fault
from app.ratings.matches import MatchColumns
from app.ratings.online import Replay
from app.services.amending import MAX_MOVED, Outcome, latest, movements, require_position
from app.services.amendment_shapes import PreviewShape
from app.services.courses import SEEN, Course, Rated, reckoned
from app.services.keys import Caller, require_league
from app.services.league_settings import read_settings
from app.services.match_log import MatchLog
from app.services.repetitions import MAX_FAULTS, plan, refusal_of, take
from app.services.segments import amendments_at, rated_from, read_log
from app.services.structures import structure_at_head, structure_of
from app.services.writing import Prepared, Sides, Standing, Written, as_kept, load_sides, prepare, sealed, write
from app.storage.tables import Stored
from app.storage.unit_of_work import Database, ReadUnit, WriteUnit


def is_in_order_of_play(row: Stored) -> bool:
    """Whether the league's matches are rated in the order of play."""
    return read_settings(row.settings).order == "played_at"


def unplaceable(played_at: int | None, *, id_is_given: bool) -> list[tuple[str, str]]:
    """What is missing for a match to have its place in the order of play: (field, what to do)."""
    missing = [("played_at", "must be told: in this league matches are rated in the order of play")] if played_at is None else []
    return missing if id_is_given else [*missing, ("match_id", "must be told: it orders matches of one time, whoever delivers them")]


def require_places(row: Stored, matches: MatchColumns, given: Sequence[bool], place: str = "/matches") -> None:
    """Raise BadInput for matches that could not be put in the order of play, if that is the league's."""
    if not is_in_order_of_play(row):
        return
    faults = [
        Fault(f"{place}/{index}/{name}", remedy)
        for index, (played_at, has_id) in enumerate(zip(matches.played_at, given, strict=True))
        for name, remedy in unplaceable(played_at, id_is_given=has_id)
    ]
    if faults:
        raise BadInput("Some matches cannot be put in the order of play; nothing was recorded.", faults[:MAX_FAULTS])


def placed(row: Stored, matches: MatchColumns) -> MatchColumns:
    """The matches in the order in which the league wants them appended."""
    return take(matches, order_of_play(matches)) if is_in_order_of_play(row) and len(matches) else matches


def order_of_play(matches: MatchColumns) -> list[int]:
    """The places of matches, first played first."""
    return sorted(range(len(matches)), key=lambda index: (matches.played_at[index], matches.match_id[index]))


def record_placed(database: Database, unit: WriteUnit, row: Stored, matches: MatchColumns, authors: list[str | None]) -> Written:
    """As `writing.record`, at the place of each match. In the order of play the matches have to be given in that order."""
    return write(unit, prepare_placed(database, unit, row, matches, authors, row.now))


def prepare_placed(database: Database, unit: ReadUnit, row: Stored, matches: MatchColumns, authors: list[str | None], now: int) -> Prepared:
    """As `writing.prepare`, at the place of each match."""
    if not is_in_order_of_play(row):
        return prepare(unit, row, matches, authors, now)
    first = (matches.played_at[0], matches.match_id[0])
    if row.latest_played_at is None or first > (row.latest_played_at, row.latest_match_id):
        prepared = prepare(unit, row, matches, authors, now)
        return replace(prepared, changes={"latest_played_at": matches.played_at[-1], "latest_match_id": matches.match_id[-1]})
    return _prepare_late(database, unit, row, as_kept(matches), authors, max(now, row.recorded_at))


@dataclass(frozen=True, slots=True)
class _Placed:
    """Matches at their places in the course that a league would have with them."""

    sides: Sides
    rated: Rated
    fresh: MatchLog
    outcome: Outcome


def _placed(database: Database, unit: ReadUnit, row: Stored, matches: MatchColumns, recorded_at: int, *, with_ranks: bool) -> _Placed:
    settings = read_settings(row.settings)
    sides = load_sides(unit, row, matches, settings.initial)
    newcomers = [standing for standing in sides.distinct() if standing.salt is not None]
    fresh = _as_log(row, matches, sides, recorded_at)
    amendments, log = amendments_at(unit, row, row.position), read_log(database, unit, row, row.position)
    changes, n = unit.entries.settings_changes(row.id, row.position), row.competitors + len(newcomers)
    before = Course.of(amendments.applied(log), changes, n)
    after = Course.of(amendments.applied(MatchLog.joined([log, fresh])), changes, n)
    rated = rated_from(unit, row.id, after, after.parting(before))
    old = [*unit.competitors.all(row.id), *(Standing(one.number, one.key, 0.0) for one in newcomers)]
    nothing = np.zeros(n, dtype=np.int64)
    components = (nothing, nothing)
    if with_ranks:
        known = structure_at_head(database, unit, row).identifiability.components
        components = np.concatenate([known, np.full(n - len(known), -1)]), structure_of(after.log, n).components
    return _Placed(sides, rated, fresh, movements(old, reckoned(after, rated.ratings()), components, after))


def _as_log(row: Stored, matches: MatchColumns, sides: Sides, recorded_at: int) -> MatchLog:
    count = len(matches)
    return MatchLog.of_columns(
        {
            "position": range(row.position + 1, row.position + 1 + count),
            "recorded_at": [recorded_at] * count,
            "first": [sides.numbers[key] for key in matches.first],
            "second": [sides.numbers[key] for key in matches.second],
            "score": matches.score,
            "played_at": matches.played_at,
            "weight": matches.weight,
            "neutral": matches.neutral,
            "match_id": matches.match_id,
        }
    )


def _prepare_late(database: Database, unit: ReadUnit, row: Stored, matches: MatchColumns, authors: list[str | None], recorded_at: int) -> Prepared:
    late = _placed(database, unit, row, matches, recorded_at, with_ranks=False)
    moved = {standing.number: standing for standing in late.outcome.changed}
    for key, standing in late.sides.standings.items():
        if standing.salt is not None:
            moved[standing.number].salt = standing.salt
            late.sides.standings[key] = moved[standing.number]
    last = (row.latest_played_at, row.latest_match_id)
    late_matches = sum(key < last for key in zip(matches.played_at, matches.match_id, strict=True))
    changes = {"amended_position": row.position + late_matches, **latest(late.rated.course)}
    return sealed(row, matches, authors, late.sides, _seen_by(late), recorded_at, list(moved.values()), **changes)


def _seen_by(late: _Placed) -> Replay:
    """What the fresh matches saw and did, in the order of the log."""
    positions = late.rated.course.log.position
    places = np.flatnonzero(positions >= late.fresh.position[0])
    places = places[np.argsort(positions[places])] - late.rated.start
    return Replay(*(late.rated.seen[name][places].tolist() for name in SEEN))


def preview_matches(
    database: Database, caller: Caller, league: str, matches: MatchColumns, given: Sequence[bool], *, expected_position: int | None = None
) -> PreviewShape:
    """What recording matches would do now. Raises as recording them would."""
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, "report")
        require_places(row, matches, given)
        decided = plan(unit, row, matches)
        if decided.refused:
            raise refusal_of(decided)
        fresh = placed(row, as_kept(take(matches, decided.fresh)))
        if expected_position is not None and len(fresh):
            require_position(unit, row, expected_position)
        if not len(fresh):
            return {"dry_run": True, "expected_position": row.position, "moved": [], "moved_count": 0}
        moved = _placed(database, unit, row, fresh, unit.now(), with_ranks=True).outcome.moved
    return {"dry_run": True, "expected_position": row.position, "moved": moved[:MAX_MOVED], "moved_count": len(moved)}
