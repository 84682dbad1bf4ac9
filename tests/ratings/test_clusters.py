"""Clustered comparisons: the sandwich by raters against the plain formula, and the laws that it keeps."""

import numpy as np
import pytest
import statsmodels.api as sm

from app.core import inference
from app.core.inference import Uncertainty
from app.ratings import bradley_terry
from app.ratings.clusters import effective_clusters
from app.ratings.comparisons import check_comparisons
from tests.ratings.seasons import KINDS, season, taken

every_kind = pytest.mark.parametrize(("made", "options"), KINDS.values(), ids=list(KINDS))
RATERS = np.random.default_rng(21).integers(0, 40, 600)
COUNTS = np.random.default_rng(22).integers(0, 4, 600)


def _robust(made, options, **more):
    return bradley_terry(**{"covariance": "robust", **season(**made), **options, **more})


def _errors(fit):
    return np.concatenate(
        [
            fit.standard_error,
            [fit.difference(0, 5).standard_error, fit.difference(3, 8).standard_error],
            fit.coefficient_standard_errors,
            np.nan_to_num([fit.side_advantage_standard_error, fit.log_tie_parameter_standard_error]),
        ]
    )


@every_kind
def test_it_changes_errors_and_no_estimate(made, options):
    plain, clustered = _robust(made, options), _robust(made, options, cluster=RATERS)
    assert clustered.theta.tobytes() == plain.theta.tobytes()
    assert not np.allclose(_errors(clustered), _errors(plain), rtol=1e-3)


@every_kind
def test_all_apart_is_the_plain_robust_covariance(made, options):
    plain, apart = _robust(made, options), _robust(made, options, cluster=np.random.default_rng(1).permutation(600))
    assert _errors(apart) == pytest.approx(_errors(plain), abs=1e-10)
    assert apart.uncertainty.meat.toarray() == pytest.approx(plain.uncertainty.meat.toarray(), abs=1e-9)


@every_kind
def test_a_weight_is_that_many_rows_of_one_cluster(made, options):
    columns = season(**made) | {name: value for name, value in options.items() if isinstance(value, np.ndarray)}
    other = {name: value for name, value in options.items() if name not in columns}
    rows = np.repeat(np.arange(600), COUNTS)
    weighted = bradley_terry(**columns, **other, weight=COUNTS, cluster=RATERS, covariance="robust", n_competitors=12)
    repeated = bradley_terry(**taken(columns, rows), **other, cluster=RATERS[rows], covariance="robust", n_competitors=12)
    assert _errors(weighted) == pytest.approx(_errors(repeated), abs=1e-10)


@every_kind
def test_every_vote_given_twice_by_its_rater_is_no_news(made, options):
    """Without a prior the sandwich is the same; a plain one would be smaller by √2."""
    made_twice = bradley_terry(**season(**made), **options, weight=np.full(600, 2.0), cluster=RATERS, covariance="robust", prior_sd=None)
    once = bradley_terry(**season(**made), **options, cluster=RATERS, covariance="robust", prior_sd=None)
    assert _errors(made_twice) == pytest.approx(_errors(once), abs=1e-8)


@every_kind
def test_neither_names_of_clusters_nor_the_order_matter(made, options):
    order = np.random.default_rng(2).permutation(600)
    columns = season(**made) | {name: value for name, value in options.items() if isinstance(value, np.ndarray)}
    other = {name: value for name, value in options.items() if name not in columns}
    one = bradley_terry(**columns, **other, cluster=RATERS)
    shuffled = bradley_terry(**taken(columns, order), **other, cluster=RATERS[order])
    assert one.standard_error.tobytes() == shuffled.standard_error.tobytes()
    renamed = bradley_terry(**columns, **other, cluster=np.random.default_rng(3).permutation(40)[RATERS] + 10**12)
    assert _errors(renamed) == pytest.approx(_errors(one), abs=1e-12)


@pytest.mark.parametrize("importance", [None, np.random.default_rng(4).uniform(0.2, 2.0, 600)], ids=["unit", "importance"])
def test_it_is_the_formula(importance):
    columns = season(draws=True, sides=True)
    fit = bradley_terry(**columns, cluster=RATERS, covariance="robust", importance=importance)
    D = np.column_stack([np.eye(12)[columns["first"]] - np.eye(12)[columns["second"]], columns["side"]])
    mean = 1 / (1 + np.exp(-D @ np.append(fit.theta, fit.side_advantage)))
    a = np.ones(600) if importance is None else importance
    scores = np.array([((a * (mean - columns["score"]))[:, None] * D)[rater == RATERS].sum(axis=0) for rater in range(40)])
    ridge = np.diag(np.append(np.full(12, 0.25), 0.0))
    inverse = np.linalg.inv(D.T @ ((a * mean * (1 - mean))[:, None] * D) + ridge)
    project = np.eye(13)
    project[:12, :12] -= 1 / 12
    V = project @ inverse @ (scores.T @ scores + ridge) @ inverse @ project
    assert fit.standard_error == pytest.approx(np.sqrt(np.diag(V))[:12], rel=1e-8)
    assert fit.side_advantage_standard_error == pytest.approx(np.sqrt(V[12, 12]), rel=1e-8)


def test_it_is_statsmodels():
    columns = season(sides=True)
    X = (np.eye(12)[columns["first"]] - np.eye(12)[columns["second"]])[:, 1:]
    X = np.column_stack([X, columns["side"]])
    words = {"groups": RATERS, "use_correction": False}
    oracle = sm.Logit(columns["score"], X).fit(disp=0, tol=1e-12, cov_type="cluster", cov_kwds=words)
    fit = bradley_terry(**columns, prior_sd=None, covariance="robust", cluster=RATERS)
    for other in range(1, 12):
        assert fit.difference(other, 0).standard_error == pytest.approx(oracle.bse[other - 1], rel=1e-6)
    assert fit.side_advantage_standard_error == pytest.approx(oracle.bse[-1], rel=1e-6)


def test_votes_are_judged_by_their_raters():
    """Votes of one rater share an opinion: intervals that know it cover the truth, others are too short. 95 % of 100 is 87 or more (p < 0.001)."""
    covered = {"plain": 0, "clustered": 0}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        rater, first = np.repeat(np.arange(60), 20), rng.integers(0, 4, 1200)
        second = (first + rng.integers(1, 4, 1200)) % 4
        opinion = rng.normal(0.0, 0.8, (60, 4))
        gap = opinion[rater, first] - opinion[rater, second]
        columns = {"first": first, "second": second, "score": (rng.random(1200) < 1 / (1 + np.exp(-gap))).astype(float), "prior_sd": 20.0}
        for name, more in {"plain": {}, "clustered": {"cluster": rater}}.items():
            difference = bradley_terry(**columns, **more).difference(0, 1)
            covered[name] += abs(difference.estimate) < 1.96 * difference.standard_error
    assert covered["plain"] < 87 <= covered["clustered"]


def test_auto_is_robust_with_a_floor_for_few_raters():
    lone = bradley_terry(**season(), cluster=np.zeros(600, dtype=int))
    model = bradley_terry(**season(), covariance="model")
    assert lone.covariance == "robust with the model-based floor for few games"
    assert np.all(lone.standard_error >= model.standard_error - 1e-12)
    assert _robust({}, {}, cluster=np.zeros(600, dtype=int)).standard_error.max() < 0.5 * model.standard_error.min()


def test_effective_clusters_count_games_where_all_are_apart():
    games = [0, 0, 0, 1], [1, 1, 2, 2], [1.0, 0.0, 1.0, 1.0]
    assert effective_clusters(check_comparisons(*games, cluster=[3, 1, 4, 9])).tolist() == [3.0, 3.0, 2.0]
    assert effective_clusters(check_comparisons(*games, cluster=[7, 7, 7, 7])).tolist() == [1.0, 1.0, 1.0]
    assert effective_clusters(check_comparisons(*games, cluster=[7, 7, 8, 8], weight=[1, 1, 1, 0], n_competitors=4)).tolist() == [1.8, 1.0, 1.0, 0.0]


@every_kind
def test_arrays_bring_it_back(tmp_path, made, options):
    of = _robust(made, options, cluster=RATERS).uncertainty
    np.savez(tmp_path / "stored.npz", **of.arrays())
    with np.load(tmp_path / "stored.npz") as stored:
        back = Uncertainty.from_arrays(dict(stored))
    assert np.array_equal(back.marginal.variance, of.marginal.variance)


@pytest.mark.parametrize("options", [{}, {"prior_sd": None}])
def test_in_a_large_league_it_is_drawn_and_says_how_well(monkeypatch, options):
    columns = season(n=9_000, competitors=300, draws=True, sides=True)
    raters = np.random.default_rng(5).integers(0, 500, 9_000)
    exact = bradley_terry(**columns, **options, cluster=raters, covariance="robust")
    expected = exact.standard_error, exact.difference(3, 9)
    monkeypatch.setattr(inference, "DENSE_LIMIT", 100)
    estimate = bradley_terry(**columns, **options, cluster=raters, covariance="robust")
    ratio = estimate.standard_error / expected[0]
    assert np.abs(ratio - 1.0).max() < 0.2
    assert np.sqrt(np.mean((ratio - 1.0) ** 2)) < 0.06
    assert 0.0 < estimate.standard_error_accuracy < 0.2
    assert estimate.difference(3, 9)[:2] == pytest.approx(expected[1][:2], rel=1e-6)


@pytest.mark.parametrize(("cluster", "message"), [([1.0] * 600, "integers"), ([1], "600 rows"), ([-1] * 600, "must not be negative")])
def test_what_is_no_cluster_is_refused_by_name(cluster, message):
    with pytest.raises(ValueError, match=f"cluster must.*{message}|cluster {message}"):
        bradley_terry(**season(), cluster=cluster)
