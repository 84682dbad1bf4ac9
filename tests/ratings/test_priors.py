"""Prior means and deviations, and anchors: what pulls, what only shifts, and what neither may change."""

import numpy as np
import pytest

from app.core import inference
from app.core.identifiability import centre
from app.ratings import bradley_terry
from app.ratings.ranking import rank_fit
from app.ratings.resampling import bootstrap
from app.ratings.scale import natural_unit
from tests.ratings.seasons import KINDS, season

every_kind = pytest.mark.parametrize(("made", "options"), KINDS.values(), ids=list(KINDS))
MEAN = np.linspace(-1.0, 2.0, 12)
ISLANDS = {"first": [0, 1, 3, 4, 5, 3], "second": [1, 2, 4, 5, 3, 4], "score": [1.0, 0.5, 1.0, 0.0, 1.0, 0.0], "n_competitors": 7}


@every_kind
def test_a_sure_prior_is_the_answer(made, options):
    fit = bradley_terry(**season(**made), **options, prior_mean=MEAN, prior_sd=1e-5)
    assert fit.theta == pytest.approx(MEAN - MEAN.mean(), abs=1e-6)


@every_kind
def test_a_vague_prior_pulls_nowhere(made, options):
    fit = bradley_terry(**season(**made), **options, prior_mean=MEAN, prior_sd=1e4)
    assert fit.theta == pytest.approx(bradley_terry(**season(**made), **options, prior_sd=None).theta, abs=1e-5)


@every_kind
def test_a_mean_of_zero_is_none_and_a_constant_one_as_well(made, options):
    plain = bradley_terry(**season(**made), **options)
    for constant in (0.0, 3.0):
        fit = bradley_terry(**season(**made), **options, prior_mean=np.full(12, constant))
        assert fit.theta == pytest.approx(plain.theta, abs=1e-9)
        assert fit.standard_error == pytest.approx(plain.standard_error, abs=1e-9)


@every_kind
def test_the_prior_is_a_match_result_of_its_own(made, options):
    """At the minimum every competitor's actual score falls short of the expected one by λ (θ − m), before centring."""
    sd = np.linspace(0.5, 3.0, 12)
    fit = bradley_terry(**season(**made), **options, prior_mean=MEAN, prior_sd=sd)
    objective = fit.certificate.second_order.objective
    point = fit.certificate.second_order.point
    away = point.theta[:12] - MEAN
    assert objective.precision[:12] == pytest.approx(sd**-2.0)
    assert (objective.gradient(point)[:12], fit.certificate.shrinkage) == (
        pytest.approx(np.zeros(12), abs=1e-9),
        pytest.approx(np.abs(away / sd**2).max(), abs=1e-8),
    )
    assert fit.theta == pytest.approx(point.theta[:12] - point.theta[:12].mean(), abs=1e-12)


@every_kind
def test_equal_deviations_are_one(made, options):
    one, many = (bradley_terry(**season(**made), **options, prior_sd=sd) for sd in (0.7, np.full(12, 0.7)))
    assert one.theta.tobytes() == many.theta.tobytes()
    assert one.standard_error.tobytes() == many.standard_error.tobytes()


def test_renumbering_takes_means_and_deviations_along():
    number, sd = np.random.default_rng(4).permutation(12), np.linspace(0.3, 2.0, 12)
    columns = season(draws=True)
    moved = columns | {"first": number[columns["first"]], "second": number[columns["second"]]}
    fit, other = (
        bradley_terry(**columns, prior_mean=MEAN, prior_sd=sd),
        bradley_terry(**moved, prior_mean=MEAN[np.argsort(number)], prior_sd=sd[np.argsort(number)]),
    )
    assert other.theta[number] == pytest.approx(fit.theta, abs=1e-9)
    assert other.standard_error[number] == pytest.approx(fit.standard_error, abs=1e-9)


def test_who_is_held_is_surer_than_who_is_free():
    sd = np.where(np.arange(12) == 5, 0.05, 2.0)
    held, free = (bradley_terry(**season(), prior_sd=value) for value in (sd, 2.0))
    assert held.difference(5, 6).standard_error < free.difference(5, 6).standard_error


@pytest.mark.parametrize("covariance", ["model", "robust"])
@pytest.mark.parametrize("sides", [False, True])
def test_errors_under_uneven_deviations_are_estimated_as_well(monkeypatch, covariance, sides):
    columns = season(n=12_000, competitors=500, draws=True, sides=sides)
    sd = np.random.default_rng(3).choice([0.1, 0.5, 4.0], 500)
    exact = bradley_terry(**columns, prior_sd=sd, covariance=covariance).standard_error
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    estimate = bradley_terry(**columns, prior_sd=sd, covariance=covariance)
    assert estimate.approximate
    assert estimate.standard_error == pytest.approx(exact, rel=0.02)


def test_the_bootstrap_knows_the_prior():
    fit, drawn = bradley_terry(**season(), prior_mean=MEAN), bootstrap(**season(), prior_mean=MEAN, replicates=60)
    assert drawn.theta.mean(axis=0) == pytest.approx(fit.theta, abs=0.1)
    assert bootstrap(**season(), prior_mean=MEAN, prior_sd=1e-5, replicates=3).theta == pytest.approx(
        np.tile(centre(MEAN, fit.components), (3, 1)), abs=1e-5
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior_mean": np.zeros(12), "prior_sd": None}, "prior_mean needs prior_sd"),
        ({"prior_mean": np.zeros(11)}, "prior_mean must be finite and have shape"),
        ({"prior_mean": np.full(12, np.nan)}, "prior_mean must be finite"),
        ({"prior_sd": 0.0}, "prior_sd must be a positive number"),
        ({"prior_sd": -1.0}, "prior_sd must be a positive number"),
        ({"prior_sd": np.inf}, "prior_sd must be a positive number"),
        ({"prior_sd": np.nan}, "prior_sd must be a positive number"),
        ({"prior_sd": 1e-200}, "prior_sd must be a positive number"),
        ({"prior_sd": np.ones(11)}, "prior_sd must be one number or have shape"),
        ({"prior_sd": np.append(np.ones(11), 0.0)}, "prior_sd must be a positive number"),
        ({"coefficient_prior_sd": 0.0}, "coefficient_prior_sd must be a positive number"),
        ({"anchor": (12, 1500.0)}, "anchor must be one of 12"),
        ({"anchor": (-1, 1500.0)}, "anchor must be one of 12"),
        ({"anchor": (0, np.inf)}, "anchor must be one of 12 competitors and a finite rating"),
    ],
)
def test_what_means_nothing_is_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        bradley_terry(**season(sides=True), **options)


class TestAnchor:
    @every_kind
    def test_it_shifts_and_changes_nothing_else(self, made, options):
        plain, anchored = (bradley_terry(**season(**made), **options, anchor=anchor) for anchor in (None, (4, 1800.0)))
        assert anchored.rating[4] == pytest.approx(1800.0, abs=1e-9)
        assert np.ptp(anchored.rating - plain.rating) == pytest.approx(0.0, abs=1e-9)
        assert anchored.rating == pytest.approx(1500.0 + natural_unit() * anchored.theta, abs=1e-9)
        assert anchored.difference(0, 7)[:2] == pytest.approx(plain.difference(0, 7)[:2], abs=1e-12)
        assert anchored.win_probability(0, 7)[:5] == pytest.approx(plain.win_probability(0, 7)[:5], abs=1e-12, nan_ok=True)
        assert (anchored.certificate.gradient_norm, anchored.tie_parameter) == (plain.certificate.gradient_norm, plain.tie_parameter)
        for one, other in zip(vars_of(rank_fit(anchored)), vars_of(rank_fit(plain)), strict=True):
            assert np.array_equal(one, other)

    @every_kind
    def test_errors_are_those_of_differences_to_it(self, made, options):
        anchored = bradley_terry(**season(**made), **options, anchor=(4, 1800.0))
        expected = [anchored.difference(i, 4).standard_error for i in range(12)]
        assert anchored.standard_error == pytest.approx(np.array(expected), abs=1e-9)
        assert anchored.standard_error[4] == 0.0
        assert anchored.rating_interval(4)[:2] == pytest.approx((1800.0, 1800.0), abs=1e-9)
        assert anchored.rating_interval(5).relative_to == "the anchor"

    def test_only_its_own_component_moves(self):
        plain, anchored = (bradley_terry(**ISLANDS, anchor=anchor) for anchor in (None, (0, 1000.0)))
        others = [3, 4, 5, 6]
        assert anchored.rating[0] == pytest.approx(1000.0)
        assert np.array_equal(anchored.theta[others], plain.theta[others])
        assert np.array_equal(anchored.standard_error[others], plain.standard_error[others], equal_nan=True)
        assert anchored.rating_interval(3) == plain.rating_interval(3)
        assert anchored.rating_interval(3).relative_to == "the mean of its component"
        assert np.isnan(anchored.rating_interval(6)[:2]).all()

    def test_an_anchor_alone_has_its_rating_exactly(self):
        fit = bradley_terry(**ISLANDS, anchor=(6, 1600.0))
        assert fit.rating_interval(6)[:2] == pytest.approx((1600.0, 1600.0))

    @pytest.mark.parametrize("covariance", ["model", "robust"])
    def test_in_a_large_league_the_errors_are_close(self, monkeypatch, covariance):
        first = np.random.default_rng(3).integers(0, 150, 6_000)
        near = (first + np.random.default_rng(4).integers(1, 5, 6_000)) % 150  # who plays their like has errors much like theirs
        columns = {"first": first, "second": near, "score": np.random.default_rng(5).choice([0.0, 0.5, 1.0], 6_000)}
        exact = bradley_terry(**columns, anchor=(7, 1500.0), covariance=covariance).standard_error
        monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
        estimate = bradley_terry(**columns, anchor=(7, 1500.0), covariance=covariance).standard_error
        assert estimate == pytest.approx(exact, rel=0.08)
        assert estimate[7] == 0.0


def vars_of(ranks):
    return [getattr(ranks, name) for name in ("rank", "rank_low", "rank_high", "rank_ub")]
