"""The graph that grows with the log is the graph that is built from the whole log."""

from contextlib import suppress

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import BadInput, CompetitorNotFound, Conflict
from app.services.corrections import correct_match
from app.services.match_log import MATCH_COLUMNS, read_rows
from app.services.roster import merge_competitors
from app.services.segments import amendments_at, counted_matches
from app.services.structures import structure_at_head, structure_of
from tests.services.play import OPERATOR, Play, match

moves = st.tuples(
    st.integers(0, 7), st.integers(0, 7), st.sampled_from(["first", "second", "draw", "first", "second", "draw", "void", "correct", "merge"])
)


def check(play: Play) -> None:
    with play.database.read() as unit:
        row = unit.leagues.existing(play.league)
        grown = structure_at_head(play.database, unit, row).identifiability
        built = structure_of(counted_matches(play.database, unit, row, row.position), row.competitors)
        amendments, log = amendments_at(unit, row, row.position), read_rows(unit, row.id, -1, row.position)
    for position in range(row.position):
        apart, together = amendments.applied(log.after(position)), amendments.applied(log).after(position)
        assert all(np.array_equal(getattr(apart, name), getattr(together, name)) for name in MATCH_COLUMNS)
    assert grown.components.tolist() == built.components.tolist()
    assert grown.classes.tolist() == built.classes.tolist()
    pairs = [(i, j) for i in range(row.competitors) for j in range(row.competitors) if i != j]
    assert [grown.comparable(i, j) for i, j in pairs] == [built.comparable(i, j) for i, j in pairs]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=st.lists(moves, min_size=1, max_size=25))
def test_a_structure_that_grew_is_the_structure_of_the_log(shared_sqlite, sent):
    play = Play.begin(shared_sqlite)
    counted: list[str] = []
    for number, (one, other, what) in enumerate(sent):
        # Refused: a match of somebody with themselves, also under the name of whom they were merged into.
        with suppress(Conflict, BadInput, CompetitorNotFound):
            if what in {"void", "correct", "merge"}:
                amend(play, what, one, other, counted)
            else:
                play.batch([match(f"C{one}", f"C{other}", what, f"m{number}")])
                counted.append(f"m{number}")
        check(play)


def amend(play: Play, what: str, one: int, other: int, counted: list[str]) -> None:
    if what == "merge":
        merge_competitors(play.database, OPERATOR, play.league, f"C{one}", f"C{other}", reason="one person")
    elif counted and what == "void":
        play.void(counted.pop(one % len(counted)))
    elif counted:
        correct_match(play.database, OPERATOR, play.league, counted[one % len(counted)], {"second": f"C{other}", "score": 0.5}, reason="misread")


def test_an_older_snapshot_has_its_own_structure(play):
    play.play("A", "B", "draw")
    with play.database.read() as unit:
        before = unit.leagues.existing(play.league)
        assert structure_at_head(play.database, unit, before).identifiability.n_components == 1
    play.play("C", "D", "draw")
    check(play)
    with play.database.read() as unit:
        old = structure_at_head(play.database, unit, before)
    assert (old.position, old.n_competitors) == (1, 2)
    check(play)
