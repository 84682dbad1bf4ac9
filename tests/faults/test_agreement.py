"""However a feed is delivered, and through however many servers, the same matches count once; `make faults` does it at length."""

import pytest

from tests.conftest import BACKENDS
from tests.faults.agreement import ORDERS, deliver_badly, go_many_ways, refuses_a_second_server
from tests.faults.races import dated_feed, disturbed


class OnePlace:
    """Databases as the scenarios ask for them, in a folder of the test."""

    def __init__(self, folder, new):
        self.folder, self.new = folder, new


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_repeated_late_and_shuffled_matches_count_once(tmp_path, marked_databases, backend, order):
    runs, faults = deliver_badly(OnePlace(tmp_path, marked_databases), backend, 400, 1, order)
    assert faults == []
    assert runs[1].delivery.sent > 500
    assert runs[1].delivery.journal.replays == runs[1].delivery.sent - 400


@pytest.mark.parametrize("order", ORDERS)
def test_a_log_written_by_several_servers_rebuilds_to_the_same_state_elsewhere(tmp_path, marked_databases, order):
    runs, faults = go_many_ways(OnePlace(tmp_path, marked_databases), BACKENDS, 300, 1, order)
    assert faults == []
    assert len(runs) == 4


def test_an_embedded_database_has_one_server(tmp_path, marked_files):
    assert refuses_a_second_server(tmp_path / "data", marked_files.new("sqlite"))


def test_a_disturbed_feed_has_the_same_matches_in_another_order():
    feed = dated_feed("feed", 1_000)
    sent = disturbed(feed, 1)
    first_times = list(dict.fromkeys(match["match_id"] for match in sent))
    assert len(sent) > len(feed) == len(first_times)
    assert first_times != [match["match_id"] for match in feed]
    assert len({match["played_at"] for match in feed}) == len(feed)
