"""Pages of segments: what somebody with a key sees and chooses, what the links keep, and that the public gets none of it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from app.errors import KeyRequired
from app.ratings.matches import canonical_context
from app.services import keys, leagues, recording, refits
from app.services.conditions import Conditions
from app.services.recording import as_columns
from tests.services.cases import LEAGUES, elsewhere
from tests.services.play import match
from tests.web.documents import Element, read
from tests.web.test_pages import OPERATOR, database, get_one

__all__ = ["database"]

CLAY = "surface=Clay court"
ASKED = "where=surface%3DClay+court"
PATHS = ("/leagues/club?", "/leagues/club.json?", "/leagues/club.csv?", "/leagues/club/compare?first=A&second=B&")


class Seen:
    """A public league whose case is what was played on clay, as somebody sees it who has a key."""

    def __init__(self, database, case: str = "two islands", *, fitted: bool = True) -> None:
        self.database = database
        settings, rows = LEAGUES[case]
        leagues.create_league(database, OPERATOR, "club", settings=settings, public=True)
        both = (("Hard", elsewhere(rows)), ("Clay court", rows))
        played = [match(*row, context=canonical_context({"surface": surface})) for surface, each in both for row in each]
        recording.record_batch(database, OPERATOR, "club", as_columns(played))
        if fitted:
            self.fit()
        secret = keys.create_key(database, OPERATOR, name="secretary", scopes=["read"], league="club")["key"]
        self.key = {"Authorization": f"Bearer {secret}", "Accept": "text/html"}

    def fit(self, where: str = CLAY) -> None:
        refits.request_refit(self.database, OPERATOR, "club", where=Conditions.of_texts([where]))
        refits.run_next_refit(self.database, "test", league="club")

    def get(self, path: str, **headers: str):
        return get_one(self.database, path, {**self.key, **headers})

    def page(self, path: str) -> Element:
        shown = self.get(path)
        assert shown.status_code == 200, shown.text
        return read(shown.content)


@pytest.fixture
def seen(database) -> Seen:
    return Seen(database)


def links_of(document: Element) -> dict[str, str]:
    return {link.text: link.attributes["href"] for link in document.all("a")}


def fields_of(form: Element, name: str) -> list[str]:
    return [field.attributes["value"] for field in form.all("input") if field.attributes["name"] == name]


def test_the_page_says_of_what_it_is_and_of_how_many_matches(seen):
    document = seen.page(f"/leagues/club?{ASKED}&by=fit")
    assert "Only the 8 matches with surface = Clay court, rated as if nothing else had been played." in document.text
    assert {cell.one("bdi").text for body in document.all("tbody") for cell in body.all("th")} == {"A", "B", "X", "Y"}
    assert "This segment is more than one island." in document.text
    assert "A against X would join them" in document.text
    assert "· fit 1 (up to entry " in document.text
    whole = seen.page("/leagues/club")
    assert "Only the" not in whole.text
    assert {cell.one("bdi").text for body in whole.all("tbody") for cell in body.all("th")} == {"A", "B", "X", "Y", "Z"}


def test_every_link_keeps_the_choice_but_the_one_that_ends_it(seen):
    document = seen.page(f"/leagues/club?{ASKED}&where=&limit=2&min_matches=1")
    links = links_of(document)
    assert "where" not in links["Show the whole league"]
    assert links["Show the whole league"] == "/leagues/club?min_matches=1&limit=2"
    for text in ("Live", "Fit", "JSON", "CSV", "Next page", "Permalink"):
        assert parse_qs(urlsplit(links[text]).query)["where"] == [CLAY], text
        assert seen.get(links[text]).status_code == 200
    assert ASKED in seen.get(f"/leagues/club.json?{ASKED}&limit=1").headers["link"]
    choose, compare = document.all("form")
    assert fields_of(choose, "where") == [CLAY, ""]
    assert fields_of(compare, "where") == [CLAY]
    then = seen.page(links["Permalink"])
    assert parse_qs(urlsplit(links_of(then)["Show the present"]).query)["where"] == [CLAY]


def test_somebody_with_a_key_is_offered_the_choice_and_the_public_is_not(seen):
    (choose, _) = seen.page("/leagues/club").all("form")
    assert fields_of(choose, "where") == [""]
    public = get_one(seen.database, "/leagues/club")
    assert "where" not in public.text
    shown = seen.get("/leagues/club")
    assert shown.headers["etag"] != public.headers["etag"]
    assert (public.headers["cache-control"], shown.headers["cache-control"]) == ("no-cache", "private, no-store")
    assert public.headers["vary"] == shown.headers["vary"] == "Accept, Authorization"
    then = seen.get("/leagues/club?as_of=8").headers["cache-control"], get_one(seen.database, "/leagues/club?as_of=8").headers["cache-control"]
    assert then == ("private, no-store", "public, max-age=86400")
    full = "&".join(f"where=f{n}%3D1" for n in range(8))
    assert len(fields_of(seen.page(f"/leagues/club?{full}").all("form")[0], "where")) == 8


@pytest.mark.parametrize("path", PATHS)
def test_the_public_is_told_that_a_segment_needs_a_key(seen, path):
    known = seen.get(f"{path}{ASKED}")
    assert (known.status_code, known.headers["cache-control"]) == (200, "private, no-store")
    for headers in ({}, {"If-None-Match": known.headers["etag"]}):
        for query in (ASKED, f"{ASKED}&as_of=8"):
            refused = get_one(seen.database, f"{path}{query}", headers)
            assert refused.status_code == 401
            assert refused.json()["detail"].startswith("A segment (“where”) tells what the contexts of matches say")
    assert KeyRequired.code in refused.json()["type"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("then", ["", "&as_of=20"])
def test_a_key_of_another_league_learns_nothing_of_a_segment_not_even_that_nothing_changed(seen, path, then):
    leagues.create_league(seen.database, OPERATOR, "other")
    secret = keys.create_key(seen.database, OPERATOR, name="elsewhere", scopes=["admin"], league="other")["key"]
    known = seen.get(f"{path}{ASKED}{then}")
    assert known.status_code == 200
    for tag in ("", known.headers["etag"]):
        headers = {"Authorization": f"Bearer {secret}", "If-None-Match": tag}
        assert get_one(seen.database, f"{path}{ASKED}{then}", headers).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_a_segment_is_known_until_the_league_moves(seen, path):
    tag = seen.get(f"{path}{ASKED}").headers["etag"]
    assert seen.get(f"{path}{ASKED}", **{"If-None-Match": tag}).status_code == 304
    recording.record_batch(seen.database, OPERATOR, "club", as_columns([match("A", "B", context=canonical_context({"surface": "Clay court"}))]))
    assert seen.get(f"{path}{ASKED}", **{"If-None-Match": tag}).status_code == 200


def test_a_refused_fit_of_a_segment_reaches_whoever_has_its_page(database):
    seen = Seen(database, "no finite maximum", fitted=False)
    before = seen.get(f"/leagues/club?{ASKED}")
    assert "The next one comes when somebody asks for it; arpad refit club --where 'surface=Clay court' --wait" in read(before.content).text
    seen.fit()
    after = seen.get(f"/leagues/club?{ASKED}", **{"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    text = read(after.content).text
    assert "Fit 1 was refused" in text
    assert "C takes points from A" in text
    assert "Fit 1 was refused" not in seen.page("/leagues/club").text


def test_two_are_compared_by_the_matches_of_the_segment(seen):
    document = seen.page(f"/leagues/club/compare?first=A&second=X&{ASKED}")
    assert "from the 8 matches with surface = Clay court alone" in document.text
    assert "Nothing recorded connects A and X, so nobody can say who would win" in document.text
    assert "Nothing recorded" not in seen.page("/leagues/club/compare?first=A&second=X").text
    links = links_of(document)
    for text in ("The other way round", "Live", "Fit", "club"):
        assert parse_qs(urlsplit(links[text]).query)["where"] == [CLAY], text
        assert seen.get(links[text]).status_code == 200
    missing = seen.get(f"/leagues/club/compare?first=A&second=Z&{ASKED}")
    assert missing.status_code == 404
    assert "leave out “where”" in missing.text


def test_a_segment_of_nobody_says_so_and_leads_to_everybody(seen):
    document = seen.page("/leagues/club?where=surface%3DIce")
    assert "No counted match meets surface = Ice." in document.text
    assert links_of(document)["Show everybody"] == "/leagues/club"
    assert "Only the 0 matches with surface = Ice" in document.text
    assert links_of(seen.page(f"/leagues/club?{ASKED}&min_matches=99"))["Show everybody"] == f"/leagues/club?{ASKED}"


@pytest.mark.parametrize(
    "where", ["surface", "=Clay", "surface=a&where=surface=b", "a%00=1", "&".join(f"where=f{n}=1" for n in range(9)), "a=" + "x" * 5000]
)
@pytest.mark.parametrize("path", PATHS)
def test_conditions_that_are_none_are_refused(seen, path, where):
    refused = seen.get(f"{path}where={where}", Accept="application/json")
    assert refused.status_code == 422
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["where"]
