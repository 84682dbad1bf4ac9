"""What may be kept, by whom, and for how long: entity tags, Cache-Control, the cache of bytes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from app.api import answers
from app.api.answers import entity_tag
from app.api.caching import ByteCache, Rendered
from app.api.pools import EMBEDDED_READERS
from app.services import standings
from app.services.leagues import Head
from app.services.refits import run_next_refit
from tests.api.operations import OPERATIONS
from tests.api.site import match

TAGGED = [
    operation
    for operation in OPERATIONS
    if operation.name
    in {
        "get_league",
        "leaderboard",
        "list_competitors",
        "get_competitor",
        "get_history",
        "get_opponents",
        "explain_rating",
        "predict",
        "predict_matrix",
        "list_fits",
        "get_fit",
    }
]
every_tagged = pytest.mark.parametrize("operation", TAGGED, ids=lambda operation: operation.name)


@pytest.fixture
def league(site):
    league = site.played_league()
    assert site.manager.post(f"/v1/leagues/{league}/fits").status_code == 202
    return league


@every_tagged
def test_what_has_not_changed_is_not_sent_again(site, league, operation):
    first = operation.send(site.anonymous, league)
    again = operation.send(site.anonymous, league, **{"If-None-Match": first.headers["etag"]})
    listed = operation.send(site.anonymous, league, **{"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (first.status_code, again.status_code, listed.status_code) == (200, 304, 304)
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("operation", [o for o in TAGGED if "fit" not in o.name], ids=lambda operation: operation.name)
def test_a_new_entry_changes_the_tag(site, league, operation):
    first = operation.send(site.anonymous, league)
    site.reporter.post(f"/v1/leagues/{league}/matches", json=match("Alice", "Bob", "second"))
    again = operation.send(site.anonymous, league, **{"If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.content != first.content


@every_tagged
def test_public_answers_are_kept_with_a_question_and_private_ones_not_at_all(site, league, operation):
    private = site.played_league(public=False)
    site.manager.post(f"/v1/leagues/{private}/fits")
    assert operation.send(site.anonymous, league).headers["cache-control"] == "public, max-age=0, must-revalidate"
    assert operation.send(site.reporter, private).headers["cache-control"] == "no-store"


def test_another_query_or_format_has_another_tag(site, league):
    path = f"/v1/leagues/{league}/leaderboard"
    tags = [site.anonymous.get(path + more).headers["etag"] for more in ("", "?limit=1", ".csv", ".ndjson", "?min_matches=1")]
    tags.append(site.anonymous.get(path, headers={"Accept": "text/csv"}).headers["etag"])
    assert len(set(tags)) == len(tags)


HEAD = Head(7, 2, True, "Tennis")


@pytest.mark.parametrize("other", [Head(8, 2, True, "Tennis"), Head(7, 3, True, "Tennis"), Head(7, None, True, "Tennis")])
def test_the_head_decides_the_tag(other):
    assert entity_tag("/a", b"", "text/csv", HEAD) != entity_tag("/a", b"", "text/csv", other)


def test_the_day_decides_the_tag(monkeypatch):
    today = entity_tag("/a", b"", "text/csv", HEAD)
    assert entity_tag("/a", b"", "text/csv", HEAD) == today

    class Tomorrow(answers.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + timedelta(days=1)

    monkeypatch.setattr(answers, "datetime", Tomorrow)
    assert entity_tag("/a", b"", "text/csv", HEAD) != today


def test_a_leaderboard_that_nobody_changed_comes_from_the_cache(site, league):
    cache = site.app.state.runtime.cache
    before = cache.size
    first = site.anonymous.get(f"/v1/leagues/{league}/leaderboard?min_matches=1")
    assert cache.size == before + len(first.content)
    assert site.anonymous.get(f"/v1/leagues/{league}/leaderboard?min_matches=1").content == first.content
    assert cache.size == before + len(first.content)


def test_an_answer_newer_than_its_tag_is_not_kept(site, league, monkeypatch):
    current = answers.leagues.head

    def an_entry_behind(*asked):
        return replace(current(*asked), position=current(*asked).position - 1)

    monkeypatch.setattr(answers.leagues, "head", an_entry_behind)
    before = site.app.state.runtime.cache.size
    assert site.anonymous.get(f"/v1/leagues/{league}/leaderboard").status_code == 200
    assert site.app.state.runtime.cache.size == before


def test_the_least_recently_used_goes_first():
    cache = ByteCache(limit=10)
    for tag in "abc":
        cache.put(tag, Rendered(b"1234", "text/plain"))
        cache.get("a")
    assert [tag for tag in "abc" if cache.get(tag)] == ["a", "c"]
    assert cache.size == 8


def test_what_is_larger_than_the_cache_is_not_kept():
    cache = ByteCache(limit=3)
    cache.put("a", Rendered(b"1234", "text/plain"))
    assert cache.get("a") is None
    assert cache.size == 0


def test_the_size_stays_right_between_threads():
    cache = ByteCache(limit=1000)

    def work(seed):
        for number in range(500):
            cache.put(str((seed * number) % 50), Rendered(b"x" * (number % 90), "text/plain"))
            cache.get(str(number % 50))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (3, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [rendered for tag in range(50) if (rendered := cache.get(str(tag)))]
    assert cache.size == sum(len(rendered.body) for rendered in kept) <= 1000


def test_what_a_key_opens_is_neither_kept_for_others_nor_under_their_tag(site):
    """The fits of segments are not for the public: the same address answers a key with more."""
    league = site.played_league()
    for body in (None, {"where": {"surface": "clay"}}):
        assert site.manager.post(f"/v1/leagues/{league}/fits", json=body).status_code == 202
        run_next_refit(site.database, "test", league=league)
    position = site.anonymous.get(f"/v1/leagues/{league}").json()["position"]
    for address in (f"/v1/leagues/{league}/fits", f"/v1/leagues/{league}/fits?as_of={position}"):
        public, opened = site.anonymous.get(address), site.reporter.get(address)
        assert (len(public.json()["rows"]), len(opened.json()["rows"])) == (1, 2)
        assert opened.headers["cache-control"] == "no-store"
        assert "no-store" not in public.headers["cache-control"]
        known = site.reporter.get(address, headers={"If-None-Match": public.headers["etag"]})
        assert (known.status_code, len(known.json()["rows"])) == (200, 2)
    of_the_segment = site.reporter.get(f"/v1/leagues/{league}/fits/2?as_of={position}")
    assert (of_the_segment.status_code, of_the_segment.headers["cache-control"]) == (200, "no-store")


def test_many_who_wait_for_a_new_page_have_it_made_by_the_first(site, league, monkeypatch):
    made, whole = [], standings.leaderboard

    def slowly(*given, **asked):
        made.append(asked)
        time.sleep(0.05)
        return whole(*given, **asked)

    monkeypatch.setattr(standings, "leaderboard", slowly)
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: site.anonymous.get(f"/v1/leagues/{league}/leaderboard?limit=7"), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(made) <= EMBEDDED_READERS
