"""Anything that may happen to a league, in any order: after every step what is stored is a replay, and what was told stays true.

ARPAD_STATEFUL="1000x100" plays so many leagues of so many steps on SQLite; ARPAD_STATEFUL_SEED plays those of one seed.
"""

import os
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from app.services.recording import MatchIn
from app.services.segments import keep_segments
from app.storage.unit_of_work import Database
from tests.services.mirror import Mirror, cold, counting, register, rename, retire, small_blocks
from tests.services.play import DAY, NEW_YEAR_2024, Play, match, writes_nothing

KEYS = "ABCDEFGH"
GIVEN = os.environ.get("ARPAD_STATEFUL")
EXAMPLES, STEPS = (int(number) for number in (GIVEN or "25x30").split("x"))
SEED = int(os.environ.get("ARPAD_STATEFUL_SEED") or random.SystemRandom().randrange(2**32)) if GIVEN else 20_240_101
BLOCK = 8

_chosen = st.integers(0, 999)
_key = st.sampled_from(KEYS)
_score = st.sampled_from([0.0, 0.5, 1.0])
_weight = st.sampled_from([0.5, 1.0, 2.0])
_day = st.integers(0, 30).map(lambda day: NEW_YEAR_2024 + day * DAY)
_sides = st.lists(_key, min_size=2, max_size=2, unique=True)
_games = st.lists(st.tuples(_sides, _score, _weight, _day, st.booleans()), min_size=1, max_size=5)
_k = st.sampled_from([8.0, 16.0, 32.0, 40.0])
_k_by_games = st.fixed_dictionaries({"newcomer": _k, "matches": st.integers(1, 6), "then": _k})
_side = st.sampled_from(["off", "estimate", 65.0, -30.5])
_changes = st.fixed_dictionaries(
    {},
    optional={
        "first": _key,
        "second": st.sampled_from([*KEYS, "new"]),
        "score": _score,
        "weight": _weight,
        "played_at": _day,
        "neutral": st.booleans(),
    },
)


class League(RuleBasedStateMachine):
    """One league of a database in which others play too."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.patched = small_blocks(BLOCK)
        self.patched.__enter__()

    @initialize(order=st.sampled_from(["log", "played_at"]), k=_k | _k_by_games, side=_side)
    def begin(self, order: str, k: Any, side: Any) -> None:
        self.mirror = Mirror.begin(Play.begin(self.database, order=order, k=k, side=side))
        self.sent: list[MatchIn] = []

    def _id(self, chosen: int) -> str:
        return self.mirror.match_ids[chosen % len(self.mirror.match_ids)]

    def has_matches(self) -> bool:
        return bool(self.sent)

    @rule(games=_games)
    def record(self, games: list) -> None:
        """As late as their day has it; those of a merged pair are left out, as they would be refused."""
        into = dict(said.merged for _, said in counting(self.mirror.log, "merge"))
        fresh = []
        for (one, other), score, weight, day, neutral in games:
            roots = [one, other]
            while any(root in into for root in roots):
                roots = [into.get(root, root) for root in roots]
            if roots[0] != roots[1]:
                words = {0.0: "second", 0.5: "draw", 1.0: "first"}
                fresh.append(match(one, other, words[score], f"m{len(self.sent) + len(fresh)}", played_at=day, weight=weight, neutral=neutral))
        if fresh:
            self.mirror.record(*fresh)
            self.sent += fresh

    @precondition(has_matches)
    @rule(chosen=_chosen)
    def repeat(self, chosen: int) -> None:
        with writes_nothing(self.mirror.play):
            assert self.mirror.play.batch([self.sent[chosen % len(self.sent)]])["replayed"] == 1

    @precondition(has_matches)
    @rule(chosen=_chosen)
    def void(self, chosen: int) -> None:
        self.mirror.void(self._id(chosen))

    @precondition(has_matches)
    @rule(chosen=_chosen)
    def restore(self, chosen: int) -> None:
        self.mirror.restore(self._id(chosen))

    @precondition(lambda self: any(said.kind in {"void", "correct", "merge"} for said in self.mirror.log.values()))
    @rule(chosen=_chosen)
    def undo(self, chosen: int) -> None:
        amending = [position for position, said in self.mirror.log.items() if said.kind in {"void", "correct", "merge"}]
        self.mirror.void_entry(amending[chosen % len(amending)])

    @precondition(has_matches)
    @rule(chosen=_chosen, changes=_changes)
    def correct(self, chosen: int, changes: dict) -> None:
        self.mirror.correct(self._id(chosen), **changes)

    @precondition(has_matches)
    @rule(chosen=_chosen, other=_chosen)
    def merge(self, chosen: int, other: int) -> None:
        keys = sorted(one.key for one in self.mirror.play.competitors())
        self.mirror.merge(keys[chosen % len(keys)], keys[other % len(keys)])

    @rule(changed=st.fixed_dictionaries({"k": _k | _k_by_games}) | st.fixed_dictionaries({"side": _side}))
    def settle(self, changed: dict) -> None:
        self.mirror.settle(**changed)

    @rule(days=st.integers(1, 9))
    def settle_what_rates_nobody(self, days: int) -> None:
        self.mirror.settle(inactive_days=days)

    @precondition(has_matches)
    @rule(chosen=_chosen)
    def show_otherwise(self, chosen: int) -> None:
        """A name is current everywhere, so what was answered before is asked for anew."""
        keys = [one.key for one in self.mirror.play.competitors()]
        if chosen % 2:
            retire(self.mirror.play, keys[chosen % len(keys)], retired=bool(chosen % 3))
        elif rename(self.mirror.play, keys[chosen % len(keys)], f"name {chosen}")["position"] is not None:
            self.mirror.pages.clear()

    @rule(key=_key)
    def register(self, key: str) -> None:
        known = {one.key for one in self.mirror.play.competitors()}
        assert (register(self.mirror.play, key)["position"] is None) == (key in known)

    @precondition(has_matches)
    @rule()
    def fit(self) -> None:
        self.mirror.play.fit()

    @rule()
    def pack(self) -> None:
        keep_segments(self.database, self.mirror.play.league)

    @rule()
    def remember(self) -> None:
        self.mirror.remember()

    @rule(chosen=_chosen)
    def ask_again(self, chosen: int) -> None:
        if self.mirror.pages:
            self.mirror.remembers(only=chosen)

    @precondition(has_matches)
    @rule(chosen=_chosen, since=_chosen)
    def explain(self, chosen: int, since: int) -> None:
        if keys := self.mirror.keys:
            self.mirror.explains(keys[chosen % len(keys)], since % (self.mirror.play.position() + 1))

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "mirror"):
            self.mirror.holds()
            for key in self.mirror.keys[:2]:
                self.mirror.tells_history(key)

    def teardown(self) -> None:
        try:
            if hasattr(self, "mirror"):
                self.mirror.play.verified()
                with cold(self.mirror.play) as self.mirror.play:
                    self.mirror.remembers()
                    self.mirror.play.verified()
        finally:
            self.patched.__exit__(None, None, None)


def play_leagues(database: Database, examples: int, steps: int) -> None:
    machine: Callable[[], League] = seed(SEED)(type("League", (League,), {"database": database}))
    print(f"seed {SEED}, {examples} leagues of {steps} steps")
    quiet = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=quiet)


def test_whatever_happens_on_sqlite(shared_sqlite):
    play_leagues(shared_sqlite, EXAMPLES, STEPS)


def test_whatever_happens_on_postgresql(shared_postgresql):
    play_leagues(shared_postgresql, min(EXAMPLES, 8), min(STEPS, 30))
