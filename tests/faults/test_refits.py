"""The newer fit stands, every job comes to its end, and no league has two at once: small here, in full by `python -m tests.faults refit-races refit-kills`."""

import pytest

from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from tests.faults.refits import kill_workers, race_fits
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


def test_a_worker_killed_at_any_moment_leaves_a_job_that_is_finished(marked, marked_url):
    races = kill_workers(marked, marked_url, len(MOMENTS), seed=1)
    assert races.faults == []
    assert races.ends == {"published": len(MOMENTS)}
