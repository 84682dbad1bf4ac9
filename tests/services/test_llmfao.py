"""Votes on language models, from the file to the leaderboard: the published values come out of the service as they come out of the library."""

import json

import numpy as np
import pytest

from app.services.fit_checks import check_fit
from app.services.imports import import_file
from app.services.standings import leaderboard
from tests.reference.shared import SHARED, published
from tests.services.play import OPERATOR, Play

UNIT = 400.0 / np.log(10.0)
ARENA_RANK = {
    "GPT 4": (172.12, 27.762),
    "Platypus-2 Instruct (70B)": (112.46, 23.647),
    "Mythalion 13B": (78.41, 27.427),
    "LLaMA-2-Chat (13B)": (21.80, 21.208),
    "Vicuna v1.3 (7B)": (-43.08, 20.320),
    "Vicuna-FastChat-T5 (3B)": (-154.07, 14.666),
    "Dolly v2 (3B)": (-154.34, 15.867),
}
"""Points above the mean and their standard error, as arena-rank 0.1.1 finds them (`compute_ratings_and_cis`, sandwich, draws as half wins)."""
VOTES = SHARED / "data" / "llm_llmfao_crowd.csv"


def voted(database, **settings) -> Play:
    """The league of these votes, with its fit published."""
    if not VOTES.exists():
        pytest.skip(f"{VOTES.name} is not beside the repository")
    play = Play.begin(database, k=4.0, initial=1000.0, **settings)
    report, _ = import_file(database, OPERATOR, play.league, VOTES)
    assert report["recorded"] == 8931
    assert play.fit()["status"] == "published"
    return play


def rows(play: Play, by: str):
    return {row["competitor"]: row for row in leaderboard(play.database, OPERATOR, play.league, by=by)["rows"]}


def strengths(play: Play) -> dict[str, float]:
    """Natural units, centred."""
    return {key: (row["fit"]["rating"] - 1500.0) / UNIT for key, row in rows(play, "fit").items()}


def centred_logs(scores: dict[str, float]) -> dict[str, float]:
    mean = np.mean(np.log(list(scores.values())))
    return {key: float(np.log(score) - mean) for key, score in scores.items()}


def test_half_wins_and_elo_are_the_golden_values(shared):
    golden = published("llm_llmfao_evalica.json")["scores"]
    play = voted(shared, prior_sd=None)
    assert strengths(play) == pytest.approx(centred_logs(golden["bradley_terry"]), abs=1e-8)
    assert {key: row["live"]["rating"] for key, row in rows(play, "live").items()} == pytest.approx(golden["elo"], abs=1e-8)
    assert check_fit(shared, OPERATOR, play.league)["equal"]


def test_davidson_is_the_golden_values_but_for_its_weak_prior_on_draws(shared):
    """The library without that prior meets the golden values to 1e-8 (`tests.reference`); the service tells of it in the certificate."""
    golden = published("llm_llmfao_evalica.json")
    play = voted(shared, prior_sd=None, draws="davidson")
    found, expected = strengths(play), centred_logs(golden["scores"]["newman"])
    with shared.read() as unit:
        certificate = json.loads(unit.fits.by_number(play.row().id, 1).certificate)
    assert certificate["coefficient_prior_sd"] == 2.0
    assert found == pytest.approx(expected, abs=1e-4)
    assert certificate["tie_parameter"] == pytest.approx(2.0 * golden["our_verification"]["newman_nu"], abs=2e-4)
    assert check_fit(shared, OPERATOR, play.league)["equal"]


def test_intervals_are_those_of_arena_rank(shared):
    """Both are robust and without a prior; they differ by a thousandth or three, ours being the wider."""
    found = rows(voted(shared, prior_sd=None), "fit")
    for key, (above_mean, error) in ARENA_RANK.items():
        fit = found[key]["fit"]
        assert fit["rating"] - 1500.0 == pytest.approx(above_mean, abs=0.03)
        assert fit["standard_error"] == pytest.approx(error, rel=0.004)
        assert (fit["upper"] - fit["lower"]) / 2.0 == pytest.approx(1.96 * error, rel=0.005)
