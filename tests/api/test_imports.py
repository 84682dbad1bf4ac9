"""Files over HTTP: recorded whole or not at all, once, from a body that is never held in memory."""

import gzip

import pytest

from tests.api.site import assert_problem, pointers, running_site, send_raw

CSV = b"first,second,outcome,match_id\nAlice,Bob,first,1\nBob,Carol,draw,2\n"
NDJSON = b'{"first": "Alice", "second": "Bob", "outcome": "first", "match_id": "1"}\n{"first": "Bob", "second": "Carol", "outcome": "draw", "match_id": "2"}\n'


@pytest.fixture
def league(site):
    return site.new_league()


@pytest.fixture
def send(site, league):
    return lambda body, media_type="text/csv", query="": send_raw(site.reporter, "POST", f"/v1/leagues/{league}/imports{query}", body, media_type)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (CSV, "text/csv"),
        (CSV, "text/csv; charset=utf-8"),
        (CSV, "application/octet-stream"),
        (NDJSON, "application/x-ndjson"),
        (NDJSON, "application/octet-stream"),
        (gzip.compress(CSV, mtime=0), "application/gzip"),
        (gzip.compress(NDJSON, mtime=0), "application/octet-stream"),
        (gzip.compress(CSV, mtime=0), "text/csv"),
    ],
)
def test_a_file_is_recorded_whatever_its_format(site, league, send, body, media_type):
    answer = send(body, media_type)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["status"], answer.json()["recorded"]) == ("recorded", 2)
    assert [row["match_id"] for row in site.anonymous.get(f"/v1/leagues/{league}/matches").json()["rows"]] == ["2", "1"]
    assert site.reporter.get(answer.headers["location"]).json() == answer.json()


def test_the_same_file_again_records_nothing(send):
    first, again = send(CSV), send(CSV)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replay"] == "true"
    assert again.json() == first.json()


def test_the_id_of_another_file_is_a_conflict(send):
    assert send(CSV, query="?import_id=autumn").json()["import_id"] == "autumn"
    assert_problem(send(CSV + b"Alice,Carol,first,3\n", query="?import_id=autumn"), 409, "import-differs")


def test_a_file_of_several_parts_arrives_whole(send):
    lines = [f"Player {number % 50},Opponent {number % 49},first,{number:040}" for number in range(25_000)]
    body = "\n".join(["first,second,outcome,match_id", *lines]).encode()
    assert len(body) > 2**20
    assert send(body).json()["recorded"] == 25_000


def test_a_dry_run_records_nothing(site, league, send):
    answer = send(CSV, query="?dry_run=true")
    assert (answer.status_code, answer.json()["status"]) == (200, "planned")
    assert site.anonymous.get(f"/v1/leagues/{league}").json()["position"] == 0


def test_a_bad_line_stops_the_file_and_says_where(site, league, send):
    bad = CSV + b"Alice,Alice,first,3\n"
    problem = assert_problem(send(bad), 422, "bad-lines")
    assert problem["report"]["errors"][0]["line"] == 4
    assert site.anonymous.get(f"/v1/leagues/{league}").json()["position"] == 0
    skipped = send(bad, query="?skip_bad=true").json()
    assert (skipped["recorded"], skipped["skipped"]) == (2, 1)


def test_what_was_not_imported_has_no_report(site, league):
    assert site.reporter.get(f"/v1/leagues/{league}/imports/nothing").status_code in {404, 422}


@pytest.mark.parametrize("query", ["?map=first:White&map=second:Black&map=outcome:Who", "?map=first=White&map=second=Black&map=outcome=Who"])
def test_columns_are_mapped_by_parameter(send, query):
    answer = send(b"White,Black,Who\nAlice,Bob,first\n", query=query)
    assert answer.status_code == 201, answer.text
    assert answer.json()["mapping"] == {"first": "White", "second": "Black", "outcome": "Who"}


@pytest.mark.parametrize("query", ["?map=first", "?map=:White", "?map=", "?map=first:a&map=first:b"])
def test_a_mapping_that_is_none_is_refused(send, query):
    assert pointers(assert_problem(send(CSV, query=query), 422, "bad-input")) == ["map"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"\x00",
        b"\xff\xfe",
        b"PK\x03\x04",
        gzip.compress(CSV, mtime=0)[:20],
        b"a,b\n1,2\n",
        b'{"first": NaN}\n',
        b'{"first": "\\ud800", "second": "B", "outcome": "first"}\n',
    ],
)
@pytest.mark.parametrize("media_type", ["text/csv", "application/x-ndjson", "application/octet-stream", "application/gzip"])
def test_no_file_is_a_server_error(send, body, media_type):
    assert_problem(send(body, media_type), 422)


def test_a_file_may_not_be_larger_than_its_bound(tmp_path):
    with running_site(tmp_path, max_import_bytes=len(CSV)) as small:
        path = f"/v1/leagues/{small.new_league()}/imports"
        assert send_raw(small.reporter, "POST", path, CSV).status_code == 415
        assert send_raw(small.reporter, "POST", path, CSV, "text/csv").status_code == 201
        assert_problem(send_raw(small.reporter, "POST", path, CSV + b"\n", "text/csv"), 413, "body-too-large")
        answer = small.reporter.post(path, content=iter([CSV, CSV]), headers={"Content-Type": "text/csv"})
        assert_problem(answer, 413, "body-too-large")


def test_a_file_may_not_have_more_matches_than_its_bound(tmp_path):
    with running_site(tmp_path, max_import_matches=2) as small:
        path = f"/v1/leagues/{small.new_league()}/imports"
        assert send_raw(small.reporter, "POST", path, CSV, "text/csv").status_code == 201
        answer = send_raw(small.reporter, "POST", path, CSV + b"Carol,Dora,first,3\n", "text/csv")
        assert_problem(answer, 422, "file-not-understood")
        assert "Split it" in answer.json()["detail"]


def test_nothing_is_left_behind(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    with running_site(tmp_path, spool=spool) as site:
        path = f"/v1/leagues/{site.new_league()}/imports"
        assert send_raw(site.reporter, "POST", path, CSV, "text/csv").status_code == 201
        assert send_raw(site.reporter, "POST", path, b"nonsense", "text/csv").status_code == 422
    assert list(spool.iterdir()) == []
