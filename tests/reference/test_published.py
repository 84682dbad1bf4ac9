"""Estimates that others published, at the rounding they printed."""

import json
from pathlib import Path

import numpy as np
import pytest
from statsmodels.datasets import anes96, spector

from app.core import LogisticRegression, SoftmaxRegression
from app.ratings import bradley_terry
from tests.reference.shared import matches, published

REGRESSIONS = json.loads((Path(__file__).parent / "regressions.json").read_text(encoding="utf-8"))


def test_spector_logit():
    data, table = spector.load().data, REGRESSIONS["spector"]
    fitted = LogisticRegression().fit(data[["GPA", "TUCE", "PSI"]], data["GRADE"])
    assert fitted.coef_ == pytest.approx(table["coefficients"], rel=1e-6)
    assert fitted.standard_errors_ == pytest.approx(table["standard_errors"], rel=1e-6)
    assert fitted.log_likelihood_ == pytest.approx(table["log_likelihood"], rel=1e-6)


def test_anes96_multinomial_logit():
    data, table = anes96.load().data, REGRESSIONS["anes96"]
    classes = (data["PID"].to_numpy(dtype=int) - 1) % 7
    fitted = SoftmaxRegression().fit(data[table["order"][:-1]], classes)
    assert np.transpose(fitted.coef_) == pytest.approx(np.array(table["coefficients"]), abs=1e-6)
    assert np.transpose(fitted.standard_errors_) == pytest.approx(np.array(table["standard_errors"]), abs=1e-6)
    assert fitted.log_likelihood_ == pytest.approx(table["log_likelihood"], rel=1e-9)


def _against(table, fit, reference):
    against = table.names.index(reference)
    return {name: fit.difference(number, against) for number, name in enumerate(table.names) if name != reference}


@pytest.mark.parametrize(("model", "digits"), [("model1", 4), ("model2", 6)])
def test_baseball_1987(model, digits):
    table, expected = matches("bt_baseball1987.csv"), published("bt_baseball1987.json")[model]
    side = table.side if model == "model2" else None
    fit = bradley_terry(table.first, table.second, table.score, table.weight, prior_sd=None, side=side, covariance="model")
    for name, difference in _against(table, fit, "Baltimore").items():
        assert difference[:2] == pytest.approx(expected["coef_se"][name], abs=0.6 * 10**-digits)
        assert difference.comparable == "yes"
    if side is not None:
        assert [round(fit.side_advantage, 4), round(fit.side_advantage_standard_error, 4)] == expected["at_home"]


def test_citations():
    table, expected = matches("bt_citations.csv"), published("bt_citations.json")
    fit = bradley_terry(table.first, table.second, table.score, table.weight, prior_sd=None, covariance="model")
    got = _against(table, fit, expected["reference"])
    assert {name: round(difference.estimate, 4) for name, difference in got.items()} == expected["coefficients"]
    assert {name: round(difference.estimate, 4) for name, difference in _against(table, fit, "JASA").items()} == expected["reference_JASA"]


def test_an_invented_season_with_home_field():
    table, expected = matches("tiny_elo_tournament.csv"), published("tiny_elo_tournament.json")["bradley_terry_glm_home"]
    decided = table.score != 0.5
    fit = bradley_terry(table.first[decided], table.second[decided], table.score[decided], prior_sd=None, side=table.side[decided])
    assert [round(fit.side_advantage, 4), round(fit.side_advantage_standard_error, 4)] == expected["home_field"][:2]


def _centred_logs(scores, names):
    logs = np.log([scores[name] for name in names])
    return logs - logs.mean()


def test_language_models_by_the_crowd():
    table, golden = matches("llm_llmfao_crowd.csv"), published("llm_llmfao_evalica.json")["scores"]
    fit = bradley_terry(table.first, table.second, table.score, prior_sd=None)
    assert fit.theta == pytest.approx(_centred_logs(golden["bradley_terry"], table.names), abs=1e-8)


def test_language_models_with_ties():
    table, golden = matches("llm_llmfao_crowd.csv"), published("llm_llmfao_evalica.json")["scores"]
    fit = bradley_terry(table.first, table.second, table.score, prior_sd=None, draws="davidson")
    assert fit.theta == pytest.approx(_centred_logs(golden["newman"], table.names), abs=1e-8)


@pytest.mark.parametrize(("name", "most"), [("tennis_atp.csv.gz", 0.02)])
def test_real_tennis_converges_and_knows_its_errors(name, most):
    table = matches(name)
    fit = bradley_terry(table.first, table.second, table.score)
    assert fit.certificate.status == "converged"
    assert fit.certificate.score_residual < 1e-6
    assert fit.standard_error_accuracy < most
    assert np.isfinite(fit.standard_error).all()
