"""A large import is written in parts beyond the league's head: nobody sees it before it is whole, and nothing is left of one that failed."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.errors import FileNotUnderstood, ImportNotFound, LeagueBusy, MatchNotFound
from app.services import imports, locking
from app.services.corrections import void_match
from app.services.imports import get_import, import_file
from app.services.leagues import get_league
from app.services.matches import get_match, list_matches
from app.services.recording import record_group
from app.services.refits import request_refit, run_next_refit
from app.services.standings import competitors, leaderboard
from tests.services.play import OPERATOR, Play, match, writes_nothing

LINES = 20
SEASON = "match_id,first,second,outcome\n" + "".join(f"m{n},A{n % 5},B{n % 7},{('first', 'draw', 'second')[n % 3]}\n" for n in range(LINES))
ROWS_AT_ONCE = 6
"""Four parts."""
PULLS = (RuntimeError, KeyboardInterrupt)


@pytest.fixture
def season(tmp_path: Path) -> Path:
    path = tmp_path / "season.csv"
    path.write_text(SEASON)
    return path


@pytest.fixture
def play(play: Play) -> Play:
    """A league with two matches of its own, one of them with a competitor of the season."""
    play.play("A1", "Z", "first", "own 1")
    play.play("Z", "Y", "draw", "own 2")
    return play


def load(play: Play, path: Path, **options: Any):
    return import_file(play.database, OPERATOR, play.league, path, rows_at_once=ROWS_AT_ONCE, **options)


def after_parts(parts: int, action: Callable[[], object]) -> Callable[[str, int, int], None]:
    """Called as an import tells its progress: does something when so many parts are written, between two transactions."""
    return lambda stage, done, total: action() if (stage, done) == ("recording", parts * ROWS_AT_ONCE) and total else None


@contextmanager
def failing(play: Play, at: int, error: type[BaseException], on: str, *, for_good: bool = False) -> Iterator[list[int]]:
    """The event with this number fails, or every one from there on. Yields the numbers of those that came."""
    seen: list[int] = []

    def pull(*_: object) -> None:
        seen.append(len(seen))
        if seen[-1] == at or (for_good and seen[-1] > at):
            raise error

    event.listen(play.database.engine, on, pull)
    try:
        yield seen
    finally:
        event.remove(play.database.engine, on, pull)


def failures(play: Play, action: Callable[[], object], error: type[BaseException], on: str) -> Iterator[int]:
    """Do it again and again, failing one event further each time, until nothing is left to fail: then it is done."""
    for at in itertools.count():
        with failing(play, at, error, on) as seen, suppress(error):
            action()
        if len(seen) <= at:
            return
        yield at


def beyond(play: Play) -> int:
    """How many entries lie beyond the head."""
    row = play.row()
    with play.database.read() as unit:
        return sum(len(rows) for rows in unit.entries.stream(row.id, 2**60, after=row.position))


def is_clean(play: Play) -> bool:
    row = play.row()
    return (row.import_token, row.import_until, beyond(play)) == (None, None, 0)


def expire(play: Play) -> None:
    assert play.sql("UPDATE league SET import_until = 1 WHERE id = :league AND import_until IS NOT NULL") == 1


def abandon(play: Play, path: Path) -> None:
    """An import that died after two parts: it could not even give its lease back."""

    def die() -> None:
        event.listen(play.database.engine, "before_cursor_execute", fail)

    def fail(*_: object) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        load(play, path, on_progress=after_parts(2, die))
    event.remove(play.database.engine, "before_cursor_execute", fail)
    assert beyond(play) == 2 * ROWS_AT_ONCE


def test_an_import_in_parts_is_the_import_at_once(play, season):
    report, known = load(play, season)
    assert load(play, season) == (report, True)
    other = Play.begin(play.database)
    other.play("A1", "Z", "first", "own 1")
    other.play("Z", "Y", "draw", "own 2")
    assert import_file(other.database, OPERATOR, other.league, season) == (report, known) == (report, False)
    assert (report["first_position"], report["last_position"]) == (3, 2 + LINES)
    assert play.verified()["state_hash"] == other.verified()["state_hash"]
    ours, theirs = ([tuple(entry)[4:] for entry in one.entries()[1:]] for one in (play, other))
    assert ours == theirs
    assert is_clean(play)


@pytest.mark.parametrize("on", ["before_cursor_execute", "commit"])
@pytest.mark.parametrize("error", PULLS)
def test_whatever_fails_leaves_nothing_and_holds_nothing(play, season, error, on):
    before = play.row(), play.entries(), play.competitors()
    failed = 0
    for _ in failures(play, lambda: load(play, season), error, on):
        assert (play.row(), play.entries(), play.competitors()) == before
        assert beyond(play) == 0
        failed += 1
    assert failed >= 6
    assert play.position() == 2 + LINES
    assert is_clean(play)
    play.verified()


def test_nobody_sees_a_part(play, season):
    new = f"m{ROWS_AT_ONCE - 1}"

    def look() -> None:
        assert beyond(play) == ROWS_AT_ONCE
        arguments = (play.database, OPERATOR, play.league)
        for missing in (lambda: get_match(*arguments, new), lambda: void_match(*arguments, new, reason="x", dry_run=True)):
            with pytest.raises(MatchNotFound):
                missing()
        with pytest.raises(ImportNotFound):
            get_import(*arguments, "season")
        assert list_matches(*arguments, key=new)["rows"] == []
        assert [row["match_id"] for row in list_matches(*arguments)["rows"]] == ["own 2", "own 1"]
        assert {row["competitor"] for row in competitors(*arguments)["rows"]} == {"A1", "Y", "Z"}
        assert (get_league(*arguments)["position"], leaderboard(*arguments)["position"]) == (2, 2)
        assert len(play.export()) == 3 + 3 + 1
        assert load(play, season, dry_run=True)[0]["recorded"] == LINES
        play.verified()
        looked.append(True)

    looked: list[bool] = []
    load(play, season, import_id="season", on_progress=after_parts(1, look))
    assert looked == [True]
    assert get_match(play.database, OPERATOR, play.league, new)["position"] == 2 + ROWS_AT_ONCE


def test_meanwhile_others_are_written_and_this_league_is_busy(play, season):
    other = Play.begin(play.database)

    def write() -> None:
        other.play("A", "B")
        with pytest.raises(LeagueBusy):
            record_group(play.database, play.league, [(OPERATOR, match("A", "B"))])
        written.append(other.position())

    written: list[int] = []
    load(play, season, on_progress=after_parts(2, write))
    assert written == [1]
    play.verified()


@pytest.mark.parametrize("writer", ["match", "batch", "void", "settings", "import", "the same import"])
def test_what_a_dead_import_left_is_removed_by_whoever_writes_next(play, season, tmp_path, writer, monkeypatch):
    monkeypatch.setattr(locking, "SWEPT_AT_ONCE", 5)
    abandon(play, season)
    play.verified()
    expire(play)
    small = tmp_path / "small.csv"
    small.write_text("first,second,outcome\nA1,Y,draw\n")
    {
        "match": lambda: play.play("A", "B"),
        "batch": lambda: play.batch([match("A", "B")]),
        "void": lambda: play.void("own 1"),
        "settings": lambda: play.change(k=16.0),
        "import": lambda: load(play, small),
        "the same import": lambda: load(play, season),
    }[writer]()
    assert play.position() == {"the same import": 2 + LINES}.get(writer, 3)
    assert is_clean(play)
    play.verified()
    assert load(play, season)[1] == (writer == "the same import")
    play.verified()


@pytest.mark.parametrize("on", ["before_cursor_execute", "commit"])
def test_removing_what_was_left_may_fail_anywhere(play, season, on, monkeypatch):
    monkeypatch.setattr(locking, "SWEPT_AT_ONCE", 5)
    abandon(play, season)
    expire(play)
    before = play.entries(), play.competitors()
    for _ in failures(play, lambda: play.play("A", "B", match_id="next"), RuntimeError, on):
        assert (play.entries(), play.competitors()) == before
        play.verified()
    assert play.position() == 3
    assert is_clean(play)
    play.verified()


def test_without_patience_a_part_is_removed_at_a_time(play, season, monkeypatch):
    monkeypatch.setattr(locking, "SWEPT_AT_ONCE", 5)
    abandon(play, season)
    expire(play)
    left = []
    for _ in range(2):
        with pytest.raises(LeagueBusy):
            record_group(play.database, play.league, [(OPERATOR, match("A", "B"))])
        left.append(beyond(play))
    assert left == [7, 2]
    record_group(play.database, play.league, [(OPERATOR, match("A", "B"))])
    assert is_clean(play)
    assert play.position() == 3


def test_an_import_that_lost_its_lease_writes_nothing_more(play, season):
    def overtake() -> None:
        expire(play)
        play.play("A1", "M", match_id="m19")

    with pytest.raises(LeagueBusy):
        load(play, season, on_progress=after_parts(2, overtake))
    assert play.position() == 3
    assert is_clean(play)
    play.verified()
    assert load(play, season, skip_bad=True)[0]["recorded"] == LINES - 1
    play.verified()


def test_a_league_that_went_on_while_the_file_was_rated(play, season, monkeypatch):
    """The match between draft and lease takes the position, the competitor and the id that the draft had for its own."""

    def be_overtaken(*arguments):
        monkeypatch.setattr(imports, "lock_league", locked)
        play.play("B0", "A0", "second", "m0", neutral=False)
        return locked(*arguments)

    locked = imports.lock_league
    monkeypatch.setattr(imports, "lock_league", be_overtaken)
    report, _ = load(play, season, skip_bad=True)
    assert (report["recorded"], report["skipped"], report["first_position"]) == (LINES - 1, 1, 4)
    play.verified()


def test_an_import_that_an_equal_one_overtook_is_known(play, season, monkeypatch):
    def be_overtaken(*arguments):
        monkeypatch.setattr(imports, "lock_league", locked)
        reports.append(load(play, season)[0])
        return locked(*arguments)

    reports: list[object] = []
    locked = imports.lock_league
    monkeypatch.setattr(imports, "lock_league", be_overtaken)
    assert load(play, season) == (reports[0], True)
    assert play.position() == 2 + LINES


@pytest.mark.parametrize("with_ids", [False, True])
def test_again_that_another_again_overtook_has_an_id_of_its_own(play, tmp_path, monkeypatch, with_ids):
    """With ids in the file neither records a match, and the league stays where it is."""
    path = tmp_path / "season.csv"
    path.write_text(SEASON if with_ids else "\n".join(line.partition(",")[2] for line in SEASON.splitlines()))

    def be_overtaken(*arguments):
        monkeypatch.setattr(imports, "lock_league", locked)
        load(play, path, again=True)
        return locked(*arguments)

    load(play, path)
    locked = imports.lock_league
    monkeypatch.setattr(imports, "lock_league", be_overtaken)
    report, known = load(play, path, again=True)
    assert (report["import_id"][-2:], report["recorded"], known) == ("#3", 0 if with_ids else LINES, False)
    assert play.verified()["matches"] == 2 + (LINES if with_ids else 3 * LINES)


def test_a_fit_is_published_in_the_place_of_what_a_dead_import_left(play, season):
    request_refit(play.database, OPERATOR, play.league)
    abandon(play, season)
    expire(play)
    assert run_next_refit(play.database, "tester", league=play.league)["status"] == "published"
    assert play.position() == 3
    assert is_clean(play)
    play.verified()


def test_a_large_file_that_brings_nothing_new(play, season, tmp_path):
    load(play, season)
    twin = tmp_path / "twin.csv"
    twin.write_text(SEASON + "\n")
    with writes_nothing(play):
        report, known = load(play, twin, import_id="twin")
    assert (report["recorded"], report["replayed"], report["last_position"], known) == (0, LINES, None, False)
    assert load(play, twin, import_id="twin") == (report, True)


def test_progress_is_told_part_by_part(play, season):
    told: list[tuple[str, int, int]] = []
    load(play, season, on_progress=lambda *step: told.append(step))
    recording = [done for stage, done, _ in told if stage == "recording"]
    assert recording == [0, 0, 6, 12, 18, LINES]


@pytest.mark.parametrize("rows_at_once", [6, 100])
def test_a_file_may_not_have_more_matches_than_its_bound(play, season, rows_at_once):
    with writes_nothing(play), pytest.raises(FileNotUnderstood, match=r"more than 19 matches.*arpad import"):
        import_file(play.database, OPERATOR, play.league, season, max_matches=LINES - 1, rows_at_once=rows_at_once)
    assert load(play, season, max_matches=LINES)[0]["recorded"] == LINES
