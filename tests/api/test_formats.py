"""The representations of collections: one header, every row, no formulas."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from app.api import examples
from app.api.formats import CSV, JSON, NDJSON, cell, columns_of, json_bytes, negotiated, rows_as
from app.services.shapes import CompetitorListRow, HistoryRow, LeaderboardRow, OpponentRow, ReceiptShape

COLLECTIONS = {
    "leaderboard": (LeaderboardRow, examples.LEADERBOARD),
    "competitors": (CompetitorListRow, examples.COMPETITORS),
    "matches": (ReceiptShape, examples.MATCHES),
    "competitors/Alice/history": (HistoryRow, examples.HISTORY),
    "competitors/Alice/opponents": (OpponentRow, examples.OPPONENTS),
}
every_collection = pytest.mark.parametrize("name", COLLECTIONS)


def as_cells(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


@every_collection
def test_a_collection_is_the_same_in_every_format(site, name):
    path = f"/v1/leagues/{site.played_league()}/{name}"
    rows = site.anonymous.get(path + ".json").json()["rows"]
    lines = site.anonymous.get(path + ".ndjson")
    cells = site.anonymous.get(path + ".csv")
    assert rows
    assert lines.headers["content-type"] == NDJSON
    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    assert cells.headers["content-type"] == CSV
    assert len(as_cells(cells.content)) == len(rows)
    for media_type, other in (("text/csv", cells), ("application/x-ndjson", lines)):
        assert site.anonymous.get(path, headers={"Accept": media_type}).content == other.content


@every_collection
def test_an_empty_collection_still_has_its_header(name):
    row_type, _ = COLLECTIONS[name]
    assert rows_as(CSV, [], row_type).decode().strip().split(",") == [".".join(path) for path in columns_of(row_type)]
    assert rows_as(NDJSON, [], row_type) == b""


@every_collection
def test_every_value_of_a_row_has_its_column(name):
    row_type, example = COLLECTIONS[name]
    row = example["rows"][0]
    [cells] = as_cells(rows_as(CSV, [row], row_type))

    def leaves(node, path=()):
        for member, value in node.items():
            if isinstance(value, dict) and member != "context":
                yield from leaves(value, (*path, member))
            else:
                yield ".".join((*path, member)), value

    for column, value in leaves(row):
        assert cells[column] == cell(value), column


@pytest.mark.parametrize("text", ["=1+1", "+A", "-A", "@SUM(A1)", "\tA", "-", "=", "-1-2", "-_1"])
def test_what_a_spreadsheet_would_reckon_becomes_text(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["Alice", "-1", "+1.5", "-2e3", "a=b", "", "'=1", "1-0"])
def test_other_text_stays_as_it_is(text):
    assert cell(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "true"), (False, "false"), (-1.5, "-1.5"), (3, "3"), ([], ""), (["a", 'b"'], '["a","b\\""]'), ({"a": 1}, '{"a":1}')],
)
def test_a_value_has_one_form(value, shown):
    assert cell(value) == shown


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_no_text_begins_as_a_formula(text):
    shown = cell(text)
    assert not shown.startswith(("=", "@", "\t"))
    assert shown in {text, f"'{text}"}
    [row] = as_cells(rows_as(CSV, [{"competitor": text}], CompetitorListRow))
    assert row["competitor"] == shown


def asked(path: str, accept: str) -> str:
    return negotiated(Request({"type": "http", "path": path, "headers": [(b"accept", accept.encode())]}))


@pytest.mark.parametrize(
    ("path", "accept", "media_type"),
    [
        ("/matches", "", JSON),
        ("/matches", "*/*", JSON),
        ("/matches", "text/html,application/xhtml+xml", JSON),
        ("/matches", "text/csv", CSV),
        ("/matches", "text/csv;q=0.5, application/json", JSON),
        ("/matches", "application/json;q=0.5, text/csv;q=0.6", CSV),
        ("/matches", "text/csv;q=none", JSON),
        ("/matches", "TEXT/CSV", CSV),
        ("/matches", "application/jsonl", NDJSON),
        ("/matches.csv", "application/json", CSV),
        ("/matches.json", "text/csv", JSON),
    ],
)
def test_the_suffix_decides_before_the_header(path, accept, media_type):
    assert asked(path, accept) == media_type


def test_json_has_no_nan():
    assert json_bytes({"a": float("nan"), "b": "é"}) == '{"a":null,"b":"é"}'.encode()
