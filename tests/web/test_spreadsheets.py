"""The CSV holds the rows of the JSON, and no cell that a spreadsheet would run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.spreadsheets import COLUMNS, cells, harmless, leaderboard_csv, plain
from tests.web import boards

STARTS = "=+-@\t\r＝＋－＠"
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=200)
TRICKY_NAMES = st.builds(str.__add__, st.text("'=+-@0123456789.e ", max_size=6), NAMES)


def parsed(sheet: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.decode(), newline="")))


@pytest.mark.parametrize("board", [boards.full(), boards.islands(), boards.hostile(), boards.one_match(), boards.board([])])
def test_it_parses_back_to_the_same_rows_in_the_same_order(board):
    rows = parsed(leaderboard_csv(board))
    expected = [["" if cell is None else str(cell) for cell in cells(row)] for row in board["rows"]]
    assert [[plain(row[column]) for column in COLUMNS] for row in rows] == expected


def test_new_columns_stand_at_the_end():
    assert COLUMNS[:23] == (
        "rank", "rank_low", "rank_high", "rank_ub", "competitor", "name", "live_rating", "live_standard_error",
        "fit_rating", "fit_lower", "fit_upper", "fit_standard_error", "fit_component", "fit_class", "component", "class",
        "matches", "wins", "draws", "losses", "last_played_at", "status", "remarks",
    )  # fmt: skip
    (read,) = parsed(leaderboard_csv(boards.board([boards.row(12)])))
    assert (read["tier"], read["p_top"], read["drift"]) == ("2", "0.0", "0.9")


def test_numbers_come_back_exactly():
    row = boards.row(1, live={"rating": 1500.1 + 1 / 3, "standard_error": None})
    (read,) = parsed(leaderboard_csv(boards.board([row])))
    assert float(read["live_rating"]) == row["live"]["rating"]


@given(NAMES | TRICKY_NAMES)
def test_every_text_survives_the_way_there_and_back(text):
    assert plain(str(harmless(text))) == text


@given(NAMES | TRICKY_NAMES)
def test_no_text_cell_begins_like_a_formula_unless_it_is_a_number(text):
    cell = str(harmless(text))
    if cell[0] in STARTS:
        float(cell)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "-", "＝1", "-inf", "-1_0"])
def test_formulas_get_an_apostrophe(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", [-5, -5.25, "-5", "+1.5e3", None, "Alice", "O'Neill", "'quoted'", ""])
def test_numbers_and_ordinary_names_stay_as_they_are(cell):
    assert harmless(cell) == cell
