"""Fits of segments: jobs like any other, published for their segment alone, with the log, a backup and the past agreeing."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from app.errors import FitNotPublished, KeyRequired
from app.ratings import bradley_terry
from app.ratings.matches import canonical_context
from app.ratings.scale import natural_unit
from app.services import refit_runs
from app.services.backups import open_backup, restore_backup, write_backup
from app.services.conditions import WHOLE, Conditions
from app.services.corrections import correct_match
from app.services.fit_arrays import table_hash
from app.services.fit_process import FitProcess
from app.services.fit_work import FitHere
from app.services.keys import Caller
from app.services.leagues import get_league
from app.services.packing import unpacked
from app.services.predictions import predict
from app.services.refits import cancel_refit, get_fit, list_fits, request_due_refits, request_refit, run_next_refit
from app.services.standings import leaderboard
from app.services.verification import verify_league
from app.storage.migrations import migrate
from app.storage.tables import Kind
from app.storage.unit_of_work import Database
from tests.services.mirror import cold
from tests.services.play import OPERATOR, Play, match

CLAY, HARD, ICE = (Conditions.of_texts([f"surface={name}"]) for name in ("Clay", "Hard", "Ice"))


def on(surface: str, *rows: tuple[str, str, int, int]) -> list:
    """(one, other, games that one won, games that the other won), all on one surface."""
    context = canonical_context({"surface": surface})
    return [
        match(one, other, outcome, context=context)
        for one, other, *counts in rows
        for outcome, n in zip(("first", "second"), counts, strict=True)
        for _ in range(n)
    ]


@pytest.fixture
def season(play: Play) -> Play:
    play.batch(on("Clay", ("A", "B", 3, 1), ("B", "C", 2, 2), ("C", "A", 1, 2)) + on("Hard", ("C", "A", 4, 1), ("D", "C", 2, 1)))
    return play


def request(play: Play, where: Conditions = CLAY) -> dict[str, Any]:
    return dict(request_refit(play.database, OPERATOR, play.league, where=where))


def fit(play: Play, where: Conditions = CLAY) -> dict[str, Any]:
    request(play, where)
    found = run_next_refit(play.database, "tester", league=play.league)
    assert found is not None
    return dict(found)


def fitted(play: Play, where: Conditions = CLAY, **asked: Any) -> dict[str, dict[str, Any]]:
    told = leaderboard(play.database, OPERATOR, play.league, by="fit", where=where, **asked)
    return {row["competitor"]: row["fit"] for row in told["rows"]}


def test_a_fit_of_a_segment_is_that_of_its_matches_alone(season):
    told = fit(season)
    assert (told["status"], told["where"], told["reason"]) == ("published", {"surface": "Clay"}, None)
    certificate = told["certificate"]
    assert {name: certificate[name] for name in ("matches", "competitors", "pairs", "components", "classes")} == {
        "matches": 11,
        "competitors": 3,
        "pairs": 3,
        "components": 1,
        "classes": 1,
    }
    first, second, score = zip(*[(0, 1, 1)] * 3 + [(0, 1, 0)] + [(1, 2, 1), (1, 2, 0)] * 2 + [(2, 0, 1)] + [(2, 0, 0)] * 2, strict=True)
    alone = bradley_terry(first, second, score, coefficient_prior_sd=2.0)
    rows = fitted(season)
    assert [rows[key]["rating"] for key in "ABC"] == pytest.approx(1500 + natural_unit(400) * alone.theta, abs=1e-9)
    assert [rows[key]["standard_error"] for key in "ABC"] == pytest.approx(natural_unit(400) * alone.standard_error, rel=1e-9)
    assert "D" not in rows


def test_the_publication_of_a_segment_is_an_entry_that_leaves_the_league_alone(season):
    whole = season.fit()
    before = get_league(season.database, OPERATOR, season.league)
    told = fit(season)
    entry = season.entries()[-1]
    assert entry.kind == Kind.FIT
    assert entry.details == f'{{"fit":2,"fitted_position":{told["position"]},"table":"{told["table_hash"]}","where":{{"surface":"Clay"}}}}'
    after = get_league(season.database, OPERATOR, season.league)
    assert after == {**before, "position": before["position"] + 1}
    assert leaderboard(season.database, OPERATOR, season.league, by="fit")["fit"] == whole["fit"] == 1
    assert leaderboard(season.database, OPERATOR, season.league, by="fit", where=CLAY)["fit"] == 2
    season.verified()


def test_each_segment_has_a_fit_of_its_own_and_none_is_answered_with_the_remedy(season):
    season.fit()
    with pytest.raises(FitNotPublished, match="surface = Clay") as caught:
        fitted(season)
    assert "“where”" in caught.value.detail
    assert leaderboard(season.database, OPERATOR, season.league, where=CLAY)["by"] == "live"
    assert [fit(season)["fit"], fit(season, HARD)["fit"]] == [2, 3]
    assert (set(fitted(season)), set(fitted(season, HARD))) == ({"A", "B", "C"}, {"A", "C", "D"})
    assert predict(season.database, OPERATOR, season.league, "A", "C", by="fit", where=CLAY)["first"] > 0.5
    assert predict(season.database, OPERATOR, season.league, "A", "C", by="fit", where=HARD)["first"] < 0.5


def test_a_segment_without_matches_is_refused_with_the_reason(season):
    told = fit(season, ICE)
    assert (told["status"], told["reason"]) == ("refused", "No counted match meets the conditions surface = Ice.")
    with pytest.raises(FitNotPublished, match="Ice"):
        fitted(season, ICE)
    season.verified()


def test_one_waits_per_segment_and_one_runs_for_all(season):
    assert [request(season, where)["fit"] for where in (CLAY, WHOLE, HARD, CLAY, WHOLE)] == [1, 2, 3, 1, 2]
    claimed = refit_runs.claim_next(season.database, "one", season.league)
    assert claimed is not None
    assert run_next_refit(season.database, "two", league=season.league) is None
    refit_runs.run(season.database, claimed, FitHere())
    rest = [run_next_refit(season.database, "two", league=season.league) for _ in range(3)]
    assert [None if one is None else one["status"] for one in rest] == ["published", "published", None]
    season.verified()


def test_an_older_fit_of_a_segment_never_replaces_a_newer_one(season):
    request(season)
    claimed = refit_runs.claim_next(season.database, "slow", season.league)
    assert claimed is not None
    stale = FitHere().compute(season.database, claimed.league_id, lambda _: None, claimed.where)
    season.play("A", "C", context=canonical_context({"surface": "Clay"}))
    season.sql("UPDATE refit SET status = 'failed', lease_until = NULL WHERE league_id = :league")
    newer = fit(season)
    season.sql("UPDATE refit SET status = 'running' WHERE league_id = :league AND number = 1")
    refit_runs.publish(season.database, claimed, stale)
    told = get_fit(season.database, OPERATOR, season.league, 1)
    assert (told["status"], newer["status"]) == ("kept", "published")
    assert leaderboard(season.database, OPERATOR, season.league, by="fit", where=CLAY)["fit"] == 2
    season.verified()


def test_the_policy_of_a_league_knows_nothing_of_segments(play):
    play.change(refit={"after_entries": 3, "after_seconds": None})
    play.batch(on("Clay", ("A", "B", 2, 1)))
    waiting = request(play)
    assert request_due_refits(play.database) >= 1
    assert [row["fit"] for row in list_fits(play.database, OPERATOR, play.league, where=WHOLE)["rows"]] == [2]
    cancel_refit(play.database, OPERATOR, play.league, waiting["fit"])
    assert play.row().fitted_results == 0
    assert run_next_refit(play.database, "tester", league=play.league)["fit"] == 2
    play.batch(on("Hard", ("A", "B", 2, 1)))
    fit(play, HARD)
    assert request_due_refits(play.database) >= 1


def test_fits_are_listed_with_their_segment(season):
    for where in (WHOLE, CLAY, HARD, CLAY):
        fit(season, where)
    ask = (season.database, OPERATOR, season.league)
    assert [(row["fit"], row.get("where")) for row in list_fits(*ask)["rows"]] == [
        (4, {"surface": "Clay"}),
        (3, {"surface": "Hard"}),
        (2, {"surface": "Clay"}),
        (1, None),
    ]
    assert [row["fit"] for row in list_fits(*ask, where=CLAY)["rows"]] == [4, 2]
    assert [row["fit"] for row in list_fits(*ask, where=WHOLE)["rows"]] == [1]
    assert [row["fit"] for row in list_fits(*ask, where=CLAY, as_of=season.position() - 1)["rows"]] == [2]
    assert list_fits(*ask, where=ICE)["rows"] == []


def test_the_public_sees_the_fits_of_the_whole_league_alone(shared):
    play = Play.begin(shared, public=True)
    play.batch(on("Clay", ("A", "B", 2, 1)))
    play.fit()
    fit(play)
    anyone = (shared, Caller.anonymous(), play.league)
    assert [row["fit"] for row in list_fits(*anyone)["rows"]] == [1]
    assert [row["fit"] for row in list_fits(*anyone, as_of=play.position())["rows"]] == [1]
    for ask in (lambda: list_fits(*anyone, where=CLAY), lambda: get_fit(*anyone, 2)):
        with pytest.raises(KeyRequired, match="contexts"):
            ask()


def test_as_of_earlier_positions_a_segment_is_shown_by_the_fit_that_stood_then(season):
    then = {}
    for number in range(3):
        fit(season)
        season.fit()
        then[season.position()] = (fitted(season), predict(season.database, OPERATOR, season.league, "A", "B", by="fit", where=CLAY))
        season.batch(on("Clay", ("C", "B", 1, number)))
    with cold(season) as again:
        for position, (rows, prediction) in then.items():
            assert fitted(again, as_of=position) == rows
            assert predict(again.database, OPERATOR, again.league, "A", "B", by="fit", where=CLAY, as_of=position) == prediction
    with pytest.raises(FitNotPublished):
        fitted(season, as_of=11)


def test_a_match_that_is_corrected_onto_another_surface_is_fitted_there(season):
    before = fit(season)["certificate"]["matches"], fit(season, HARD)["certificate"]["matches"]
    changes = {"context": canonical_context({"surface": "Hard"})}
    match_id = next(entry.match_id for entry in season.entries() if entry.match_id)
    correct_match(season.database, OPERATOR, season.league, match_id, changes, reason="it rained")
    after = fit(season)["certificate"]["matches"], fit(season, HARD)["certificate"]["matches"]
    assert (before, after) == ((11, 8), (10, 9))


def test_a_process_of_its_own_fits_the_same_bytes(season):
    url = season.database.engine.url.render_as_string(hide_password=False)
    fitter = FitProcess(url, memory_mb=4096, seconds=60)
    try:
        there = fitter.compute(season.database, season.row().id, lambda _: None, CLAY)
    finally:
        fitter.close()
    here = FitHere().compute(season.database, season.row().id, lambda _: None, CLAY)
    assert (there.fitted.table, there.fitted.certificate) == (here.fitted.table, here.fitted.certificate)
    assert here.fitted.certificate["matches"] == 11


def test_an_export_tells_of_fits_of_segments_and_is_restored(season, both):
    season.fit()
    fit(season)
    assert b'"where":{"surface":"Clay"}' in b"".join(season.export())
    for database in both:
        copy = season.restored_in(database)
        assert copy.verified()["log_head"] == season.verified()["log_head"]
        assert copy.row().fits == 2
        with pytest.raises(FitNotPublished):
            fitted(copy)
        assert fit(copy)["fit"] == 3
        assert fitted(copy) == fitted(season)
        copy.verified()


def test_a_backup_holds_the_fits_of_segments(database, tmp_path):
    play = Play.begin(database)
    play.batch(on("Clay", ("A", "B", 3, 1), ("B", "C", 2, 2)) + on("Hard", ("C", "A", 4, 1)))
    fit(play)
    file = io.BytesIO()
    write_backup(database, OPERATOR, file)
    file.seek(0)
    other = Database.open(f"sqlite:///{tmp_path / 'restored.db'}")
    migrate(other)
    assert restore_backup(other, OPERATOR, open_backup(file))["equal"]
    assert fitted(replace(play, database=other)) == fitted(play)
    other.close()


def test_verification_finds_a_fit_of_a_segment_that_was_changed(season):
    season.fit()
    fit(season)
    season.sql(
        'UPDATE fit SET "table" = (SELECT "table" FROM fit AS other WHERE other.league_id = :league AND other.number = 1) WHERE league_id = :league AND number = 2'
    )
    (difference,) = verify_league(season.database, OPERATOR, season.league)["differences"]
    assert "the table of fit 2" in difference
    season.sql("UPDATE refit SET conditions = :other WHERE league_id = :league AND number = 2", other=HARD.text)
    assert any("the published fit of surface = Clay" in one for one in season.verify()["differences"])


def test_the_second_order_of_a_segment_is_kept_until_its_own_next_fit(season):
    fit(season)
    season.fit()
    fit(season, HARD)
    fit(season)
    with season.database.read() as unit:
        rows = [unit.fits.by_number(season.row().id, number, with_arrays=True) for number in (1, 2, 3, 4)]
    assert [row.uncertainty is not None for row in rows] == [False, True, True, True]
    assert json.loads(rows[3].certificate)["matches"] == 11


def test_the_size_of_a_segment_is_its_own(season):
    """Whoever does not play in it costs nothing, and takes no exact error from those who do; also once its second order has to be made again."""
    season.batch([match(f"E{n}", f"E{n + 1}") for n in range(320)] + on("Hard", ("E9", "A", 1, 2)))
    told = fit(season, HARD)
    with season.database.read() as unit:
        arrays = unpacked(unit.fits.by_number(season.row().id, told["fit"], with_arrays=True).table)
    known = {row.key: row.number for row in season.competitors()}
    assert arrays["numbers"].tolist() == sorted(known[key] for key in ("A", "C", "D", "E9"))
    assert {len(array) for array in arrays.values()} == {4}
    others = {**arrays, "numbers": arrays["numbers"] + 1}
    assert table_hash(arrays).hex() == told["table_hash"] != table_hash(others).hex()
    assert set(fitted(season, HARD)) == {"A", "C", "D", "E9"}
    ask = (season.database, OPERATOR, season.league)
    then, position = predict(*ask, "E9", "D", by="fit", where=HARD), season.position()
    season.batch(on("Hard", ("E9", "A", 1, 2)))
    fit(season, HARD)
    with cold(season) as again:
        assert predict(again.database, OPERATOR, again.league, "E9", "D", by="fit", where=HARD, as_of=position) == then
    season.verified()
