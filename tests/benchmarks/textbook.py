"""The textbook way to record a match, kept to compare with: one FastAPI route, one ORM session and one commit per match.

It keeps what a ledger must keep at the least: a unique match_id, a repetition answered with the first receipt, both ratings changed under a lock
(row locks in the order of the keys on PostgreSQL, BEGIN IMMEDIATE on SQLite with WAL and synchronous=FULL), an answer after the commit. It asks
for no key, chains no log and knows one league. `TEXTBOOK_DATABASE_URL` names its database.
"""

import os
import socket
import time
from typing import Annotated, Literal

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, Field
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

K = 32.0
SCORES = {"first": 1.0, "draw": 0.5, "second": 0.0}
# More connections make it slower: the threads wait for one another's rows, and on SQLite for the one write lock.
POOL_SIZES = {"postgresql": 8, "sqlite": 4}


class Base(DeclarativeBase):
    pass


class Competitor(Base):
    __tablename__ = "competitor"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    rating: Mapped[float] = mapped_column(default=1500.0)
    matches: Mapped[int] = mapped_column(default=0)


class Match(Base):
    __tablename__ = "match"

    id: Mapped[int] = mapped_column(primary_key=True)
    match_id: Mapped[str] = mapped_column(unique=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("competitor.id"), index=True)
    second_id: Mapped[int] = mapped_column(ForeignKey("competitor.id"), index=True)
    outcome: Mapped[str]
    recorded_at: Mapped[float]
    expected: Mapped[float]
    first_before: Mapped[float]
    first_after: Mapped[float]
    second_before: Mapped[float]
    second_after: Mapped[float]


class NewMatch(BaseModel):
    match_id: str = Field(min_length=1, max_length=200)
    first: str = Field(min_length=1, max_length=200)
    second: str = Field(min_length=1, max_length=200)
    outcome: Literal["first", "second", "draw"]


class Change(BaseModel):
    before: float
    expected: float
    after: float


class Receipt(BaseModel):
    match_id: str
    first: str
    second: str
    outcome: str
    recorded_at: float
    ratings: dict[str, Change]


url = make_url(os.environ["TEXTBOOK_DATABASE_URL"])
engine = create_engine(url, pool_size=POOL_SIZES[url.get_backend_name()], max_overflow=0, pool_timeout=30)
insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[engine.dialect.name]
new_session = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()

if engine.dialect.name == "sqlite":

    @event.listens_for(engine, "connect")
    def prepare(connection, _record):
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


Base.metadata.create_all(engine)


def session():
    with new_session() as opened:
        yield opened


@app.get("/readyz")
def readyz():
    return {"status": "ready"}


@app.post("/matches", status_code=201, response_model=Receipt)
def record_match(sent: NewMatch, response: Response, session: Annotated[Session, Depends(session)]):
    known = find_match(session, sent.match_id)
    if known is None:
        first, second = lock_competitors(session, sent.first, sent.second)
        match = rate(sent, first, second)
        session.add(match)
        try:
            session.commit()
        except IntegrityError:
            session.rollback()
            known = find_match(session, sent.match_id)
        else:
            return receipt(match, first, second)
    first, second = session.get_one(Competitor, known.first_id), session.get_one(Competitor, known.second_id)
    if (first.key, second.key, known.outcome) != (sent.first, sent.second, sent.outcome):
        raise HTTPException(409, "The match_id belongs to another match.")
    response.status_code = 200
    return receipt(known, first, second)


def find_match(session: Session, match_id: str) -> Match | None:
    return session.scalars(select(Match).where(Match.match_id == match_id)).one_or_none()


def lock_competitors(session: Session, *keys: str) -> list[Competitor]:
    """Both competitors, made where they are new; locked in one order, so that no two requests wait for each other."""
    query = select(Competitor).where(Competitor.key.in_(keys)).order_by(Competitor.key).with_for_update()
    found = {competitor.key: competitor for competitor in session.scalars(query)}
    if len(found) < 2:
        missing = [{"key": key} for key in sorted(keys)]
        session.execute(insert(Competitor).values(missing).on_conflict_do_nothing())
        found = {competitor.key: competitor for competitor in session.scalars(query.execution_options(populate_existing=True))}
    return [found[key] for key in keys]


def rate(sent: NewMatch, first: Competitor, second: Competitor) -> Match:
    expected = 1.0 / (1.0 + 10.0 ** ((second.rating - first.rating) / 400.0))
    step = K * (SCORES[sent.outcome] - expected)
    match = Match(
        match_id=sent.match_id,
        first_id=first.id,
        second_id=second.id,
        outcome=sent.outcome,
        recorded_at=time.time(),
        expected=expected,
        first_before=first.rating,
        first_after=first.rating + step,
        second_before=second.rating,
        second_after=second.rating - step,
    )
    first.rating, second.rating = match.first_after, match.second_after
    first.matches += 1
    second.matches += 1
    return match


def receipt(match: Match, first: Competitor, second: Competitor) -> Receipt:
    return Receipt(
        match_id=match.match_id,
        first=first.key,
        second=second.key,
        outcome=match.outcome,
        recorded_at=match.recorded_at,
        ratings={
            "first": Change(before=match.first_before, expected=match.expected, after=match.first_after),
            "second": Change(before=match.second_before, expected=1.0 - match.expected, after=match.second_after),
        },
    )


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, access_log=False)).run(sockets=[listener])
