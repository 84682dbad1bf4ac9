"""Covariances against the plain formulas, at sizes where those can be written down, and their estimates above."""

import dataclasses

import numpy as np
import pytest
from scipy import linalg, sparse

from app.core import inference, selected_inverses
from app.core.conditions import condition_number
from app.core.designs import PairDesign
from app.core.identifiability import centre
from app.core.inference import Uncertainty
from app.core.scores import ScoreGram

N = 12


def _uncertainty(covariance="model", columns=1, precision=0.25, few=(), n=N, rows=60, seed=1):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n, rows)
    design = PairDesign(first, (first + rng.integers(1, n, rows)) % n, n, rng.standard_normal((rows, columns)))
    mask = np.zeros(n, dtype=bool)
    mask[list(few)] = True
    curvature, squares = rng.uniform(0.05, 0.25, rows), rng.uniform(0.0, 0.5, rows)
    return Uncertainty(design.gram(curvature), design.gram(squares), np.full(n + columns, precision), np.zeros(n, dtype=np.int64), mask, covariance)


def _formula(of):
    n, width = len(of.components), len(of.precision)
    project = np.eye(width)
    project[:n, :n] -= 1.0 / n
    inverse = np.linalg.pinv(of.hessian.toarray())
    middle = of.hessian.toarray() if of.covariance == "model" else of.bread.toarray()
    return project @ inverse @ middle @ inverse @ project


every_kind = pytest.mark.parametrize("covariance", ["model", "robust"])
with_and_without_prior = pytest.mark.parametrize("precision", [0.25, 0.0])


@every_kind
@with_and_without_prior
def test_variances_are_the_diagonal_of_the_formula(covariance, precision):
    of = _uncertainty(covariance, precision=precision)
    assert of.marginal.variance == pytest.approx(np.diag(_formula(of)), rel=1e-8)
    assert of.marginal.relative_error == 0.0


@every_kind
@with_and_without_prior
@pytest.mark.parametrize("dense_limit", [3_000, 0])
def test_a_few_are_exact_by_either_way_of_solving(monkeypatch, covariance, precision, dense_limit):
    monkeypatch.setattr(inference, "DENSE_LIMIT", dense_limit)
    of = _uncertainty(covariance, precision=precision)
    V = _formula(of)
    assert of.joint([2, 5, N]) == pytest.approx(V[np.ix_([2, 5, N], [2, 5, N])], abs=1e-8)
    assert of.covariance_rows([3]) == pytest.approx(V[[3]], abs=1e-8)
    assert of.variance_of_difference(2, 5) == pytest.approx(V[2, 2] + V[5, 5] - 2 * V[2, 5], abs=1e-8)
    assert of.contrasts([2, 5, N], np.array([[1.0], [-1.0], [1.0]]))[0, 0] == pytest.approx(
        np.array([1, -1, 1]) @ V[np.ix_([2, 5, N], [2, 5, N])] @ np.array([1, -1, 1]), abs=1e-8
    )


@every_kind
def test_all_differences_agree_with_one(covariance):
    of = _uncertainty(covariance, few=[1, 4])
    every = of.difference_variances()
    for i, j in [(0, 1), (2, 3), (4, 1), (7, 0)]:
        assert every[i, j] == pytest.approx(of.variance_of_difference(i, j))


def test_whatever_involves_few_games_is_never_below_the_model():
    model = _uncertainty("model")
    floored = dataclasses.replace(_uncertainty("robust"), few=np.arange(N) < 3, meat=model.meat.plus_diagonal(np.zeros(N + 1)))
    tight = dataclasses.replace(floored, meat=_scaled(model.meat, 1e-3), precision=model.precision)
    plain = dataclasses.replace(tight, few=np.zeros(N, dtype=bool))
    assert tight.marginal.variance[:3] == pytest.approx(model.marginal.variance[:3])
    assert tight.marginal.variance[3:] == pytest.approx(plain.marginal.variance[3:])
    assert tight.variance_of_difference(0, 9) == pytest.approx(model.variance_of_difference(0, 9))
    assert tight.variance_of_difference(8, 9) == pytest.approx(plain.variance_of_difference(8, 9))
    assert np.linalg.eigvalsh(tight.joint([0, 5, 9]) - model.joint([0, 5, 9])).min() >= -1e-12


def _scaled(gram, factor):
    pairs = gram.pairs.copy()
    pairs.data = pairs.data * factor
    return type(gram)(pairs, gram.head * factor, gram.border * factor, gram.corner * factor)


@every_kind
def test_arrays_bring_it_back(tmp_path, covariance):
    of = _uncertainty(covariance, few=[2])
    np.savez(tmp_path / "stored.npz", **of.arrays())
    with np.load(tmp_path / "stored.npz") as stored:
        back = Uncertainty.from_arrays(dict(stored))
    assert np.array_equal(back.joint([0, 2, N]), of.joint([0, 2, N]))


@every_kind
@pytest.mark.parametrize("columns", [0, 2])
def test_estimates_are_close_and_say_how_close(monkeypatch, covariance, columns):
    of = _uncertainty(covariance, columns, n=600, rows=4_000)
    exact = of.marginal.variance
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    estimate = _uncertainty(covariance, columns, n=600, rows=4_000).marginal
    error = np.abs(np.sqrt(estimate.variance / exact) - 1.0)
    assert np.median(error) < 0.005
    assert np.quantile(error, 0.99) < 0.02
    assert 0.0 < estimate.relative_error < 0.03


def test_estimates_are_exact_on_a_tree(monkeypatch):
    first = np.array([0, 1, 1, 3, 3, 5, 6, 7, 8, 9, 10])
    design = PairDesign(first, np.arange(1, 12), 12)
    of = Uncertainty(
        design.gram(np.full(11, 0.2)),
        design.gram(np.full(11, 0.1)),
        np.full(12, 0.25),
        np.zeros(12, dtype=np.int64),
        np.zeros(12, dtype=bool),
        "model",
    )
    from app.core.marginals import _tree_variances

    assert _tree_variances(of.hessian, 1e-12) == pytest.approx(np.diag(np.linalg.inv(of.hessian.toarray())))


def test_condition_number_on_strengths_that_sum_to_zero(monkeypatch):
    gram = _uncertainty(columns=0).hessian
    projected = centre(centre(gram.toarray(), np.zeros(N, dtype=np.int64)).T, np.zeros(N, dtype=np.int64))
    values = linalg.eigvalsh(projected)
    assert condition_number(gram, N) == pytest.approx(values[-1] / values[1])
    monkeypatch.setattr("app.core.conditions.DENSE_LIMIT", 3)
    assert condition_number(gram, N) == pytest.approx(values[-1] / values[1], rel=1e-3)
    monkeypatch.setattr("app.core.conditions.ESTIMATED_FROM", 3)
    assert condition_number(gram, N) == pytest.approx(values[-1] / values[1], rel=3e-3)


@every_kind
@with_and_without_prior
def test_what_centring_takes_away_is_exact_whatever_the_prior(monkeypatch, covariance, precision):
    """With exact variances of the uncentred strengths in place of the estimates, the result is the formula."""
    uneven = precision * np.random.default_rng(5).choice([0.1, 1.0, 30.0], N)
    of = dataclasses.replace(_uncertainty(covariance, columns=0, precision=precision), precision=uneven)
    inverse = np.linalg.pinv(of.hessian.toarray())
    monkeypatch.setattr(inference, "estimated_variances", lambda hessian, modes: np.diag(inverse))
    monkeypatch.setattr(inference, "estimated_sandwich", lambda hessian, bread, modes: np.diag(inverse @ bread.toarray() @ inverse))
    assert inference._component_variances(of) == pytest.approx(np.diag(_formula(of)), rel=1e-7)


@every_kind
@pytest.mark.parametrize("columns", [0, 2])
@with_and_without_prior
def test_elimination_gives_the_formula(covariance, columns, precision):
    of = _uncertainty(covariance, columns, precision=precision)
    if precision:
        of = dataclasses.replace(of, precision=precision * np.random.default_rng(5).choice([0.1, 1.0, 30.0], N + columns))
    assert inference._reported(of, inference._by_elimination(of))[:N] == pytest.approx(np.diag(_formula(of))[:N], rel=1e-6)


@every_kind
@pytest.mark.parametrize("affordable", [True, False])
def test_where_the_modes_are_too_many_elimination_is_exact_or_the_estimate_says_how_bad_it_is(monkeypatch, covariance, affordable):
    of = _chain(covariance)
    exact = of.marginal.variance
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    monkeypatch.setattr(selected_inverses, "MOST_ENTRIES", 1e6 if affordable else 100)
    estimate = _chain(covariance).marginal
    error = np.abs(np.sqrt(estimate.variance / exact) - 1.0)
    assert (error.max() < 1e-6) == affordable
    assert (estimate.relative_error < 2e-4) == affordable
    assert estimate.relative_error > 0.0


@with_and_without_prior
def test_a_clustered_meat_is_drawn_and_only_the_model_is_eliminated(monkeypatch, precision):
    """The floor is the model's variance: for those with few games where it is above the draws it is exact, as for everyone here."""
    of = dataclasses.replace(_chain("robust"), precision=np.full(500, precision), few=np.ones(500, dtype=bool))
    quiet = dataclasses.replace(of, meat=ScoreGram(sparse.csr_array((500, 1)), np.zeros(500)))
    exact = np.diag(_formula(dataclasses.replace(of, covariance="model")))
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    assert inference._component_variances(quiet) == pytest.approx(exact, rel=1e-6)


def _chain(covariance, n=500):
    """Everyone meets the next three, as on a narrow ladder."""
    first = np.concatenate([np.arange(n - step) for step in (1, 2, 3)])
    second = np.concatenate([np.arange(step, n) for step in (1, 2, 3)])
    rng = np.random.default_rng(6)
    design, weight, squares = PairDesign(first, second, n), rng.uniform(0.5, 2.0, len(first)), rng.uniform(0.2, 2.0, len(first))
    nobody = np.zeros(n, dtype=bool)
    return Uncertainty(design.gram(weight), design.gram(squares), np.full(n, 0.01), np.zeros(n, dtype=np.int64), nobody, covariance)


@every_kind
@pytest.mark.parametrize("columns", [0, 2])
@with_and_without_prior
def test_small_components_of_a_large_league_are_exact(monkeypatch, covariance, columns, precision):
    of, sizes = _islands([300, 2, 2, 2, 3, 4, 1, 150, 90], covariance, columns, precision)
    exact, small = of.marginal.variance, np.isin(of.components, [*range(2, 9)])
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    estimate = _islands(sizes, covariance, columns, precision)[0].marginal
    ratio = np.sqrt(np.divide(estimate.variance, exact, out=np.ones(len(exact)), where=exact > 1e-12))
    known = len(of.components)
    assert ratio[:known][small] == pytest.approx(1.0, abs=0.01 if columns else 1e-9)
    assert ratio[:known] == pytest.approx(1.0, abs=0.03)
    assert ratio[known:] == pytest.approx(1.0, abs=1e-6)
    assert 0.0 < estimate.relative_error < 0.03


def _islands(sizes, covariance, columns, precision):
    rng = np.random.default_rng(4)
    starts, n = np.cumsum([0, *sizes[:-1]]), sum(sizes)
    island = np.repeat(np.arange(len(sizes)), [0 if size == 1 else 14 * size for size in sizes])
    size, start = np.array(sizes)[island], starts[island]
    one = rng.integers(0, size)
    other = (one + rng.integers(1, size)) % size
    design = PairDesign(start + one, start + other, n, rng.standard_normal((len(island), columns)))
    curvature, squares = rng.uniform(0.05, 0.25, len(island)), rng.uniform(0.0, 0.5, len(island))
    order = np.argsort(-np.array(sizes), kind="stable")
    components = np.repeat(np.argsort(order), sizes).astype(np.int64)
    prior = np.append(np.full(n, precision), np.zeros(columns))
    return Uncertainty(design.gram(curvature), design.gram(squares), prior, components, np.zeros(n, dtype=bool), covariance), sizes


def test_a_part_is_its_own_uncertainty():
    of = _islands([5, 4, 3], "robust", 0, 0.25)[0]
    part = of.part(np.flatnonzero(of.components == 1))
    assert part.marginal.variance == pytest.approx(of.marginal.variance[of.components == 1])
    assert part.components.tolist() == [0] * 4
