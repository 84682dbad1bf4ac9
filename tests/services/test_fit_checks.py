"""Certificates reckoned anew: they hold for whatever a league can be told, and whatever is tampered with is found."""

import json
import random

import numpy as np
import pytest

from app.errors import FitNotFound, FitWithoutTable
from app.services.fit_arrays import table_hash
from app.services.fit_checks import check_fit
from app.services.fit_evidence import weighed
from app.services.packing import packed, unpacked
from app.services.roster import merge_competitors
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

ANCHOR = {"competitor": "c1", "rating": 1700.0}
SETTINGS = {
    "half-wins": {},
    "davidson": {"draws": "davidson"},
    "side": {"side": "estimate"},
    "side that is known": {"side": 65.0},
    "davidson, side that is known": {"side": -40.0, "draws": "davidson"},
    "half-life": {"half_life_days": 30.0},
    "balance": {"balance": "pairs"},
    "anchor": {"anchor": ANCHOR},
    "no prior": {"prior_sd": None},
    "anchor and half-life": {"anchor": ANCHOR, "half_life_days": 30.0},
    "no prior, davidson, side": {"prior_sd": None, "draws": "davidson", "side": "estimate"},
    "everything": {"draws": "davidson", "side": "estimate", "half_life_days": 100.0, "balance": "pairs", "prior_sd": 1.0, "anchor": ANCHOR},
}


def season(database, islands: int = 1, **settings) -> Play:
    """Eight competitors on each island, who play until everyone took points from everyone; with draws, dates, weights and neutral ground."""
    play, chance = Play.begin(database, **settings), random.Random(3)
    games = []
    for day in range(400 * islands):
        one, other = chance.sample(range(8 * (day % islands), 8 * (day % islands) + 8), 2)
        outcome = chance.choice(["first", "first", "draw", "second"])
        fields = {"played_at": NEW_YEAR_2024 + day * DAY, "neutral": chance.random() < 0.3, "weight": float(chance.choice([1, 1, 2]))}
        games.append(match(f"c{one}", f"c{other}", outcome, f"m{day}", **fields))
    play.batch(games)
    return play


def check(play: Play, fit: int | None = None):
    return check_fit(play.database, OPERATOR, play.league, fit)


def differing(play: Play) -> set[str]:
    found = check(play)
    names = {each["figure"] for each in found["figures"] if not each["agrees"]}
    assert found["equal"] is not bool(names)
    return names


@pytest.mark.parametrize("islands", [1, 3])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_what_a_certificate_says_is_found_again(shared, settings, islands):
    play = season(shared, islands, **settings)
    assert play.fit()["status"] == "published"
    assert differing(play) == set()
    found = check(play)
    assert {"gradient norm", "shrinkage in games", "log-likelihood", "condition", "table hash in the log"} <= {
        one["figure"] for one in found["figures"]
    }
    assert sum(one["figure"].startswith("standard error of “") for one in found["figures"]) >= 8


def test_what_was_taken_back_corrected_or_merged_is_reckoned_as_it_counts(shared):
    play = season(shared)
    play.play("c-six", "c1")
    play.void("m3")
    merge_competitors(play.database, OPERATOR, play.league, "c-six", "c6", reason="the same person")
    play.fit()
    assert differing(play) == set()


def test_what_came_after_the_fit_does_not_touch_it(shared):
    play = season(shared)
    play.fit()
    play.void("m3")
    play.change(draws="davidson")
    play.play("c1", "stranger")
    assert differing(play) == set()


def test_a_fit_that_another_replaced_can_be_checked(shared):
    play = season(shared)
    play.fit()
    play.play("c1", "c2")
    play.fit()
    assert [check(play, number)["matches"] for number in (1, 2)] == [400, 401]
    assert all(check(play, number)["equal"] for number in (1, 2))


def test_who_never_lost_and_who_only_drew(shared):
    for rows in ([("A", "B", 5, 0), ("B", "C", 3, 2)], [("A", "B", 1, 0)]):
        play = Play.begin(shared)
        play.results(*rows)
        play.fit()
        assert differing(play) == set()
    drawn = Play.begin(shared, draws="davidson")
    drawn.batch([match("A", "B", "draw")] * 5)
    drawn.fit()
    assert differing(drawn) == set()


def test_a_large_league_is_checked_without_a_dense_matrix(shared, monkeypatch):
    play = season(shared, 2, half_life_days=200.0)
    play.fit()
    monkeypatch.setattr("app.ratings.audits.DENSE_LIMIT", 4)
    assert differing(play) == set()


def tampered_table(play: Play, name: str, change, *, with_hash: bool) -> None:
    with play.database.read() as unit:
        row = unit.fits.by_number(play.row().id, 1, with_arrays=True)
    arrays = unpacked(row.table)
    arrays[name] = change(arrays[name])
    play.sql('UPDATE fit SET "table" = :table WHERE league_id = :league', table=packed(arrays))
    if with_hash:
        play.sql("UPDATE fit SET table_hash = :hash WHERE league_id = :league", hash=table_hash(arrays))


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("theta", lambda theta: theta + 1e-4 * (np.arange(len(theta)) == 0), {"status", "score residual in games", "gradient norm"}),
        ("standard_error", lambda errors: 0.9 * errors, {"standard error of “c1”"}),
        ("classes", lambda classes: classes + (np.arange(len(classes)) == 2), {"class of everyone"}),
        ("rank_low", lambda ranks: ranks[::-1], set()),
    ],
    ids=["strength", "errors", "classes", "ranks"],
)
@pytest.mark.parametrize("with_hash", [False, True])
def test_a_table_that_was_tampered_with_is_found(shared, name, change, found, with_hash):
    play = season(shared)
    play.fit()
    tampered_table(play, name, change, with_hash=with_hash)
    assert {"table hash in the log", *([] if with_hash else ["table hash of the fit"]), *found} <= differing(play)


@pytest.mark.parametrize("damage", [lambda table: table[:-40], lambda table: b"nothing", lambda _: packed({"theta": np.zeros(3)})])
def test_a_table_that_cannot_be_read_is_told(shared, damage):
    play = season(shared)
    play.fit()
    with play.database.read() as unit:
        table = unit.fits.by_number(play.row().id, 1, with_arrays=True).table
    play.sql('UPDATE fit SET "table" = :table WHERE league_id = :league', table=damage(table))
    assert {"table hash in the log", "table hash of the fit"} <= differing(play)


@pytest.mark.parametrize(
    ("name", "stated", "found"),
    [
        ("gradient_norm", 1e-3, "gradient norm"),
        ("score_residual", 0.5, "score residual in games"),
        ("shrinkage", 0.0, "shrinkage in games"),
        ("log_likelihood", -1.0, "log-likelihood"),
        ("condition", 1.0, "condition"),
        ("condition", None, "condition"),
        ("pairs", 3, "pairs"),
        ("components", 2, "islands"),
        ("classes", 2, "classes"),
        ("covariance", "model", "covariance"),
        ("prior_sd", 3.0, "prior sd"),
        ("side_advantage", 0.4, "gradient norm"),
        ("side_advantage_standard_error", 0.001, "standard error of the side advantage"),
        ("status", "stopped", "status"),
        ("anchor_shift", 0.0, "points that the anchor adds"),
    ],
)
def test_a_certificate_that_was_tampered_with_is_found(shared, name, stated, found):
    play = season(shared, side="estimate", anchor=ANCHOR)
    certificate = play.fit()["certificate"]
    play.sql("UPDATE fit SET certificate = :told WHERE league_id = :league", told=json.dumps({**certificate, name: stated}))
    assert found in differing(play)


def test_settings_that_were_not_those_of_the_league_are_found(shared):
    play = season(shared)
    settings = play.fit()["settings"]
    play.sql("UPDATE fit SET settings = :told WHERE league_id = :league", told=json.dumps({**settings, "prior_sd": 3.0}))
    assert differing(play) == {"settings"}


def test_a_match_that_was_rewritten_in_the_log_is_found(shared):
    play = season(shared)
    play.fit()
    play.sql("UPDATE entry SET score = 1 - score WHERE league_id = :league AND match_id = 'm7' AND score <> 0.5")
    play.sql("UPDATE entry SET score = 1 WHERE league_id = :league AND match_id = 'm7' AND score = 0.5")
    assert {"score residual in games", "log-likelihood"} <= differing(play)


def test_what_cannot_be_checked(shared):
    play = Play.begin(shared, prior_sd=None)
    with pytest.raises(FitNotFound):
        check(play)
    play.play("A", "B")
    assert play.fit()["status"] == "refused"
    with pytest.raises(FitWithoutTable, match="maximum likelihood estimate does not exist"):
        check(play, 1)
    for number in (2, 0, 2**40):
        with pytest.raises(FitNotFound):
            check(play, number)


def test_each_weight_is_that_of_the_fit(shared):
    """The two computations share no code, and agree on who counts how much."""
    from app.services.fitting import importance
    from app.services.league_settings import LeagueSettings
    from app.services.match_log import read_rows

    play = season(shared)
    with play.database.read() as unit:
        log = read_rows(unit, play.row().id, -1, play.position())
    settings = LeagueSettings(half_life_days=20.0, balance="pairs")
    recorded_at = int(log.when.max()) - 5 * DAY
    assert weighed(log, settings, recorded_at) == pytest.approx(importance(log, settings, recorded_at), rel=1e-13)
