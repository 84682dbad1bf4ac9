import pytest

from app import errors
from app.cli.exits import EXIT_CODES, MAX_FAULTS_SHOWN, exit_code, problem, report
from app.errors import ArpadError, BadInput, Fault

MADE = {
    errors.ArpadError("x"): 1,
    errors.LeagueExists("x"): 3,
    errors.MatchIdTaken("x", ["first"]): 3,
    errors.PositionMoved(1, 2): 3,
    errors.FitNotPublished("x"): 3,
    errors.DatabaseLocked("x"): 3,
    errors.LeagueBusy("x"): 3,
    errors.SchemaUnknown("x"): 3,
    errors.LeagueNotFound("x"): 4,
    errors.CompetitorNotFound("x", ["y"]): 4,
    errors.BadInput("x"): 5,
    errors.FileNotUnderstood("x"): 5,
    errors.ExportDamaged("x"): 5,
    errors.KeyRequired(): 6,
    errors.ScopeMissing("read"): 6,
    errors.Unavailable("x"): 7,
    errors.RecorderFull("x"): 7,
    errors.VerifyDiffers("x"): 8,
}


@pytest.mark.parametrize(("error", "code"), MADE.items(), ids=lambda value: getattr(value, "code", value))
def test_each_condition_has_its_exit_code(error, code):
    assert exit_code(error) == code


def test_no_condition_reads_as_success_or_as_a_usage_error():
    assert set(EXIT_CODES.values()) == {1, 3, 4, 5, 6, 7, 8}


def test_a_condition_that_is_new_has_the_code_of_its_parent():
    class Newer(errors.MatchNotFound):
        pass

    assert exit_code(Newer("x")) == 4


def test_people_read_title_detail_and_each_fault_on_standard_error(capsys):
    report(BadInput("It cannot be.", [Fault("/first", "must be a name")]), as_json=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["The input cannot be accepted.", "It cannot be.", "  /first: must be a name"]


def test_many_faults_are_cut_for_people_and_complete_in_json(capsys):
    error = BadInput("No.", [Fault(f"/{number}", "wrong") for number in range(MAX_FAULTS_SHOWN + 7)])
    report(error, as_json=False)
    assert capsys.readouterr().err.splitlines()[-1] == "  … and 7 more; --json lists them all."
    assert len(problem(error)["errors"]) == MAX_FAULTS_SHOWN + 7


def test_a_problem_carries_what_the_error_carries():
    assert problem(errors.PositionMoved(1, 2)) == {
        "expected": 1,
        "position": 2,
        "type": "/problems/position-moved",
        "title": "The league moved on since the preview",
        "exit_code": 3,
        "detail": "The league is at position 2, not at 1. Ask for a new preview.",
        "errors": [],
    }


def test_a_detail_from_outside_cannot_steer_the_terminal(capsys):
    report(ArpadError("\x1b[31mred \u202egnal"), as_json=False)
    assert "\\x1b[31mred \\u202egnal" in capsys.readouterr().err
