"""Leagues: ids, settings that are refused by name, and every change as an entry from which on it counts."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.errors import BadInput, LeagueExists, LeagueNotFound
from app.services.league_settings import FIXED_AT_CREATION, LeagueSettings
from app.services.leagues import change_league, create_league, get_league, head, list_leagues
from app.storage.tables import Kind
from tests.services.play import OPERATOR, Play, writes_nothing


def create(database, league: str = "some-league", **options):
    return create_league(database, OPERATOR, league, **options)


@pytest.mark.parametrize("league", ["a", "7", "a-b", "tennis-2026", "x" * 63, "a--b", "a-"])
def test_ids_that_are_taken(database, league):
    assert create(database, league)["league"] == league
    with pytest.raises(LeagueExists):
        create(database, league)


@pytest.mark.parametrize("league", ["", "-a", "A", "a_b", "a b", "ä", "x" * 64, "a/b", "a.b", "..", "a\n", "ａ", "٣"])
def test_ids_that_are_refused(shared, league):
    with pytest.raises(BadInput) as caught:
        create(shared, league)
    assert caught.value.faults[0].pointer == "/league"


@pytest.mark.parametrize("name", ["", " x", "x" * 201, "a\x00b"])
def test_names_that_are_refused(shared, play, name):
    with pytest.raises(BadInput) as caught:
        create(shared, "named", name=name)
    assert caught.value.faults[0].pointer == "/name"
    with writes_nothing(play), pytest.raises(BadInput):
        change_league(shared, OPERATOR, play.league, name=name)


def test_a_new_league_has_every_setting_resolved_at_position_0(shared):
    shape = create(shared, "resolved", name="Résolu", settings={"k": 20, "refit": {"after_entries": 5}}, public=True)
    assert (shape["name"], shape["public"], shape["position"], shape["matches"], shape["published_fit"]) == ("Résolu", True, 0, 0, None)
    assert set(shape["settings"]) == set(LeagueSettings.model_fields)
    assert (shape["settings"]["k"], shape["settings"]["initial"]) == (20.0, 1500.0)
    assert shape["settings"]["refit"] == {"after_entries": 5, "after_seconds": 60, "cron": None}
    (entry,) = Play(shared, "resolved").entries()
    told = json.loads(entry.details)
    assert (entry.kind, told["settings"], told["name"], told["public"]) == (Kind.CREATE, shape["settings"], "Résolu", True)
    assert {"format", "algorithm", "league"} <= set(told)
    assert get_league(shared, OPERATOR, "resolved") == shape


WRONG = {
    "k": [0, -1, "32", True, 10_001, float("nan"), float("inf"), None],
    "initial": ["x", 1e9],
    "scale": [0, None],
    "system": ["glicko2", "fisher", 1],
    "order": ["random"],
    "competitors": ["registered"],
    "primary": ["both"],
    "draws": ["none"],
    "prior_sd": [0, -1.0, "2"],
    "side": ["points"],
    "half_life_days": [0, -3],
    "balance": [True],
    "anchor": [
        "A",
        {"competitor": "A"},
        {"competitor": "", "rating": 1500},
        {"competitor": "A", "rating": "x"},
        {"competitor": "A", "rating": 1, "x": 1},
    ],
    "covariates": ["age", [3], [" edge"], ["edge", "edge"], [{"name": "length", "first": "a"}]],
    "provisional_matches": [-1, 1.5, "3"],
    "inactive_days": [0, 2.5],
    "refit": [
        {"after_entries": 0},
        {"after_seconds": -1},
        {"cron": "* * * *"},
        {"cron": "0 0 31 2 *"},
        {"cron": "60 * * * *"},
        {"cron": "* * * * * *"},
        {"cron": "@daily"},
        {"cron": 7},
        {"every": 5},
        7,
    ],
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_setting_that_is_wrong_is_named(shared, play, setting):
    for value in WRONG[setting]:
        with pytest.raises(BadInput) as caught:
            create(shared, "wrong-setting", settings={setting: value})
        assert caught.value.faults[0].pointer.startswith(f"/settings/{setting}"), value
        with writes_nothing(play), pytest.raises(BadInput):
            play.change(**{setting: value})


def test_every_wrong_setting_is_named_at_once(shared):
    with pytest.raises(BadInput) as caught:
        create(shared, "wrong-settings", settings={"k": -1, "speed": 3, "refit": {"cron": "x"}})
    assert {fault.pointer for fault in caught.value.faults} == {"/settings/k", "/settings/speed", "/settings/refit/cron"}
    assert any("There is no setting “speed”" in fault.detail for fault in caught.value.faults)
    with pytest.raises(LeagueNotFound):
        get_league(shared, OPERATOR, "wrong-settings")


@pytest.mark.parametrize(("setting", "value"), [("initial", 1000.0), ("scale", 200.0)])
def test_what_is_fixed_at_creation_stays(shared, setting, value):
    play = Play.begin(shared, **{setting: value})
    with writes_nothing(play):
        with pytest.raises(BadInput) as caught:
            play.change(**{setting: value + 1.0})
        play.change(**{setting: value})
    assert [fault.pointer for fault in caught.value.faults] == [f"/settings/{setting}"]
    assert setting in FIXED_AT_CREATION


def test_a_change_counts_from_its_entry_on(play):
    one = play.play("A", "B")
    play.change(k=8.0)
    two = play.play("C", "D")
    assert (one["ratings"]["first"]["after"], two["ratings"]["first"]["after"]) == (1516.0, 1504.0)
    assert (one["ratings"]["first"]["k"], two["ratings"]["second"]["k"]) == (32.0, 8.0)
    play.verified()
    entry = play.entries()[2]
    assert (entry.kind, entry.author) == (Kind.SETTINGS, "operator")
    assert json.loads(entry.details)["settings"]["k"] == 8.0


def test_other_settings_stay_as_they_were(play):
    play.change(k=8.0, refit={"after_seconds": None})
    play.change(draws="davidson", refit={"after_entries": 7})
    shown = get_league(play.database, OPERATOR, play.league)["settings"]
    assert (shown["k"], shown["draws"]) == (8.0, "davidson")
    assert shown["refit"] == {"after_entries": 7, "after_seconds": None, "cron": None}


def test_every_change_is_an_entry_and_no_change_is_none(play):
    with writes_nothing(play):
        change_league(play.database, OPERATOR, play.league)
        change_league(play.database, OPERATOR, play.league, name=play.league, public=False, settings={"k": 32})
    changed = change_league(play.database, OPERATOR, play.league, name="New name", public=True)
    assert (changed["name"], changed["public"], changed["position"]) == ("New name", True, 1)
    assert json.loads(play.entries()[-1].details) == {"name": "New name", "public": True}
    change_league(play.database, OPERATOR, play.league, name="New name", settings={"k": 9.0})
    assert set(json.loads(play.entries()[-1].details)) == {"settings"}
    play.verified()


def test_the_head_tells_what_decides_an_answer(play):
    play.play("A", "B")
    play.fit()
    found = head(play.database, OPERATOR, play.league)
    assert (found.position, found.published_fit, found.public, found.name) == (2, 1, False, play.league)


def test_pages_of_leagues(database):
    for number in range(7):
        create(database, f"l{number}")
    found, cursor = [], None
    while True:
        page = list_leagues(database, OPERATOR, cursor=cursor, limit=3)
        found += [row["league"] for row in page["rows"]]
        if (cursor := page["next"]) is None:
            break
    assert found == [f"l{number}" for number in range(7)]


def test_a_league_made_by_two_at_once_is_made_once(shared):
    """Both may find the id free; the database decides."""

    def run(league: str, start: Barrier) -> bool:
        start.wait()
        try:
            create(shared, league)
        except LeagueExists:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        for number in range(4):
            league, start = f"wanted-by-many-{number}", Barrier(6)
            assert sorted(pool.map(run, [league] * 6, [start] * 6)) == [False] * 5 + [True]
            Play(shared, league).verified()


def test_no_such_league(shared):
    for ask in (get_league, head, change_league):
        with pytest.raises(LeagueNotFound):
            ask(shared, OPERATOR, "nowhere")
