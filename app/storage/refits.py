"""The queries of refits: the jobs, and the immutable results. What is run when is decided by the service."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from app.storage.tables import fit, refit


class Refits:
    """The jobs. At most one waits per league and segment, and one runs per league: two partial unique indexes hold that.

    `conditions` name a segment, the empty ones the whole league.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self, league_id: int, conditions: str = "") -> Row[Any] | None:
        query = select(refit).where(refit.c.league_id == league_id, refit.c.status == "waiting", refit.c.conditions == conditions)
        return self._connection.execute(query).one_or_none()

    def existing(self, league_id: int, number: int) -> Row[Any]:
        return self._connection.execute(select(refit).where(refit.c.league_id == league_id, refit.c.number == number)).one()

    def by_number(self, league_id: int, number: int) -> Row[Any] | None:
        return self._connection.execute(select(refit).where(refit.c.league_id == league_id, refit.c.number == number)).one_or_none()

    def page(self, league_id: int, before: int, limit: int, conditions: str | None = None) -> Sequence[Row[Any]]:
        """Those below a number, newest first; of one segment, or of all."""
        query = select(refit).where(refit.c.league_id == league_id, refit.c.number < before).order_by(refit.c.number.desc()).limit(limit)
        return self._connection.execute(query if conditions is None else query.where(refit.c.conditions == conditions)).all()

    def add(self, league_id: int, number: int, requested_at: int, conditions: str = "") -> None:
        values = {"league_id": league_id, "number": number, "status": "waiting", "requested_at": requested_at, "conditions": conditions}
        self._connection.execute(insert(refit).values(**values, fence=0, not_before=requested_at))

    def last_published(self, league_id: int, conditions: str) -> int | None:
        """The number of the fit of a segment that was published last: those of one league run one after the other."""
        query = select(func.max(refit.c.number)).where(refit.c.league_id == league_id, refit.c.conditions == conditions)
        last: int | None = self._connection.execute(query.where(refit.c.status == "published")).scalar_one()
        return last

    def claimable(self, now: int, league_id: int | None) -> Sequence[Row[Any]]:
        """A few jobs that may be started: waiting with nothing running beside them, or running with a lease that ended."""
        query = select(refit).where(_may_start(now)).order_by(refit.c.requested_at, refit.c.league_id).limit(8)
        return self._connection.execute(query if league_id is None else query.where(refit.c.league_id == league_id)).all()

    def claim(self, league_id: int, job: Row[Any], values: Mapping[str, Any], now: int) -> bool:
        """Change a job that may still be started and that nobody took since it was read."""
        unchanged = and_(refit.c.league_id == league_id, refit.c.number == job.number, refit.c.fence == job.fence, refit.c.status == job.status)
        return self._connection.execute(update(refit).where(unchanged, _may_start(now)).values(**values)).rowcount == 1

    def change(self, league_id: int, number: int, fence: int, values: Mapping[str, Any]) -> bool:
        """Change a job that runs and is still ours, that is: whose fencing number is the one we were given."""
        return self._change(league_id, number, values, refit.c.fence == fence, refit.c.status == "running")

    def cancel(self, league_id: int, number: int, status: str, values: Mapping[str, Any]) -> bool:
        """Change a job, whoever has it, if it still is in this status."""
        return self._change(league_id, number, values, refit.c.status == status)

    def rename_in_reasons(self, league_id: int, words: str, others: str) -> None:
        """Put other words in the place of these in every reason of a league's jobs."""
        told = and_(refit.c.league_id == league_id, refit.c.reason.is_not(None))
        self._connection.execute(update(refit).where(told).values(reason=func.replace(refit.c.reason, words, others)))

    def _change(self, league_id: int, number: int, values: Mapping[str, Any], *conditions: ColumnElement[bool]) -> bool:
        ours = and_(refit.c.league_id == league_id, refit.c.number == number, *conditions)
        return self._connection.execute(update(refit).where(ours).values(**values)).rowcount == 1


def _may_start(now: int) -> ColumnElement[bool]:
    running = refit.alias("running")
    beside = select(running.c.number).where(running.c.league_id == refit.c.league_id, running.c.status == "running").exists()
    return or_(and_(refit.c.status == "waiting", refit.c.not_before <= now, ~beside), and_(refit.c.status == "running", refit.c.lease_until < now))


class Fits:
    """The immutable results."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def by_number(self, league_id: int, number: int, *, with_arrays: bool = False) -> Row[Any] | None:
        columns = list(fit.c) if with_arrays else [column for column in fit.c if column.name not in {"table", "uncertainty"}]
        return self._connection.execute(select(*columns).where(fit.c.league_id == league_id, fit.c.number == number)).one_or_none()

    def by_numbers(self, league_id: int, numbers: Sequence[int]) -> dict[int, Row[Any]]:
        columns = [column for column in fit.c if column.name not in {"table", "uncertainty"}]
        rows = self._connection.execute(select(*columns).where(fit.c.league_id == league_id, fit.c.number.in_(numbers)))
        return {row.number: row for row in rows}

    def held(self, league_id: int, numbers: Sequence[int] | None = None) -> set[int]:
        """Which of these fits, or of all, have a table here."""
        query = select(fit.c.number).where(fit.c.league_id == league_id, fit.c.table.is_not(None))
        return set(self._connection.scalars(query if numbers is None else query.where(fit.c.number.in_(numbers))))

    def add(self, values: Mapping[str, Any]) -> None:
        self._connection.execute(insert(fit).values(**values))

    def forget_uncertainty(self, league_id: int, number: int) -> None:
        """Drop the large array of a fit that is no longer the published one; its table and certificate stay."""
        self._connection.execute(update(fit).where(fit.c.league_id == league_id, fit.c.number == number).values(uncertainty=None))
