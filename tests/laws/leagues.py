"""Leagues × systems: one league of two islands and someone who never played, fitted in every way that a batch fit offers."""

from itertools import product

import numpy as np
import pytest

from app.ratings import bradley_terry

SIZES, ALONE = (8, 5), 13
N = sum(SIZES) + 1
ROWS = 700
PRIOR_SD, COEFFICIENT_PRIOR_SD = 1.5, 2.5


def league(seed=1):
    """Random pairs within each island, draws and a side; the strengths are of no account here."""
    rng = np.random.default_rng(seed)
    size, offset = (np.repeat(values, [400, 300]) for values in (SIZES, (0, SIZES[0])))
    first = rng.integers(0, size)
    second = (first + rng.integers(1, size)) % size
    return {
        "first": first + offset,
        "second": second + offset,
        "score": rng.choice([0.0, 0.5, 1.0], ROWS, p=[0.3, 0.25, 0.45]),
        "side": rng.choice([-1.0, 0.0, 1.0], ROWS),
        "covariates": np.round(rng.standard_normal((ROWS, 2)), 1),
    }


COLUMNS = {"strengths alone": (), "a side": ("side",), "a side and covariates": ("side", "covariates")}
DRAWS = ("half", "davidson")
PRIORS = {"no prior": None, "a prior": PRIOR_SD}
COVARIANCES = ("auto", "model", "robust")


def _systems(covariances):
    for (name, columns), draws, (prior, sd), covariance in product(COLUMNS.items(), DRAWS, PRIORS.items(), covariances):
        options = {"draws": draws, "prior_sd": sd, "coefficient_prior_sd": None if sd is None else COEFFICIENT_PRIOR_SD}
        label = f"{draws}, {name}, {prior}" + (f", {covariance}" if len(covariances) > 1 else "")
        yield pytest.param(columns, options | {"covariance": covariance} if len(covariances) > 1 else options, id=label)


every_system = pytest.mark.parametrize(("columns", "options"), list(_systems(COVARIANCES)))
every_estimate = pytest.mark.parametrize(("columns", "options"), list(_systems(("auto",))))


def chosen(columns, seed=1):
    """The columns of the league that this system reads."""
    return {name: values for name, values in league(seed).items() if name in {"first", "second", "score", *columns}}


def fitted(given, options, **more):
    """The fit of these columns."""
    return bradley_terry(**given, n_competitors=N, **options, **more)


def rearranged(given, change):
    """The same change of every column."""
    return {name: change(values) for name, values in given.items()}


def expectations(fit, given):
    """Of every match the expected score of the first side, and the chance of a draw (0 where draws are half wins), word for word."""
    side, covariates = given.get("side", np.zeros(len(given["first"]))), given.get("covariates", np.zeros((len(given["first"]), 0)))
    d = fit.theta[given["first"]] - fit.theta[given["second"]] + (fit.side_advantage or 0.0) * side + covariates @ fit.coefficients
    odds = np.stack([np.exp(d / 2), np.full(len(d), fit.tie_parameter or 0.0), np.exp(-d / 2)])
    chances = odds / odds.sum(axis=0)
    return chances[0] + 0.5 * chances[1], chances[1]


def formula(fit, given, options, counts):
    """V by matrices over single matches: H⁻¹, or H⁻¹(M + diag λ)H⁻¹ with M = Σ c s sᵀ, s the score of a match; strengths centred by component."""
    n, m = N, len(given["first"])
    X = np.column_stack([np.eye(n)[given["first"]] - np.eye(n)[given["second"]], *([given["side"]] if "side" in given else [])])
    X = np.column_stack([X, given["covariates"]]) if "covariates" in given else X
    expected, draw = expectations(fit, given)
    if options["draws"] == "davidson":
        D = np.stack(
            [np.column_stack([0.5 * X, np.zeros(m)]), np.tile(np.eye(X.shape[1] + 1)[-1], (m, 1)), np.column_stack([-0.5 * X, np.zeros(m)])], 1
        )
        mean = np.column_stack([expected - 0.5 * draw, draw, 1.0 - expected - 0.5 * draw])
        happened = (given["score"][:, None] == [1.0, 0.5, 0.0]).astype(float)
        curvature = np.einsum("nk,kl->nkl", mean, np.eye(3)) - mean[:, :, None] * mean[:, None, :]
        scores = np.einsum("nk,nkp->np", happened - mean, D)
        information = np.einsum("n,nkp,nkl,nlq->pq", counts, D, curvature, D)
    else:
        scores = (given["score"] - expected)[:, None] * X
        information = X.T @ ((counts * expected * (1.0 - expected))[:, None] * X)
    width = len(information)
    precision = np.zeros(width) if options["prior_sd"] is None else np.r_[np.full(n, PRIOR_SD**-2.0), np.full(width - n, COEFFICIENT_PRIOR_SD**-2.0)]
    inverse = np.linalg.pinv(information + np.diag(precision), rcond=1e-10, hermitian=True)
    meat = (scores * counts[:, None]).T @ scores + np.diag(precision)
    centring = np.eye(width)
    centring[:n, :n] -= (fit.components[:, None] == fit.components) / np.bincount(fit.components)[fit.components]
    return centring @ (inverse if options["covariance"] == "model" else inverse @ meat @ inverse) @ centring.T
