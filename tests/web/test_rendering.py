"""What the pages say and how they are built, from constructed shapes."""

import re
from pathlib import Path

import pytest

from app.errors import Fault
from app.services.conditions import Conditions
from app.services.shapes import LeaderboardShape
from app.web import rendering, wording
from app.web.comparing import compare_page
from app.web.rendering import ASSETS, SAFETY_HEADERS, render, render_problem
from app.web.views import Asked, leaderboard_page, leagues_page
from tests.web import boards
from tests.web.documents import Element, read

BASE = "http://127.0.0.1:8000/"
FIT = Asked(by="fit")
HOSTILE = Conditions.of_texts(['<b>="&', "surface=<i>Clay's"])


def html(board: LeaderboardShape, *, league=None, fit=None, asked=FIT, **beside) -> bytes:
    return render(leaderboard_page(league or boards.league(), board, fit or boards.fit(), asked, BASE, **beside))


def empty() -> bytes:
    return html(boards.board([], fit=None, by="live", position=0), league=boards.league(matches=0), asked=Asked())


def compared(**changes) -> bytes:
    names = {"first": '<i>"Ada"</i>', "second": "Ben & sons"}
    prediction = boards.prediction(pair=names, **changes)
    return render(compare_page(boards.board([]), prediction, boards.difference(), Asked()))


PAGES = {
    "full": html(boards.full()),
    "islands": html(boards.islands()),
    "hostile": html(boards.hostile()),
    "one match": html(boards.one_match(), league=boards.league(matches=1), asked=Asked()),
    "empty": empty(),
    "nobody passes the filters": html(boards.board([])),
    "past": html(boards.full(), asked=Asked(by="fit", as_of="48211")),
    "nobody then": html(boards.board([], fit=None, by="live", position=0), asked=Asked(as_of="0")),
    "leagues": render(leagues_page([boards.league(), boards.league(name="<b>", public=False)], "abc", BASE)),
    "no leagues": render(leagues_page([], None, BASE)),
    "compared": compared(),
    "segment": html(boards.board([boards.row(1), boards.row(2)], where={"<b>": '"&'}, matches=3), asked=Asked(where=HOSTILE), may_choose=True),
    "compared in a segment": render(
        compare_page(boards.board([], where={}, matches=3), boards.prediction(), boards.difference(), Asked(where=HOSTILE))
    ),
    "problem": render_problem(422, "The input", "is <wrong>", faults=[Fault("limit", "too <large>")]),
}


def rows(document: Element) -> list[list[str]]:
    return [[cell.text for cell in line.elements()] for body in document.all("tbody") for line in body.all("tr")]


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_page_is_a_whole_document(page):
    document = read(page)
    assert page.startswith(b"<!doctype html>")
    assert document.one("html").attributes["lang"] == "en"
    assert document.one("head").one("title").text.endswith(" · Arpad")
    assert len(document.all("h1")) == len(document.all("main")) == 1
    assert any(meta.attributes.get("name") == "viewport" for meta in document.all("meta"))


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_page_needs_a_script_an_inline_style_or_a_third_party(page):
    document = read(page)
    assert not document.all("script")
    assert not document.all("style")
    for element in document.walk():
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")]
        for name in ("href", "src", "action"):
            address = element.attributes.get(name)
            assert address is None or address[0] in "/#"
            assert address is None or not address.startswith("//")


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_ids_are_unique_and_references_lead_somewhere(page):
    document = read(page)
    ids = [element.attributes["id"] for element in document.walk() if "id" in element.attributes]
    references = [href[1:] for element in document.walk() if (href := element.attributes.get("href") or "").startswith("#")]
    assert len(ids) == len(set(ids))
    assert set(references) <= set(ids)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_tables_name_themselves_their_columns_and_their_rows(page):
    for table in read(page).all("table"):
        assert table.one("caption").text.strip()
        heads = table.one("thead").one("tr").elements()
        assert all(head.name == "th" and head.attributes["scope"] == "col" and head.text.strip() for head in heads)
        for line in table.one("tbody").all("tr"):
            assert len(line.elements()) == len(heads)
            assert [head.attributes["scope"] for head in line.all("th")] == ["row"]


def tiered(document: Element) -> list[str]:
    return [line.one("th").all("bdi")[0].text for line in document.all("tr") if line.attributes.get("class") == "tier"]


def test_a_line_parts_the_tiers_and_is_told_to_those_who_do_not_see_it():
    document = read(PAGES["full"])
    assert tiered(document) == [f"Player {number}" for number in range(10, 101, 10)]
    assert rows(document)[9][0] == "Tier 2: 8–13"
    assert "Lines" in [term.text for term in document.all("dt")]


def test_the_live_order_and_competitors_without_a_tier_have_no_lines():
    live = read(html(boards.board([boards.row(number) for number in (9, 10)], by="live")))
    unknown = read(html(boards.board([boards.row(9, tier=None), boards.row(10), boards.without_fit(11)])))
    for document in (live, unknown):
        assert not tiered(document)
        assert "Lines" not in [term.text for term in document.all("dt")]


def test_each_island_names_who_may_be_the_strongest_there():
    sentences = [line.text for line in read(PAGES["islands"]).all("p") if "strongest" in line.text]
    assert sentences == ["The strongest, by the fit: Player 1 with 90 %, Player 2 with 10 %."]
    tied = boards.board([boards.row(number, p_top=0.2) for number in range(1, 6)])
    assert "Player 1 with 20 %, Player 2 with 20 %, Player 3 with 20 %; 2 more with at least 5 % each." in read(html(tied)).text
    certain = boards.board([boards.row(1, p_top=1.0), boards.row(2, p_top=0.0)])
    assert "Player 1 with more than 99 %." in read(html(certain)).text


@pytest.mark.parametrize("board", [boards.board([boards.row(1)]), boards.board([boards.without_fit(1), boards.without_fit(2)])])
def test_who_is_alone_or_unknown_to_the_fit_is_not_called_the_strongest(board):
    assert "The strongest" not in read(html(board)).text


def test_who_has_left_the_fit_is_marked_and_the_mark_explained():
    rows_ = [boards.row(1, drift=4.5), boards.row(2, drift=-4.5), boards.row(3, drift=3.9), boards.row(4, drift=9.0, matches=29)]
    document = read(html(boards.board(rows_)))
    assert [line[7] for line in rows(document)] == ["activelive far above the fit", "activelive far below the fit", "active", "active"]
    assert [term.text for term in document.all("dt")].count("live far above the fit") == 1


def test_the_alarm_of_the_league_is_told():
    drift = {"alarm": True, "sentence": "7 of 40 competitors stand far from the fit."}
    assert "Live and fit disagree: 7 of 40 competitors stand far from the fit." in read(html(boards.full(), drift=drift)).text
    assert "disagree" not in read(html(boards.full(), drift={**drift, "alarm": False})).text


def test_a_fit_that_was_refused_leaves_the_published_one_and_says_so():
    last = boards.fit(fit=18, status="refused", reason="There is no maximum.")
    told = read(html(boards.full(), last=last)).text
    assert "Fit 18 was refused: There is no maximum. Fit 17 stays in place until a newer one can be made." in told
    assert "stays in place" not in read(html(boards.full(), last=boards.fit())).text


def test_names_are_text_also_where_two_are_compared():
    document = read(PAGES["compared"])
    assert [each.text for each in document.one("h1").all("bdi")] == ['<i>"Ada"</i>', "Ben & sons"]
    assert not document.all("i")
    (turned,) = [link.attributes["href"] for link in document.all("a") if link.text == "The other way round"]
    assert turned == "/leagues/chess-club/compare?first=Ben+%26+sons&second=%3Ci%3E%22Ada%22%3C%2Fi%3E"


@pytest.mark.parametrize(
    ("comparable", "words"), [("yes", "Yes. Points went"), ("ordered-only", "Only who is ahead. Results"), ("no", "No. The results")]
)
def test_how_far_two_can_be_compared_is_said_in_a_sentence(comparable, words):
    assert read(compared(comparable=comparable)).all("dd")[2].text.startswith(words)


def test_a_row_says_everything_as_text():
    (line,) = rows(read(html(boards.board([boards.row(2)]))))
    rank, name, rating, chart, matches, record, played, status = line
    assert (rank, name, rating) == ("1–5", "Player 2 player-002", "1886 ±42")
    assert chart == "Fit 1886, live 190495 % interval of the fit 1844 to 1927"
    assert (matches, record, played, status) == ("202", "118 / 14 / 70", "2026-11-20", "active")


def test_the_caption_line_says_what_the_page_shows():
    text = read(PAGES["full"]).text
    assert "As of entry 48,211, 2026-11-20 UTC · Elo K=32 · fit 17 (up to entry 48,100)" in text


def test_times_are_marked_up_in_utc():
    times = read(html(boards.board([boards.row(1)]))).all("time")
    assert [time.attributes["datetime"] for time in times] == ["2026-11-20T00:00:00Z", "2026-11-20T18:30:00Z"]


def test_islands_have_a_table_each_and_a_sentence_why():
    document = read(PAGES["islands"])
    assert [len(body.all("tr")) for body in document.all("tbody")] == [3, 2]
    assert [heading.text for heading in document.all("h2")][:2] == ["Island 1", "Island 2"]
    assert "cannot be compared" in document.text
    assert "No chain of matches joins" in document.text


def test_islands_have_their_own_scales():
    first, second = (table.one("thead").one("svg") for table in read(PAGES["islands"]).all("table"))
    assert first.one("path").attributes["id"] != second.one("path").attributes["id"]
    assert first.one("path").attributes["d"] != second.one("path").attributes["d"]


def test_a_page_that_goes_on_within_an_island_says_so():
    document = read(html(boards.islands(), asked=Asked(cursor="abc")))
    assert [heading.text for heading in document.all("h2")][:2] == ["Island 1 (continued)", "Island 2"]


def test_one_island_needs_no_heading():
    document = read(PAGES["full"])
    assert "sland 1" not in document.text
    assert len(document.all("table")) == 1


def test_without_a_fit_the_page_says_what_will_bring_one():
    text = read(PAGES["one match"]).text
    assert "No fit has been published yet" in text
    assert "after 100 new entries or 60 seconds after new results" in text
    assert "arpad refit chess-club --wait" in text
    assert "±" not in text


@pytest.mark.parametrize(
    ("refit", "words"),
    [
        ({"after_entries": 1, "after_seconds": None, "cron": None}, "after 1 new entry"),
        ({"after_entries": None, "after_seconds": None, "cron": None}, "when somebody asks for it"),
        ({"after_entries": None, "after_seconds": None, "cron": "0 4 * * *"}, "at the times “0 4 * * *”"),
    ],
)
def test_the_occasion_of_the_next_fit_follows_the_settings(refit, words):
    assert wording.refit_in_words({**boards.SETTINGS, "refit": refit}) == words


def test_one_match_gives_a_useful_table():
    assert [line[0:3] + line[4:6] + line[7:] for line in rows(read(PAGES["one match"]))] == [
        ["1", "Alice", "1516", "1", "1 / 0 / 0", "provisionalundefeated"],
        ["2", "Bob", "1484", "1", "0 / 0 / 1", "provisionalwinless"],
    ]


def test_remarks_and_states_are_explained_where_they_occur_and_only_there():
    terms = [term.text for term in read(PAGES["one match"]).all("dt")]
    assert {"provisional", "undefeated", "winless"} <= set(terms)
    assert not {"inactive", "retired"} & set(terms)


def test_the_interval_says_what_it_is_relative_to():
    board = boards.board([boards.row(1)], relative_to="Magnus, set to 2800")
    assert "relative to Magnus, set to 2800" in read(html(board)).text


def test_groups_that_only_won_are_explained():
    board = boards.board([boards.row(1)], components=[{"component": 1, "competitors": 1, "classes": 2}])
    assert "Their order is known" in read(html(board)).text


def test_an_empty_league_shows_the_line_that_records_the_first_match():
    command = read(PAGES["empty"]).one("pre").text
    assert command.startswith("curl http://127.0.0.1:8000/v1/leagues/chess-club/matches")
    assert '{"first": "Alice", "second": "Bob", "outcome": "first"}' in command


def test_a_competitor_unknown_to_the_fit_says_so():
    (line,) = rows(read(html(boards.board([boards.without_fit(1)]))))
    assert line[2] == "not in the fit yet"


def test_a_competitor_alone_has_a_rating_without_an_interval():
    fit = {"rating": 1500.0, "lower": None, "upper": None, "standard_error": None, "component": 1, "class": 1}
    (line,) = rows(read(html(boards.board([boards.row(1, fit=fit, last_played_at=None)]))))
    assert line[2] == "1500"
    assert "No interval is known" in line[3]
    assert line[6] == "not known"


def test_a_live_system_with_an_error_draws_its_own_interval():
    board = boards.board([boards.row(2, live={"rating": 1900.0, "standard_error": 50.0})], by="live")
    (line,) = rows(read(html(board)))
    assert line[2] == "1900 ±98"
    assert line[3].endswith("95 % interval of the live 1802 to 1998")


def test_hostile_names_are_shown_as_they_are_and_isolated():
    document = read(PAGES["hostile"])
    names = [cell.one("bdi").text for body in document.all("tbody") for cell in body.all("th")]
    assert tuple(names) == boards.HOSTILE_NAMES
    assert {image.attributes["src"] for image in document.all("img")} == {f"/static/{name}" for name in ASSETS if name.startswith("icon")}


def test_a_hostile_league_name_stays_text_everywhere():
    name = '</title><script>alert("1")</script>'
    document = read(html(boards.board([boards.row(1)], name=name)))
    assert document.one("head").one("title").text == f"{name} · Arpad"
    assert document.one("h1").text == name


def test_links_keep_the_filters():
    asked = Asked(by="fit", min_matches=5, inactive=False, cursor="a b&c", limit=20)
    links = {link.text: link.attributes["href"] for link in read(html(boards.full(20), asked=asked)).all("a")}
    filters = "by=fit&min_matches=5&inactive=false&limit=20"
    assert links["JSON"] == f"/leagues/chess-club.json?{filters}&cursor=a+b%26c"
    assert links["CSV"] == f"/leagues/chess-club.csv?{filters}&cursor=a+b%26c"
    assert links["Live"] == f"/leagues/chess-club?{filters.replace('by=fit', 'by=live')}"
    assert links["Next page"] == f"/leagues/chess-club?{filters}&cursor=abc"
    assert links["First page"] == f"/leagues/chess-club?{filters}"


def test_the_rating_shown_is_marked_by_more_than_colour():
    current = [link.text for link in read(PAGES["full"]).all("a") if link.attributes.get("aria-current") == "true"]
    assert current == ["Fit"]


def test_hidden_competitors_are_counted():
    text = read(html(boards.board([boards.row(1)], hidden_inactive=14))).text
    assert "14 inactive competitors are hidden" in text


def test_a_problem_page_says_where_and_what():
    document = read(PAGES["problem"])
    assert "is <wrong>" in document.text
    assert document.one("dt").text == "limit"
    assert document.one("dd").text == "too <large>"


def test_a_hundred_rows_weigh_at_most_60_kilobytes_and_the_style_10():
    assert len(PAGES["full"]) <= 60_000
    assert sum(len(asset.content) for asset in ASSETS.values() if asset.media_type.startswith("text/css")) <= 10_000


def test_assets_are_named_after_their_content():
    for asset in ASSETS.values():
        assert re.fullmatch(r"[a-z]+-[0-9a-f]{12}\.(css|svg)", asset.name)


def test_the_policy_allows_no_script_and_no_frame():
    policy = SAFETY_HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


STYLE = (Path(rendering.__file__).parent / "static" / "arpad.css").read_text()


def palette(block: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", block))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("block", re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL), ids=["light", "dark"])
def test_text_and_marks_have_the_contrast_of_wcag_aa(block):
    colours = palette(block)
    for ground in ("paper", "card", "tint"):
        assert min(contrast(colours[text], colours[ground]) for text in ("ink", "soft", "accent")) >= 4.5
        assert contrast(colours["mark"], colours[ground]) >= 3


def test_the_style_asks_for_nothing_from_elsewhere():
    assert "url(" not in STYLE
    assert "@import" not in STYLE
