"""Regressions against statsmodels and each other."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import sparse

from app.core import LogisticRegression, SoftmaxRegression

RNG = np.random.default_rng(11)
X = RNG.standard_normal((200, 3))
BINARY = (RNG.random(200) < 1 / (1 + np.exp(-(X @ [1.0, -0.5, 0.0] + 0.3)))).astype(int)
CLASSES = RNG.integers(0, 4, 200)


def test_logistic_is_statsmodels_logit():
    oracle = sm.Logit(BINARY, sm.add_constant(X, prepend=False)).fit(disp=0)
    ours = LogisticRegression().fit(X, BINARY)
    assert ours.coef_ == pytest.approx(oracle.params, abs=1e-8)
    assert ours.standard_errors_ == pytest.approx(oracle.bse, abs=1e-7)
    assert ours.log_likelihood_ == pytest.approx(oracle.llf)
    assert ours.predict_proba(X)[:, 1] == pytest.approx(oracle.predict(), abs=1e-8)
    assert ours.certificate_.status == "converged"


def test_softmax_is_statsmodels_mnlogit():
    oracle = sm.MNLogit((CLASSES + 1) % 4, sm.add_constant(X, prepend=False)).fit(disp=0)
    ours = SoftmaxRegression().fit(X, CLASSES)
    assert np.transpose(ours.coef_) == pytest.approx(oracle.params, abs=1e-6)
    assert np.transpose(ours.standard_errors_) == pytest.approx(oracle.bse, abs=1e-6)
    assert ours.log_likelihood_ == pytest.approx(oracle.llf)


def test_weight_is_repetition():
    counts = RNG.integers(1, 4, 200)
    weighted = LogisticRegression(ridge=0.5).fit(X, BINARY, counts)
    repeated = LogisticRegression(ridge=0.5).fit(np.repeat(X, counts, axis=0), np.repeat(BINARY, counts))
    assert weighted.coef_ == pytest.approx(repeated.coef_, abs=1e-10)
    assert weighted.covariance_ == pytest.approx(repeated.covariance_, abs=1e-10)


def test_two_symmetric_classes_are_logistic_with_twice_the_ridge():
    logistic = LogisticRegression(ridge=0.5).fit(X, BINARY)
    softmax = SoftmaxRegression(ridge=1.0, reference_class=False).fit(X, BINARY)
    assert softmax.coef_[1] - softmax.coef_[0] == pytest.approx(logistic.coef_, abs=1e-8)


def test_symmetric_biases_sum_to_zero_and_probabilities_to_one():
    fitted = SoftmaxRegression(ridge=1.0, reference_class=False).fit(X, CLASSES)
    assert fitted.coef_.shape == (4, 4)
    assert fitted.coef_[:, -1].sum() == pytest.approx(0.0, abs=1e-12)
    assert fitted.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(200))


def test_the_bias_bears_no_ridge():
    assert LogisticRegression(ridge=1e12).fit(X, BINARY).coef_[-1] == pytest.approx(np.log(BINARY.mean() / (1 - BINARY.mean())), abs=1e-6)


def test_separation_is_a_status():
    assert LogisticRegression().fit([[0.0], [1.0]], [0, 1]).certificate_.status != "converged"


@pytest.mark.parametrize(
    ("regression", "X_", "y", "message"),
    [
        (LogisticRegression(), [[np.nan]], [1], "X must be finite"),
        (LogisticRegression(), [[1.0]], [2], "y must lie"),
        (LogisticRegression(ridge=-1.0), [[1.0]], [1], "ridge"),
        (SoftmaxRegression(reference_class=False), [[1.0]], [1], "ridge must be positive"),
        (SoftmaxRegression(), [[1.0]], [0.5], "y must hold the classes"),
    ],
)
def test_what_cannot_be_fitted_is_refused_by_name(regression, X_, y, message):
    with pytest.raises(ValueError, match=message):
        regression.fit(X_, y)


SPARSE = np.where(np.abs(X) > 0.5, X, 0.0)
KINDS = {"logistic": (LogisticRegression, BINARY), "softmax": (SoftmaxRegression, CLASSES)}
every_kind = pytest.mark.parametrize(("kind", "y"), KINDS.values(), ids=list(KINDS))


@every_kind
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
@pytest.mark.parametrize("bias", [True, False])
def test_a_sparse_matrix_is_the_array_that_it_stands_for(kind, y, form, bias):
    thin, full = (kind(bias=bias, ridge=0.1).fit(matrix, y) for matrix in (form(SPARSE), SPARSE))
    assert thin.coef_ == pytest.approx(full.coef_, abs=1e-9)
    assert thin.covariance_ == pytest.approx(full.covariance_, abs=1e-9)
    assert thin.predict_proba(form(SPARSE)) == pytest.approx(full.predict_proba(SPARSE), abs=1e-9)


@every_kind
def test_what_has_not_as_many_rows_is_refused_by_name(kind, y):
    with pytest.raises(ValueError, match="y must have 200 rows, not 199"):
        kind().fit(X, y[1:])
    with pytest.raises(ValueError, match="sample_weight must have 200 rows, not 3"):
        kind().fit(X, y, np.ones(3))
    with pytest.raises(ValueError, match="X must be finite"):
        kind().fit(sparse.csr_array(np.where(X > 2.0, np.nan, X)), y)


@every_kind
def test_weights_of_nothing_leave_the_prior(kind, y):
    fit = kind(ridge=1.0, bias=False).fit(X, y, np.zeros(200))
    assert not fit.coef_.any()
    assert (fit.certificate_.status, fit.certificate_.gradient_norm) == ("converged", 0.0)
