"""The bootstrap: a weight is rows, the order is of no account, both ways of solving agree, and what cannot be known is not reported."""

import numpy as np
import pytest

from app.core import replicates
from app.ratings import bradley_terry, resampling
from app.ratings.resampling import bootstrap


def _season(seed=1, n=400, competitors=8, draws=0.2):
    rng = np.random.default_rng(seed)
    theta = np.linspace(-0.8, 0.8, competitors)
    first = rng.integers(0, competitors, n)
    second = (first + rng.integers(1, competitors, n)) % competitors
    score = (rng.random(n) < 1.0 / (1.0 + np.exp(theta[second] - theta[first]))).astype(float)
    score[rng.random(n) < draws] = 0.5
    return {"first": first, "second": second, "score": score}


KINDS = {
    "half": {},
    "no prior": {"prior_sd": None},
    "davidson": {"draws": "davidson"},
    "davidson with sides, no prior": {"draws": "davidson", "prior_sd": None, "side": np.random.default_rng(3).choice([-1.0, 0.0, 1.0], 400)},
    "covariates": {"covariates": np.random.default_rng(3).standard_normal((400, 2))},
    "importance": {"importance": np.random.default_rng(3).choice([0.5, 1.0, 1.0 / 3.0], 400)},
}
every_kind = pytest.mark.parametrize("options", KINDS.values(), ids=list(KINDS))


@every_kind
def test_replicates_solved_together_are_those_solved_alone(monkeypatch, options):
    together = bootstrap(**_season(), **options, replicates=12)
    monkeypatch.setattr(replicates, "TOGETHER", 0)
    alone = bootstrap(**_season(), **options, replicates=12)
    assert together.theta == pytest.approx(alone.theta, abs=1e-7)
    assert together.coefficients == pytest.approx(alone.coefficients, abs=1e-7)


@every_kind
def test_ordinary_replicates_need_nobody_to_solve_them_alone(monkeypatch, options):
    monkeypatch.setattr(replicates, "_alone", lambda objective, start: pytest.fail("a replicate was left over"))
    assert np.isfinite(bootstrap(**_season(), **options, replicates=12).theta).all()


def test_double_importance_is_half_the_precision_of_the_prior():
    doubled = bootstrap(**_season(), importance=np.full(400, 2.0), prior_sd=1.0, replicates=6)
    assert doubled.theta == pytest.approx(bootstrap(**_season(), prior_sd=np.sqrt(2.0), replicates=6).theta, abs=1e-8)


@every_kind
def test_small_chunks_change_nothing(monkeypatch, options):
    at_once = bootstrap(**_season(), **options, replicates=12)
    monkeypatch.setattr(resampling, "CHUNK", 1_000)
    monkeypatch.setattr(replicates, "CHUNK", 200)
    assert bootstrap(**_season(), **options, replicates=12).theta == pytest.approx(at_once.theta, abs=1e-7)


def test_every_replicate_is_the_fit_of_its_own_matches():
    season = _season(n=60)
    drawn = np.random.default_rng(0).multinomial(60, np.full(60, 1 / 60), 3)
    order = np.lexsort((season["score"], season["second"], season["first"]))
    season = {name: column[order] for name, column in season.items()}
    y = np.array([season["score"]] * 3)
    from app.core.designs import PairDesign
    from app.core.families import Logistic
    from app.core.objective import Objective

    design = PairDesign(season["first"], season["second"], 8)
    objective = Objective(design, Logistic(), season["score"], np.ones(60), np.full(8, 0.25), np.zeros(8))
    theta = replicates.minimise_all(objective, y, drawn.astype(float), np.zeros(8))
    for row, counts in zip(theta, drawn, strict=True):
        assert row == pytest.approx(bradley_terry(**season, weight=counts, n_competitors=8).theta, abs=1e-8)


@every_kind
def test_the_order_of_matches_changes_no_bit(options):
    order = np.random.default_rng(5).permutation(400)
    shuffled = {name: value[order] if isinstance(value, np.ndarray) else value for name, value in (_season() | options).items()}
    assert np.array_equal(bootstrap(**shuffled, replicates=5).theta, bootstrap(**_season(), **options, replicates=5).theta)


def test_weight_is_repetition():
    season, weight = _season(n=100), np.random.default_rng(2).integers(1, 4, 100)
    repeated = {name: np.repeat(column, weight) for name, column in season.items()}
    assert np.array_equal(bootstrap(**season, weight=weight, replicates=5).theta, bootstrap(**repeated, replicates=5).theta)


def test_the_seed_decides():
    one, same, other = (bootstrap(**_season(), replicates=4, seed=seed).theta for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("options", [{}, {"prior_sd": None}, {"draws": "davidson"}])
def test_where_games_are_many_it_agrees_with_the_formulas(options):
    season = _season(n=4_000)
    fit, drawn = bradley_terry(**season, **options), bootstrap(**season, **options, replicates=400)
    assert drawn.standard_error == pytest.approx(fit.standard_error, rel=0.12)
    lower, upper = drawn.difference_interval(0, 7)
    assert (upper - lower) / 2 == pytest.approx(1.96 * fit.difference(0, 7).standard_error, rel=0.15)
    assert lower < fit.difference(0, 7).estimate < upper
    assert drawn.interval(3)[0] < fit.theta[3] < drawn.interval(3)[1]


def test_intervals_cover_the_truth_as_often_as_they_say():
    covered = 0
    for seed in range(120):
        lower, upper = bootstrap(**_season(seed, n=300, draws=0.0), replicates=120).difference_interval(0, 7)
        covered += lower <= -1.6 <= upper
    assert 0.86 <= covered / 120 <= 0.99


def test_without_a_prior_missing_replicates_are_counted_and_too_many_end_it():
    columns = {"first": [0, 1, 2, 0], "second": [1, 2, 0, 1], "score": [1.0, 1.0, 1.0, 0.0]}
    drawn = bootstrap(**columns, prior_sd=None, replicates=40)
    assert "replicates have no maximum likelihood estimate" in drawn.reason
    assert np.isnan(drawn.interval(0)).all()
    assert np.isnan(drawn.standard_error).all()
    assert np.isnan(drawn.theta).any()
    assert bootstrap(**columns, replicates=40).reason is None


def test_nothing_is_said_across_components_nor_of_one_alone():
    drawn = bootstrap([0, 0, 2], [1, 1, 3], [1.0, 0.0, 1.0], n_competitors=5, replicates=20)
    assert np.isnan(drawn.difference_interval(0, 2)).all()
    assert np.isnan(drawn.interval(4)).all()
    assert np.isfinite(drawn.difference_interval(0, 1)).all()
    assert np.isnan(drawn.standard_error[4])


def test_no_matches_at_all():
    assert bootstrap([], [], [], n_competitors=2, replicates=3).theta.tolist() == [[0.0, 0.0]] * 3


def test_one_replicate_is_refused():
    with pytest.raises(ValueError, match="replicates must be at least 2"):
        bootstrap([0], [1], [1.0], replicates=1)
