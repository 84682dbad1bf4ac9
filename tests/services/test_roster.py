"""Renaming, retiring, forgetting: shown everywhere at once, and of who was forgotten nothing is left that tells a name."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import MetaData, select

from app.errors import BadInput, CompetitorNotFound, Conflict, KeyRequired, LeagueNotFound, MatchIdTaken
from app.services.histories import opponents
from app.services.imports import get_import, import_file
from app.services.keys import Caller
from app.services.refits import get_fit
from app.services.roster import change_competitor
from app.services.segments import keep_segments
from app.services.standings import competitor, leaderboard
from tests.services.mirror import Mirror, Said, cold, forget, pages, rename, retire, small_blocks
from tests.services.play import OPERATOR, Play, match, writes_nothing
from tests.services.test_amendments import season

SECRET = "Åsa Öberg-Testa"
OTHER_NAME = "Åsa the Quick"


@pytest.fixture
def mirror(play: Play) -> Mirror:
    return season(play)


def everything(play: Play) -> str:
    """Every value of every row of every table of the database."""
    tables = MetaData()
    tables.reflect(play.database.engine)
    with play.database.read() as unit:
        rows = [row for table in tables.sorted_tables for row in unit.connection.execute(select(table))]
    return "\n".join(value.hex() if isinstance(value, bytes | memoryview) else str(value) for row in rows for value in row)


@pytest.fixture
def known(mirror, tmp_path) -> Mirror:
    """A season in which somebody was imported, misspelt, corrected, voided, renamed and fitted."""
    return with_somebody_known(mirror, tmp_path)


@pytest.fixture
def known_alone(database, tmp_path) -> Mirror:
    """The same, in a database in which no other test plays."""
    return with_somebody_known(season(Play.begin(database)), tmp_path)


def with_somebody_known(mirror: Mirror, tmp_path: Path) -> Mirror:
    path = tmp_path / "file.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["match_id", "first", "second", "outcome"], ["s1", SECRET, "A", "first"], ["s2", "B", SECRET, "draw"], ["s3", SECRET, SECRET, "first"]]
        )
    import_file(mirror.play.database, OPERATOR, mirror.play.league, path, import_id="file", skip_bad=True)
    for number, (one, other, score) in enumerate([(SECRET, "A", 1.0), ("B", SECRET, 0.5)], start=1):
        stored = next(entry for entry in mirror.play.entries() if entry.match_id == f"s{number}")
        mirror.log[stored.position] = _said(one, other, score, f"s{number}")
    mirror.correct("m5", second=SECRET)
    mirror.void("s1")
    mirror.restore("s1")
    rename(mirror.play, SECRET, OTHER_NAME)
    mirror.play.fit()
    return mirror


def files_of(play: Play) -> list[Path]:
    """Those of an embedded database."""
    name = play.database.engine.url.database if play.database.is_embedded else None
    return [] if name is None else [file for file in (Path(name), Path(f"{name}-wal")) if file.exists()]


def _said(one: str, other: str, score: float, match_id: str):
    return Said("match", {"first": one, "second": other, "score": score, "played_at": None, "weight": 1.0, "neutral": False}, match_id)


def test_of_who_was_forgotten_nothing_is_left(known_alone):
    salt = next(one.salt for one in known_alone.play.competitors() if one.key == SECRET)
    assert SECRET in everything(known_alone.play)
    told = forget(known_alone.play, SECRET)
    left = everything(known_alone.play)
    assert SECRET not in left
    assert OTHER_NAME not in left
    assert salt.hex() not in left
    for file in files_of(known_alone.play):
        assert SECRET.encode() not in file.read_bytes()
        assert salt not in file.read_bytes()
    assert told["competitor"].startswith("forgotten-")
    assert get_import(known_alone.play.database, OPERATOR, known_alone.play.league, "file")["new_competitors"] == [told["competitor"]]
    exported = b"".join(known_alone.play.export()).decode()
    assert SECRET not in exported
    assert OTHER_NAME not in exported


def test_forgetting_is_one_entry_and_proofs_hold_before_and_after_a_journey(known, both):
    before = known.play.entries()
    hashes = known.play.verified()["log_head"]
    forget(known.play, SECRET)
    after = known.play.entries()
    assert after[:-1] == before
    assert known.play.verified()["log_head"] != hashes
    for database in both:
        copy = known.play.restored_in(database)
        assert {**copy.verified(), "league": ""} == {**known.play.verified(), "league": ""}
        assert copy.export() == known.play.export()
        copy.void("s1")
        copy.verified()


def test_old_ids_of_who_was_forgotten_replay_still(known):
    pseudonym = forget(known.play, SECRET)["competitor"]
    with writes_nothing(known.play):
        answer = known.play.batch([match(SECRET, "A", "first", "s1"), match("B", SECRET, "draw", "s2")])
    assert answer["replayed"] == 2
    assert answer["receipts"][0]["first"] == pseudonym


def test_an_old_id_with_somebody_else_is_refused_as_far_as_that_can_be_told(known):
    forget(known.play, SECRET)
    with writes_nothing(known.play), pytest.raises(MatchIdTaken) as caught:
        known.play.batch([match("C", "A", "first", "s1")])
    assert caught.value.extensions["differing"] == ["first"]


def test_an_anchor_is_forgotten_once_it_is_none_and_no_refit_tells_it(known):
    known.play.batch([match("Zoe", "A", "first", "z1")])
    known.play.change(anchor={"competitor": "Zoe", "rating": 2000.0})
    known.play.void("z1")
    refused = known.play.fit()
    assert "Zoe" in refused["reason"]
    with writes_nothing(known.play), pytest.raises(Conflict, match="anchor"):
        forget(known.play, "Zoe")
    known.play.change(anchor=None)
    pseudonym = forget(known.play, "Zoe")["competitor"]
    assert pseudonym in get_fit(known.play.database, OPERATOR, known.play.league, refused["fit"])["reason"]


def test_who_is_forgotten_already_stays_so(known):
    told = forget(known.play, SECRET)
    with writes_nothing(known.play):
        assert forget(known.play, told["competitor"]) == {**told, "position": None}


def test_matches_of_who_was_forgotten_are_amended_like_any(known):
    pseudonym = forget(known.play, SECRET)["competitor"]
    for said in known.log.values():
        said.match = {name: pseudonym if value == SECRET else value for name, value in said.match.items()}
    known.holds()
    known.void("s2")
    known.holds()
    known.merge(pseudonym, "D")
    known.holds()
    known.play.verified()


def test_a_namesake_is_somebody_else(known):
    pseudonym = forget(known.play, SECRET)["competitor"]
    receipt = known.play.play(SECRET, "A", "first", "anew")
    assert receipt["created"] == [SECRET]
    assert receipt["ratings"]["first"]["before"] == 1500.0
    assert pseudonym in {row["competitor"] for row in leaderboard(known.play.database, OPERATOR, known.play.league)["rows"]}
    known.play.verified()


def test_a_pseudonym_that_is_taken_is_not_given_twice(mirror):
    mirror.record(match("forgotten-0", "forgotten-0-2", "first", "x"))
    assert forget(mirror.play, "A")["competitor"] == "forgotten-0-3"
    mirror.play.verified()


@pytest.mark.parametrize("key", ["recorded", "csv", "first", "m", "Winner", "“", "file"])
def test_who_is_called_like_a_word_of_a_report_takes_only_the_name_along(play, tmp_path, key):
    path = tmp_path / "file.csv"
    path.write_text(f"match_id,Winner,Loser\ns1,{key},A\ns2,B,{key}\ns3,{key},{key}\n")
    report, _ = import_file(play.database, OPERATOR, play.league, path, import_id="file", skip_bad=True)
    assert report["errors"]
    pseudonym = forget(play, key)["competitor"]
    after = get_import(play.database, OPERATOR, play.league, "file")
    kept = {name: value for name, value in report.items() if name not in {"new_competitors", "errors"}}
    assert {name: after[name] for name in kept} == kept
    assert after["new_competitors"] == [pseudonym if one == key else one for one in report["new_competitors"]]


def test_a_name_is_shown_everywhere_at_once(mirror):
    with small_blocks():
        keep_segments(mirror.play.database, mirror.play.league)
        positions = [3, mirror.play.position(), None]
        for position in positions:
            pages(mirror.play, position)
        rename(mirror.play, "A", "Ann")
        here = mirror.play.database, OPERATOR, mirror.play.league
        for position in positions:
            names = {row["competitor"]: row["name"] for row in leaderboard(*here, as_of=position)["rows"]}
            assert names["A"] == "Ann"
            assert competitor(*here, "A", as_of=position)["name"] == "Ann"
            assert "Ann" in {row["name"] for row in opponents(*here, "B", as_of=position)["rows"]}
        rename(mirror.play, "A", None)
        assert leaderboard(*here, as_of=3)["rows"][0]["name"] != "Ann"
    mirror.play.verified()


def test_a_key_that_was_forgotten_is_shown_nowhere_not_even_as_of_before(mirror):
    here = mirror.play.database, OPERATOR, mirror.play.league
    before = mirror.play.position()
    for position in (3, before, None):
        pages(mirror.play, position)
    pseudonym = forget(mirror.play, "A")["competitor"]
    for position in (3, before, None):
        assert {"A", pseudonym} & {row["competitor"] for row in leaderboard(*here, as_of=position)["rows"]} == {pseudonym}
        with pytest.raises(CompetitorNotFound):
            competitor(*here, "A", as_of=position)
    with cold(mirror.play) as play:
        assert '"A"' not in pages(play, 3)


@pytest.mark.parametrize("change", [lambda play: rename(play, "A", None), lambda play: retire(play, "A", retired=False)])
def test_what_changes_nothing_writes_nothing(mirror, change):
    with writes_nothing(mirror.play):
        assert change(mirror.play)["position"] is None


@pytest.mark.parametrize("change", [lambda play, key: rename(play, key, "x"), retire, forget])
def test_who_is_not_known_cannot_be_changed(mirror, change):
    with writes_nothing(mirror.play), pytest.raises(CompetitorNotFound):
        change(mirror.play, "Nobody")


@pytest.mark.parametrize("name", ["", " ", "\x00", "x" * 201])
def test_a_name_that_is_none_is_refused(mirror, name):
    with writes_nothing(mirror.play), pytest.raises(BadInput):
        rename(mirror.play, "A", name)


def test_strangers_change_nobody(shared):
    play = Play.begin(shared, public=True)
    play.play("A", "B")
    with writes_nothing(play):
        with pytest.raises((KeyRequired, LeagueNotFound)):
            change_competitor(shared, Caller.anonymous(), play.league, "A", {"name": "x"})
        with pytest.raises((KeyRequired, LeagueNotFound)):
            change_competitor(shared, Caller.anonymous(), play.league, "A", {"retired": True})


def test_retiring_moves_nobody_and_survives_the_journey(mirror, both):
    retire(mirror.play, "A")
    rename(mirror.play, "B", "Bea")
    retire(mirror.play, "C")
    retire(mirror.play, "C", retired=False)
    mirror.holds()
    for database in both:
        copy = mirror.play.restored_in(database)
        assert [(one.key, one.name, one.retired) for one in copy.competitors()] == [
            (one.key, one.name, one.retired) for one in mirror.play.competitors()
        ]
