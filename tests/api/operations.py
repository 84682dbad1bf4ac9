"""Every operation of the OpenAPI document with a request that it answers: the catalogue that the laws of the interface run over."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.api import certainty_examples, examples

_PATHS = {"match_id": "2026-11-20-17", "competitor": "Alice", "import_id": "autumn-2026", "code": "bad-input", "fit": "1"}
_QUERIES: dict[str, dict[str, str]] = {
    "predict": {"first": "Alice", "second": "Bob"},
    "difference": {"first": "Alice", "second": "Bob"},
    "suggestions": {"goal": "connect"},
}
_BODIES: dict[str, Any] = {
    "create_league": examples.NEW_LEAGUE,
    "change_league": {"name": "Renamed"},
    "record_match": examples.SMALLEST_MATCH,
    "record_batch": examples.BATCH_OF_COLUMNS,
    "void_match": {"reason": "a test"},
    "predict_many": examples.PREDICTION_REQUEST,
    "simulate": {**certainty_examples.SIMULATION_REQUEST, "by": "live"},
}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    template: str

    @property
    def needs_league(self) -> bool:
        return "{league}" in self.template

    @property
    def has_json_body(self) -> bool:
        return self.name in _BODIES

    @property
    def has_body(self) -> bool:
        return self.has_json_body or self.name == "import_matches"

    @property
    def is_of_service(self) -> bool:
        return not self.template.startswith("/v1/")

    def path(self, league: str) -> str:
        return self.template.format(league=league, **_PATHS)

    def send(self, client: httpx.Client, league: str, query: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """A request that is in order, but for what the test adds."""
        body: dict[str, Any] = {}
        if self.name == "import_matches":
            body = {"content": examples.IMPORT_CSV.encode()}
            headers = {"Content-Type": "text/csv", **headers}
        elif self.has_json_body:
            body = {"json": _BODIES[self.name]}
        return client.request(self.method, self.path(league), params=_QUERIES.get(self.name, {}) | (query or {}), headers=headers, **body)


OPERATIONS = [
    Operation(name, method, template)
    for name, method, template in (
        ("list_leagues", "GET", "/v1/leagues"),
        ("create_league", "POST", "/v1/leagues"),
        ("get_league", "GET", "/v1/leagues/{league}"),
        ("change_league", "PATCH", "/v1/leagues/{league}"),
        ("record_match", "POST", "/v1/leagues/{league}/matches"),
        ("list_matches", "GET", "/v1/leagues/{league}/matches"),
        ("record_batch", "POST", "/v1/leagues/{league}/matches/batch"),
        ("get_match", "GET", "/v1/leagues/{league}/matches/{match_id}"),
        ("void_match", "POST", "/v1/leagues/{league}/matches/{match_id}/void"),
        ("import_matches", "POST", "/v1/leagues/{league}/imports"),
        ("get_import", "GET", "/v1/leagues/{league}/imports/{import_id}"),
        ("leaderboard", "GET", "/v1/leagues/{league}/leaderboard"),
        ("list_competitors", "GET", "/v1/leagues/{league}/competitors"),
        ("get_competitor", "GET", "/v1/leagues/{league}/competitors/{competitor}"),
        ("get_history", "GET", "/v1/leagues/{league}/competitors/{competitor}/history"),
        ("get_opponents", "GET", "/v1/leagues/{league}/competitors/{competitor}/opponents"),
        ("predict", "GET", "/v1/leagues/{league}/predictions"),
        ("predict_many", "POST", "/v1/leagues/{league}/predictions"),
        ("predict_matrix", "GET", "/v1/leagues/{league}/predictions/matrix"),
        ("simulate", "POST", "/v1/leagues/{league}/predictions/simulate"),
        ("difference", "GET", "/v1/leagues/{league}/differences"),
        ("drift", "GET", "/v1/leagues/{league}/drift"),
        ("bridges", "GET", "/v1/leagues/{league}/bridges"),
        ("suggestions", "GET", "/v1/leagues/{league}/suggestions"),
        ("list_fits", "GET", "/v1/leagues/{league}/fits"),
        ("request_refit", "POST", "/v1/leagues/{league}/fits"),
        ("get_fit", "GET", "/v1/leagues/{league}/fits/{fit}"),
        ("get_log", "GET", "/v1/leagues/{league}/log"),
        ("get_events", "GET", "/v1/leagues/{league}/events"),
        ("healthz", "GET", "/healthz"),
        ("readyz", "GET", "/readyz"),
        ("list_problems", "GET", "/problems"),
        ("get_problem", "GET", "/problems/{code}"),
    )
]
