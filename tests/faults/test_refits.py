"""The newer fit stands, every job comes to its end, and no league has two at once: small here, in full by `python -m tests.faults refit-races refit-kills`."""

import pytest

from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.faults.refit_kills import kill_workers
from tests.faults.refits import race_fits
from tests.faults.stalling import MOMENTS


@pytest.fixture
def marked(marked_url):
    database = Database.open(marked_url)
    migrate(database)
    yield database
    database.close()


def test_a_stale_fit_never_stands_over_a_newer_one(marked):
    races = race_fits(marked, 10, seed=1)
    assert races.faults == []
    assert races.ends == {"published": 10}


def test_a_worker_stricken_at_any_moment_leaves_a_job_that_is_finished(marked, marked_url):
    kills = kill_workers(marked, marked_url, len(MOMENTS), seed=1)
    assert kills.faults == []
    assert kills.doubles == 0
    assert set(kills.ends) <= {"published", "kept"}
    assert len(kills.moments) == len(MOMENTS)
    assert kills.begun_again >= sum(moment.is_claimed and not moment.is_published for moment in MOMENTS) - 1
