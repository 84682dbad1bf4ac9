"""Imports: all of a file or nothing, once for ever, under ids that tell where a match came from."""

import gzip
from pathlib import Path

import pytest

from app.errors import BadInput, BadLines, FileNotUnderstood, ImportDiffers, ImportNotFound, LeagueNotFound
from app.services.imports import get_import, import_file
from app.services.matches import list_matches
from tests.services.play import OPERATOR, Play, match, writes_nothing

GOOD = "first,second,outcome\nA,B,first\nB,C,draw\nC,A,second\n"
BAD = "first,second,outcome\nA,B,first\nB,B,draw\nC,A,nobody\nC,D,second\n"


@pytest.fixture
def load(play: Play, tmp_path: Path):
    def run(content: str | bytes, **options):
        path = tmp_path / "matches.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return import_file(play.database, OPERATOR, play.league, path, **options)

    return run


def ids(play: Play) -> list[str]:
    rows = list_matches(play.database, OPERATOR, play.league, limit=1_000)["rows"]
    return [row["match_id"] for row in reversed(rows)]


def test_a_file_becomes_matches_in_its_order(play, load):
    report, known = load(GOOD)
    assert not known
    assert (report["status"], report["recorded"], report["replayed"], report["skipped"], report["created"]) == ("recorded", 3, 0, 0, 3)
    assert (report["first_position"], report["last_position"], report["error_count"]) == (1, 3, 0)
    assert [row.key for row in play.competitors()] == ["A", "B", "C"]
    play.verified()


def test_rows_are_named_after_the_import_and_their_line(play, load):
    report, _ = load(GOOD)
    stem = report["import_id"][:12]
    assert len(report["import_id"]) == 64
    assert ids(play) == [f"{stem}-2", f"{stem}-3", f"{stem}-4"]


def test_the_same_file_again_writes_nothing(play, load):
    first, _ = load(GOOD)
    play.play("A", "D")
    with writes_nothing(play):
        again, known = load(GOOD)
        zipped, known_too = load(gzip.compress(GOOD.encode()))
    assert (known, known_too) == (True, True)
    assert again == zipped == first
    assert get_import(play.database, OPERATOR, play.league, first["import_id"]) == first


def test_the_same_file_in_another_league_is_another_import(play, load, tmp_path):
    load(GOOD)
    other = Play.begin(play.database)
    report, known = import_file(play.database, OPERATOR, other.league, tmp_path / "matches.csv")
    assert (known, report["recorded"]) == (False, 3)


def test_an_import_id_belongs_to_one_file(play, load):
    load(GOOD, import_id="week 1")
    with writes_nothing(play):
        assert load(GOOD, import_id="week 1")[1]
        with pytest.raises(ImportDiffers):
            load(GOOD + "A,B,draw\n", import_id="week 1")
        with pytest.raises(ImportDiffers):
            load(GOOD, import_id="week 1", mapping={"first": "second", "second": "first"})


def test_an_import_id_of_ones_own_names_the_rows(play, load):
    load(GOOD, import_id="week 1")
    assert ids(play) == ["week 1-2", "week 1-3", "week 1-4"]


def test_imports_whose_ids_begin_alike_stay_apart(play, load):
    """Two weeks of the same games are six games."""
    load(GOOD, import_id="2026-season-week-1")
    report, _ = load(GOOD, import_id="2026-season-week-2")
    assert (report["recorded"], report["replayed"]) == (3, 0)
    assert len(set(ids(play))) == 6
    report, _ = load(GOOD, import_id="2026-season-week-2#2")
    assert report["recorded"] == 3
    assert play.verified()["matches"] == 9


@pytest.mark.parametrize("import_id", ["", " x", "a\nb", "x" * 201])
def test_an_import_id_is_a_name(play, load, import_id):
    with writes_nothing(play), pytest.raises(BadInput) as caught:
        load(GOOD, import_id=import_id)
    assert caught.value.faults[0].pointer == "import_id"


@pytest.mark.parametrize("import_id", ["x" * 200, "#" + "x" * 199, "x#" + "y" * 198, "x#" + "1" * 198, "#" * 200])
def test_long_import_ids_leave_room_for_the_line(play, load, import_id):
    report, _ = load(GOOD, import_id=import_id)
    assert report["recorded"] == 3
    assert all(len(one) <= 200 for one in ids(play))


def test_again_means_new_matches(play, load):
    first, _ = load(GOOD)
    second, known = load(GOOD, again=True)
    third, _ = load(GOOD, again=True)
    assert not known
    assert [second["import_id"], third["import_id"]] == [f"{first['import_id']}#2", f"{first['import_id']}#3"]
    stem = first["import_id"][:12]
    assert ids(play)[3:5] == [f"{stem}.2-2", f"{stem}.2-3"]
    assert play.verified()["matches"] == 9


def test_again_for_a_file_that_is_new_is_an_import_like_any(load):
    report, known = load(GOOD, again=True)
    assert (known, report["recorded"], "#" in report["import_id"]) == (False, 3, False)


def test_bad_lines_stop_all_of_it_and_are_named(play, load):
    with writes_nothing(play), pytest.raises(BadLines) as caught:
        load(BAD)
    report = caught.value.extensions["report"]
    assert (report["status"], report["error_count"]) == ("planned", 2)
    assert [error["line"] for error in report["errors"]] == [3, 4]
    assert all(error["detail"] and error["column"] for error in report["errors"])
    assert "line 3" in caught.value.faults[0].pointer
    assert "2 of 4 lines" in caught.value.detail
    assert load(GOOD)[0]["recorded"] == 3


def test_bad_lines_can_be_left_out(play, load):
    report, _ = load(BAD, skip_bad=True)
    assert (report["recorded"], report["skipped"], report["error_count"], report["status"]) == (2, 2, 2, "recorded")
    stem = report["import_id"][:12]
    assert ids(play) == [f"{stem}-2", f"{stem}-5"]
    with writes_nothing(play):
        assert load(BAD, skip_bad=True) == (report, True)
    play.verified()


def test_a_file_of_bad_lines_alone(play, load):
    report, _ = load("first,second,outcome\nA,A,first\n", skip_bad=True)
    assert (report["recorded"], report["first_position"], report["last_position"]) == (0, None, None)
    assert play.position() == 0


def test_a_dry_run_writes_nothing_and_tells_what_would_be(play, load):
    with writes_nothing(play):
        planned, known = load(GOOD, dry_run=True)
    assert not known
    report, _ = load(GOOD)
    assert planned == {**report, "status": "planned"}


def test_a_dry_run_of_bad_lines_names_them(play, load):
    with writes_nothing(play):
        with pytest.raises(BadLines):
            load(BAD, dry_run=True)
        assert load(BAD, dry_run=True, skip_bad=True)[0]["skipped"] == 2


WITH_IDS = "match_id,first,second,outcome\nm1,A,B,first\nm2,B,C,draw\n"


def test_ids_of_the_file_that_are_recorded_already_count_once(play, load):
    play.play("A", "B", "first", "m1")
    report, _ = load(WITH_IDS)
    assert (report["recorded"], report["replayed"]) == (1, 1)
    assert ids(play) == ["m1", "m2"]


def test_ids_of_the_file_that_contradict_what_is_recorded_are_bad_lines(play, load):
    play.play("A", "B", "second", "m1")
    with writes_nothing(play), pytest.raises(BadLines) as caught:
        load(WITH_IDS)
    (error,) = caught.value.extensions["report"]["errors"]
    assert (error["line"], error["field"], error["column"]) == (2, "match_id", "match_id")
    assert "outcome" in error["detail"]
    report, _ = load(WITH_IDS, skip_bad=True)
    assert (report["recorded"], report["skipped"]) == (1, 1)


def test_ids_within_the_file(play, load):
    report, _ = load(WITH_IDS + "m1,A,B,first\n")
    assert (report["recorded"], report["replayed"]) == (2, 1)
    with pytest.raises(BadLines):
        load(WITH_IDS + "m1,A,B,draw\n")


def test_an_import_equals_the_same_matches_one_by_one(play, load):
    load(GOOD)
    other = Play.begin(play.database)
    for first, second, outcome in (("A", "B", "first"), ("B", "C", "draw"), ("C", "A", "second")):
        other.play(first, second, outcome)
    assert play.verified()["state_hash"] == other.verified()["state_hash"]


def test_a_large_file_goes_the_fast_way(play, load):
    lines = [f"C{n % 97},D{n % 89},{('first', 'draw', 'second')[n % 3]}" for n in range(5_000)]
    told = []
    report, _ = load("first,second,outcome\n" + "\n".join(lines), on_progress=lambda *step: told.append(step))
    assert (report["recorded"], report["created"]) == (5_000, 186)
    assert told[-1] == ("recording", 5_000, 5_000)
    assert {stage for stage, _, _ in told} == {"reading", "recording"}
    play.verified()


def test_what_is_no_file_of_matches(play, load):
    with writes_nothing(play), pytest.raises(FileNotUnderstood):
        load("a,b,c\n1,2,3\n")


def test_no_such_league_or_import(play, load, tmp_path):
    load(GOOD)
    with pytest.raises(LeagueNotFound):
        import_file(play.database, OPERATOR, "nowhere", tmp_path / "matches.csv")
    with pytest.raises(ImportNotFound):
        get_import(play.database, OPERATOR, play.league, "unknown")
    with pytest.raises(LeagueNotFound):
        get_import(play.database, OPERATOR, "nowhere", "unknown")


def test_a_void_of_an_imported_match_survives_the_same_file(play, load):
    report, _ = load(GOOD)
    play.void(f"{report['import_id'][:12]}-2")
    with writes_nothing(play):
        load(GOOD)
    assert play.verified()["matches"] == 2
    play.batch([match("A", "B")])


def test_lines_that_look_like_recorded_matches_are_counted(play, load):
    """A season's file that grew is another file: its old lines would count twice, and the report says so before and after."""
    load("date,winner,loser\n2026-11-01,A,B\n2026-11-02,B,C\n")
    grown = "date,winner,loser\n2026-11-01,A,B\n2026-11-02,B,C\n2026-11-03,A,D\n"
    planned, _ = load(grown, dry_run=True)
    report, _ = load(grown)
    assert planned["resembling"] == report["resembling"] == 2
    assert planned["new_competitors"] == report["new_competitors"] == ["D"]
    assert load("date,loser,winner\n2026-11-01,B,A\n")[0]["resembling"] == 1
    assert load("date,winner,loser\n2026-11-01,B,A\n2026-11-09,A,B\n")[0]["resembling"] == 0
