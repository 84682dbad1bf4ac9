"""A league to play in: the services as one reads them in a scenario, with the operator calling."""

import itertools
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from app.ratings.matches import SCORES, MatchColumns
from app.services.amendment_shapes import AmendmentShape
from app.services.corrections import void_match
from app.services.exports import export_league
from app.services.keys import Caller
from app.services.leagues import change_league, create_league
from app.services.recording import MatchIn, Recorded, as_columns, record_batch, record_match
from app.services.refits import request_refit, run_next_refit
from app.services.restores import restore_league
from app.services.shapes import BatchShape, FitShape, ReceiptShape, VerifyShape
from app.services.verification import verify_league
from app.storage.unit_of_work import Database

OPERATOR = Caller.operator()
DAY = 86_400_000_000
NEW_YEAR_2024 = 1_704_067_200_000_000

_numbers = itertools.count(1)


def match(first: str, second: str, outcome: str = "first", match_id: str | None = None, **fields: Any) -> MatchIn:
    return MatchIn(first, second, SCORES[outcome], match_id=match_id, **fields)


@dataclass(frozen=True)
class Play:
    """One league of one database."""

    database: Database
    league: str

    @classmethod
    def begin(cls, database: Database, *, public: bool = False, **settings: Any) -> "Play":
        play = cls(database, f"league-{next(_numbers)}")
        create_league(database, OPERATOR, play.league, settings=settings, public=public)
        return play

    def record(self, first: str, second: str, outcome: str = "first", match_id: str | None = None, **fields: Any) -> Recorded:
        return record_match(self.database, OPERATOR, self.league, match(first, second, outcome, match_id, **fields))

    def play(self, first: str, second: str, outcome: str = "first", match_id: str | None = None, **fields: Any) -> ReceiptShape:
        return self.record(first, second, outcome, match_id, **fields).receipt

    def batch(self, matches: Sequence[MatchIn] | MatchColumns) -> BatchShape:
        columns = matches if isinstance(matches, MatchColumns) else as_columns(matches)
        return record_batch(self.database, OPERATOR, self.league, columns)

    def results(self, *rows: tuple[str, str, int, int]) -> None:
        """(one, other, games that one won, games that the other won), in one batch."""
        games = [match(one, other) for one, other, won, _ in rows for _ in range(won)]
        games += [match(one, other, "second") for one, other, _, lost in rows for _ in range(lost)]
        self.batch(games)

    def void(self, match_id: str, *, reason: str = "a mistake", **options: Any) -> AmendmentShape:
        return void_match(self.database, OPERATOR, self.league, match_id, reason=reason, **options)

    def change(self, **settings: Any) -> None:
        change_league(self.database, OPERATOR, self.league, settings=settings)

    def fit(self) -> FitShape:
        """Request a refit and run it."""
        request_refit(self.database, OPERATOR, self.league)
        fit = run_next_refit(self.database, "tester", league=self.league)
        assert fit is not None
        return fit

    def verify(self) -> VerifyShape:
        return verify_league(self.database, OPERATOR, self.league)

    def verified(self) -> VerifyShape:
        """What verify says, which has to be that everything is equal."""
        verdict = self.verify()
        assert verdict["equal"], verdict["differences"]
        return verdict

    def export(self) -> list[bytes]:
        return list(export_league(self.database, OPERATOR, self.league))

    def restored_in(self, database: Database) -> "Play":
        copy = Play(database, f"copy-{next(_numbers)}")
        restore_league(database, OPERATOR, self.export(), league=copy.league)
        return copy

    def row(self) -> Any:
        with self.database.read() as unit:
            return unit.leagues.existing(self.league)

    def position(self) -> int:
        return int(self.row().position)

    def entries(self) -> list[Any]:
        with self.database.read() as unit:
            row = unit.leagues.existing(self.league)
            return [one for rows in unit.entries.stream(row.id, row.position) for one in rows]

    def competitors(self) -> list[Any]:
        with self.database.read() as unit:
            return list(unit.competitors.all(unit.leagues.existing(self.league).id))

    def sql(self, statement: str, **values: Any) -> int:
        """Go behind the services' back; `:league` is the league's id. How many rows were touched."""
        with self.database.write() as unit:
            league_id = unit.leagues.existing(self.league).id
            touched = unit.connection.execute(text(statement), {"league": league_id, **values}).rowcount
            unit.commit()
            return int(touched)


@contextmanager
def writes_nothing(*plays: Play):
    """Whatever happens within, nothing of these leagues may have changed."""
    before = [(play.row(), play.entries(), play.competitors()) for play in plays]
    yield
    assert [(play.row(), play.entries(), play.competitors()) for play in plays] == before
