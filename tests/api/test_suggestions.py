"""From a suggested pair to the match in the log: the probability with which it was drawn stays with it."""

import json

import pytest

from app.services.refits import run_next_refit
from tests.api.site import match


@pytest.fixture
def fitted(site):
    """Three who can be compared, and two whom no match joins to them."""
    league = site.played_league()
    assert site.reporter.post(f"/v1/leagues/{league}/matches", json=match("Xavier", "Yve")).status_code == 201
    site.manager.post(f"/v1/leagues/{league}/fits")
    assert run_next_refit(site.database, "tester", league=league)["status"] == "published"
    return league


def suggested(site, league, **query):
    answer = site.anonymous.get(f"/v1/leagues/{league}/suggestions", params={"count": 1, "seed": 4, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("query", [{"goal": "neighbours"}, {"goal": "top", "k": 1}, {"goal": "connect"}], ids=lambda query: query["goal"])
def test_the_probability_of_a_suggestion_is_kept_with_the_match(site, fitted, query):
    row = suggested(site, fitted, **query)["rows"][0]
    assert 0.0 < row["propensity"] < 1.0
    body = {"match_id": "drawn", "first": row["first"], "second": row["second"], "outcome": "first", "context": row["context"]}
    recorded = site.reporter.post(f"/v1/leagues/{fitted}/matches", json=body)
    assert recorded.status_code == 201
    kept = {"suggestion": row["context"]["suggestion"], "propensity": row["propensity"]}
    assert recorded.json()["context"] == kept
    assert site.reporter.post(f"/v1/leagues/{fitted}/matches", json=body).json()["context"] == kept
    assert site.manager.get(f"/v1/leagues/{fitted}/matches/drawn").json()["context"] == kept
    log = [json.loads(line) for line in site.manager.get(f"/v1/leagues/{fitted}/log").text.splitlines()]
    (entry,) = [line for line in log if line.get("match_id") == "drawn"]
    assert entry["context"] == kept
    # Where it was drawn can be drawn again: position and seed are part of its name.
    assert suggested(site, fitted, **query, as_of=recorded.json()["position"] - 1)["rows"][0] == row


def test_the_forecast_is_a_sentence(site, fitted):
    told = suggested(site, fitted, goal="neighbours")["forecast"]
    assert told["sentence"].startswith(("About ", "No number of matches"))
    page = site.anonymous.get(f"/leagues/{fitted}")
    assert told["sentence"] in page.text
