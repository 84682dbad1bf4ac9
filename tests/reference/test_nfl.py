"""A century of American football as FiveThirtyEight rated it: every published rating and probability before a game.

Their rule has more than a plain Elo: a margin of victory, and between seasons a third of the way back to 1505, except for teams named with a value.
What is checked here is our update, `rate`, on a K of each game's own; margin and carry-over are written down in the test.
"""

from math import log

import numpy as np
import pytest

from app.ratings.online import EloRules, rate
from tests.reference.shared import matches, published


def _margin(points, winners_lead, *, tied):
    """ln(points + 1), less for a favourite: there the expected margin is larger."""
    return log(max(abs(points), 1.0) + 1.0) * 2.2 / (1.0 if tied else 0.001 * winners_lead + 2.2)


@pytest.fixture(scope="module")
def replayed():
    """Per game what was said before it, and every team's rating at the end."""
    table, printed = matches("nfl_538elo.csv.gz"), published("nfl_538elo.json")
    constants = printed["params"]
    rules = EloRules(k=constants["K"], scale=constants["scale"], side_advantage=constants["HFA"])
    rating, last_season = dict(printed["initial_elos"]), {}
    said = []
    columns = (table.columns[name] for name in ("player_a", "player_b", "season", "score_a", "score_b"))
    for first, second, season, points, against, score, side in zip(*columns, table.score.tolist(), table.side.tolist(), strict=True):
        for team in (first, second):
            if last_season.get(team, season) != season:
                carried = constants["revert_to"] * constants["revert"] + rating[team] * (1.0 - constants["revert"])
                rating[team] = constants["special_reversions"].get(team + season, carried)
            last_season[team] = season
        lead = rating[first] - rating[second] + constants["HFA"] * side
        margin = _margin(float(points) - float(against), lead if score == 1.0 else -lead, tied=score == 0.5)
        before = rating[first], rating[second]
        expected, rating[first], rating[second] = rate(rules, *before, score, margin, side)
        said.append((expected, *before))
    return table, printed, np.array(said), rating


@pytest.mark.parametrize(("column", "place", "accuracy"), [("published_prob_a", 0, 2e-6), ("elo_a_pre", 1, 1e-3), ("elo_b_pre", 2, 1e-3)])
def test_what_was_published_before_every_game(replayed, column, place, accuracy):
    table, _, said, _ = replayed
    assert len(said) == 16_810
    assert said[:, place] == pytest.approx(np.array([float(value) for value in table.columns[column]]), abs=accuracy)


def test_every_team_ends_where_the_published_rule_ends(replayed):
    _, printed, _, rating = replayed
    assert rating == pytest.approx(printed["final_elos_replayed"], abs=1e-8)
