"""As `examples`, for what is known and what is not."""

from app.api.examples import FITTED
from app.api.schemas import SimulationRequest
from app.services.answer_shapes import BridgesShape, DifferenceShape, DriftShape, SuggestionsShape, TournamentShape

DIFFERENCE: DifferenceShape = {
    "league": "tennis",
    "pair": {"first": "Alice", "second": "Bob"},
    "estimate": 82.4,
    "standard_error": 44.7,
    "interval": {"lower": -5.2, "upper": 170.0},
    "superiority": 0.967,
    "relative_to": "“Bob”",
    "comparable": "yes",
    "rests_on": "data",
    "sentence": "Alice is rated 82 points above Bob (95 % interval -5 to +170); the probability that Alice is the stronger one is 97 %.",
    "by": "fit",
    "position": 120,
    "fit": 1,
}
DRIFT: DriftShape = {
    "league": "tennis",
    "position": 120,
    "fit": 1,
    "from_matches": 30,
    "threshold": 4.0,
    "alarm_share": 0.05,
    "judged": 12,
    "beyond": 1,
    "share": 0.0833,
    "alarm": True,
    "sentence": "1 of 12 competitors with 30 or more matches stand more than 4 standard errors from the fit; that is too many: the K factor or the data deserve a look.",
    "rows": [
        {"competitor": "Alice", "name": "Alice", "drift": -4.6, "live": {"rating": 1512.0, "standard_error": None}, "fit": FITTED, "matches": 41}
    ],
}
BRIDGES: BridgesShape = {
    "league": "tennis",
    "position": 120,
    "competitors": 5,
    "islands": 2,
    "classes": 3,
    "maximum_exists": False,
    "pairings": [{"first": "Alice", "second": "Xavier", "components": [1, 2]}],
    "pairings_needed": 1,
    "upsets": [{"taker": "Carol", "giver": "Alice", "components": [1, 1]}],
    "upsets_needed": 1,
    "upsets_throughout": [
        {"taker": "Carol", "giver": "Xavier", "components": [1, 2]},
        {"taker": "Xavier", "giver": "Alice", "components": [2, 1]},
    ],
    "upsets_throughout_needed": 2,
    "sentence": "2 islands without a match between them: Alice against Xavier would join them, however they end. Some have only won or only lost against others; for a pure maximum likelihood fit at least 1 result is needed, such as: Carol takes points from Alice.",
}
SUGGESTIONS: SuggestionsShape = {
    "league": "tennis",
    "position": 120,
    "fit": 1,
    "goal": "top",
    "seed": 1,
    "candidates": 15,
    "unit": "variance in squared points",
    "rows": [
        {
            "first": "Alice",
            "second": "Bob",
            "propensity": 0.72,
            "gain": 310.5,
            "context": {"suggestion": "top-120-1", "propensity": 0.72},
        }
    ],
    "forecast": {
        "first": "Alice",
        "second": "Bob",
        "matches": 14,
        "sentence": "About 14 more matches between Alice and Bob would separate them at 95 %, if their difference stays as it is estimated.",
    },
    "sentence": "These matches are expected to tell most about who belongs to the first 3; 1 of 15 candidates were drawn, each with its own known probability.",
}

SIMULATION_REQUEST: SimulationRequest = {"format": "knock-out", "competitors": ["Alice", "Bob", "Carol"], "by": "fit", "runs": 1000, "seed": 1}
ROUND_ROBIN_REQUEST: SimulationRequest = {"format": "round-robin", "top": 8, "legs": 2}
TOURNAMENT: TournamentShape = {
    "league": "tennis",
    "position": 120,
    "by": "fit",
    "fit": 1,
    "format": "knock-out",
    "runs": 1000,
    "seed": 1,
    "legs": 1,
    "uncertainty": "joint",
    "draws": "half a win",
    "rests_on": "data",
    "bracket": [["Alice", None], ["Bob", "Carol"]],
    "byes": 1,
    "rows": [
        {"competitor": "Alice", "name": "Alice", "title": 0.61, "title_error": 0.015, "reaches": [1.0, 1.0], "points": None},
        {"competitor": "Bob", "name": "Bob", "title": 0.25, "title_error": 0.014, "reaches": [1.0, 0.58], "points": None},
        {"competitor": "Carol", "name": "Carol", "title": 0.14, "title_error": 0.011, "reaches": [1.0, 0.42], "points": None},
    ],
    "sentence": "Alice would win with 61 %. 1 of 3 have no opponent in the first round. How sure the fit is of all strengths together is in these odds. Draws are not modelled: an expected score is played as the chance to win.",
}
