"""Keys in addresses: slashes, unicode, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.answers import location
from app.api.paths import KeySegment, decoded_path
from app.errors import BadInput
from app.ratings.matches import clean_key
from tests.api.site import assert_problem, match

KEYS = [
    "A/B",
    "a//b",
    "/",
    "%2F",
    "Ünïcödé",
    "名前",
    "🎾 ace",
    "a.csv",
    "..",
    ".",
    "a?b#c&d=e",
    "a;b",
    "a+b",
    "e\u0301",
    "~a/b~",
    "void",
    "batch",
    "matrix",
]


@pytest.fixture(scope="module")
def league(site):
    return site.new_league()


@pytest.mark.parametrize("key", KEYS)
def test_a_match_is_found_where_its_location_says(site, league, key):
    answer = site.reporter.post(f"/v1/leagues/{league}/matches", json=match(match_id=f"id {key}", second=f"other {key}"))
    found = site.reporter.get(answer.headers["location"])
    assert found.status_code == 200, found.text
    assert found.json() == answer.json()
    assert found.json()["match_id"] == clean_key(f"id {key}")


@pytest.mark.parametrize("key", KEYS)
def test_a_competitor_is_found_by_path_and_by_parameter(site, league, key):
    site.reporter.post(f"/v1/leagues/{league}/matches", json=match(first=key, second=f"against {key}"))
    by_path = site.anonymous.get(location("leagues", league, "competitors", key).replace("%2E", "."))
    if key in {".", ".."}:
        # Clients take these for steps in the path; the parameter is there for such keys.
        assert by_path.status_code in {200, 404}
    else:
        assert by_path.json()["competitor"] == clean_key(key)
    by_parameter = site.anonymous.get(f"/v1/leagues/{league}/competitors", params={"key": key})
    assert [row["competitor"] for row in by_parameter.json()["rows"]] == [clean_key(key)]


@pytest.mark.parametrize(
    "segment", ["a%00b", "%FF", "%C3", "%ED%A0%80", "%20a", "a%0A", "x" * 201], ids=["nul", "byte", "cut", "surrogate", "space", "line", "long"]
)
@pytest.mark.parametrize("place", ["competitors", "matches"])
def test_a_key_that_cannot_be_is_refused(site, league, place, segment):
    assert_problem(site.anonymous.get(f"/v1/leagues/{league}/{place}/{segment}"), 422, "bad-input")


@pytest.mark.parametrize(
    "path",
    ["/v1%2Fleagues", "/v1/leagues/", "/v2/leagues", "/V1/leagues", "/v1/leagues/a/b/c", "/docs/", "/docs/nope.js", "/problems/nope"],
)
def test_what_is_not_there_is_a_problem(site, path):
    assert_problem(site.anonymous.get(path), 404, "path-not-found")


def test_an_encoded_slash_does_not_part_a_path():
    assert decoded_path(b"/a%2Fb/c%2fd/%C3%A9?e%2Ff") == "/a\0b/c\0d/é"


@pytest.mark.parametrize("raw", [b"/a%00b", b"/%ff", b"/%ED%A0%80"])
def test_an_encoded_nul_or_foreign_byte_is_refused(raw):
    with pytest.raises(BadInput):
        decoded_path(raw)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=50).filter(lambda text: text == text.strip()))
def test_every_key_survives_its_way_through_a_path(key):
    raw = location("leagues", "l", "competitors", key).encode()
    segment = decoded_path(raw).split("/")[-1]
    assert KeySegment().convert(segment) == clean_key(key)
