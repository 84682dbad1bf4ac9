"""Bad lines, bad bytes, arbitrary bytes and real files: whole matches come out, or an error that names the place and the remedy."""

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import FileNotUnderstood
from app.services.file_text import MAX_LINE_BYTES
from app.services.files import read_match_file
from tests.services.match_files import matches, read, refused

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

# --- single lines ---

BAD_LINES = {
    ",Bob,first,,,": ("player_a", "first", "write the competitor's name"),
    "Ann,Ann,first,,,": ("player_b", "second", "both sides"),
    "A\x07n,Bob,first,,,": ("player_a", "first", "control characters"),
    f"{'n' * 201},Bob,first,,,": ("player_a", "first", "1 to 200 characters"),
    "Ann,Bob,first,31/31/2024,,": ("date", "played_at", "write 2024-12-31"),
    "Ann,Bob,first,,0,": ("weight", "weight", "above 0"),
    "Ann,Bob,first,,1e7,": ("weight", "weight", "at most 1,000,000"),
    "Ann,Bob,first,,nan,": ("weight", "weight", "decimal point"),
    'Ann,Bob,first,,"2,5",': ("weight", "weight", "decimal point"),
    "Ann,Bob,first,,,maybe": ("neutral", "neutral", "1 or 0"),
    "Ann,Bob,perhaps,,,": ("outcome", "outcome", "correct it"),
    "Ann,Bob,first": (None, None, "3 values where the header has 6"),
    "Ann,Bob,first,,,,1": (None, None, "7 values where the header has 6"),
    'Ann,"Bob"y,first,,,': (None, None, "is no CSV"),
    "Ann,Bob,first" + "," * 1001: (None, None, "more than 1000"),
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_line_is_named_and_the_others_are_kept(tmp_path, line):
    good = "Cy,Dan,draw,,,\n"
    file = read(tmp_path, f"player_a,player_b,outcome,date,weight,neutral\n{good}{line}\n{good}")
    column, field, says = BAD_LINES[line]
    assert (file.lines, matches(file)) == ([2, 4], [("Cy", "Dan", 0.5)] * 2)
    (error,) = file.errors
    assert (error.line, error.column, error.field) == (3, column, field)
    assert says in error.detail


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "7",
        "{}",
        '{"first": {"name": "Ann"}, "second": "Bob", "outcome": "first"}',
        '{"first": "\\ud800", "second": "Bob", "outcome": "first"}',
        '{"first": "Ann\\u0000", "second": "Bob", "outcome": "first"}',
        '{"first": "Ann", "second": "Bob", "outcome": "first", "weight": NaN}',
        '{"first": "Ann", "second": "Bob", "outcome": "first", "weight": [1]}',
        '{"first": "Ann", "second": "Bob", "outcome": "first", "context": "clay"}',
        '{"first": "Ann", "second": "Bob", "outcome": "first", "context": {"a": {"b": 1}}}',
        '{"first": "Ann", "second": "Bob", "outcome": "first", "context": {"a": ' + "9" * 400 + "}}",
        '{"first": "Ann", "second": "Bob", "outcome": "first", "context": {"a": "' + "x" * 201 + '"}}',
        '{"first": ' + "[" * 100_000 + "}",
    ],
)
def test_a_bad_line_of_ndjson_is_named_and_the_others_are_kept(tmp_path, line):
    good = '{"first": "Ann", "second": "Bob", "outcome": "first"}\n'
    file = read(tmp_path, f"{good}{line}\n{good}")
    assert (file.lines, [error.line for error in file.errors]) == ([1, 3], [2])
    json.dumps([error.detail for error in file.errors], ensure_ascii=False).encode()


def test_lines_count_from_the_header_through_blank_lines_and_line_breaks_in_quotes(tmp_path):
    content = '\nfirst,second,outcome,note\n\nAnn,Bob,first,"a\nb\nc"\nAnn,,first,\n"x\ny",Bob,first,\nAnn,Bob,second,\n'
    file = read(tmp_path, content)
    assert (file.lines, [error.line for error in file.errors]) == ([4, 10], [7, 8])


def test_the_first_hundred_errors_are_kept_in_order_and_all_are_counted(tmp_path):
    lines = [f"Ann,{'' if number % 3 else chr(34) + 'x' + chr(34) + 'y'},first" for number in range(1000)]
    file = read(tmp_path, "first,second,outcome\n" + "\n".join(lines))
    assert file.error_count == 1000
    assert [error.line for error in file.errors] == [*range(2, 102)]


# --- bytes ---

HEADER = b"first,second,outcome\n"
LINE = b"Ann,Bob,first\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n \r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b",,\nfirst,second,outcome\n", "no header"),
        (HEADER + "Zoë,Bob,first\n".encode("latin-1"), "Line 2 is not UTF-8. Save the file as UTF-8."),
        ("first,second,outcome\n".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04 a workbook", "Excel"),
        (HEADER + LINE + b"Ann,B\0b,first\n", "Line 3 contains a NUL byte"),
        (HEADER + LINE * 30_000 + b"x" * (MAX_LINE_BYTES + 1), "Line 30002 is longer"),
        (b"x" * (MAX_LINE_BYTES + 1), "Line 1 is longer"),
        (HEADER + LINE + b'Ann,"Bob,first\n' + LINE, "line 3 does not end"),
        (HEADER + LINE + b'Ann,"Bob,first\n' + LINE * 100_000, "line 3 does not end"),
        (b'[{"first": "Ann"}]', "JSON array"),
        (b"{\n}\n", "No line of the file is a JSON object"),
        (gzip.compress(HEADER + LINE, mtime=0)[:-4], "cut"),
        (gzip.compress(HEADER + LINE, mtime=0)[:12], "cut"),
        (gzip.compress(HEADER + LINE, mtime=0)[:-8] + b"\0" * 8, "damaged"),
        (gzip.compress(HEADER + LINE, mtime=0)[:10] + b"\xff" * 20, "damaged"),
    ],
)
def test_bytes_that_are_no_text_of_matches_are_refused_with_the_remedy(tmp_path, content, says):
    assert says in refused(tmp_path, content)


def test_a_line_of_the_greatest_length_is_read(tmp_path):
    content = b"first,second,outcome,prompt\n" + b"Ann,Bob,first,".ljust(MAX_LINE_BYTES, b"x") + b"\n"
    assert len(read(tmp_path, content).columns) == 1


def test_a_match_over_many_lines_is_bounded_as_a_line_is(tmp_path):
    half = b'"' + b"x\n" * (MAX_LINE_BYTES // 3) + b'"'
    content = b"first,second,outcome,prompt,answer\nAnn,Bob,first," + half + b"," + half + b"\nAnn,Bob,second,,\n"
    file = read(tmp_path, content)
    assert (file.columns.score, [error.line for error in file.errors]) == ([0.0], [2])


def test_a_gzip_bomb_is_stopped_by_the_limit_on_unpacked_bytes(tmp_path):
    bomb = gzip.compress(HEADER + LINE * 200_000)
    assert len(bomb) < 20_000
    assert "more than 1,000,000 bytes" in refused(tmp_path, bomb, max_bytes=1_000_000)
    assert len(read(tmp_path, bomb, max_bytes=3_000_000).columns) == 200_000


def test_a_path_that_cannot_be_opened_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(FileNotUnderstood, match="Check the path"):
            read_match_file(path)


def test_progress_ends_at_the_size_of_the_file(tmp_path):
    for content in (HEADER + LINE * 50_000, gzip.compress(HEADER + LINE * 50_000)):
        told: list[tuple[int, int]] = []
        read(tmp_path, content, on_progress=lambda done, total, told=told: told.append((done, total)))
        assert told == sorted(told)
        assert told[-1] == (len(content), len(content))


def test_the_digest_knows_bytes_and_mapping_and_not_the_packing(tmp_path):
    content = b"a,b,winner,note\nAnn,Bob,a,x\n"
    digest = read(tmp_path, content).digest
    assert len(digest) == 64
    assert read(tmp_path, gzip.compress(content)).digest == digest
    assert read(tmp_path, content, mapping={"outcome": "winner", "first": "A", "second": "B"}).digest == digest
    assert read(tmp_path, content, mapping={"context.note": "note"}).digest != digest
    assert read(tmp_path, content + b"\n").digest != digest


def test_new_names_late_in_ndjson_extend_the_table_but_may_not_change_it(tmp_path):
    line = '{"first": "Ann", "second": "Bob", "outcome": "first"}\n'
    late = '{"first": "Ann", "second": "Bob", "outcome": "draw", "played_at": "2024-01-01"}\n'
    file = read(tmp_path, line * 5000 + late)
    assert file.columns.played_at[-2:] == [None, 1_704_067_200_000_000]
    assert file.mapping["played_at"] == "played_at"
    twice = late.replace("played_at", "date").replace("}", ', "time": "12:00"}')
    assert "--map played_at=date" in refused(tmp_path, line * 5000 + twice)
    with_id = '{"first": "Ann", "second": "Bob", "outcome": "first", "id": "7"}\n'
    assert "new names change" in refused(tmp_path, with_id * 300 + with_id.replace("}", ', "game_id": "8"}'))


# --- anything ---

NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8)
ROWS = st.lists(st.tuples(NAMES, NAMES, st.sampled_from([1.0, 0.5, 0.0])).filter(lambda row: row[0] != row[1]), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_whatever_the_names_a_written_match_is_read_back(rows, delimiter, end, packed):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(["first", "second", "score"])
    writer.writerows(rows)
    content = out.getvalue().encode()
    with tempfile.TemporaryDirectory() as folder:
        file = read(Path(folder), gzip.compress(content) if packed else content)
        lines = "".join(json.dumps({"first": one, "second": two, "score": score}) + end for one, two, score in rows)
        same = read(Path(folder), lines)
    assert not file.errors
    assert matches(file) == matches(same)
    assert [score for *_, score in matches(file)] == [score for *_, score in rows]


TOKENS = st.sampled_from(
    [
        *'{}[]",;:\n\r\t \0',
        "first",
        "second",
        "outcome",
        "winner",
        "loser",
        "date",
        "1",
        "0",
        "2024-01-01",
        "1/2/2024",
        "draw",
        "Ann",
        "\ufeff",
        "\x85",
    ]
)
ANYTHING = st.binary(max_size=200) | st.lists(TOKENS, max_size=60).map(lambda tokens: "".join(tokens).encode())
BEGINNINGS = st.sampled_from(
    [b"", b"first,second,outcome\n", b"winner,loser,date\n", b'{"first": "a", "second": "b", "outcome": "a"}\n', b"\x1f\x8b\x08\x00"]
)


@settings(max_examples=300, deadline=None)
@given(BEGINNINGS, ANYTHING, st.sampled_from([None, "csv", "ndjson"]), st.booleans())
def test_arbitrary_bytes_give_whole_matches_or_the_one_error(beginning, content, form, packed):
    content = gzip.compress(beginning + content) if packed else beginning + content
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = read(Path(folder), content, format=form)
        except FileNotUnderstood:
            return
    columns = file.columns
    assert {len(getattr(columns, name)) for name in columns.__slots__} == {len(file.lines)}
    assert file.lines == sorted(set(file.lines))
    assert all(one and two and one != two for one, two in zip(columns.first, columns.second, strict=True))
    assert {type(score) for score in columns.score} <= {float}
    assert {type(moment) for moment in columns.played_at} <= {int, type(None)}
    assert not {error.line for error in file.errors} & set(file.lines)


# --- real files ---

REAL = {
    "tennis_atp.csv.gz": (193_626, 7504, 0, 0),
    "football_international.csv.gz": (49_520, 337, 11_258, 13_156),
    "nfl_538elo.csv.gz": (16_810, 123, 316, 92),
    "llm_llmfao_crowd.csv": (8931, 59, 3471, 0),
    "bt_citations.csv": (12, 4, 0, 0),
    "bt_baseball1987.csv": (80, 7, 0, 0),
    "tiny_elo_tournament.csv": (56, 8, 5, 0),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_hold_what_their_description_says(name):
    if not (DATA / name).exists():
        pytest.skip("the folder of real matches is not beside the repository")
    file = read_match_file(DATA / name)
    columns = file.columns
    competitors = len({*columns.first, *columns.second})
    assert (len(columns), competitors, columns.score.count(0.5), sum(columns.neutral)) == REAL[name]
    assert (file.error_count, file.lines) == (0, [*range(2, len(columns) + 2)])


def test_a_weight_is_that_many_games():
    if not (DATA / "bt_baseball1987.csv").exists():
        pytest.skip("the folder of real matches is not beside the repository")
    assert sum(read_match_file(DATA / "bt_baseball1987.csv").columns.weight) == 273
