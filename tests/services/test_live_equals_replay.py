"""Whatever happens to a league, its live state is what its log replays to, on either database, before and after an export."""

import csv
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from app.errors import MatchAlreadyVoided
from app.ratings.matches import OUTCOMES, format_time
from app.services.imports import import_file
from app.services.recording import MatchIn, as_columns
from app.storage.unit_of_work import Database
from tests.services.play import OPERATOR, Play
from tests.strategies import Step, histories

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


class History:
    """A league, and the matches that were recorded in it so far."""

    def __init__(self, database: Database) -> None:
        self.play = Play.begin(database)
        self.known: list[MatchIn] = []

    def take(self, step: Step) -> None:
        getattr(self, step.kind)(step)

    def record(self, step: Step) -> None:
        self.batch(step)

    def batch(self, step: Step) -> None:
        start = len(self.known)
        sent = [self._named(match, start + place) for place, match in enumerate(step.matches)]
        answer = self.play.batch(as_columns(sent))
        assert (answer["recorded"], answer["replayed"]) == (len(sent), 0)
        self.known += sent

    def _named(self, match: MatchIn, place: int) -> MatchIn:
        return MatchIn(**{**{name: getattr(match, name) for name in MatchIn.__dataclass_fields__}, "match_id": f"m{place}"})

    def _rows(self, step: Step):
        for place, match in enumerate(step.matches, start=len(self.known)):
            when = None if match.played_at is None else format_time(match.played_at)
            yield [f"m{place}", match.first, match.second, OUTCOMES[match.score], when, match.weight]

    def load(self, step: Step) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "matches.csv"
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([["match_id", "first", "second", "outcome", "played_at", "weight"], *self._rows(step)])
            report, _ = import_file(self.play.database, OPERATOR, self.play.league, path)
        assert report["recorded"] == len(step.matches)
        self.known += [self._in_file(match, place) for place, match in enumerate(step.matches, start=len(self.known))]

    def _in_file(self, match: MatchIn, place: int) -> MatchIn:
        return MatchIn(match.first, match.second, match.score, f"m{place}", match.played_at, match.weight)

    def void(self, step: Step) -> None:
        if self.known:
            try:
                self.play.void(f"m{step.chosen % len(self.known)}")
            except MatchAlreadyVoided:
                return

    def repeat(self, step: Step) -> None:
        if self.known:
            assert self.play.batch([self.known[step.chosen % len(self.known)]])["replayed"] == 1

    def settings(self, step: Step) -> None:
        self.play.change(**step.settings)

    def fit(self, _: Step) -> None:
        self.play.fit()


@settings(max_examples=20, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(steps=histories)
def test_live_is_replay_after_every_step(shared, steps):
    history = History(shared)
    for step in steps:
        history.take(step)
        history.play.verified()


@settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(steps=histories)
def test_a_history_is_the_same_on_either_database_and_survives_the_journey(both, steps):
    histories = [History(database) for database in both]
    for step in steps:
        for history in histories:
            history.take(step)
    here, there = (history.play.verified() for history in histories)
    assert here["state_hash"] == there["state_hash"]
    play = histories[0].play
    copy = play.restored_in(both[1])
    assert copy.verified() == {**here, "league": copy.league}
    assert copy.export() == play.export()
