"""Every operation of the OpenAPI document with a request that it answers: the catalogue that the laws of the interface run over."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.api import certainty_examples, examples

_PATHS = {"match_id": "2026-11-20-17", "competitor": "Alice", "import_id": "autumn-2026", "code": "bad-input", "fit": "1", "position": "1"}
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
    "restore_match": {"reason": "a test"},
    "correct_match": {"weight": 2.0, "reason": "a test"},
    "void_entry": {"reason": "a test"},
    "change_competitor": {"name": "Alice Ashe", "retired": True},
    "merge_competitor": {"into": "Dora", "reason": "a test"},
    "request_refit": examples.FIT_REQUEST,
    "forget_competitor": {"confirm": "Alice"},
    "predict_many": examples.PREDICTION_REQUEST,
    "simulate": {**certainty_examples.SIMULATION_REQUEST, "by": "live"},
}
_BEFOREHAND: dict[str, tuple[str, dict[str, Any]]] = {
    "restore_match": ("/v1/leagues/{league}/matches/2026-11-20-17/void", {"json": {"reason": "a test"}}),
    "merge_competitor": ("/v1/leagues/{league}/matches", {"json": {"first": "Dora", "second": "Bob", "outcome": "draw"}}),
    "get_fit": ("/v1/leagues/{league}/fits", {}),
    "cancel_refit": ("/v1/leagues/{league}/fits", {}),
    "drift": ("/v1/leagues/{league}/fits", {}),
    "get_import": (
        "/v1/leagues/{league}/imports?import_id=autumn-2026",
        {"content": examples.IMPORT_CSV.encode(), "headers": {"Content-Type": "text/csv"}},
    ),
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

    def prepare(self, client: httpx.Client, league: str) -> None:
        """Make what the operation is about, where the league that was played does not have it."""
        if self.name in _BEFOREHAND:
            path, content = _BEFOREHAND[self.name]
            assert client.post(path.format(league=league), **content).is_success

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
        ("restore_match", "POST", "/v1/leagues/{league}/matches/{match_id}/restore"),
        ("correct_match", "POST", "/v1/leagues/{league}/matches/{match_id}/correct"),
        ("void_entry", "POST", "/v1/leagues/{league}/log/{position}/void"),
        ("import_matches", "POST", "/v1/leagues/{league}/imports"),
        ("get_import", "GET", "/v1/leagues/{league}/imports/{import_id}"),
        ("leaderboard", "GET", "/v1/leagues/{league}/leaderboard"),
        ("list_competitors", "GET", "/v1/leagues/{league}/competitors"),
        ("get_competitor", "GET", "/v1/leagues/{league}/competitors/{competitor}"),
        ("change_competitor", "PATCH", "/v1/leagues/{league}/competitors/{competitor}"),
        ("merge_competitor", "POST", "/v1/leagues/{league}/competitors/{competitor}/merge"),
        ("forget_competitor", "POST", "/v1/leagues/{league}/competitors/{competitor}/forget"),
        ("explain_rating", "GET", "/v1/leagues/{league}/competitors/{competitor}/explain"),
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
        ("cancel_refit", "POST", "/v1/leagues/{league}/fits/{fit}/cancel"),
        ("get_log", "GET", "/v1/leagues/{league}/log"),
        ("get_events", "GET", "/v1/leagues/{league}/events"),
        ("healthz", "GET", "/healthz"),
        ("readyz", "GET", "/readyz"),
        ("list_problems", "GET", "/problems"),
        ("get_problem", "GET", "/problems/{code}"),
    )
]
