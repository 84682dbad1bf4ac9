"""Refits: asked for once, run by one worker at a time, published only if they are newer, kept with a reason where they are not."""

import threading
from datetime import datetime

import pytest

from app.errors import BadInput, FitFinished, FitNotFound, LeagueNotFound
from app.services import demonstration, fit_work, refit_runs
from app.services.conditions import WHOLE
from app.services.demonstration import make_demo
from app.services.fit_work import FitFailed, FitHere, compute_fit
from app.services.leagues import get_league
from app.services.refits import cancel_refit, get_fit, list_fits, request_due_refits, request_refit, run_next_refit
from app.services.segments import keep_segments
from app.services.standings import leaderboard
from app.storage.tables import Kind
from app.storage.unit_of_work import Database
from tests.services.play import OPERATOR, Play, match

MINUTE = 60_000_000


def request(play: Play):
    return request_refit(play.database, OPERATOR, play.league)


def run(play: Play, worker: str = "tester"):
    return run_next_refit(play.database, worker, league=play.league)


def claim(play: Play, worker: str):
    found = refit_runs.claim_next(play.database, worker, play.league)
    assert found is not None
    return found


def finish(play: Play, claimed: refit_runs.Claim) -> None:
    refit_runs.run(play.database, claimed, FitHere())


def shown(play: Play, number: int = 1):
    return get_fit(play.database, OPERATOR, play.league, number)


def earlier(play: Play, column: str, microseconds: int) -> None:
    play.sql(f"UPDATE refit SET {column} = {column} - :by WHERE league_id = :league", by=microseconds)


@pytest.fixture
def season(play: Play) -> Play:
    play.results(("A", "B", 3, 1), ("B", "C", 2, 2), ("C", "A", 1, 2))
    return play


def test_a_fit_is_an_entry_of_the_log(season):
    fit = season.fit()
    assert (fit["status"], fit["reason"], fit["fit"], fit["position"]) == ("published", None, 1, 11)
    entry = season.entries()[-1]
    assert (entry.kind, entry.author, entry.position) == (Kind.FIT, None, 12)
    assert entry.details == f'{{"fit":1,"fitted_position":11,"table":"{fit["table_hash"]}"}}'
    assert season.row().published_fit == 1
    assert fit == get_fit(season.database, OPERATOR, season.league, 1)
    assert fit["certificate"]["status"] == "converged"
    assert (fit["host"], fit["settings"]["prior_sd"]) == ("tester", 2.0)
    assert set(fit["seconds"]) >= {"reading", "fit", "publishing"}
    season.verified()


def test_many_requests_one_waits(season):
    assert {request(season)["fit"] for _ in range(5)} == {1}
    assert request(season)["status"] == "waiting"
    assert run(season)["fit"] == 1
    assert run(season) is None
    assert len(list_fits(season.database, OPERATOR, season.league)["rows"]) == 1


def test_one_may_wait_while_one_runs_and_nobody_runs_both(season):
    request(season)
    claim(season, "one")
    assert request(season)["fit"] == request(season)["fit"] == 2
    assert run(season) is None
    rows = list_fits(season.database, OPERATOR, season.league)["rows"]
    assert [(row["fit"], row["status"]) for row in rows] == [(2, "waiting"), (1, "running")]


def test_the_next_one_runs_when_the_first_is_done(season):
    request(season)
    running = claim(season, "one")
    request(season)
    finish(season, running)
    season.play("A", "C")
    assert (run(season)["fit"], season.row().published_fit) == (2, 2)
    season.verified()


def test_a_job_whose_lease_ended_is_taken_over_and_the_loser_publishes_nothing(season):
    request(season)
    loser = claim(season, "loser")
    assert run(season, "winner") is None
    earlier(season, "lease_until", 2 * MINUTE)
    winner = claim(season, "winner")
    assert (winner.number, winner.fence) == (loser.number, loser.fence + 1)
    finish(season, loser)
    assert season.row().published_fit is None
    assert get_fit(season.database, OPERATOR, season.league, 1)["status"] == "running"
    finish(season, winner)
    fit = get_fit(season.database, OPERATOR, season.league, 1)
    assert (fit["status"], fit["host"]) == ("published", "winner")
    position = season.position()
    finish(season, loser)
    refit_runs.give_back(season.database, loser, "too late")
    assert season.position() == position
    assert get_fit(season.database, OPERATOR, season.league, 1) == fit
    season.verified()


@pytest.fixture
def quick(monkeypatch):
    """A watch that looks, and renews the lease, again and again."""
    monkeypatch.setattr(refit_runs, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(refit_runs, "HEARTBEAT_SECONDS", 0.01)


class Patient:
    """Fits where a test has looked until it saw what it waited for, or until it is stopped."""

    def __init__(self, look=lambda: None, stage="fitting"):
        self.look, self.stage, self.stopped = look, stage, threading.Event()

    def compute(self, database, league_id, tell, where=WHOLE):
        tell(self.stage)
        for _ in range(2_000):
            if self.look():
                return compute_fit(database, league_id, lambda _: None, where)
            if self.stopped.wait(0.005):
                raise FitFailed("stopped")
        pytest.fail("what was waited for did not come")

    def stop(self):
        self.stopped.set()


def test_a_watch_extends_the_lease(season, quick):
    request(season)

    def is_extended():
        with season.database.read() as unit:
            return unit.refits.existing(season.row().id, 1).lease_until > unit.now()

    running = claim(season, "one")
    earlier(season, "lease_until", 2 * MINUTE)
    refit_runs.run(season.database, running, Patient(is_extended))
    assert shown(season)["status"] == "published"


@pytest.mark.parametrize("stage", ["reading", "fitting", "errors and ranks", "publishing"])
def test_the_stage_is_told_while_it_runs(season, quick, stage):
    request(season)
    seen = []

    def is_told():
        seen.append(shown(season))
        return seen[-1]["stage"]

    run_next_refit(season.database, "one", league=season.league, fitter=Patient(is_told, stage))
    assert (seen[-1]["status"], seen[-1]["stage"]) == ("running", stage)
    assert seen[-1]["started_at"] <= seen[-1]["stage_since"]
    assert (shown(season)["status"], shown(season)["stage"], shown(season)["stage_since"]) == ("published", None, None)


def test_every_stage_is_told_in_turn(season):
    stages = []
    compute_fit(season.database, season.row().id, stages.append)
    assert stages == ["reading", "fitting", "errors and ranks"]


def test_a_fit_that_lost_its_job_is_stopped(season, quick):
    request(season)
    loser = claim(season, "loser")
    earlier(season, "lease_until", 2 * MINUTE)
    claim(season, "winner")
    fitter = Patient()
    refit_runs.run(season.database, loser, fitter)
    assert fitter.stopped.is_set()
    assert (shown(season)["status"], shown(season)["host"]) == ("running", "winner")


def test_a_fit_whose_lease_cannot_be_renewed_is_stopped(season, quick, monkeypatch):
    monkeypatch.setattr(refit_runs, "LEASE", 100_000)
    request(season)
    running = claim(season, "one")
    fitter = Patient()
    monkeypatch.setattr(refit_runs.Watch, "_look", lambda _: None)
    refit_runs.run(season.database, running, fitter)
    assert fitter.stopped.is_set()
    assert shown(season)["status"] == "waiting"


def test_an_older_fit_never_replaces_a_newer_one(season):
    request(season)
    slow = claim(season, "slow")
    old = compute_fit(season.database, slow.league_id, lambda _: None)
    season.play("C", "B")
    request(season)
    earlier(season, "lease_until", 2 * MINUTE)
    season.sql("UPDATE refit SET status = 'paused' WHERE league_id = :league AND number = 1")
    assert run(season)["status"] == "published"
    season.sql("UPDATE refit SET status = 'running' WHERE league_id = :league AND number = 1")
    refit_runs.publish(season.database, slow, old)
    kept = get_fit(season.database, OPERATOR, season.league, 1)
    assert kept["status"] == "kept"
    assert "newer" in kept["reason"] or "not older" in kept["reason"]
    assert season.row().published_fit == 2
    season.verified()


def test_a_maximum_that_does_not_exist_is_refused_with_its_reason(shared):
    play = Play.begin(shared, prior_sd=None)
    play.results(("A", "B", 3, 0), ("B", "C", 2, 0), ("A", "C", 4, 0))
    fit = play.fit()
    assert fit["status"] == "refused"
    assert fit["reason"]
    assert (fit["table_hash"], play.row().published_fit) == (None, None)
    play.results(("C", "A", 1, 0))
    assert play.fit()["status"] == "published"
    play.verified()


def test_a_refused_fit_leaves_the_published_one(season):
    season.fit()
    board = leaderboard(season.database, OPERATOR, season.league, by="fit")["rows"]
    season.change(prior_sd=None)
    season.play("D", "A")
    refused = season.fit()
    assert (refused["status"], season.row().published_fit) == ("refused", 1)
    after = leaderboard(season.database, OPERATOR, season.league, by="fit")["rows"]
    assert [row["fit"] for row in after if row["competitor"] != "D"] == [row["fit"] for row in board]
    season.verified()


def test_a_league_without_matches_has_no_fit(play):
    fit = play.fit()
    assert (fit["status"], play.position()) == ("refused", 0)
    assert "no counted match" in fit["reason"]


def test_an_anchor_without_a_match_is_told(season):
    season.change(anchor={"competitor": "Nobody", "rating": 2000.0})
    fit = season.fit()
    assert fit["status"] == "refused"
    assert "Nobody" in fit["reason"]


def test_an_error_is_tried_again_later_and_fails_after_three(season, monkeypatch):
    def explode(*_: object, **__: object):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(fit_work, "fit_league", explode)
    request(season)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            run(season)
        fit = get_fit(season.database, OPERATOR, season.league, 1)
        assert (fit["status"], fit["finished_at"]) == ("waiting", None)
        assert "out of luck" in fit["reason"]
        assert run(season) is None
        earlier(season, "not_before", 10 * MINUTE)
    assert run(season)["status"] == "failed"
    assert run(season) is None
    monkeypatch.undo()
    assert season.fit()["status"] == "published"


def test_after_an_error_luck_may_return(season, monkeypatch):
    monkeypatch.setattr(fit_work, "fit_league", lambda *_, **__: 1 / 0)
    request(season)
    with pytest.raises(ZeroDivisionError):
        run(season)
    monkeypatch.undo()
    earlier(season, "not_before", 10 * MINUTE)
    fit = run(season)
    assert (fit["status"], fit["reason"]) == ("published", None)


def test_a_job_that_kills_its_workers_is_given_up(season):
    """Nobody gives such a job back: its lease runs out again and again."""
    request(season)
    for number in range(refit_runs.MAX_ATTEMPTS):
        claim(season, f"victim {number}")
        earlier(season, "lease_until", 2 * MINUTE)
    assert run(season) is None
    fit = get_fit(season.database, OPERATOR, season.league, 1)
    assert (fit["status"], season.row().published_fit) == ("failed", None)
    assert "victim 2" in fit["reason"]
    assert season.fit()["status"] == "published"


class Failing:
    """Fails as a limit does: with a reason, and nothing that anybody need look into."""

    def compute(self, *_):
        raise FitFailed("The fit took too long.")

    def stop(self):
        pass


def test_a_fit_that_exceeds_a_limit_is_tried_again_later_each_time_and_then_failed(season):
    request(season)
    pauses = []
    for _ in range(refit_runs.MAX_ATTEMPTS - 1):
        with season.database.read() as unit:
            before = unit.now()
        assert run_next_refit(season.database, "tester", league=season.league, fitter=Failing())["status"] == "waiting"
        assert shown(season)["reason"] == "The fit took too long."
        with season.database.read() as unit:
            pauses.append(unit.refits.existing(season.row().id, 1).not_before - before)
        earlier(season, "not_before", 10 * MINUTE)
    assert run_next_refit(season.database, "tester", league=season.league, fitter=Failing())["status"] == "failed"
    assert pauses[1] > 1.5 * pauses[0] > 0
    assert (shown(season)["reason"], season.row().published_fit) == ("The fit took too long.", None)
    season.verified()


def cancel(play: Play, number: int = 1):
    return cancel_refit(play.database, OPERATOR, play.league, number)


def test_what_waits_is_cancelled_at_once(season):
    request(season)
    assert cancel(season)["status"] == "cancelled"
    assert run(season) is None
    assert cancel(season) == shown(season)
    assert "cancelled it" in shown(season)["reason"]
    assert season.fit()["status"] == "published"
    assert shown(season)["status"] == "cancelled"
    season.verified()


def test_what_runs_is_stopped_and_cancelled(season, quick):
    request(season)
    fitter = Patient(lambda: cancel(season)["status"] == "cancelled")
    fit = run_next_refit(season.database, "tester", league=season.league, fitter=fitter)
    assert fitter.stopped.is_set()
    assert (fit["status"], season.row().published_fit) == ("cancelled", None)
    assert "cancelled it" in fit["reason"]
    assert season.fit()["status"] == "published"


def test_what_was_cancelled_while_it_was_fitted_is_not_published(season):
    request(season)
    running = claim(season, "one")
    work = compute_fit(season.database, running.league_id, lambda _: None)
    assert cancel(season)["status"] == "running"
    refit_runs.publish(season.database, running, work)
    assert (shown(season)["status"], season.row().published_fit) == ("cancelled", None)


def test_a_cancelled_job_of_a_dead_worker_is_not_taken_over(season):
    request(season)
    claim(season, "dead")
    cancel(season)
    earlier(season, "lease_until", 2 * MINUTE)
    assert run(season) is None
    assert shown(season)["status"] == "cancelled"


def test_a_cancelled_job_is_not_tried_again(season):
    request(season)
    running = claim(season, "one")
    cancel(season)
    refit_runs.give_back(season.database, running, "bad luck")
    assert shown(season)["status"] == "cancelled"


@pytest.mark.parametrize("status", ["published", "kept", "refused", "failed"])
def test_what_has_ended_cannot_be_cancelled(season, status):
    fit = season.fit()
    season.sql("UPDATE refit SET status = :status WHERE league_id = :league", status=status)
    with pytest.raises(FitFinished, match=status):
        cancel(season)
    assert shown(season) == {**fit, "status": status}
    with pytest.raises(FitNotFound):
        cancel(season, 2)


def test_the_policy_waits_for_news_after_a_cancellation(shared):
    play = Play.begin(shared, refit={"after_entries": 1, "after_seconds": None})
    play.play("A", "B")
    assert due(play)
    cancel(play)
    assert not due(play)
    play.play("B", "A")
    assert due(play)


def due(play: Play) -> bool:
    """Whether the policy asks for a refit of this league."""
    request_due_refits(play.database)
    return any(row["status"] == "waiting" for row in list_fits(play.database, OPERATOR, play.league)["rows"])


def test_after_so_many_entries(shared):
    play = Play.begin(shared, refit={"after_entries": 3, "after_seconds": None})
    play.batch([match("A", "B", match_id="m"), match("B", "A")])
    assert not due(play)
    play.void("m")
    assert due(play)
    assert run(play)["status"] == "published"
    assert not due(play)
    play.change(k=10.0)
    play.batch([match("A", "C"), match("B", "A")])
    assert not due(play)
    play.play("A", "B")
    assert due(play)


def test_after_so_many_seconds_if_there_is_news(shared):
    play = Play.begin(shared, refit={"after_entries": None, "after_seconds": 30})
    play.sql("UPDATE league SET fit_requested_at = fit_requested_at - :by WHERE id = :league", by=MINUTE)
    assert not due(play)
    play.play("A", "B")
    assert due(play)
    run(play)
    play.play("B", "A")
    assert not due(play)
    play.sql("UPDATE league SET fit_requested_at = fit_requested_at - :by WHERE id = :league", by=MINUTE)
    assert due(play)


def test_at_the_times_of_a_cron_line_if_there_is_news(shared):
    """Whoever was not there when the time came makes up for it: only the last request and the clock count."""
    play = Play.begin(shared, refit={"after_entries": None, "after_seconds": None, "cron": "17 3 * * *"})
    play.sql("UPDATE league SET fit_requested_at = fit_requested_at - :by WHERE id = :league", by=24 * 60 * MINUTE)
    assert not due(play)
    play.play("A", "B")
    assert due(play)
    run(play)
    play.play("B", "A")
    midnight = play.row().fit_requested_at // (24 * 60 * MINUTE) * (24 * 60 * MINUTE)
    with play.database.read() as unit:
        now = unit.now()
    last = midnight + 197 * MINUTE if midnight + 197 * MINUTE <= now else midnight + (197 - 24 * 60) * MINUTE
    play.sql("UPDATE league SET fit_requested_at = :at WHERE id = :league", at=last)
    assert not due(play)
    play.sql("UPDATE league SET fit_requested_at = :at WHERE id = :league", at=last - 1)
    assert due(play)


def test_a_policy_of_nothing(shared):
    play = Play.begin(shared, refit={"after_entries": None, "after_seconds": None})
    play.batch([match("A", "B")] * 3)
    play.sql("UPDATE league SET fit_requested_at = 0 WHERE id = :league")
    assert not due(play)


def test_how_many_were_asked_for(database: Database):
    plays = [Play.begin(database, refit={"after_entries": 1, "after_seconds": None}) for _ in range(3)]
    for play in plays[:2]:
        play.play("A", "B")
    assert request_due_refits(database) == 2
    assert request_due_refits(database) == 0
    assert {run_next_refit(database, "any")["league"] for _ in range(2)} == {plays[0].league, plays[1].league}
    assert run_next_refit(database, "any") is None


def test_the_same_log_gives_the_same_table_on_either_database(both):
    hashes = set()
    for database in both:
        play = Play.begin(database, draws="davidson", side="estimate", half_life_days=100.0, balance="pairs")
        games = [(f"C{n % 7}", f"C{(3 * n + 1 + n % 7) % 7}", ("first", "draw", "second")[n % 3]) for n in range(120)]
        played = [match(*game, played_at=1_700_000_000_000_000 + n * 3_600_000_000) for n, game in enumerate(games) if game[0] != game[1]]
        play.batch(played)
        fit = play.fit()
        assert fit["status"] == "published", fit["reason"]
        assert play.fit()["table_hash"] == fit["table_hash"]
        hashes.add(fit["table_hash"])
    assert len(hashes) == 1


def test_the_job_says_where_its_matches_were_read(shared, monkeypatch):
    monkeypatch.setattr("app.services.segments.BLOCK", 50)
    play = Play.begin(shared)
    play.results(("A", "B", 60, 50), ("B", "C", 5, 5))
    by_rows = play.fit()
    assert keep_segments(play.database, play.league)
    by_segments = play.fit()
    assert by_rows["read"] == {"totals": 0, "segments": 0, "rows": 120}
    assert by_segments["read"] == {"totals": 0, "segments": 100, "rows": 20}
    assert by_segments["table_hash"] == by_rows["table_hash"]


def test_a_second_fit_of_the_same_data_replaces_the_first(season):
    """The publication itself moved the position on, so that it is not older."""
    assert [season.fit()["status"] for _ in range(2)] == ["published", "published"]
    with season.database.read() as unit:
        first = unit.fits.by_number(season.row().id, 1, with_arrays=True)
    assert first.table is not None
    assert first.uncertainty is None


def test_lists_are_newest_first_and_paged(season):
    for _ in range(5):
        season.fit()
    found, cursor = [], None
    while True:
        page = list_fits(season.database, OPERATOR, season.league, cursor=cursor, limit=2)
        found += [row["fit"] for row in page["rows"]]
        if (cursor := page["next"]) is None:
            break
    assert found == [5, 4, 3, 2, 1]
    with pytest.raises(BadInput):
        list_fits(season.database, OPERATOR, season.league, cursor="x")


def test_times_follow_one_another(season):
    fit = season.fit()
    times = [datetime.fromisoformat(str(fit[name])) for name in ("requested_at", "started_at", "finished_at")]
    assert (times[2] - times[0]).total_seconds() >= -0.002


def test_no_such_fit_or_league(season):
    for number in (0, -1, 1, 2**31, 2**70):
        with pytest.raises(FitNotFound):
            get_fit(season.database, OPERATOR, season.league, number)
    with pytest.raises(LeagueNotFound):
        request_refit(season.database, OPERATOR, "nowhere")
    with pytest.raises(LeagueNotFound):
        run_next_refit(season.database, "any", league="nowhere")


def test_the_demo_is_made_once(database: Database):
    made = make_demo(database, OPERATOR)
    assert (made["matches"], made["competitors"], made["published_fit"]) == (5_000, 50, 1)
    assert make_demo(database, OPERATOR) == made == get_league(database, OPERATOR, "demo")
    Play(database, "demo").verified()


def test_a_demo_that_was_interrupted_is_finished(database: Database, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demonstration, "record_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_demo(database, OPERATOR)
    monkeypatch.undo()
    assert make_demo(database, OPERATOR)["matches"] == 5_000
