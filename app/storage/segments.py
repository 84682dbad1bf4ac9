"""What is derived from the log so that it need not be read or replayed from its beginning: packed segments, totals, and checkpoints of ratings."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from app.storage.tables import checkpoint, league, segment, totals


class Segments:
    """What is in the packed columns is decided in `services.segments`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def after(self, league_id: int, position: int) -> Sequence[Any]:
        """(number, last_position, matches) of the segments that reach beyond a position, in order."""
        columns = (segment.c.number, segment.c.last_position, segment.c.matches)
        query = select(*columns).where(segment.c.league_id == league_id, segment.c.last_position > position)
        return self._connection.execute(query.order_by(segment.c.number)).all()

    def end(self, league_id: int) -> tuple[int, int]:
        """How many segments there are, and the last position that they cover (−1 without any)."""
        query = select(func.count(), func.coalesce(func.max(segment.c.last_position), -1)).where(segment.c.league_id == league_id)
        count, last = self._connection.execute(query).one()
        return int(count), int(last)

    def outgrown(self, matches_each: int) -> list[str]:
        """The keys of the leagues that have a whole segment of matches more than their segments cover."""
        covered = select(func.count()).where(segment.c.league_id == league.c.id).scalar_subquery()
        query = select(league.c.key).where(league.c.matches >= matches_each, league.c.matches - matches_each * covered >= matches_each)
        return list(self._connection.scalars(query))

    def add(self, values: Mapping[str, Any]) -> None:
        self._connection.execute(insert(segment).values(**values))


class Totals:
    """The totals of a league's matches as they were recorded, up to a position; at most one row for each league."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def any(self, league_id: int) -> Any | None:  # noqa: ANN401  a row
        """(position, sided, totals) of what is kept."""
        query = select(totals.c.position, totals.c.sided, totals.c.totals).where(totals.c.league_id == league_id)
        return self._connection.execute(query).one_or_none()

    def kept(self, league_id: int, up_to: int, sided: bool) -> Any | None:  # noqa: ANN401  a row
        """(position, totals) of those that can be moved on to a position, with the sides told or not."""
        query = select(totals.c.position, totals.c.totals).where(totals.c.league_id == league_id, totals.c.position <= up_to)
        return self._connection.execute(query.where(totals.c.sided == sided)).one_or_none()

    def keep(self, values: Mapping[str, Any]) -> None:
        """In the place of what was kept."""
        self._connection.execute(delete(totals).where(totals.c.league_id == values["league_id"]))
        self._connection.execute(insert(totals).values(**values))


class Checkpoints:
    """The ratings after the first matches of a course, found by what those matches are."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def digests(self, league_id: int) -> set[bytes]:
        query = select(checkpoint.c.digest).where(checkpoint.c.league_id == league_id)
        return set(self._connection.scalars(query))

    def ratings(self, league_id: int, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """What these checkpoints hold, by digest, those that there are."""
        query = select(checkpoint.c.digest, checkpoint.c.ratings).where(checkpoint.c.league_id == league_id, checkpoint.c.digest.in_(digests))
        return {row.digest: row.ratings for row in self._connection.execute(query)}

    def add(self, values: Sequence[Mapping[str, Any]]) -> None:
        self._connection.execute(insert(checkpoint), list(values))

    def keep_only(self, league_id: int, digests: Sequence[bytes]) -> None:
        """Forget all others."""
        self._connection.execute(delete(checkpoint).where(checkpoint.c.league_id == league_id, checkpoint.c.digest.not_in(digests)))
