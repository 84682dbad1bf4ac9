"""Every command for real: its JSON is the shape of its service, its exit code the documented one, its text says what comes next."""

import gzip
import io
import json
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from app.cli import standings
from app.cli.output import write_text
from app.services import amendment_shapes, answer_shapes, shapes
from tests.web import boards

CSV = "first,second,outcome,match_id\nAlice,Bob,first,m1\nBob,Carla,draw,m2\nCarla,Alice,second,m3\nAlice,Bob,second,m4\n"


class LeagueRows(TypedDict):
    rows: list[shapes.LeagueShape]
    next: str | None


def assert_shape(shape: Any, value: Any) -> None:
    """The value is of the shape, and has nothing beside it."""
    assert TypeAdapter(shape).validate_python(value, strict=False) == value


@pytest.fixture
def tennis(arpad_anywhere, tmp_path):
    """A league with four matches of three competitors."""
    (tmp_path / "matches.csv").write_text(CSV)
    arpad_anywhere.ok("league", "create", "tennis", "--name", "Club tennis")
    arpad_anywhere.ok("import", "tennis", "matches.csv")
    return arpad_anywhere


@pytest.fixture
def full_tennis(tennis):
    """With a competitor who has played only one of the others."""
    tennis.ok("record", "tennis", "Dora", "Bob", "first", "--match-id", "m5")
    return tennis


ANSWERS = [
    (shapes.LeagueShape, "league create darts --set k=24 --set prior_sd=null"),
    (LeagueRows, "league list"),
    (shapes.LeagueShape, "league show tennis"),
    (shapes.LeagueShape, "league set tennis --set k=16 --name Tennis --private"),
    (
        shapes.ReceiptShape,
        "record tennis Alice Bob draw --match-id m9 --played-at 2026-11-20 --weight 2 --neutral --first-score 3 --context surface=clay",
    ),
    (shapes.MatchListShape, "matches tennis --competitor Bob --limit 1"),
    (shapes.ReceiptShape, "matches tennis --match-id m2"),
    (amendment_shapes.AmendmentShape, "void tennis m1 --reason twice --dry-run"),
    (amendment_shapes.AmendmentShape, "void tennis m1 --reason twice"),
    (amendment_shapes.AmendmentShape, "void tennis --position 2 --reason twice"),
    (amendment_shapes.AmendmentShape, "correct tennis m1 --outcome draw --reason misread --dry-run"),
    (
        amendment_shapes.AmendmentShape,
        "correct tennis m1 --first Dora --second Bob --outcome draw --played-at 2026-11-20 --weight 2 --neutral --first-score 3 --second-score 3 --context a=1 --reason misread",
    ),
    (amendment_shapes.AmendmentShape, "competitor merge tennis Dora Carla --reason same --dry-run"),
    (amendment_shapes.AmendmentShape, "competitor merge tennis Dora Carla --reason same"),
    (amendment_shapes.RosterShape, "competitor rename tennis Alice Ashe"),
    (amendment_shapes.RosterShape, "competitor rename tennis Alice"),
    (amendment_shapes.RosterShape, "competitor add tennis Erin --name Erin"),
    (shapes.LeagueShape, "league show tennis --as-of 1"),
    (amendment_shapes.RosterShape, "competitor retire tennis Alice"),
    (amendment_shapes.RosterShape, "competitor return tennis Alice"),
    (amendment_shapes.RosterShape, "competitor forget tennis Alice --confirm Alice"),
    (amendment_shapes.ExplainedShape, "competitor explain tennis Alice --since 1 --as-of 4"),
    (shapes.CompetitorShape, "competitor show tennis Alice --as-of 2"),
    (shapes.HistoryShape, "competitor history tennis Bob --limit 1 --as-of 4"),
    (amendment_shapes.MatchDetailShape, "matches tennis --match-id m2 --as-of 4"),
    (shapes.MatchListShape, "matches tennis --as-of 2"),
    (shapes.LeaderboardShape, "leaderboard tennis --as-of 2"),
    (shapes.LeaderboardShape, "leaderboard tennis --as-of 0"),
    (shapes.PredictionShape, "predict tennis Alice Carla --as-of 4"),
    (shapes.FitListShape, "fits tennis --as-of 4"),
    (shapes.ImportShape, "import tennis matches.csv"),
    (shapes.ImportShape, "import tennis matches.csv --dry-run --again"),
    (shapes.LeaderboardShape, "leaderboard tennis --by live --min-matches 1 --limit 2"),
    (shapes.PredictionShape, "predict tennis Alice Carla"),
    (answer_shapes.DifferenceShape, "difference tennis Alice Carla"),
    (answer_shapes.BridgesShape, "bridges tennis --limit 5"),
    (answer_shapes.BridgesShape, "bridges tennis --as-of 1"),
    (answer_shapes.SuggestionsShape, "suggest tennis --goal connect --count 2 --seed 3"),
    (answer_shapes.TournamentShape, "simulate tennis Alice Bob Carla --runs 200"),
    (answer_shapes.TournamentShape, "simulate tennis --format round-robin --legs 2 --runs 200 --top 3"),
    (shapes.FitShape, "refit tennis"),
    (shapes.FitShape, "refit tennis --wait"),
    (shapes.FitListShape, "fits tennis"),
    (shapes.FitShape, "refit tennis --where surface=clay"),
    (shapes.FitListShape, "fits tennis --where surface=clay"),
    (shapes.LeaderboardShape, "leaderboard tennis --where surface=clay --where indoor=true"),
    (shapes.VerifyShape, "verify tennis"),
    (shapes.KeyShape, "key create --scope admin --name me"),
    (shapes.KeyShape, "key create --scope report --league tennis --expires 2099-01-01"),
    (list[shapes.KeyShape], "key list"),
]


@pytest.mark.parametrize(("shape", "line"), ANSWERS, ids=[line for _, line in ANSWERS])
def test_the_json_of_a_command_is_the_shape_of_its_service(full_tennis, shape, line):
    assert_shape(shape, full_tennis.ok(*line.split()))


@pytest.mark.parametrize("line", [line for _, line in ANSWERS])
def test_the_text_of_a_command_is_plain_off_a_terminal(full_tennis, line):
    finished = full_tennis(*line.split())
    assert finished.code == 0, finished
    assert finished.out.strip()
    assert finished.err == ""
    assert "\x1b" not in finished.out


REFUSALS = [
    (2, "usage", "league set tennis"),
    (2, "usage", "record tennis Alice Bob both"),
    (2, "usage", "leaderboard tennis --limit 1001"),
    (2, "usage", "void tennis m1"),
    (2, "usage", "void tennis --reason twice"),
    (2, "usage", "void tennis m1 --position 1 --reason twice"),
    (2, "usage", "correct tennis m1 --reason twice"),
    (3, "position-moved", "correct tennis m1 --outcome draw --reason misread --expected-position 1"),
    (3, "position-moved", "competitor merge tennis Dora Carla --reason same --expected-position 1"),
    (3, "conflict", "correct tennis m1 --outcome first --reason misread"),
    (3, "conflict", "restore-match tennis m1 --reason played"),
    (3, "conflict", "competitor merge tennis Alice Bob --reason same"),
    (3, "conflict", "void tennis --position 0 --reason twice"),
    (4, "entry-not-found", "void tennis --position 99 --reason twice"),
    (4, "match-not-found", "correct tennis m99 --outcome draw --reason misread"),
    (4, "competitor-not-found", "competitor rename tennis Nobody Somebody"),
    (4, "competitor-not-found", "competitor explain tennis Nobody"),
    (4, "competitor-not-found", "competitor show tennis Carla --as-of 1"),
    (5, "bad-input", "competitor forget tennis Alice"),
    (5, "bad-input", "competitor forget tennis Alice --confirm Bob"),
    (5, "bad-input", "correct tennis m1 --weight 0 --reason misread"),
    (5, "bad-input", "correct tennis m1 --first Alcie --reason misread"),
    (5, "bad-input", "leaderboard tennis --as-of 99"),
    (5, "bad-input", "leaderboard tennis --where surface"),
    (5, "bad-input", "refit tennis --where surface=clay --where surface=hard"),
    (3, "fit-not-published", "leaderboard tennis --where surface=clay --by fit"),
    (4, "competitor-not-found", "predict tennis Alice Bob --where surface=clay"),
    (5, "bad-input", "leaderboard tennis --as-of yesterday"),
    (5, "bad-input", "competitor explain tennis Alice --since 99"),
    (3, "league-exists", "league create tennis"),
    (3, "match-id-taken", "record tennis Alice Bob second --match-id m1"),
    (3, "position-moved", "void tennis m1 --reason twice --expected-position 1"),
    (3, "fit-not-published", "leaderboard tennis --by fit"),
    (4, "fit-not-found", "cancel tennis 99"),
    (4, "league-not-found", "leaderboard darts"),
    (4, "league-not-found", "refit darts --wait"),
    (4, "league-not-found", "export darts"),
    (4, "match-not-found", "void tennis m99 --reason twice"),
    (4, "match-not-found", "matches tennis --match-id m99"),
    (4, "competitor-not-found", "predict tennis Alice Nobody"),
    (4, "key-not-found", "key revoke 00000000"),
    (5, "bad-input", "league create Tennis!"),
    (5, "bad-input", "league create darts --set k=hard"),
    (5, "bad-input", "record tennis Alice Alice first"),
    (5, "bad-input", "record tennis Alice Bob first --weight -1"),
    (5, "bad-input", "record tennis Alice Bob first --played-at yesterday"),
    (5, "bad-input", "matches tennis --cursor nonsense"),
    (5, "file-not-understood", "import tennis missing.csv"),
    (5, "bad-input", "restore missing.ndjson"),
    (7, "unavailable", "health --url http://127.0.0.1:1"),
]


@pytest.mark.parametrize(("code", "kind", "line"), REFUSALS, ids=[line for _, _, line in REFUSALS])
def test_a_refusal_has_its_exit_code_and_is_a_problem_in_json(full_tennis, code, kind, line):
    finished = full_tennis(*line.split(), "--json")
    assert (finished.code, finished.json["type"], finished.err) == (code, f"/problems/{kind}", "")
    assert finished.json["exit_code"] == code


@pytest.mark.parametrize(("code", "kind", "line"), REFUSALS, ids=[line for _, _, line in REFUSALS])
def test_a_refusal_is_plain_lines_on_standard_error(full_tennis, code, kind, line):
    finished = full_tennis(*line.split())
    assert (finished.code, finished.out) == (code, "")
    assert finished.err.strip()
    assert "Traceback" not in finished.err


def test_a_key_is_revoked_by_its_prefix(tennis):
    key = tennis.ok("key", "create")
    revoked = tennis.ok("key", "revoke", key["prefix"])
    assert_shape(shapes.KeyShape, revoked)
    assert revoked["revoked_at"] is not None
    assert "key" not in revoked


def test_a_match_recorded_twice_by_its_id_counts_once(tennis):
    first, again = (tennis.ok("record", "tennis", "Alice", "Bob", "first", "--match-id", "x") for _ in range(2))
    assert again == first


def test_the_same_file_a_second_time_says_so_and_changes_nothing(tennis):
    before = tennis.ok("league", "show", "tennis")["position"]
    assert "nothing was written" in tennis("import", "tennis", "matches.csv").out
    assert tennis.ok("league", "show", "tennis")["position"] == before


def test_columns_are_mapped_by_hand(tennis, tmp_path):
    (tmp_path / "odd.csv").write_text("who,whom,how\nAlice,Dora,first\n")
    report = tennis.ok("import", "tennis", "odd.csv", "--map", "first=who", "--map", "second=whom", "--map", "outcome=how")
    assert (report["recorded"], report["created"]) == (1, 1)


def test_an_import_reads_standard_input_also_packed(tennis, monkeypatch):
    packed = gzip.compress(b"first,second,outcome\nAlice,Dora,draw\n", mtime=0)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(packed)))
    assert tennis.ok("import", "tennis", "-")["recorded"] == 1


def test_bad_lines_refuse_the_whole_file_and_are_listed(tennis, tmp_path):
    (tmp_path / "bad.csv").write_text("first,second,outcome\nAlice,Dora,first\nAlice,Alice,first\nAlice,Bob,maybe\n")
    finished = tennis("import", "tennis", "bad.csv", "--json")
    assert (finished.code, finished.json["type"]) == (5, "/problems/bad-lines")
    assert_shape(shapes.ImportShape, finished.json["report"])
    assert len(finished.json["errors"]) == 2
    assert tennis.ok("league", "show", "tennis")["matches"] == 4


def test_columns_that_play_no_part_are_named_in_every_case(tennis, tmp_path):
    (tmp_path / "odd.csv").write_text("first,second,outcome,umpire\nAlice,Dora,first,Zoë\n")
    (tmp_path / "bad.csv").write_text("first,second,outcome,umpire\nAlice,Alice,first,Zoë\n")
    told = "Columns that were not read: umpire."
    for line in ("odd.csv --dry-run", "odd.csv", "odd.csv"):
        assert told in tennis("import", "tennis", *line.split()).out
    assert told in tennis("import", "tennis", "bad.csv").err


def test_new_competitors_are_named_while_they_are_few(tennis, tmp_path):
    (tmp_path / "few.csv").write_text("first,second,outcome\nAlice,Dora,first\n")
    (tmp_path / "many.csv").write_text("first,second,outcome\n" + "".join(f"Alice,New {number},first\n" for number in range(21)))
    assert "New competitors: Dora." in tennis("import", "tennis", "few.csv").out
    assert "New competitors" not in tennis("import", "tennis", "few.csv").out
    assert "New competitors:" not in tennis("import", "tennis", "many.csv").out


def test_lines_that_look_like_known_matches_are_counted(tennis, tmp_path):
    line = "Alice,Dora,first,2026-11-20\n"
    (tmp_path / "one.csv").write_text(f"first,second,outcome,played_at\n{line}")
    (tmp_path / "two.csv").write_text(f"first,second,outcome,played_at\n{line}Alice,Emil,first,2026-11-20\n")
    assert "recorded before" not in tennis("import", "tennis", "one.csv").out
    assert (
        "1 of these lines will be recorded although it looks like a match recorded before" in tennis("import", "tennis", "two.csv", "--dry-run").out
    )
    assert "1 of these lines looks like a match recorded before" in tennis("import", "tennis", "two.csv").out


def test_bad_lines_are_left_out_on_request(tennis, tmp_path):
    (tmp_path / "bad.csv").write_text("first,second,outcome\nAlice,Dora,first\nAlice,Alice,first\n")
    report = tennis.ok("import", "tennis", "bad.csv", "--skip-bad")
    assert (report["recorded"], report["skipped"]) == (1, 1)


def test_a_preview_of_a_void_equals_its_outcome(tennis):
    preview = tennis.ok("void", "tennis", "m2", "--reason", "twice", "--dry-run")
    outcome = tennis.ok("void", "tennis", "m2", "--reason", "twice", "--expected-position", str(preview["expected_position"]))
    assert outcome["moved"] == preview["moved"]
    assert outcome["position"] is not None


def test_a_fit_that_no_worker_takes_is_done_here(tennis):
    fit = tennis.ok("refit", "tennis", "--wait")
    assert (fit["status"], fit["certificate"]["status"]) == ("published", "converged")
    assert tennis.ok("leaderboard", "tennis", "--by", "fit")["fit"] == fit["fit"]
    told = tennis("refit", "tennis", "--wait").out.splitlines()
    assert len(told) == 5
    assert "the matches up to entry" in told[1]
    assert "converged in" in told[3]


def test_a_fit_that_waits_is_cancelled_and_one_that_is_done_is_not(tennis):
    number = str(tennis.ok("refit", "tennis")["fit"])
    assert tennis.ok("cancel", "tennis", number)["status"] == "cancelled"
    assert f"Fit {number} of “tennis” is cancelled." in tennis("cancel", "tennis", number).out
    done = str(tennis.ok("refit", "tennis", "--wait")["fit"])
    refused = tennis("cancel", "tennis", done, "--json")
    assert refused.code == 3
    assert "fit-finished" in refused.out + refused.err


def test_a_fit_that_is_refused_says_why_and_leaves_with_3(arpad):
    arpad.ok("league", "create", "new")
    refused = arpad("refit", "new", "--wait")
    assert (refused.code, refused.out) == (3, "Fit 1 of “new” is refused: The league has no counted match.\n")
    assert arpad("refit", "new", "--wait", "--json").json["status"] == "refused"


def test_the_parameters_of_a_fit_are_told_where_there_are_any(tennis):
    tennis.ok("league", "set", "tennis", "--set", "draws=davidson", "--set", "side=estimate")
    told = tennis("refit", "tennis", "--wait").out
    assert "advantage of the first side" in told
    assert "draw parameter" in told


def columns_of(board):
    return next(line for line in board.out.splitlines() if line.startswith("rank")).split()


def test_the_leaderboard_shows_the_rating_that_ranks_first_and_nothing_empty(tennis):
    assert columns_of(tennis("leaderboard", "tennis")) == ["rank", "competitor", "live", "matches", "won", "drawn", "lost", "status"]
    tennis.ok("refit", "tennis", "--wait")
    by_fit, by_live = (tennis("leaderboard", "tennis", "--by", by) for by in ("fit", "live"))
    assert columns_of(by_fit) == ["rank", "likely", "competitor", "fit", "±", "live", "matches", "won", "drawn", "lost", "status"]
    assert columns_of(by_live) == ["rank", "likely", "competitor", "live", "fit", "±", "matches", "won", "drawn", "lost", "status"]
    assert "by fit 1 (up to entry 4)" in by_fit.out


def test_a_live_system_with_errors_shows_half_the_width_of_its_interval(capsys):
    # No league can choose such a system yet; the shape has the place for it.
    row = boards.row(1, live={"rating": 1900.0, "standard_error": 50.0}, name="Alice", competitor="Alice")
    write_text(standings._leaderboard(boards.board([row], by="live"), standings.Beside()))
    shown = capsys.readouterr().out.splitlines()
    assert next(line for line in shown if line.startswith("rank")).split()[3:7] == ["live", "±", "fit", "±"]
    assert next(line for line in shown if "Alice" in line).split()[3:7] == ["1900.0", "98.0", "1892.8", "41.6"]


def test_islands_are_named_as_on_the_pages(tennis):
    tennis.ok("record", "tennis", "Xaver", "Yvonne", "first")
    assert "2 islands" in tennis("leaderboard", "tennis").out


def test_long_names_are_cut_in_tables_alone(arpad):
    name = "W" * 60
    arpad.ok("league", "create", "new")
    arpad.ok("record", "new", name, "Bob", "first")
    for line in ("leaderboard new", "matches new"):
        shown = arpad(*line.split()).out
        assert name not in shown
        assert f"{'W' * 39}…" in shown
    assert arpad.ok("leaderboard", "new")["rows"][0]["competitor"] == name


def test_a_key_that_would_have_expired_already_is_bad_input(arpad):
    assert arpad("key", "create", "--expires", "2020-01-01").code == 5


def test_an_export_is_restored_elsewhere_with_the_same_hashes(tennis, arpad, tmp_path):
    proof = tennis.ok("verify", "tennis")
    written = tennis.ok("export", "tennis", "tennis.ndjson")
    assert (written["head"], written["file"]) == (proof["log_head"], "tennis.ndjson")
    restored = arpad.ok("restore", "tennis.ndjson", "--as", "copy", "--data", str(tmp_path / "other"))
    assert_shape(shapes.RestoreShape, restored)
    assert (restored["state_hash"], restored["log_head"]) == (proof["state_hash"], proof["log_head"])


def test_an_export_to_standard_output_is_the_file(tennis, tmp_path):
    tennis.ok("export", "tennis", "tennis.ndjson")
    assert tennis("export", "tennis").out == (tmp_path / "tennis.ndjson").read_text()
    assert not (tmp_path / "tennis.ndjson.part").exists()


def test_a_cut_export_is_refused(tennis, arpad, tmp_path):
    tennis.ok("export", "tennis", "tennis.ndjson")
    lines = (tmp_path / "tennis.ndjson").read_text().splitlines(keepends=True)
    (tmp_path / "cut.ndjson").write_text("".join(lines[:-2]))
    assert arpad("restore", "cut.ndjson", "--data", str(tmp_path / "other")).code == 5


def test_a_stored_rating_that_was_tampered_with_leaves_with_8(tennis, database_url):
    from app.storage.unit_of_work import Database

    database = Database.open(database_url)
    with database.write() as unit:
        unit.connection.exec_driver_sql("UPDATE competitor SET rating = rating + 1")
        unit.commit()
    database.close()
    finished = tennis("verify", "tennis", "--json")
    assert finished.code == 8
    assert_shape(shapes.VerifyShape, finished.json)
    assert finished.json["equal"] is False


def test_migrate_says_from_what_to_what_and_hides_the_password(arpad_anywhere, database_url):
    first = arpad_anywhere.ok("migrate")
    assert (first["from"], set(first)) == (None, {"database", "from", "to"})
    assert arpad_anywhere.ok("migrate")["from"] == first["to"]
    assert "already" in arpad_anywhere("migrate").out


def test_a_list_says_how_to_go_on(tennis):
    first = tennis.ok("matches", "tennis", "--limit", "3")
    assert f"--cursor {first['next']}" in tennis("matches", "tennis", "--limit", "3").out
    assert len(tennis.ok("matches", "tennis", "--limit", "3", "--cursor", first["next"])["rows"]) == 1


@pytest.mark.parametrize("line", ["league list", "key list"])
def test_an_empty_list_says_what_to_do_next(arpad, line):
    assert "Next: arpad" in arpad(*line.split()).out


@pytest.mark.parametrize("line", ["leaderboard new", "matches new", "fits new"])
def test_an_empty_league_says_what_to_do_next(arpad, line):
    arpad.ok("league", "create", "new")
    assert "Next: arpad" in arpad(*line.split()).out


@pytest.mark.parametrize(("host", "public"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_a_new_league_is_public_where_only_this_machine_can_read_it(arpad, monkeypatch, host, public):
    monkeypatch.setenv("ARPAD_HOST", host)
    assert arpad.ok("league", "create", "tennis")["public"] is public


def test_the_log_remembers_who_did_it(arpad, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ilona")
    arpad.ok("league", "create", "tennis")
    assert arpad.ok("record", "tennis", "Alice", "Bob", "first")["author"] == "ilona"


def test_a_setting_without_sense_is_bad_input(arpad, monkeypatch):
    monkeypatch.setenv("ARPAD_PORT", "eighty")
    refused = arpad("league", "list", "--json")
    assert (refused.code, refused.json["errors"][0]["pointer"]) == (5, "ARPAD_PORT")


def test_the_data_folder_may_come_from_the_environment(capsys, monkeypatch, tmp_path):
    from app.cli.application import run

    monkeypatch.setenv("ARPAD_DATA", str(tmp_path / "elsewhere"))
    assert run(["league", "list"]) == 0
    assert (tmp_path / "elsewhere" / "arpad.db").is_file()


def test_a_folder_that_cannot_be_made_is_named(arpad, tmp_path):
    (tmp_path / "data").write_text("a file is in the way")
    finished = arpad("league", "list")
    assert finished.code == 5
    assert f"{tmp_path / 'data'}" in finished.err
    assert "Choose another folder" in finished.err


def test_json_lines_are_ndjson(tennis):
    lines = tennis("export", "tennis").out.splitlines()
    assert json.loads(lines[-1])["head"]


def test_a_segment_is_fitted_shown_and_asked_about(full_tennis):
    for match_id, sides in (("c1", ("Alice", "Bob", "first")), ("c2", ("Bob", "Alice", "first"))):
        full_tennis.ok("record", "tennis", *sides, "--match-id", match_id, "--context", "surface=clay court")
    where = ("--where", "surface=clay court")
    fitted = full_tennis("refit", "tennis", *where, "--wait")
    assert "Fit 1 of “tennis”, surface = clay court is published" in fitted.out
    assert "leaderboard tennis --by fit --where 'surface=clay court'" in fitted.out
    board = full_tennis("leaderboard", "tennis", "--by", "fit", *where)
    assert "2 competitors with 2 matches, surface = clay court" in board.out
    assert "Carla" not in board.out
    assert full_tennis.ok("predict", "tennis", "Alice", "Bob", "--by", "fit", *where)["where"] == {"surface": "clay court"}
    assert "surface = clay court" in full_tennis("fits", "tennis").out
    empty = full_tennis("leaderboard", "tennis", "--where", "surface=ice")
    assert "No counted match of “tennis” meets the conditions, surface = ice." in empty.out
    refused = full_tennis("refit", "tennis", "--where", "surface=ice", "--wait")
    assert refused.code == 3
    assert "refused" in refused.out
    unfitted = full_tennis("leaderboard", "tennis", "--by", "fit", "--where", "surface=ice")
    assert (unfitted.code, "No counted match meets" in unfitted.err) == (3, True)


def test_a_covariate_is_set_and_its_worth_is_told(full_tennis):
    covariate = {"name": "length", "first": "a", "second": "b", "form": "relative"}
    shown = full_tennis.ok("league", "set", "tennis", "--set", f"covariates={json.dumps([covariate])}")
    assert shown["settings"]["covariates"] == [covariate]
    for number, (outcome, a, b) in enumerate([("first", 3, 1), ("first", 5, 2), ("second", 1, 4), ("second", 3, 2)]):
        full_tennis.ok("record", "tennis", "Alice", "Bob", outcome, "--match-id", f"l{number}", "--context", f"a={a}", "--context", f"b={b}")
    told = full_tennis("refit", "tennis", "--wait").out
    assert "points per standard deviation" in told
    assert "length +" in told
    refused = full_tennis("league", "set", "tennis", "--set", 'covariates=[{"name": "length"}]')
    assert refused.code == 5
    assert "covariates/0/first" in refused.err
