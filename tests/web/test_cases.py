"""The hard cases as somebody sees them who runs a club: what the page of the league says, and the page that compares two."""

import re
from collections.abc import Callable

import httpx
import pytest

from app.services import leagues, recording, refits
from app.services.recording import as_columns
from app.storage.unit_of_work import Database
from tests.services.cases import LEAGUES
from tests.services.play import match
from tests.web.documents import Element, read
from tests.web.test_pages import OPERATOR, database, get_one

__all__ = ["database"]


class Seen:
    """The pages of one league."""

    def __init__(self, database: Database, case: str) -> None:
        self.database = database
        settings, matches = LEAGUES[case]
        leagues.create_league(database, OPERATOR, "club", settings=settings, public=True)
        recording.record_batch(database, OPERATOR, "club", as_columns([match(*one) for one in matches]))
        refits.request_refit(database, OPERATOR, "club")
        refits.run_next_refit(database, "test", league="club")

    def leaderboard(self, by: str = "fit") -> Element:
        shown = get_one(self.database, f"/leagues/club?by={by}")
        assert shown.status_code == 200
        return read(shown.content)

    def compared(self, first: str, second: str, by: str = "fit") -> dict[str, str]:
        """The answers by their questions."""
        shown = self.asked(first, second, by)
        assert shown.status_code == 200, shown.text
        document = read(shown.content)
        return {term.text: meaning.text for term, meaning in zip(document.all("dt"), document.all("dd"), strict=True)}

    def asked(self, first: str, second: str, by: str = "fit") -> httpx.Response:
        return get_one(self.database, f"/leagues/club/compare?first={first}&second={second}&by={by}")


@pytest.fixture
def see(database: Database) -> Callable[[str], Seen]:
    return lambda case: Seen(database, case)


def table(document: Element) -> list[list[str]]:
    return [[cell.text for cell in line.elements()] for body in document.all("tbody") for line in body.all("tr")]


WHO, HOW_FAR, KNOWN = "Who would win?", "How far are they apart?", "Can they be compared?"
ASSUMED = "Results put A ahead of B, but not by how much: the size of this number is an assumption."


def test_undefeated(see):
    seen = see("undefeated")
    document = seen.leaderboard()
    first = table(document)[0]
    assert first[1] == "A"
    assert re.fullmatch(r"1\d\d\d ±\d{3}", first[2])
    assert first[7] == "provisionalundefeated"
    assert re.search(r"The strongest, by the fit: A with 9\d %\.", document.text)
    assert "how strong at least, never how strong at most" in document.text
    assert "Their order is known" in document.text
    for by in ("live", "fit"):
        told = seen.compared("A", "B", by)
        assert ASSUMED in told[WHO]
        assert told[KNOWN].startswith("Only who is ahead.")
        assert seen.compared("B", "C", by)[KNOWN].startswith("Yes. Points went both ways")


def test_no_finite_maximum(see):
    seen = see("no finite maximum")
    text = seen.leaderboard().text
    assert "Fit 1 was refused: The maximum likelihood estimate does not exist: between some competitors" in text
    assert "3 classes on 1 island" in text
    assert "at least 1 result is needed, such as: C takes points from A." in text
    assert "±" not in text
    assert seen.asked("A", "B").status_code == 409
    assert ASSUMED in seen.compared("A", "B", "live")[WHO]


def test_two_islands(see):
    seen = see("two islands")
    for by in ("live", "fit"):
        document = seen.leaderboard(by)
        assert [len(body.all("tr")) for body in document.all("tbody")] == [2, 2]
        assert [line[0] for line in table(document)].count("1–2") == 4
        assert "there is no common ranking" in document.text
        assert "A against X would join them, however they end." in document.text
        told = seen.compared("A", "X", by)
        assert set(told) == {WHO, HOW_FAR, KNOWN}
        assert told[WHO] == "Nothing recorded connects A and X, so nobody can say who would win; matches that link them would."
        assert told[KNOWN].startswith("No.")
        assert not re.search(r"\d", "".join(told.values()))
    assert re.search(r"A with 8\d %, B with 1\d %", seen.leaderboard().text)
    assert "X with 50 %, Y with 50 %" in seen.leaderboard().text


def test_one_match_only(see):
    seen = see("one match only")
    document = seen.leaderboard()
    assert [line[0] for line in table(document)] == ["1–2", "1–2"]
    assert not [line for line in document.all("tr") if line.attributes.get("class") == "tier"]
    assert re.search(r"A with 7\d %, B with 2\d %", document.text)
    assert re.search(
        r"About \d+ more matches between A and B would separate them at 95 %, if their difference stays as it is estimated", document.text
    )
    told = seen.compared("A", "B")
    assert ASSUMED in told[HOW_FAR]
    assert re.search(r"95 % interval -\d+ to \+\d+", told[HOW_FAR])


def test_nothing_but_draws(see):
    seen = see("nothing but draws")
    document = seen.leaderboard()
    assert [line[0] for line in table(document)] == ["1–3"] * 3
    assert document.text.count("with 33 %") + document.text.count("with 34 %") + document.text.count("with 32 %") == 3
    assert "No number of matches would separate A and B as the ratings stand." in document.text
    told = seen.compared("A", "B")
    assert "A and B are rated the same" in told[HOW_FAR]
    assert "A is expected to take 50% of the points" in told[WHO]
    assert told[KNOWN].startswith("Yes.")


def test_nothing_but_draws_under_davidson(see):
    document = see("nothing but draws under davidson").leaderboard()
    assert {re.sub(r" ±.*", "", line[2]) for line in table(document)} == {"1500"}


def test_one_competitor_twice(see):
    seen = see("one competitor twice")
    for by in ("live", "fit"):
        refused = seen.asked("A", "A", by)
        assert refused.status_code == 422
        assert "two different competitors" in refused.text
    assert seen.asked("A", "Nobody").status_code == 404


def test_the_form_leads_to_the_page_that_compares(see):
    seen = see("undefeated")
    (form,) = [form for form in seen.leaderboard().all("form") if form.attributes.get("action")]
    assert form.attributes["action"] == "/leagues/club/compare"
    assert [field.attributes["name"] for field in form.all("input")] == ["first", "second"]
    document = read(get_one(seen.database, "/leagues/club/compare?first=A&second=B").content)
    links = {link.text: link.attributes["href"] for link in document.all("a")}
    assert links["The other way round"] == "/leagues/club/compare?first=B&second=A"
    assert links["Fit"] == "/leagues/club/compare?first=A&second=B&by=fit"
    assert links["club"] == "/leagues/club"


def test_two_who_are_joined_and_still_not_in_order(see):
    """Both beat a third: no path of results leads from one to the other."""
    seen = see("undefeated")
    leagues.create_league(seen.database, OPERATOR, "pair", public=True)
    recording.record_batch(seen.database, OPERATOR, "pair", as_columns([match("A", "C"), match("B", "C")]))
    shown = read(get_one(seen.database, "/leagues/pair/compare?first=A&second=B").content).text
    assert "Matches join A and B through others, but no chain of results leads from one to the other" in shown
    assert "a match between the two would." in shown
