"""Laws of `check-fit`: every fit of the catalogue is found again, from its matches alone; and whatever is planted in what is kept of it is named."""

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from app.errors import BadInput, FitNotFound
from app.ratings.matches import canonical_context
from app.services.conditions import WHOLE, Conditions
from app.services.corrections import correct_match
from app.services.fit_arrays import table_hash
from app.services.fit_checks import check_fit
from app.services.packing import packed, unpacked
from app.services.refits import request_refit, run_next_refit
from app.services.roster import forget_competitor, merge_competitors
from tests.services.play import DAY, NEW_YEAR_2024, OPERATOR, Play, match

ANCHOR = {"competitor": "c1", "rating": 1700.0}
LENGTH = {"name": "length", "first": "tokens_a", "second": "tokens_b", "form": "relative"}
LISTS = {"name": "lists", "first": "lists_a", "second": "lists_b"}
CLAY = Conditions.of_texts(["surface=Clay"])
CATALOGUE: dict[str, dict[str, Any]] = {
    "plain": {},
    "davidson, side estimated": {"draws": "davidson", "side": "estimate"},
    "side that is known, balance": {"side": 65.0, "balance": "pairs"},
    "covariates": {"covariates": [LENGTH, LISTS]},
    "a covariate of one field, pure": {"covariates": ["edge"], "prior_sd": None},
    "covariates, davidson, side": {"covariates": [LENGTH, "edge"], "draws": "davidson", "side": "estimate"},
    "covariates, decay, anchor": {"covariates": [LISTS], "half_life_days": 40.0, "anchor": ANCHOR},
    "everything": {
        "covariates": [LENGTH, LISTS, "edge"],
        "draws": "davidson",
        "side": "estimate",
        "prior_sd": 1.0,
        "scale": 200.0,
        "half_life_days": 100.0,
        "balance": "pairs",
        "anchor": ANCHOR,
    },
}


def season(database, *, islands: int = 1, days: int = 300, **settings: Any) -> Play:
    """Seven competitors on each island, with everything that a match can have; a covariate is lacking now and then, or no number."""
    play, chance = Play.begin(database, **settings), random.Random(11)
    games = []
    for day in range(days * islands):
        one, other = chance.sample(range(7 * (day % islands), 7 * (day % islands) + 7), 2)
        told: dict[str, Any] = {"surface": chance.choice(["Clay", "Clay", "Hard"])}
        told |= {name: float(chance.randrange(20, 900)) for name in ("tokens_a", "tokens_b") if chance.random() < 0.95}
        told |= {"lists_a": float(chance.randrange(5)), "lists_b": chance.choice([True, "many", 1.0, 4.0]), "edge": chance.gauss(0.3, 1.0)}
        fields = {"played_at": NEW_YEAR_2024 + day * DAY, "neutral": chance.random() < 0.3, "weight": float(chance.choice([1, 1, 2]))}
        outcome = chance.choice(["first", "first", "draw", "second"])
        games.append(match(f"c{one}", f"c{other}", outcome, f"m{day}", context=canonical_context(told), **fields))
    play.batch(games)
    return play


def fit(play: Play, where: Conditions = WHOLE) -> dict[str, Any]:
    request_refit(play.database, OPERATOR, play.league, where=where)
    found = run_next_refit(play.database, "tester", league=play.league)
    assert found is not None
    assert found["status"] == "published", found["reason"]
    return dict(found)


def check(play: Play, number: int | None = None, **options: Any) -> dict[str, Any]:
    return dict(check_fit(play.database, OPERATOR, play.league, number, **options))


def differing(play: Play, number: int | None = None, **options: Any) -> dict[str, tuple[Any, Any]]:
    found = check(play, number, **options)
    told = {each["figure"]: (each["stated"], each["recomputed"]) for each in found["figures"] if not each["agrees"]}
    assert found["equal"] is not bool(told)
    json.dumps(found, allow_nan=False)
    return told


@pytest.mark.parametrize("where", [WHOLE, CLAY], ids=["whole", "segment"])
@pytest.mark.parametrize("islands", [1, 2])
@pytest.mark.parametrize("settings", CATALOGUE.values(), ids=CATALOGUE)
def test_every_fit_of_the_catalogue_is_found_again(shared, settings, islands, where):
    play = season(shared, islands=islands, **settings)
    certificate = fit(play, where)["certificate"]
    assert differing(play, where=where) == {}
    found = check(play, where=where)
    assert (found["matches"], found.get("where")) == (certificate["matches"], where.shape or None)
    assert {"information of every pair", "rank_low of everyone", "p_top of everyone", "tier of everyone", "strength of everyone"} <= {
        each["figure"] for each in found["figures"]
    }


def test_small_fits_are_found_again(shared):
    for rows in ([("A", "B", 1, 0)], [("A", "B", 5, 0), ("B", "C", 3, 2)], [("A", "B", 3, 0), ("B", "C", 2, 0), ("A", "C", 4, 0)]):
        play = Play.begin(shared)
        play.results(*rows)
        fit(play)
        assert differing(play) == {}
    play = Play.begin(shared, competitors="open", draws="davidson", side="estimate")
    play.batch([match("A", "B", "draw")] * 3)
    fit(play)
    assert differing(play) == {}


@pytest.mark.parametrize("settings", [{}, {"half_life_days": 200.0, "side": "estimate"}], ids=["model", "robust"])
def test_a_fit_whose_errors_are_estimated_is_found_again(shared_sqlite, settings):
    """Above 3,000 coefficients, where no matrix is ever whole; the tolerance of an error is then what the fit says of it."""
    play, chance = Play.begin(shared_sqlite, **settings), random.Random(4)
    strength = [chance.gauss(0.0, 1.0) for _ in range(3_100)]
    games = []
    for number in range(16_000):
        one = number % 3_100
        other = (one + chance.choice([1, 2, 3, 50, 700])) % 3_100
        won = chance.random() < 1.0 / (1.0 + np.exp(strength[other] - strength[one]))
        games.append(match(f"c{one}", f"c{other}", "first" if won else "second", played_at=NEW_YEAR_2024 + number * DAY // 100))
    for begin in range(0, len(games), 8_000):
        play.batch(games[begin : begin + 8_000])
    assert fit(play)["certificate"]["approximate"]
    assert differing(play) == {}
    plant_in_table(play, 1, "theta", 0, lambda value: value + 0.01)
    assert "strength of “c0”" in differing(play)


@pytest.mark.parametrize("where", [WHOLE, CLAY], ids=["whole", "segment"])
def test_an_older_fit_is_judged_by_what_counted_then(shared, where):
    play = season(shared, covariates=[LENGTH, LISTS], anchor=ANCHOR)
    play.void("m5")
    changes = {"context": canonical_context({"surface": "Clay", "tokens_a": 5.0, "tokens_b": 700.0})}
    correct_match(play.database, OPERATOR, play.league, "m9", changes, reason="it rained")
    for newcomer in ("c-six", "c-seven"):
        play.play(newcomer, "c2", context=canonical_context({"surface": "Clay"}))
    merge_competitors(play.database, OPERATOR, play.league, "c-six", "c6", reason="the same person")
    fit(play, where)
    before = check(play, 1)
    assert before["equal"]
    for match_id in ("m9", "m11"):
        play.void(match_id)
    correct_match(play.database, OPERATOR, play.league, "m20", {"context": canonical_context({"surface": "Hard"})}, reason="no")
    merge_competitors(play.database, OPERATOR, play.league, "c-seven", "c4", reason="the same person")
    play.change(covariates=[LISTS], anchor=None, draws="davidson")
    forget_competitor(play.database, OPERATOR, play.league, "c1")
    fit(play, where)
    assert differing(play, where=where) == {}
    assert differing(play, 1) == {}
    # The second order of a fit that another replaced is not kept.
    assert len(check(play, 1)["figures"]) < len(before["figures"])


def test_a_segment_is_named_where_its_published_fit_is_meant(shared):
    play = season(shared)
    fit(play)
    with pytest.raises(FitNotFound, match="surface = Clay"):
        check(play, where=CLAY)
    fit(play, CLAY)
    assert (check(play)["fit"], check(play, where=CLAY)["fit"], check(play, 2)["where"]) == (1, 2, {"surface": "Clay"})
    with pytest.raises(BadInput, match="not by both"):
        check(play, 2, where=CLAY)


def plant_in_table(play: Play, number: int, name: str, place: int, change: Callable[[Any], Any]) -> None:
    """With the hash made anew: the entry of the log alone would tell."""
    arrays = kept(play, number, "table")
    arrays[name][place] = change(arrays[name][place])
    values = {"table": packed(arrays), "hash": table_hash(arrays), "number": number}
    play.sql('UPDATE fit SET "table" = :table, table_hash = :hash WHERE league_id = :league AND number = :number', **values)


def kept(play: Play, number: int, column: str) -> dict[str, Any]:
    with play.database.read() as unit:
        row = unit.fits.by_number(play.row().id, number, with_arrays=True)
    return unpacked(getattr(row, column))


PLANTED_IN_TABLE: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "a strength": ("theta", lambda value: value + 1e-4, "strength of “{}”"),
    "a strength that is none": ("theta", lambda value: np.nan, "the table can be judged"),
    "an error": ("standard_error", lambda value: value * 1.00001, "standard error of “{}”"),
    "an error that is none": ("standard_error", lambda value: np.nan, "standard error of “{}”"),
    "an error about the mean": ("centred_error", lambda value: value * 1.001, "error about the mean of “{}”"),
    "an island": ("components", lambda value: value + 1, "island of “{}”"),
    "a class": ("classes", lambda value: value + 1, "class of “{}”"),
    "the best rank": ("rank_low", lambda value: value + 1, "rank_low of “{}”"),
    "the worst rank": ("rank_high", lambda value: value - 1, "rank_high of “{}”"),
    "the rank by intervals": ("rank_ub", lambda value: value + 1, "rank_ub of “{}”"),
    "the chance to be first": ("p_top", lambda value: value + 0.05, "p_top of “{}”"),
    "a small share of that chance": ("p_top", lambda value: value + 1e-4, "sum of p_top of an island"),
    "a tier": ("tier", lambda value: value + 1, "tier of “{}”"),
    "whom it is of": ("numbers", lambda value: value + 100, "whom the table is of"),
}


@pytest.fixture(scope="module")
def seasons(shared_sqlite) -> dict[Conditions, Play]:
    """Fitted once, and mended after each fault that is planted."""
    plays = {where: season(shared_sqlite, **CATALOGUE["everything"]) for where in (WHOLE, CLAY)}
    for where, play in plays.items():
        fit(play, where)
    return plays


@pytest.fixture(params=[WHOLE, CLAY], ids=["whole", "segment"])
def fitted(request, seasons):
    play = seasons[request.param]
    with play.database.read() as unit:
        row = unit.fits.by_number(play.row().id, 1, with_arrays=True)
    yield play
    columns = {"table": row.table, "hash": row.table_hash, "told": row.certificate, "second": row.uncertainty}
    play.sql('UPDATE fit SET "table" = :table, table_hash = :hash, certificate = :told, uncertainty = :second WHERE league_id = :league', **columns)
    assert check(play, 1)["equal"]


@pytest.mark.parametrize(("name", "change", "figure"), PLANTED_IN_TABLE.values(), ids=PLANTED_IN_TABLE)
def test_a_fault_in_one_place_of_the_table_is_named(fitted, name, change, figure):
    arrays = kept(fitted, 1, "table")
    if name not in arrays:
        assert name == "numbers"  # which only a fit of a segment has
        return
    place = len(arrays["theta"]) - 1
    number = int(arrays["numbers"][place]) if "numbers" in arrays else place
    key = next(row.key for row in fitted.competitors() if row.number == number)
    plant_in_table(fitted, 1, name, place, change)
    found = differing(fitted, 1)
    assert {"table hash in the log", figure.format(key)} <= set(found)
    if name in {"rank_low", "rank_high", "rank_ub", "tier", "p_top", "standard_error", "centred_error"}:
        others = [each for each in found if "“" in each and f"“{key}”" not in each and not each.startswith("rank_ub")]
        assert others == []


PLANTED_IN_CERTIFICATE: dict[str, tuple[str, Any, str]] = {
    "status": ("status", "stopped", "status"),
    "gradient": ("gradient_norm", 1e-3, "gradient norm"),
    "score residual": ("score_residual", 0.5, "score residual in games"),
    "shrinkage": ("shrinkage", 0.0, "shrinkage in games"),
    "log-likelihood": ("log_likelihood", -1.0, "log-likelihood"),
    "condition": ("condition", 2.0, "condition"),
    "no condition": ("condition", None, "condition"),
    "pairs": ("pairs", 3, "pairs"),
    "islands": ("components", 2, "islands"),
    "classes": ("classes", 2, "classes"),
    "matches": ("matches", 3, "matches"),
    "competitors": ("competitors", 3, "competitors"),
    "draws": ("draws", "half", "draws"),
    "prior": ("prior_sd", 3.0, "prior sd"),
    "prior of coefficients": ("coefficient_prior_sd", 3.0, "prior sd of coefficients"),
    "covariance": ("covariance", "model", "covariance"),
    "approximate": ("approximate", True, "approximate"),
    "accuracy": ("standard_error_accuracy", 0.01, "accuracy of standard errors"),
    "side": ("side_advantage", 0.4, "side advantage"),
    "side that is no number": ("side_advantage", "home", "side advantage"),
    "side in points": ("side_advantage_points", 40.0, "side advantage in points"),
    "error of the side": ("side_advantage_standard_error", 0.001, "standard error of the side advantage"),
    "draw parameter": ("tie_parameter", 0.5, "draw parameter"),
    "no draw parameter": ("tie_parameter", None, "draw parameter"),
    "shift": ("anchor_shift", 0.0, "points that the anchor adds"),
    "anchored island": ("anchored_component", None, "island of the anchor"),
    "covariates": ("covariates", [], "covariates"),
}
PLANTED_IN_COVARIATE: dict[str, tuple[Any, str]] = {
    "name": ("width", "name of covariate “lists”"),
    "lacking": (1, "matches that lack “lists”"),
    "standard_deviation": (1.0, "standard deviation of “lists”"),
    "coefficient": (0.123, "coefficient of “lists”"),
    "standard_error": (0.01, "standard error of “lists”"),
    "points": (1.0, "coefficient of “lists” in points"),
    "points_standard_error": (1.0, "standard error of “lists” in points"),
    "coefficient_per_unit": (1.0, "coefficient of “lists” per unit"),
}


def certificate_of(play: Play) -> dict[str, Any]:
    with play.database.read() as unit:
        return dict(json.loads(unit.fits.by_number(play.row().id, 1).certificate))


def tell(play: Play, certificate: object) -> None:
    told = certificate if isinstance(certificate, str) else json.dumps(certificate)
    play.sql("UPDATE fit SET certificate = :told WHERE league_id = :league", told=told)


@pytest.mark.parametrize(("name", "value", "figure"), PLANTED_IN_CERTIFICATE.values(), ids=PLANTED_IN_CERTIFICATE)
def test_a_fault_in_the_certificate_is_named(fitted, name, value, figure):
    tell(fitted, {**certificate_of(fitted), name: value})
    assert figure in differing(fitted, 1)


@pytest.mark.parametrize("name", PLANTED_IN_COVARIATE)
def test_a_fault_in_a_covariate_is_named(fitted, name):
    value, figure = PLANTED_IN_COVARIATE[name]
    certificate = certificate_of(fitted)
    certificate["covariates"][1][name] = value
    tell(fitted, certificate)
    assert figure in differing(fitted, 1)


@pytest.mark.parametrize(
    "name", ["gradient_norm", "log_likelihood", "side_advantage", "covariates", "status", "pairs", "approximate", "anchor_shift"]
)
def test_a_figure_that_is_lacking_is_a_difference(fitted, name):
    certificate = certificate_of(fitted)
    del certificate[name]
    tell(fitted, certificate)
    assert differing(fitted, 1)


@pytest.mark.parametrize("told", ["no JSON", "[]", "{}", "null"])
def test_a_certificate_that_cannot_be_read_is_a_difference(fitted, told):
    tell(fitted, told)
    assert {"status", "log-likelihood", "side advantage"} <= set(differing(fitted, 1))


def halved(name: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name].flat[0] *= 0.5

    return change


def turned(name: str) -> Callable[[dict[str, Any]], None]:
    def change(arrays: dict[str, Any]) -> None:
        arrays[name].flat[0] = not arrays[name].flat[0]

    return change


PLANTED_IN_SECOND_ORDER: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    **{name: (halved(name), "information of every pair") for name in ("information", "information_head", "information_border", "information_corner")},
    **{name: (halved(name), "scatter of every pair") for name in ("meat", "meat_head", "meat_border", "meat_corner")},
    "precision": (halved("precision"), "prior precision"),
    "few": (turned("few"), "who has few games"),
    "components": (turned("components"), "islands of differences"),
    "coefficients": (halved("coefficients"), "coefficients of predictions"),
    "covariance": (lambda arrays: arrays.update(covariance=np.array("model")), "covariance of differences"),
    "an array that is lacking": (lambda arrays: arrays.pop("few"), "second order can be read"),
}


@pytest.mark.parametrize(("change", "figure"), PLANTED_IN_SECOND_ORDER.values(), ids=PLANTED_IN_SECOND_ORDER)
def test_a_fault_in_what_differences_are_answered_from_is_named(fitted, change, figure):
    arrays = kept(fitted, 1, "uncertainty")
    change(arrays)
    fitted.sql("UPDATE fit SET uncertainty = :second WHERE league_id = :league", second=packed(arrays))
    assert set(differing(fitted, 1)) == {figure}


def test_a_path_between_classes_that_is_lacking_is_named(shared):
    play = Play.begin(shared)
    play.results(("A", "B", 3, 0), ("B", "C", 2, 1))
    fit(play)
    arrays = kept(play, 1, "uncertainty")
    arrays["edge_indptr"][:], arrays["edge_indices"] = 0, arrays["edge_indices"][:0]
    play.sql("UPDATE fit SET uncertainty = :second WHERE league_id = :league", second=packed(arrays))
    assert set(differing(play)) == {"paths between classes"}


def test_a_fit_that_was_said_to_be_of_another_segment_is_found(shared):
    play = season(shared)
    fit(play, CLAY)
    play.sql("UPDATE refit SET conditions = :other WHERE league_id = :league", other=Conditions.of_texts(["surface=Hard"]).text)
    assert {"segment", "matches", "log-likelihood"} <= set(differing(play, 1))
    play.sql("UPDATE refit SET conditions = '' WHERE league_id = :league")
    assert {"segment", "matches"} <= set(differing(play, 1))


def test_a_context_that_was_rewritten_in_the_log_is_found(shared):
    play = season(shared, covariates=[LENGTH])
    fit(play, CLAY)
    told = json.loads(next(entry.context for entry in play.entries() if entry.match_id == "m0" or (entry.context and "Clay" in entry.context)))
    where = "league_id = :league AND position = (SELECT min(position) FROM entry AS e WHERE e.league_id = :league AND e.context LIKE '%Clay%')"
    play.sql(
        f"UPDATE entry SET context = :told WHERE {where}", told=canonical_context({**told, "surface": "Clay", "tokens_a": 4_000.0, "tokens_b": 1.0})
    )
    assert {"standard deviation of “length”", "log-likelihood"} <= set(differing(play, 1))
    play.sql(f"UPDATE entry SET context = NULL WHERE {where}")
    assert {"matches"} <= set(differing(play, 1))
