"""A leaderboard as CSV (RFC 4180, UTF-8): the rows of the JSON, one cell per field.

Spreadsheets run a cell that begins like a formula. Such text gets a leading apostrophe; so does text that has the apostrophe already,
and `plain` takes exactly one off again, so that every name survives the way there and back.
"""

import csv
import io
import re

from app.services.shapes import LeaderboardRow, LeaderboardShape

Cell = str | int | float | None

# New columns come at the end, so that whoever reads by place reads on.
COLUMNS = (
    "rank", "rank_low", "rank_high", "rank_ub", "competitor", "name", "live_rating", "live_standard_error",
    "fit_rating", "fit_lower", "fit_upper", "fit_standard_error", "fit_component", "fit_class", "component", "class",
    "matches", "wins", "draws", "losses", "last_played_at", "status", "remarks",
    "tier", "p_top", "drift",
)  # fmt: skip

_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def leaderboard_csv(board: LeaderboardShape) -> bytes:
    """All rows of a leaderboard's page, in their order, under a header line."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    writer.writerows([harmless(cell) for cell in cells(row)] for row in board["rows"])
    return sheet.getvalue().encode()


def cells(row: LeaderboardRow) -> tuple[Cell, ...]:
    """The cells of one row, in the order of `COLUMNS`."""
    live, fit = row["live"], row["fit"]
    fitted: tuple[Cell, ...] = (None,) * 6
    if fit is not None:
        fitted = (fit["rating"], fit["lower"], fit["upper"], fit["standard_error"], fit["component"], fit["class"])
    return (
        *(row["rank"], row["rank_low"], row["rank_high"], row["rank_ub"], row["competitor"], row["name"]),
        *(live["rating"], live["standard_error"], *fitted, row["component"], row["class"]),
        *(row["matches"], row["wins"], row["draws"], row["losses"], row["last_played_at"], row["status"], "; ".join(row["remarks"])),
        *(row["tier"], row["p_top"], row["drift"]),
    )


def harmless(cell: Cell) -> Cell:
    """The cell, with an apostrophe before text that a spreadsheet would run."""
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def plain(text: str) -> str:
    """The text that `harmless` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
