"""Fits in a child process: the same bytes as here, limits that hold, a child that ends with its parent, and nothing that hangs."""

import json
import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from app.services import refit_runs
from app.services.conditions import WHOLE
from app.services.fit_process import COMMAND, FitCrashed, FitProcess
from app.services.fit_work import FitFailed, compute_fit
from app.services.fitting import fit_league
from app.services.league_settings import read_settings
from app.services.refits import cancel_refit, get_fit, list_fits, request_refit, run_next_refit
from app.services.segments import counted_for_fit, keep_segments
from app.storage.unit_of_work import Database
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

SECONDS_TO_SPEAK = 5.0
STAGES = ("reading", "fitting", "errors and ranks")


def fit_process(database: Database, *, memory_mb: int = 4096, seconds: float = 60.0) -> FitProcess:
    return FitProcess(database.engine.url.render_as_string(hide_password=False), memory_mb=memory_mb, seconds=seconds)


@pytest.fixture
def season(play):
    play.results(("A", "B", 3, 1), ("B", "C", 2, 2), ("C", "A", 1, 2))
    return play


@pytest.fixture(scope="module")
def fitter(shared):
    """One for all: whatever a test does to the child, the next fit has one."""
    made = fit_process(shared)
    yield made
    made.close()


def compute(fitter: FitProcess, play: Play, tell=lambda _: None):
    return fitter.compute(play.database, play.row().id, tell)


def outcome(work):
    """A fit without the times that it took."""
    fitted = work.fitted
    return work.position, work.settings, work.read, fitted.certificate, fitted.refusal, fitted.table_hash, fitted.table, fitted.uncertainty


def is_alive(pid: int) -> bool:
    """A process that has ended and that nobody has asked after is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def dies(pid: int) -> bool:
    return any(not is_alive(pid) or threading.Event().wait(0.01) for _ in range(2_000))


def test_the_child_finds_what_is_found_here(season, fitter):
    stages = []
    assert outcome(compute(fitter, season, stages.append)) == outcome(compute_fit(season.database, season.row().id, lambda _: None))
    assert tuple(stages) == STAGES


def test_a_refusal_is_an_answer(play, fitter):
    work = compute(fitter, play)
    assert "no counted match" in work.fitted.refusal
    assert work.fitted.table is None


def test_one_child_serves_one_fit_after_the_other(season, fitter):
    compute(fitter, season)
    pid = fitter.pid
    season.play("A", "C")
    assert compute(fitter, season).position == season.position()
    assert fitter.pid == pid
    fitter.close()
    assert not is_alive(pid)


@pytest.mark.parametrize("stage", STAGES)
def test_a_child_that_is_killed_is_told_and_replaced(season, fitter, stage):
    """Unless its whole answer was there already: one that is cut is none."""

    def kill(told):
        if told == stage:
            os.kill(fitter.pid, signal.SIGKILL)

    expected = outcome(compute_fit(season.database, season.row().id, lambda _: None))
    try:
        assert outcome(compute(fitter, season, kill)) == expected
    except FitFailed as error:
        assert "killed" in str(error)  # noqa: PT017  it may succeed
    assert outcome(compute(fitter, season)) == expected


def test_a_fit_that_takes_too_long_is_ended(season):
    hasty = fit_process(season.database, seconds=0.001)
    with pytest.raises(FitFailed, match="ARPAD_FIT_SECONDS"):
        compute(hasty, season)
    assert hasty.pid is None


def test_a_child_that_hangs_holds_up_neither_the_lease_nor_the_time_limit(season, monkeypatch):
    monkeypatch.setattr(refit_runs, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(refit_runs, "HEARTBEAT_SECONDS", 0.01)
    hanging = fit_process(season.database)
    compute(hanging, season)
    hanging._seconds = 1.0
    leases = set()

    class Hanging:
        def compute(self, database, league_id, tell, where=WHOLE):
            os.kill(hanging.pid, signal.SIGSTOP)
            try:
                return hanging.compute(database, league_id, tell, where)
            finally:
                with database.read() as unit:
                    leases.add(unit.refits.existing(league_id, 1).lease_until)

        def stop(self):
            hanging.stop()

    request_refit(season.database, OPERATOR, season.league)
    claim = refit_runs.claim_next(season.database, "tester", season.league)
    with season.database.read() as unit:
        leases.add(unit.refits.existing(claim.league_id, 1).lease_until)
    refit_runs.run(season.database, claim, Hanging())
    before, after = sorted(leases)
    assert after > before
    fit = get_fit(season.database, OPERATOR, season.league, 1)
    assert fit["status"] == "waiting"
    assert "ARPAD_FIT_SECONDS" in fit["reason"]


def test_a_fit_that_needs_too_much_memory_is_ended(shared):
    """2,000 competitors have a covariance of 32 MB, and several of these are needed at once."""
    play = Play.begin(shared)
    names = [f"C{number:04d}" for number in range(2_000)]
    play.batch([match(*pair, ("first", "second")[number % 2]) for number, pair in enumerate(pairwise([*names, names[0]]))])
    small = fit_process(play.database, memory_mb=150)
    try:
        with pytest.raises(FitFailed, match="150 MB of memory \\(ARPAD_FIT_MEMORY_MB\\)"):
            compute(small, play)
        request_refit(play.database, OPERATOR, play.league)
        fit = run_next_refit(play.database, "tester", league=play.league, fitter=small)
        assert (fit["status"], fit["table_hash"], play.row().published_fit) == ("waiting", None, None)
        assert "ARPAD_FIT_MEMORY_MB" in fit["reason"]
    finally:
        small.close()
    large = fit_process(play.database)
    try:
        assert compute(large, play).fitted.refusal is None
    finally:
        large.close()


def test_a_cancellation_reaches_the_child(season, fitter, monkeypatch):
    monkeypatch.setattr(refit_runs, "LOOK_SECONDS", 0.01)
    compute(fitter, season)
    pid = fitter.pid
    os.kill(pid, signal.SIGSTOP)
    request_refit(season.database, OPERATOR, season.league)
    running = threading.Thread(target=run_next_refit, args=[season.database, "tester"], kwargs={"league": season.league, "fitter": fitter})
    running.start()
    while list_fits(season.database, OPERATOR, season.league)["rows"][0]["status"] == "waiting":
        pass
    assert cancel_refit(season.database, OPERATOR, season.league, 1)["status"] == "running"
    running.join(30)
    assert (get_fit(season.database, OPERATOR, season.league, 1)["status"], is_alive(pid)) == ("cancelled", False)


def test_whoever_stops_too_late_stops_nothing(season, fitter):
    compute(fitter, season)
    pid = fitter.pid
    fitter.stop()
    compute(fitter, season)
    assert fitter.pid == pid


def test_an_error_in_the_child_is_told_with_where_it_was(season, fitter):
    with pytest.raises(FitCrashed, match="NoResultFound") as caught:
        fitter.compute(season.database, 2**31 - 1, lambda _: None)
    assert "in compute_fit" in "".join(caught.value.__notes__)
    assert fitter.pid is None


PARENT = """
import sys, threading
from app.services.fit_process import FitProcess
from app.storage.unit_of_work import Database
url, league_id, stage = sys.argv[1], int(sys.argv[2]), sys.argv[3]
fitter = FitProcess(url, memory_mb=4096, seconds=60)
def tell(now):
    if now == stage:
        print(fitter.pid, flush=True)
        threading.Event().wait()
fitter.compute(Database.open(url), league_id, tell)
tell(stage := "done")
"""


@pytest.mark.parametrize("stage", [*STAGES, "done"])
def test_the_child_dies_with_its_parent(season, stage):
    url = season.database.engine.url.render_as_string(hide_password=False)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, url, str(season.row().id), stage], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    assert dies(child)
    parent.stdout.close()


def test_a_child_that_nobody_listens_to_ends_without_a_word(season):
    """What a killed worker leaves behind must not look like an error of the fit's in the log."""
    url = season.database.engine.url.render_as_string(hide_password=False)
    asked = {"url": url, "league_id": season.row().id, "conditions": "", "memory_mb": 4096, "seconds": 60}
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        child.stdout.close()
        child.stdin.write(json.dumps(asked) + "\n")
        child.stdin.flush()
        # The end of its input ends it at once, so that is only told once it has had the time to say what it cannot say.
        threading.Event().wait(SECONDS_TO_SPEAK)
        child.stdin.close()
        assert (child.wait(), child.stderr.read()) == (0, "")


def test_what_stops_a_group_of_processes_leaves_the_child_to_its_parent(season, fitter):
    compute(fitter, season)
    pid = fitter.pid
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert compute(fitter, season).fitted.refusal is None
    assert fitter.pid == pid


HARD = {"draws": "davidson", "side": "estimate", "half_life_days": 100.0, "balance": "pairs"}
SETTINGS = {
    "half-wins": {},
    "davidson": {"draws": "davidson"},
    "side": {"side": "estimate"},
    "half-life": {"half_life_days": 30.0},
    "balance": {"balance": "pairs"},
    "no prior": {"prior_sd": None},
    "anchor": {"anchor": {"competitor": "C1", "rating": 1700.0}},
    "everything": HARD,
}


def told(work) -> tuple:
    assert work.fitted.refusal is None
    return work.fitted.table, work.fitted.uncertainty, str(work.fitted.certificate)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_same_position_gives_the_same_bytes_on_either_database_packed_or_not(both, monkeypatch, settings):
    """Half lives and weights make sums that no other order would round alike; the segments of one database are of another length."""
    found, hashes = set(), set()
    for database, block in zip(both, (64, 100), strict=True):
        play = eventful(database, **settings)
        for length in (10_000, block):
            monkeypatch.setattr("app.services.segments.BLOCK", length)
            keep_segments(database, play.league)
            work = compute_fit(database, play.row().id, lambda _: None)
            found.add(told(work))
        assert work.read["segments"] >= block
        hashes.add(play.fit()["table_hash"])
    assert len(found) == len(hashes) == 1


@pytest.mark.parametrize("settings", [{}, HARD], ids=["half-wins", "everything"])
def test_the_same_position_gives_the_same_bytes_in_a_child_with_any_number_of_threads(both, monkeypatch, settings):
    found = set()
    for database in both:
        play = eventful(database, **settings)
        found.add(told(compute_fit(database, play.row().id, lambda _: None)))
        for threads in ("1", "2"):
            for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
                monkeypatch.setenv(name, threads)
            child = fit_process(database)
            found.add(told(compute(child, play)))
            child.close()
    assert len(found) == 1


THREADED = """
import hashlib, sys
import numpy as np
from app.services.fitting import fit_league
from app.services.league_settings import LeagueSettings
from app.services.match_log import MatchLog

n, chance = 400, np.random.default_rng(5)
first = chance.integers(0, n, 30_000)
log = MatchLog(
    np.arange(len(first)), np.arange(len(first)), first, (first + chance.integers(1, n, len(first))) % n, chance.integers(0, 3, len(first)) / 2.0,
    np.arange(len(first)) * 3_600_000_000, 1.0 + chance.integers(0, 5, len(first)) / 3.0, chance.random(len(first)) < 0.3,
    np.empty(len(first), object),
)
print(fit_league(log, LeagueSettings(**eval(sys.argv[1])), n, None, 10**18).table_hash.hex())
"""


def test_linear_algebra_is_on_one_thread_whatever_the_environment_says():
    """Four hundred competitors are enough for OpenBLAS to share the work between two threads, which rounds otherwise."""
    hashes = set()
    for threads in ("1", "2"):
        given = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        command = [sys.executable, "-c", f"from app.threads import use_one_numeric_thread\nuse_one_numeric_thread()\n{THREADED}", repr(HARD)]
        ran = subprocess.run(command, env=given, capture_output=True, text=True, check=True, timeout=120)
        hashes.add(ran.stdout)
    assert len(hashes) == 1


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_order_in_which_matches_are_read_changes_no_byte(shared, settings):
    play = eventful(shared, **settings)
    row = play.row()
    with shared.read() as unit:
        log, _ = counted_for_fit(unit, row, row.position)
    settings = read_settings(row.settings)
    generator = np.random.default_rng(1903)
    shuffled = [log, *(log.take(generator.permutation(len(log))) for _ in range(5))]
    found = [fit_league(one, settings, row.competitors, None, row.recorded_at) for one in shuffled]
    assert len({(one.table, one.uncertainty, str(one.certificate)) for one in found}) == 1


def eventful(database, **settings) -> Play:
    play = Play.begin(database, **settings)
    games = [(f"C{n % 7}", f"C{(3 * n + 1 + n % 7) % 7}", ("first", "draw", "second")[n % 3], n) for n in range(300)]
    play.batch(
        [
            match(first, second, result, f"m{n}", played_at=NEW_YEAR_2024 + n * DAY // 3, weight=1.0 + n % 5 / 3)
            for first, second, result, n in games
            if first != second
        ]
    )
    play.void("m3")
    return play
