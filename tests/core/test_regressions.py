"""Regressions against statsmodels and each other."""

import numpy as np
import pytest
import statsmodels.api as sm

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
