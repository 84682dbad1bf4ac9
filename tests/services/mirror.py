"""A league that is played twice: in Arpad, and in a few dicts that are rated anew from the first match whenever somebody asks.

The dicts know nothing of courses, checkpoints or numbers: only keys, what was said at which position, and the rate of one match.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pytest

from app.errors import ArpadError
from app.ratings.online import EloRules, KByGames, rate
from app.services.amendment_shapes import AmendmentShape, RosterShape
from app.services.corrections import correct_match, restore_match, void_entry, void_match
from app.services.explanations import explain
from app.services.histories import history, opponents
from app.services.matches import get_match, list_matches
from app.services.predictions import matrix
from app.services.recording import MatchIn
from app.services.roster import change_competitor, forget_competitor, merge_competitors, register_competitor
from app.services.standings import competitor, competitors, leaderboard
from app.storage.unit_of_work import Database
from tests.services.play import OPERATOR, Play, writes_nothing

RATED = ("first", "second", "score", "played_at", "weight", "neutral")
Standings = dict[str, tuple[float, int, int, int, int]]


@dataclass
class Said:
    """One entry of the mirror's log: a match, a correction of one, a void, a merge, or settings."""

    kind: str
    match: dict[str, Any] = field(default_factory=dict)
    match_id: str = ""
    target: int = -1
    merged: tuple[str, str] = ("", "")
    k: Any = 32.0
    side: Any = "off"

    def rules(self, initial: float) -> EloRules:
        k = KByGames(**self.k) if isinstance(self.k, dict) else self.k
        return EloRules(k=k, initial=initial, side_advantage=0.0 if isinstance(self.side, str) else self.side)


Log = dict[int, Said]


def counting(log: Log, kind: str) -> Iterator[tuple[int, Said]]:
    """The entries of a kind that no counting void takes back."""
    voids: dict[int, list[int]] = {}
    for position, said in log.items():
        if said.kind == "void":
            voids.setdefault(said.target, []).append(position)

    def counts(position: int) -> bool:
        return not any(counts(void) for void in voids.get(position, ()))

    return ((position, said) for position, said in log.items() if said.kind == kind and counts(position))


def counted(log: Log, order: str) -> list[tuple[int, str, dict[str, Any]]]:
    """(position, id, match) of the matches that count, as they count, in the order in which they are rated."""
    merged = dict(said.merged for _, said in counting(log, "merge"))
    corrected = {said.target: said.match for _, said in counting(log, "correct")}
    matches = []
    for position, said in counting(log, "match"):
        told = dict(corrected.get(position, said.match))
        for side in ("first", "second"):
            while told[side] in merged:
                told[side] = merged[told[side]]
        matches.append((position, said.match_id, told))
    return sorted(matches, key=(lambda one: (one[2]["played_at"], one[1])) if order == "played_at" else (lambda one: one[0]))


def contradicts(log: Log) -> bool:
    """Whether something would be taken back twice, somebody be merged into two or in a circle, or play themselves."""
    voids = [said.target for _, said in counting(log, "void")]
    merges = [said.merged for _, said in counting(log, "merge")]
    into = dict(merges)
    if len({*voids}) < len(voids) or len(into) < len(merges):
        return True
    for start in into:
        place = start
        for _ in into:
            place = into.get(place, place)
        if place in into:
            return True
    return any(match["first"] == match["second"] for _, _, match in counted(log, "log"))


def rated(log: Log, order: str, initial: float = 1500.0) -> Standings:
    """Everyone with a counted match: rating, matches, wins, draws, losses."""
    standings: Standings = {}
    settings = [(position, said.rules(initial)) for position, said in log.items() if said.kind == "settings"]
    for position, _, match in counted(log, order):
        rules = [rules for where, rules in settings if where < position][-1]
        first, second = (standings.get(match[side], (initial, 0, 0, 0, 0)) for side in ("first", "second"))
        games, has_side = (first[1], second[1]), float(not match["neutral"])
        _, *after = rate(rules, first[0], second[0], match["score"], match["weight"], has_side, games)
        for side, old, rating, own in (("first", first, after[0], match["score"]), ("second", second, after[1], 1.0 - match["score"])):
            standings[match[side]] = (rating, old[1] + 1, old[2] + (own == 1.0), old[3] + (own == 0.5), old[4] + (own == 0.0))
    return standings


class Mirror:
    """A league and its mirror image. Whatever is done is done to both; what has to hold between them is asserted on the way."""

    def __init__(self, play: Play, *, order: str = "log", k: Any = 32.0, side: Any = "off") -> None:
        self.play, self.order = play, order
        self.log: Log = {0: Said("settings", k=k, side=side)}
        self.pages: list[tuple[int, str]] = []

    @classmethod
    def begin(cls, play: Play) -> "Mirror":
        settings = json.loads(play.row().settings)
        return cls(play, **{name: settings[name] for name in ("order", "k", "side")})

    @property
    def match_ids(self) -> list[str]:
        return [said.match_id for said in self.log.values() if said.kind == "match"]

    @property
    def keys(self) -> list[str]:
        """Everyone with a counted match."""
        return sorted(rated(self.log, self.order))

    def position_of(self, match_id: str) -> int:
        return next(position for position, said in self.log.items() if said.match_id == match_id)

    def holds(self) -> None:
        """What is stored is what the mirror rates, bit for bit."""
        told = {one.key: (one.rating, one.matches, one.wins, one.draws, one.losses) for one in self.play.competitors() if one.matches}
        assert told == rated(self.log, self.order)

    def record(self, *matches: MatchIn) -> list[Any]:
        """Record matches, fresh ones with an id, in one batch; the receipts."""
        receipts = self.play.batch(list(matches))["receipts"]
        for match, receipt in zip(matches, receipts, strict=True):
            self.log[receipt["position"]] = Said("match", {name: getattr(match, name) for name in RATED}, str(match.match_id))
        self.log = dict(sorted(self.log.items()))
        return list(receipts)

    def settle(self, **settings: Any) -> None:
        self.play.change(**settings)
        if (position := self.play.position()) not in self.log and settings.keys() & {"k", "side"}:
            before = [said for said in self.log.values() if said.kind == "settings"][-1]
            self.log[position] = Said("settings", k=settings.get("k", before.k), side=settings.get("side", before.side))

    def void(self, match_id: str) -> AmendmentShape | None:
        return self._amend(void_match, (match_id,), Said("void", target=self.position_of(match_id)), is_void=self._is_void(match_id))

    def restore(self, match_id: str) -> AmendmentShape | None:
        voids = [position for position, said in counting(self.log, "void") if said.target == self.position_of(match_id)]
        return self._amend(restore_match, (match_id,), Said("void", target=voids[0] if voids else -1), is_void=not voids)

    def void_entry(self, position: int) -> AmendmentShape | None:
        said = self.log.get(position)
        gone = said is None or said.kind == "settings" or position not in dict(counting(self.log, said.kind))
        return self._amend(void_entry, (position,), Said("void", target=position), is_void=gone)

    def correct(self, match_id: str, **changes: Any) -> AmendmentShape | None:
        position, is_void = self.position_of(match_id), self._is_void(match_id)
        held = [said.match for _, said in counting(self.log, "correct") if said.target == position] or [self.log[position].match]
        after = {**held[-1], **{name: value for name, value in changes.items() if name in RATED}}
        same = after == held[-1] and not changes.keys() - {*RATED}
        return self._amend(correct_match, (match_id, changes), Said("correct", after, target=position), is_void=is_void or same)

    def merge(self, one: str, other: str) -> AmendmentShape | None:
        merged = one in dict(said.merged for _, said in counting(self.log, "merge"))
        return self._amend(merge_competitors, (one, other), Said("merge", merged=(one, other)), is_void=merged or one == other)

    def _is_void(self, match_id: str) -> bool:
        return self.position_of(match_id) not in dict(counting(self.log, "match"))

    def _amend(self, service: Callable[..., AmendmentShape], about: Sequence[Any], said: Said, *, is_void: bool) -> AmendmentShape | None:
        """Ask what it would do, then do it; None where it is refused, which it has to be exactly where the mirror would contradict itself."""
        position = max(self.play.position(), *self.log) + 1
        amended = {**self.log, position: said}
        is_refused = is_void or contradicts(amended) or (said.kind == "correct" and said.match["first"] == said.match["second"])
        ask = (self.play.database, OPERATOR, self.play.league, *about)
        with writes_nothing(self.play):
            preview = _answer(service, *ask, reason="why", dry_run=True)
        if isinstance(preview, ArpadError):
            assert is_refused, preview.detail
            with writes_nothing(self.play):
                assert type(_answer(service, *ask, reason="why")) is type(preview)
            return None
        assert not is_refused, (service.__name__, about)
        before = {one.key: one for one in self.play.competitors()}
        real = service(*ask, reason="why", expected_position=preview["expected_position"])
        self.log = amended
        self._check(preview, real, before)
        return real

    def _check(self, preview: AmendmentShape, real: AmendmentShape, before: dict[str, Any]) -> None:
        """The preview was right, one entry was written, and nobody's row was but of those who moved or are merged now."""
        assert {name for name in preview if preview[name] != real[name]} == {"dry_run", "position", "recorded_at"}
        assert (real["position"], self.play.position()) == (max(self.log), max(self.log))
        after = {one.key: one for one in self.play.competitors()}
        moved = {one["competitor"]: (one["before"], one["after"]) for one in real["moved"]}
        for key, row in after.items():
            old = before.get(key)
            ratings = (old.rating if old and old.matches else None, row.rating if row.matches else None)
            assert moved.get(key, ratings) == ratings
            assert key in moved or ratings[0] == ratings[1]

    # What was answered, and whether it still is.

    def remember(self) -> None:
        """Keep what the league answers now, asked as of now."""
        self.pages.append((position := self.play.position(), pages(self.play, position)))

    def remembers(self, *, only: int | None = None) -> None:
        """Everything that was answered is answered still, byte for byte."""
        for position, page in self.pages if only is None else self.pages[only % len(self.pages) :][:1]:
            assert pages(self.play, position) == page

    def explains(self, key: str, since: int = 0, as_of: int | None = None) -> None:
        """The lines of an explanation join, from the rating at its beginning to the rating at its end."""
        told = explain(self.play.database, OPERATOR, self.play.league, key, since=since, as_of=as_of)
        rows, at_end = told["rows"], self.play.position() if as_of is None else as_of
        first, last = (self._rating_at(key, position) for position in (since, at_end))
        assert (told["before"], told["after"]) == (first, last)
        steps = [1500.0 if first is None else first, *(row["after"] for row in rows)]
        assert [row["before"] for row in rows] == steps[:-1]
        assert steps[-1] == last
        assert sum((Fraction(row["after"]) - Fraction(row["before"]) for row in rows), Fraction(steps[0])) == Fraction(steps[-1])
        assert all(row["before"] != row["after"] for row in rows if row["kind"] != "match")
        amending = {row["position"] for row in rows if row["kind"] in {"void", "correct", "merge"}}
        assert amending == {position for position in self._amended_by(key) if since < position <= at_end}
        if self.order == "log":
            assert not any(row["kind"] == "rerated" for row in rows)

    def _rating_at(self, key: str, position: int) -> float | None:
        standing = rated({where: said for where, said in self.log.items() if where <= position}, self.order).get(key)
        return None if standing is None else standing[0]

    def _amended_by(self, key: str) -> list[int]:
        """The amendments that moved somebody."""
        amending = [position for position, said in self.log.items() if said.kind in {"void", "correct", "merge"}]
        return [position for position in amending if (self._rating_at(key, position - 1) or 1500.0) != (self._rating_at(key, position) or 1500.0)]

    def tells_history(self, key: str) -> None:
        """A competitor's history ends at their rating, joins, and begins where everyone begins."""
        rows = history(self.play.database, OPERATOR, self.play.league, key, limit=1_000)["rows"][::-1]
        steps = [1500.0, *(row["after"] for row in rows)]
        assert [row["before"] for row in rows] == steps[:-1]
        standing = rated(self.log, self.order)[key]
        assert (steps[-1], len(rows)) == standing[:2]


def _answer(service: Callable[..., Any], *about: Any, **options: Any) -> Any:
    try:
        return service(*about, **options)
    except ArpadError as error:
        return error


def pages(play: Play, as_of: int | None) -> str:
    """What the league answers as of a position (None: now), without fits."""
    ask = (play.database, OPERATOR, play.league)
    board = leaderboard(*ask, by="live", limit=1_000, as_of=as_of)
    keys = [row["competitor"] for row in board["rows"]]
    told: list[Any] = [board, competitors(*ask, as_of=as_of), list_matches(*ask, limit=1_000, as_of=as_of)]
    for key in keys[:4]:
        told += [service(*ask, key, as_of=as_of) for service in (competitor, history, opponents)]
        told.append(explain(*ask, key, as_of=as_of))
    told += [get_match(*ask, one["match_id"], as_of=as_of) for one in told[2]["rows"][:2]]
    if len(keys) > 1:
        told.append(matrix(*ask, top=5, by="live", as_of=as_of))
    return json.dumps(told)


def register(play: Play, key: str, name: str | None = None) -> RosterShape:
    return register_competitor(play.database, OPERATOR, play.league, key, name)


def rename(play: Play, key: str, name: str | None) -> RosterShape:
    return change_competitor(play.database, OPERATOR, play.league, key, {"name": name})


def retire(play: Play, key: str, *, retired: bool = True) -> RosterShape:
    return change_competitor(play.database, OPERATOR, play.league, key, {"retired": retired})


def forget(play: Play, key: str) -> RosterShape:
    return forget_competitor(play.database, OPERATOR, play.league, key)


@contextmanager
def small_blocks(size: int = 8) -> Iterator[None]:
    """Segments and checkpoints of so few matches that a small league has many."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.services.courses.BLOCK", size)
        patched.setattr("app.services.segments.BLOCK", size)
        yield


@contextmanager
def cold(play: Play) -> Iterator[Play]:
    """The same league as a process sees it that has just begun: nothing is kept."""
    database = Database.open(play.database.engine.url.render_as_string(hide_password=False))
    try:
        yield replace(play, database=database)
    finally:
        database.close()
