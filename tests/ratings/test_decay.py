"""Time decay: an importance of 2^(−age / half_life), and nothing else."""

import numpy as np
import pytest

from app.ratings import bradley_terry
from app.ratings.comparisons import check_comparisons
from app.ratings.resampling import bootstrap
from tests.ratings.seasons import KINDS, season

every_kind = pytest.mark.parametrize(("made", "options"), KINDS.values(), ids=list(KINDS))
AGE = np.random.default_rng(9).integers(0, 900, 600).astype(float)
TRUST = np.random.default_rng(10).choice([0.5, 1.0, 3.0], 600)


def _importance(**columns):
    return check_comparisons([0, 1], [1, 0], [1.0, 0.0], **columns).importance


@every_kind
def test_decay_is_importance(made, options):
    aged = bradley_terry(**season(**made), **options, age=AGE, half_life=120.0, importance=TRUST)
    given = bradley_terry(**season(**made), **options, importance=TRUST * 2.0 ** (-AGE / 120.0))
    assert aged.theta == pytest.approx(given.theta, abs=1e-12)
    assert aged.standard_error == pytest.approx(given.standard_error, abs=1e-12)
    assert aged.covariance == given.covariance == "robust with the model-based floor for few games"


@every_kind
def test_an_infinite_half_life_is_none(made, options):
    plain, aged = bradley_terry(**season(**made), **options), bradley_terry(**season(**made), **options, age=AGE, half_life=np.inf)
    assert aged.theta.tobytes() == plain.theta.tobytes()
    assert aged.covariance == plain.covariance
    assert aged.standard_error == pytest.approx(plain.standard_error, abs=1e-12)


@every_kind
def test_everyone_older_by_a_half_life_counts_half_and_the_prior_double(made, options):
    later = bradley_terry(**season(**made), **options, age=AGE + 120.0, half_life=120.0, prior_sd=2.0, coefficient_prior_sd=2.0)
    now = bradley_terry(**season(**made), **options, age=AGE, half_life=120.0, prior_sd=np.sqrt(2.0), coefficient_prior_sd=np.sqrt(2.0))
    assert later.theta == pytest.approx(now.theta, abs=1e-9)


def test_without_a_prior_it_matters_only_how_much_older_one_is_than_another():
    one, other = (bradley_terry(**season(), age=AGE + shift, half_life=200.0, prior_sd=None) for shift in (0.0, 777.0))
    assert other.theta == pytest.approx(one.theta, abs=1e-8)
    assert other.standard_error == pytest.approx(one.standard_error, abs=1e-8)


def test_a_half_life_halves():
    assert _importance(age=[0.0, 30.0], half_life=30.0).tolist() == [1.0, 0.5]
    assert _importance(age=[60.0, 30.0], half_life=30.0, importance=[2.0, 3.0]).tolist() == [0.5, 1.5]


def test_what_is_infinitely_old_is_forgotten():
    columns = season(n=100)
    aged = bradley_terry(**columns, age=np.where(np.arange(100) < 40, 1e9, 0.0), half_life=1.0, n_competitors=12)
    rest = bradley_terry(**{name: None if column is None else column[40:] for name, column in columns.items()}, n_competitors=12)
    assert aged.theta == pytest.approx(rest.theta, abs=1e-12)


def test_the_bootstrap_decays_as_well():
    aged = bootstrap(**season(), age=AGE, half_life=120.0, replicates=4)
    assert aged.theta == pytest.approx(bootstrap(**season(), importance=2.0 ** (-AGE / 120.0), replicates=4).theta, abs=1e-12)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"age": [1.0, 2.0]}, "age must be given with half_life"),
        ({"half_life": 30.0}, "age must be given with half_life"),
        ({"age": [1.0, 2.0], "half_life": 0.0}, "half_life must be a positive number"),
        ({"age": [1.0, 2.0], "half_life": np.nan}, "half_life must be a positive number"),
        ({"age": [1.0, -2.0], "half_life": 1.0}, r"age must not be negative \(row 1\)"),
        ({"age": [np.inf, 2.0], "half_life": 1.0}, r"age must be finite \(row 0\)"),
        ({"age": [1.0], "half_life": 1.0}, "age must have 2 rows"),
    ],
)
def test_what_means_nothing_is_refused_by_name(columns, message):
    with pytest.raises(ValueError, match=message):
        _importance(**columns)
