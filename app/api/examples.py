"""One example of every answer and every body, for the documentation. A test holds each to its schema."""

from typing import Any, cast

from app.api.problems import ProblemListShape, ProblemMeaning
from app.api.schemas import (
    FitRequest,
    HealthShape,
    LeagueChange,
    NewBatch,
    NewLeague,
    NewMatch,
    PredictionRequest,
    ReadinessShape,
)
from app.services.shapes import (
    BatchShape,
    CompetitorListShape,
    CompetitorShape,
    FitListShape,
    FitShape,
    FittedRatingShape,
    HistoryShape,
    ImportShape,
    LeaderboardShape,
    LeagueListShape,
    LeagueShape,
    ListedMatchShape,
    MatchListShape,
    MatrixShape,
    OpponentsShape,
    PredictionListShape,
    PredictionShape,
    ReceiptShape,
)

SETTINGS: dict[str, Any] = {"k": 24.0, "side": "estimate"}
NEW_LEAGUE: NewLeague = {"league": "tennis", "name": "Club tennis", "public": True, "settings": SETTINGS}
LEAGUE_CHANGE: LeagueChange = {"public": False, "settings": {"k": 20.0}}
LEAGUE: LeagueShape = {
    "league": "tennis",
    "name": "Club tennis",
    "public": True,
    "position": 1,
    "published_fit": None,
    "matches": 1,
    "competitors": 2,
    "created_at": "2026-11-20T17:00:00Z",
    "settings": SETTINGS,
}
LEAGUES: LeagueListShape = {"rows": [LEAGUE], "next": None}

NEW_MATCH: NewMatch = {
    "match_id": "2026-11-20-17",
    "first": "Alice",
    "second": "Bob",
    "outcome": "first",
    "played_at": "2026-11-20T18:00:00Z",
    "first_score": 11,
    "second_score": 7,
    "context": {"surface": "clay"},
}
SMALLEST_MATCH: NewMatch = {"first": "Alice", "second": "Bob", "outcome": "draw"}
RECEIPT: ReceiptShape = {
    "match_id": "2026-11-20-17",
    "first": "Alice",
    "second": "Bob",
    "outcome": "first",
    "played_at": "2026-11-20T18:00:00Z",
    "weight": 1.0,
    "neutral": False,
    "first_score": 11.0,
    "second_score": 7.0,
    "context": {"surface": "clay"},
    "position": 1,
    "recorded_at": "2026-11-20T18:31:07.250000Z",
    "status": "counted",
    "ratings": {
        "first": {"before": 1500.0, "expected": 0.5, "k": 24.0, "after": 1512.0},
        "second": {"before": 1500.0, "expected": 0.5, "k": 24.0, "after": 1488.0},
    },
    "created": ["Alice", "Bob"],
    "author": "scoreboard",
}
MATCHES: MatchListShape = {"rows": [cast("ListedMatchShape", RECEIPT)], "next": None}
BATCH_OF_ROWS: NewBatch = {"matches": [NEW_MATCH]}
BATCH_OF_COLUMNS: NewBatch = {
    "columns": {"first": ["Alice", "Bob"], "second": ["Bob", "Carol"], "outcome": ["first", "draw"], "match_id": ["r1-1", "r1-2"]}
}
BATCH: BatchShape = {"recorded": 1, "replayed": 0, "first_position": 1, "last_position": 1, "receipts": [RECEIPT]}
IMPORT_CSV = "first,second,outcome,played_at\nAlice,Bob,first,2026-11-20\n"
IMPORT_NDJSON = '{"first": "Alice", "second": "Bob", "outcome": "first", "played_at": "2026-11-20"}\n'
IMPORT: ImportShape = {
    "import_id": "autumn-2026",
    "status": "recorded",
    "recorded": 1,
    "replayed": 0,
    "skipped": 0,
    "created": 2,
    "new_competitors": ["Alice", "Bob"],
    "resembling": 0,
    "first_position": 1,
    "last_position": 1,
    "mapping": {"first": "first", "outcome": "outcome", "played_at": "played_at", "second": "second"},
    "ignored": [],
    "errors": [],
    "error_count": 0,
}

FITTED: FittedRatingShape = {"rating": 1561.2, "lower": 1480.9, "upper": 1641.5, "standard_error": 41.0, "component": 1, "class": 1}
LEADERBOARD: LeaderboardShape = {
    "league": "tennis",
    "name": "Club tennis",
    "position": 1,
    "as_of": "2026-11-20T00:00:00Z",
    "fit": 1,
    "by": "live",
    "relative_to": "the mean of the island",
    "total": 2,
    "hidden_inactive": 0,
    "components": [{"component": 1, "competitors": 2, "classes": 1}],
    "rows": [
        {
            "rank": 1,
            "rank_low": 1,
            "rank_high": 2,
            "rank_ub": 1,
            "p_top": 0.79,
            "tier": 1,
            "competitor": "Alice",
            "name": "Alice",
            "live": {"rating": 1512.0, "standard_error": None},
            "fit": FITTED,
            "drift": -1.2,
            "component": 1,
            "class": 1,
            "matches": 1,
            "wins": 1,
            "draws": 0,
            "losses": 0,
            "last_played_at": "2026-11-20T18:00:00Z",
            "status": "provisional",
            "remarks": [],
        }
    ],
    "next": None,
}
COMPETITORS: CompetitorListShape = {
    "rows": [
        {
            "competitor": "Alice",
            "name": "Alice",
            "rating": 1512.0,
            "matches": 1,
            "wins": 1,
            "draws": 0,
            "losses": 0,
            "last_played_at": "2026-11-20T18:00:00Z",
            "retired": False,
        }
    ],
    "next": None,
}
COMPETITOR: CompetitorShape = {
    "league": "tennis",
    "position": 1,
    "relative_to": "the mean of the island",
    "competitor": "Alice",
    "name": "Alice",
    "live": {"rating": 1512.0, "standard_error": None},
    "fit": FITTED,
    "p_top": 0.79,
    "tier": 1,
    "drift": -1.2,
    "component": 1,
    "class": 1,
    "rank": 1,
    "matches": 1,
    "wins": 1,
    "draws": 0,
    "losses": 0,
    "last_played_at": "2026-11-20T18:00:00Z",
    "status": "provisional",
    "remarks": [],
}
HISTORY: HistoryShape = {
    "league": "tennis",
    "competitor": "Alice",
    "position": 1,
    "rows": [
        {
            "position": 1,
            "match_id": "2026-11-20-17",
            "played_at": "2026-11-20T18:00:00Z",
            "recorded_at": "2026-11-20T18:31:07.250000Z",
            "opponent": "Bob",
            "side": "first",
            "outcome": "won",
            "before": 1500.0,
            "expected": 0.5,
            "k": 24.0,
            "after": 1512.0,
        }
    ],
    "next": None,
}
OPPONENTS: OpponentsShape = {
    "league": "tennis",
    "competitor": "Alice",
    "position": 1,
    "rows": [
        {
            "competitor": "Bob",
            "name": "Bob",
            "matches": 1,
            "wins": 1,
            "draws": 0,
            "losses": 0,
            "score": 1.0,
            "expected": 0.5,
            "last_played_at": "2026-11-20T18:00:00Z",
        }
    ],
    "next": None,
}

PREDICTION: PredictionShape = {
    "pair": {"first": "Alice", "second": "Bob"},
    "first": 0.534,
    "draw": None,
    "second": 0.466,
    "meaning": "score",
    "interval": None,
    "comparable": "yes",
    "rests_on": "data",
    "sentence": "Alice is expected to score 53 % against Bob.",
    "by": "live",
    "position": 1,
    "fit": None,
}
PREDICTION_REQUEST: PredictionRequest = {"pairs": [{"first": "Alice", "second": "Bob"}], "by": "live"}
PREDICTIONS: PredictionListShape = {"rows": [PREDICTION], "position": 1}
MATRIX: MatrixShape = {
    "competitors": ["Alice", "Bob"], "first": [[None, 0.534], [0.466, None]], "comparable": [[None, "yes"], ["yes", None]], "games": [[0, 1], [1, 0]],
    "by": "live", "position": 1, "fit": None,
}  # fmt: skip

FIT: FitShape = {
    "league": "tennis",
    "fit": 1,
    "status": "waiting",
    "reason": None,
    "position": None,
    "table_hash": None,
    "requested_at": "2026-11-20T18:40:00Z",
    "started_at": None,
    "finished_at": None,
    "stage": None,
    "stage_since": None,
    "read": None,
    "seconds": {},
    "host": None,
    "version": None,
    "settings": None,
    "certificate": None,
}
FIT_REQUEST: FitRequest = {"where": {"surface": "clay"}}
FITS: FitListShape = {"rows": [FIT], "next": None}
CANCELLED_FIT: FitShape = {**FIT, "status": "cancelled", "finished_at": "2026-11-20T18:40:02Z", "reason": "organiser cancelled it."}

PROBLEM_MEANING: ProblemMeaning = {
    "code": "league-not-found",
    "title": "There is no such league",
    "status": 404,
    "meaning": "There is no such league.",
    "remedy": "Compare the names in the address with the lists.",
}
PROBLEMS: ProblemListShape = {"rows": [PROBLEM_MEANING]}
HEALTH: HealthShape = {"status": "alive", "version": "0.1.0"}
READINESS: ReadinessShape = {"status": "ready", "version": "0.1.0", "database": True, "schema": True, "recorder": True}
