"""Estimates that others published, at the rounding they printed."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import comb, expit, logit, softmax, xlogy
from scipy.stats import norm
from statsmodels.datasets import anes96, spector

from app.core import LogisticRegression, SoftmaxRegression
from app.ratings import bradley_terry, elo
from app.ratings.online import EloRules, rate
from app.ratings.scale import expected_score, to_natural_units
from tests.reference import tables
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


def test_all_that_was_printed_of_the_spector_logit():
    """Stata held the data in single precision. Given so, every printed digit is met; in double precision the seventh differs."""
    data, printed = spector.load().data, published("logit_spector.json")
    X, y = data[["GPA", "TUCE", "PSI"]].to_numpy(dtype=np.float32), data["GRADE"].to_numpy()
    fitted = LogisticRegression().fit(X, y)
    constant = LogisticRegression(bias=False).fit(np.ones((32, 1)), y).log_likelihood_
    assert fitted.coef_ == pytest.approx(printed["params"], rel=1e-9)
    assert fitted.standard_errors_ == pytest.approx(printed["bse"], rel=1e-8)
    assert fitted.covariance_ == pytest.approx(np.array(printed["cov_params"]), rel=1e-8)
    assert fitted.coef_ / fitted.standard_errors_ == pytest.approx(printed["z"], rel=1e-8)
    chances = fitted.predict_proba(X)[:, 1]
    assert (chances, logit(chances)) == (pytest.approx(printed["phat"], abs=1e-7), pytest.approx(printed["yhat"], abs=1e-6))
    _judged(printed, fitted.log_likelihood_, constant, coefficients=4, rows=32)
    assert 1.0 - fitted.log_likelihood_ / constant == pytest.approx(printed["prsquared"], rel=1e-9)


def test_all_that_was_printed_of_the_anes96_multinomial_logit():
    data, printed = anes96.load().data, published("mnlogit_anes96.json")
    classes = (data["PID"].to_numpy(dtype=int) - 1) % 7
    fitted = SoftmaxRegression().fit(data[printed["columns"][:-1]], classes)
    constant = SoftmaxRegression(bias=False).fit(np.ones((len(classes), 1)), classes).log_likelihood_
    assert np.transpose(fitted.coef_) == pytest.approx(np.array(printed["params"]), abs=1e-6)
    assert np.transpose(fitted.standard_errors_) == pytest.approx(np.array(printed["bse"]), abs=1e-8)
    assert np.transpose(fitted.coef_ / fitted.standard_errors_) == pytest.approx(np.array(printed["z"]), abs=1e-5)
    _judged(printed, fitted.log_likelihood_, constant, coefficients=36, rows=len(classes))


def _judged(printed, log_likelihood, of_the_constant, *, coefficients, rows):
    assert (log_likelihood, of_the_constant) == pytest.approx((printed["llf"], printed["llnull"]), rel=1e-9)
    assert 2.0 * coefficients - 2.0 * log_likelihood == pytest.approx(printed["aic"], rel=1e-9)
    assert coefficients * np.log(rows) - 2.0 * log_likelihood == pytest.approx(printed["bic"], rel=1e-9)


def _against(names, fit, reference):
    against = names.index(reference)
    return {name: fit.difference(number, against) for number, name in enumerate(names) if name != reference}


def _rounded(fit, names, reference, digits=4):
    return {name: tuple(round(value, digits) for value in difference[:2]) for name, difference in _against(names, fit, reference).items()}


def _deviance(counts, fit):
    """Twice the likelihood that a chance of one's own for every row would add."""
    games = counts.won + counts.lost
    return 2.0 * (float(xlogy(counts.won, counts.won / games).sum() + xlogy(counts.lost, counts.lost / games).sum()) - fit.certificate.log_likelihood)


def _information_criterion(counts, fit, coefficients):
    """Akaike's of binomial rows, as R counts it."""
    ways = np.log(comb(counts.won + counts.lost, counts.won)).sum()
    return 2.0 * coefficients - 2.0 * (fit.certificate.log_likelihood + ways)


@pytest.fixture(scope="module")
def baseball():
    counts = tables.baseball()
    plain = bradley_terry(**counts.columns, prior_sd=None, covariance="model")
    return counts, plain, bradley_terry(**counts.columns, side=counts.sides, prior_sd=None, covariance="model")


def test_baseball_1987(baseball):
    counts, plain, with_home = baseball
    assert int((counts.won + counts.lost).sum()) == 273
    assert _rounded(plain, counts.names, "Baltimore") == tables.BASEBALL["without"]
    assert _rounded(with_home, counts.names, "Baltimore") == tables.BASEBALL["with"]
    assert (round(with_home.side_advantage, 4), round(with_home.side_advantage_standard_error, 4)) == tables.BASEBALL["at home"]


def test_baseball_1987_to_all_printed_digits(baseball):
    counts, plain, with_home = baseball
    printed = published("bt_baseball1987.json")
    one, two = printed["model1"], printed["model2"]
    for model, fit, accuracy in ((one, plain, 5.1e-5), (two, with_home, 1e-6)):
        for name, difference in _against(counts.names, fit, "Baltimore").items():
            assert difference[:2] == pytest.approx(model["coef_se"][name], abs=accuracy)
            assert difference.comparable == "yes"
    assert (round(_deviance(counts, plain), 3), round(_deviance(counts, with_home), 3)) == (one["residual_deviance"], two["residual_deviance"])
    assert len(counts.won) == one["null_df"]
    assert len(counts.won) - 6 == one["residual_df"]
    everyone_equal = _deviance(counts, plain) + 2.0 * (plain.certificate.log_likelihood - 273 * np.log(0.5))
    assert round(everyone_equal, 3) == one["null_deviance"]
    assert [round(_information_criterion(counts, *each), 2) for each in ((plain, 6), (with_home, 7))] == [one["aic"], two["aic"]]
    z = with_home.side_advantage / with_home.side_advantage_standard_error
    assert (round(z, 3), round(2.0 * norm.sf(z), 6)) == (two["at_home_z"], two["at_home_p"])
    assert np.round(np.sort(softmax(with_home.theta)), 3).tolist() == pytest.approx(two["agresti_table_10_11_pi_sorted"], abs=1e-12)


def test_citations():
    counts = tables.citations()
    fit = bradley_terry(**counts.columns, prior_sd=None, covariance="model")
    for reference, printed in tables.CITATIONS.items():
        assert {name: round(difference.estimate, 4) for name, difference in _against(counts.names, fit, reference).items()} == printed


def test_citations_and_their_likelihood():
    counts, printed = tables.citations(), published("bt_citations.json")
    fit = bradley_terry(**counts.columns, prior_sd=None, covariance="model")
    assert printed["coefficients"] == tables.CITATIONS[printed["reference"]]
    assert printed["reference_JASA"] == tables.CITATIONS["JASA"]
    assert round(_deviance(counts, fit), 3) == printed["residual_deviance"]
    everyone_equal = _deviance(counts, fit) + 2.0 * (fit.certificate.log_likelihood - (counts.won + counts.lost).sum() * np.log(0.5))
    assert round(everyone_equal) == printed["null_deviance"]
    assert round(_information_criterion(counts, fit, 3), 2) == printed["aic"]


@pytest.mark.parametrize(("name", "counts"), [("bt_baseball1987.csv", tables.baseball()), ("bt_citations.csv", tables.citations())])
def test_the_files_beside_the_repository_hold_the_typed_tables(name, counts):
    table = matches(name)
    assert table.names == counts.names
    options = {"prior_sd": None, "covariance": "model"}
    from_file = bradley_terry(table.first, table.second, table.score, table.weight, side=table.side if table.side.any() else None, **options)
    typed = bradley_terry(**counts.columns, side=counts.sides if counts.side.any() else None, **options)
    assert from_file.theta == pytest.approx(typed.theta, abs=1e-12)
    assert from_file.standard_error == pytest.approx(typed.standard_error, abs=1e-12)
    assert from_file.side_advantage == pytest.approx(typed.side_advantage, abs=1e-12)


@pytest.fixture
def tournament():
    return matches("tiny_elo_tournament.csv"), published("tiny_elo_tournament.json")


def test_an_invented_season_with_home_field(tournament):
    table, printed = tournament[0], tournament[1]["bradley_terry_glm_home"]
    decided = table.score != 0.5
    fit = bradley_terry(
        table.first[decided], table.second[decided], table.score[decided], prior_sd=None, side=table.side[decided], covariance="model"
    )
    assert {name: list(each) for name, each in _rounded(fit, table.names, "Helpless Hyenas").items()} == printed["coef_se"]
    home, error = fit.side_advantage, fit.side_advantage_standard_error
    assert [round(home, 4), round(error, 4), round(home / error, 3), round(2.0 * norm.sf(home / error), 5)] == printed["home_field"]
    assert round(-2.0 * fit.certificate.log_likelihood, 3) == printed["residual_deviance"]
    assert round(2.0 * 8 - 2.0 * fit.certificate.log_likelihood, 3) == printed["aic"]
    lead = fit.theta[table.names.index("Athletic Armadillos")] - fit.theta[table.names.index("Blundering Baboons")] + home
    assert round(float(expit(lead)), 7) == printed["predict_Armadillos_home_vs_Baboons"]
    expected = expit(fit.theta[table.first] - fit.theta[table.second] + home * table.side)[decided]
    assert round(float(np.mean((table.score[decided] - expected) ** 2)), 4) == printed["mse"]
    assert round(_area(table.score[decided], expected), 4) == printed["auc"]


def _area(score, expected):
    """Under the curve of the receiver: how often a win had the higher expected score than a loss."""
    wins, losses = expected[score == 1.0], expected[score == 0.0]
    return float(np.mean((wins[:, None] > losses) + 0.5 * (wins[:, None] == losses)))


def test_an_invented_season_of_elo_week_by_week(tournament):
    table, printed = tournament[0], tournament[1]["elo_k20_init1500"]
    weeks = np.array([int(week) for week in table.columns["week"]])
    for number, week in enumerate(np.unique(weeks)):
        so_far = weeks <= week
        rating = elo(table.first[so_far], table.second[so_far], table.score[so_far], k=20.0, n_competitors=8).rating
        at_once = {name: printed["weekly_batch_trajectory"][name][number] for name in table.names}
        assert {name: round(value, 3) for name, value in zip(table.names, rating.tolist(), strict=True)} == at_once
    assert at_once == printed["sequential_final"]


def test_an_invented_season_of_elo_with_home_field(tournament):
    table, printed = tournament
    online = elo(table.first, table.second, table.score, k=20.0, side=np.ones(len(table.first)), side_advantage=10.0)
    final = {name: round(value, 3) for name, value in zip(table.names, online.rating.tolist(), strict=True)}
    assert final == printed["elo_k20_home_adjust10_final"]
    asked = printed["elo_k20_home_adjust10_predict"]
    home, away = (online.rating[table.names.index(asked[place])] for place in ("home", "away"))
    assert round(rate(EloRules(k=20.0, side_advantage=10.0), home, away, 1.0, 1.0, 1.0)[0], 7) == asked["p"]


def test_an_invented_season_of_elo_judged(tournament):
    table, printed = tournament[0], tournament[1]["elo_k20_summary"]
    expected = elo(table.first, table.second, table.score, k=20.0).probability
    assert round(float(np.mean((table.score - expected) ** 2)), 4) == printed["mse"]
    assert round(_area(table.score, expected), 4) == printed["auc"]
    favoured = {"TRUE": expected > 0.5, "(tie)": expected == 0.5, "FALSE": expected < 0.5}
    for name, rows in favoured.items():
        assert [int(np.sum(table.score[rows] == score)) for score in (0.0, 0.5, 1.0)] == printed["favored_vs_actual"][name]


def _centred_logs(scores, names):
    logs = np.log([scores[name] for name in names])
    return logs - logs.mean()


def test_language_models_by_the_crowd():
    table, golden = matches("llm_llmfao_crowd.csv"), published("llm_llmfao_evalica.json")["scores"]
    fit = bradley_terry(table.first, table.second, table.score, prior_sd=None)
    assert fit.theta == pytest.approx(_centred_logs(golden["bradley_terry"], table.names), abs=1e-8)


def test_language_models_with_ties():
    """ν here is twice Newman's: Davidson (1970) has ν √(π_i π_j) where Newman has 2ν √(π_i π_j)."""
    table, golden = matches("llm_llmfao_crowd.csv"), published("llm_llmfao_evalica.json")
    fit = bradley_terry(table.first, table.second, table.score, prior_sd=None, draws="davidson")
    assert fit.theta == pytest.approx(_centred_logs(golden["scores"]["newman"], table.names), abs=1e-8)
    assert fit.tie_parameter == pytest.approx(2.0 * golden["our_verification"]["newman_nu"], abs=1e-8)


def test_language_models_by_elo_in_both_ways_of_rating():
    table, golden = matches("llm_llmfao_crowd.csv"), published("llm_llmfao_evalica.json")["scores"]["elo"]
    online = elo(table.first, table.second, table.score, k=4.0, initial=1000.0)
    assert dict(zip(table.names, online.rating.tolist(), strict=True)) == pytest.approx(golden, abs=1e-8)
    rating, rules = [1000.0] * len(table.names), EloRules(k=4.0, initial=1000.0)
    for i, j, score in zip(table.first.tolist(), table.second.tolist(), table.score.tolist(), strict=True):
        _, rating[i], rating[j] = rate(rules, rating[i], rating[j], score, 1.0, 0.0)
    assert online.rating.tolist() == rating


def test_the_expected_score_in_closed_form():
    assert expected_score(400.0) == pytest.approx(10 / 11, rel=1e-15)
    assert round(expected_score(200.0), 6) == 0.759747
    assert expected_score(-400.0) == pytest.approx(1 / 11, rel=1e-15)
    assert to_natural_units(1900.0) == pytest.approx(np.log(10.0), rel=1e-15)


@pytest.mark.parametrize(("name", "most"), [("tennis_atp.csv.gz", 0.02)])
def test_real_tennis_converges_and_knows_its_errors(name, most):
    table = matches(name)
    fit = bradley_terry(table.first, table.second, table.score)
    assert fit.certificate.status == "converged"
    assert fit.certificate.score_residual < 1e-6
    assert fit.standard_error_accuracy < most
    assert np.isfinite(fit.standard_error).all()
