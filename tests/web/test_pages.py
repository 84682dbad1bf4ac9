"""The routes of the pages over a real database: what they answer, to whom, and when they need not answer again."""

import asyncio
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.services import corrections, keys, leagues, recording, refits, roster
from app.services.keys import Caller
from app.services.recording import MatchIn
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database
from app.web.rendering import SAFETY_HEADERS
from app.web.spreadsheets import plain
from tests.web.documents import read

OPERATOR = Caller.operator("test")
MATCHES = [("Ada", "Ben", 1.0), ("Ben", "Cid", 1.0), ("Cid", "Ada", 0.5), ("Ada", "Ben", 0.0), ("=Xi()", "Yve", 1.0)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path / 'arpad.db'}")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def club(database: Database) -> Database:
    """A public league of two islands, with a fit, and a private one."""
    leagues.create_league(database, OPERATOR, "club", name="Club <1>", public=True)
    for first, second, score in MATCHES:
        recording.record_match(database, OPERATOR, "club", MatchIn(first, second, score))
    refits.request_refit(database, OPERATOR, "club")
    refits.run_next_refit(database, "test", league="club")
    leagues.create_league(database, OPERATOR, "secret")
    return database


def get(database: Database, *paths: str, headers: dict[str, str] | None = None) -> list[httpx.Response]:
    app = create_app(database)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://arpad.test") as client:
            return [await client.get(path, headers=headers) for path in paths]

    try:
        return asyncio.run(ask())
    finally:
        app.state.runtime.pools.close()


def get_one(database: Database, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    (response,) = get(database, path, headers=headers)
    return response


def test_the_first_page_lists_the_public_leagues_alone(club):
    document = read(get_one(club, "/").content)
    (line,) = document.one("tbody").all("tr")
    assert [cell.text for cell in line.elements()] == ["Club <1> club", "5", "5"]
    assert document.one("tbody").one("a").attributes["href"] == "/leagues/club"


def test_without_a_league_the_first_page_says_how_to_make_one(database):
    assert "curl http://arpad.test/v1/leagues" in read(get_one(database, "/").content).one("pre").text


def test_the_leaderboard_its_json_and_its_csv_hold_the_same_rows_in_the_same_order(club):
    page, as_json, as_csv = get(club, "/leagues/club?by=fit", "/leagues/club.json?by=fit", "/leagues/club.csv?by=fit")
    document = read(page.content)
    names = [cell.one("bdi").text for body in document.all("tbody") for cell in body.all("th")]
    rows = as_json.json()["rows"]
    cells = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert names == [row["name"] for row in rows] == [plain(row["name"]) for row in cells]
    assert [row["fit"]["rating"] for row in rows] == [float(row["fit_rating"]) for row in cells]
    assert sorted(names) == ["=Xi()", "Ada", "Ben", "Cid", "Yve"]
    assert "'=Xi()" in as_csv.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert as_csv.headers["content-type"].startswith("text/csv; charset=utf-8")


def test_two_islands_have_two_tables_and_the_fit_is_named(club):
    document = read(get_one(club, "/leagues/club?by=fit").content)
    assert [len(body.all("tr")) for body in document.all("tbody")] == [3, 2]
    assert "· fit 1 (up to entry 5)" in document.text


def test_every_answer_is_safe_to_show(club):
    for response in get(club, "/", "/leagues/club", "/leagues/club.json", "/leagues/club.csv"):
        assert response.status_code == 200
        assert all(response.headers[name] == value for name, value in SAFETY_HEADERS.items())


def test_pages_lead_from_one_to_the_next_and_lose_nobody(club):
    path, seen = "/leagues/club?limit=2", []
    while path:
        document = read(get_one(club, path).content)
        seen += [cell.one("bdi").text for body in document.all("tbody") for cell in body.all("th")]
        path = next((link.attributes["href"] for link in document.all("a") if link.text == "Next page"), None)
    everyone = [row["name"] for row in get_one(club, "/leagues/club.json").json()["rows"]]
    assert seen == everyone


def test_the_json_and_the_csv_link_to_what_follows(club):
    for suffix in ("json", "csv"):
        link = get_one(club, f"/leagues/club.{suffix}?limit=2").links["next"]["url"]
        assert link.startswith(f"/leagues/club.{suffix}?limit=2&cursor=")
        assert get_one(club, link).status_code == 200


def test_an_answer_that_is_known_is_not_sent_again_until_the_league_moves(club):
    for path in ("/leagues/club", "/leagues/club.json", "/leagues/club.csv"):
        first = get_one(club, path)
        known = {"If-None-Match": first.headers["etag"]}
        assert get_one(club, path, known).status_code == 304
        recording.record_match(club, OPERATOR, "club", MatchIn("Ada", "Cid", 1.0))
        assert get_one(club, path, known).status_code == 200


def test_a_private_league_is_hidden_and_never_stored(club):
    secret = keys.create_key(club, OPERATOR, name="reader", scopes=["read"])["key"]
    for path in ("/leagues/secret", "/leagues/secret.json", "/leagues/secret.csv"):
        assert get_one(club, path).status_code == 404
        shown = get_one(club, path, {"Authorization": f"Bearer {secret}"})
        assert shown.status_code == 200
        assert shown.headers["cache-control"] == "private, no-store"


def test_an_empty_league_shows_how_to_record_the_first_match(club):
    secret = keys.create_key(club, OPERATOR, name="reader", scopes=["read"])["key"]
    document = read(get_one(club, "/leagues/secret", {"Authorization": f"Bearer {secret}"}).content)
    assert "curl http://arpad.test/v1/leagues/secret/matches" in document.one("pre").text


def test_before_the_first_fit_the_page_says_so(database):
    leagues.create_league(database, OPERATOR, "club", public=True)
    recording.record_match(database, OPERATOR, "club", MatchIn("Ada", "Ben", 1.0))
    document = read(get_one(database, "/leagues/club").content)
    assert "No fit has been published yet" in document.text
    assert len(document.one("tbody").all("tr")) == 2


def test_asking_for_a_fit_that_is_not_there_shows_the_live_ratings(database):
    leagues.create_league(database, OPERATOR, "club", public=True)
    recording.record_match(database, OPERATOR, "club", MatchIn("Ada", "Ben", 1.0))
    shown = get_one(database, "/leagues/club?by=fit")
    document = read(shown.content)
    assert shown.status_code == 200
    assert "No fit has been published yet" in document.text
    assert len(document.one("tbody").all("tr")) == 2
    assert {link.attributes["href"] for link in document.all("a") if link.text == "JSON"} == {"/leagues/club.json"}
    assert get_one(database, "/leagues/club.json?by=fit").status_code == 409


def test_a_fit_that_was_refused_is_told_with_its_reason_also_to_whoever_has_the_page(database):
    leagues.create_league(database, OPERATOR, "club", settings={"prior_sd": None}, public=True)
    recording.record_match(database, OPERATOR, "club", MatchIn("Ada", "Ben", 1.0))
    before = get_one(database, "/leagues/club?by=fit")
    refits.request_refit(database, OPERATOR, "club")
    refused = refits.run_next_refit(database, "test", league="club")
    assert refused["status"] == "refused"
    after = get_one(database, "/leagues/club?by=fit", {"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert f"Fit 1 was refused: {refused['reason']}" in read(after.content).text
    assert get_one(database, "/leagues/club?by=fit", {"If-None-Match": after.headers["etag"]}).status_code == 304


def test_a_refusal_beside_a_published_fit_reaches_whoever_has_the_page(club):
    before = get_one(club, "/leagues/club")
    leagues.change_league(club, OPERATOR, "club", settings={"prior_sd": None})
    unchanged = get_one(club, "/leagues/club")
    refits.request_refit(club, OPERATOR, "club")
    assert refits.run_next_refit(club, "test", league="club")["status"] == "refused"
    after = get_one(club, "/leagues/club", {"If-None-Match": f"{before.headers['etag']}, {unchanged.headers['etag']}"})
    assert after.status_code == 200
    assert "Fit 2 was refused" in read(after.content).text
    assert "Fit 1 stays in place" in read(after.content).text


@pytest.mark.parametrize("query", ["first=Ada", "first=Ada&second=", "first=Ada&second=Ben&by=both", "first=Ada&second=Ben&more=1", "as_of=1"])
def test_a_comparison_that_is_not_understood_is_refused(club, query):
    assert get_one(club, f"/leagues/club/compare?{query}").status_code == 422


def test_a_comparison_of_the_past_stays_as_it_was(club):
    asked = "/leagues/club/compare?first=Ada&second=Ben&as_of=5"
    before = get_one(club, asked)
    go_on(club)
    assert get_one(club, asked).content == before.content
    assert before.headers["cache-control"] == "public, max-age=86400"


def test_a_private_league_compares_nobody(club):
    assert get_one(club, "/leagues/secret/compare?first=Ada&second=Ben").status_code == 404


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_a_browser_without_a_fit_is_led_back_to_the_league(database, suffix):
    leagues.create_league(database, OPERATOR, "club", public=True)
    refused = get_one(database, f"/leagues/club.{suffix}?by=fit", {"Accept": "text/html"})
    assert refused.status_code == 409
    assert "/leagues/club" in {link.attributes["href"] for link in read(refused.content).all("a")}


def test_a_filter_that_was_cleared_filters_nothing(club):
    cleared, without = get(club, "/leagues/club.json?min_matches=", "/leagues/club.json")
    assert cleared.json()["rows"] == without.json()["rows"]


PATHS = ("/leagues/club", "/leagues/club.json", "/leagues/club.csv")


def go_on(club):
    recording.record_match(club, OPERATOR, "club", MatchIn("Ada", "Yve", 1.0))
    corrections.void_entry(club, OPERATOR, "club", 1, reason="a test")
    leagues.change_league(club, OPERATOR, "club", settings={"k": 99.0, "inactive_days": 1}, name="Renamed")
    refits.request_refit(club, OPERATOR, "club")
    assert refits.run_next_refit(club, "test", league="club")["status"] == "published"


@pytest.mark.parametrize("query", ["", "by=fit&", "by=live&limit=2&"])
def test_what_was_shown_then_stays_whatever_happens_afterwards(club, query):
    asked = [f"{path}?{query}as_of=6" for path in PATHS]
    before = get(club, *asked)
    go_on(club)
    for path, then, now in zip(asked, before, get(club, *asked), strict=True):
        assert (then.status_code, then.content, then.headers["etag"]) == (200, now.content, now.headers["etag"])
        assert then.headers["cache-control"] == "public, max-age=86400"
        assert get_one(club, path, {"If-None-Match": then.headers["etag"]}).status_code == 304


def test_a_page_of_the_past_says_so_and_leads_to_the_present(club):
    go_on(club)
    document = read(get_one(club, "/leagues/club?by=live&limit=2&as_of=6").content)
    assert "This is the league as it was at position 6" in document.text
    assert "Elo K=32" in document.text
    links = {link.text: link.attributes["href"] for link in document.all("a")}
    assert links["Show the present"] == "/leagues/club?by=live&limit=2"
    assert links["Permalink"] == "/leagues/club?by=live&limit=2&as_of=6"
    assert "as_of=6" in links["Next page"]
    assert all("as_of=6" in links[choice] for choice in ("Live", "Fit", "JSON", "CSV"))
    assert [field.attributes["value"] for field in document.all("input") if field.attributes["name"] == "as_of"] == ["6"]


def test_a_live_page_names_its_permalink(club):
    for path in PATHS:
        live = get_one(club, f"{path}?limit=2")
        assert live.links["bookmark"]["url"] == f"{path}?limit=2&as_of=6"
        then = get_one(club, live.links["bookmark"]["url"])
        assert then.status_code == 200
    document = read(get_one(club, "/leagues/club").content)
    assert [link.attributes["href"] for link in document.all("a") if link.text == "Permalink"] == ["/leagues/club?as_of=6"]
    assert "as it was" not in document.text


def test_the_spreadsheet_of_the_past_has_its_position_in_its_name(club):
    assert "club-leaderboard-at-3.csv" in get_one(club, "/leagues/club.csv?as_of=3").headers["content-disposition"]


def test_before_the_first_match_nobody_is_listed_and_no_command_is_offered(club):
    document = read(get_one(club, "/leagues/club?as_of=0").content)
    assert "Nobody had a match at entry 0." in document.text
    assert not document.all("pre")
    assert not [link for link in document.all("a") if link.text == "Fit" and link.attributes.get("href")]


def test_names_of_the_past_are_those_of_today(club):
    before = get_one(club, "/leagues/club?as_of=6")
    roster.change_competitor(club, OPERATOR, "club", "Ada", {"name": "Ada Lovelace"})
    after = get_one(club, "/leagues/club?as_of=6", {"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert "Ada Lovelace" in read(after.content).text


def test_a_private_league_of_the_past_is_hidden_and_never_stored(club):
    secret = keys.create_key(club, OPERATOR, name="reader", scopes=["read"])["key"]
    assert get_one(club, "/leagues/secret?as_of=0").status_code == 404
    assert get_one(club, "/leagues/secret?as_of=0", {"Authorization": f"Bearer {secret}"}).headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/leagues", "/leagues/"])
def test_the_list_is_also_where_its_address_leads_one_to_look(club, path):
    assert get_one(club, path).content == get_one(club, "/").content


@pytest.mark.parametrize(
    "query",
    [
        "by=both",
        "limit=0",
        "limit=1001",
        "min_matches=-1",
        "unknown=1",
        "inactive=perhaps",
        "cursor=%00",
        "as_of=-1",
        "as_of=soon",
        "as_of=",
        "as_of=999",
        "as_of=2999-01-01T00:00:00Z",
    ],
)
def test_what_is_not_understood_is_refused(club, query):
    for suffix in ("", ".json", ".csv"):
        told = get_one(club, f"/leagues/club{suffix}?{query}", headers={"Accept": "application/json"})
        assert (told.status_code, told.headers["content-type"]) == (422, "application/problem+json")
        assert told.json()["errors"]
    shown = get_one(club, f"/leagues/club?{query}", headers={"Accept": "text/html"})
    assert (shown.status_code, shown.headers["content-type"]) == (422, "text/html; charset=utf-8")


@pytest.mark.parametrize("league", ["nobody", "Club", "a%00b", "%2e%2e", "a%2Fb", "x" * 64])
def test_a_league_that_cannot_be_is_not_found(club, league):
    assert get_one(club, f"/leagues/{league}").status_code in {404, 422}


def test_the_stylesheet_and_the_icon_of_a_page_are_there_and_kept_for_ever(club):
    document = read(get_one(club, "/").content)
    for link in document.all("link"):
        asset = get_one(club, link.attributes["href"])
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
    assert get_one(club, "/static/nothing.css").status_code == 404
