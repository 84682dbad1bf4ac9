"""The queries of import leases, and of the entries that an import left beyond a league's head. When they are used is decided in `services.locking`."""

from sqlalchemy import Connection, delete, func, select, update

from app.storage.tables import entry, league


class Leases:
    """At most one lease per league, in the league's own row, so that locking the row tells of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, league_id: int, token: str, until: int) -> None:
        """Write a lease into a league that is locked and has none."""
        self._connection.execute(update(league).where(league.c.id == league_id).values(import_token=token, import_until=until))

    def renew(self, league_id: int, token: str, until: int) -> bool:
        """Extend a lease and lock its league; False if it is no longer this one."""
        ours = (league.c.id == league_id, league.c.import_token == token)
        return self._connection.execute(update(league).where(*ours).values(import_until=until)).rowcount == 1

    def end(self, league_id: int, token: str) -> bool:
        """End a lease beyond which nothing is left; False if it is no longer this one."""
        ours = (league.c.id == league_id, league.c.import_token == token)
        return self._connection.execute(update(league).where(*ours).values(import_token=None, import_until=None)).rowcount == 1

    def give_up(self, league_id: int, token: str) -> bool:
        """End a lease beyond which rows may be left; False if it is no longer this one."""
        ours = (league.c.id == league_id, league.c.import_token == token)
        return self._connection.execute(update(league).where(*ours).values(import_token=None, import_until=0)).rowcount == 1

    def sweep(self, league_id: int, head: int, count: int) -> bool:
        """Take the lease of a locked league away and remove so many entries beyond the head; whether none is left."""
        beyond = (entry.c.league_id == league_id, entry.c.position > head)
        some = select(entry.c.position).where(*beyond).order_by(entry.c.position).limit(count).subquery()
        last = select(func.max(some.c.position)).scalar_subquery()
        is_clean = self._connection.execute(delete(entry).where(*beyond, entry.c.position <= last)).rowcount < count
        until = None if is_clean else 0
        self._connection.execute(update(league).where(league.c.id == league_id).values(import_token=None, import_until=until))
        return is_clean
