"""A real server in this process: uvicorn on a free port, a real SQLite database, and clients for those who may do more or less."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from app.api.dependencies import Records
from app.main import create_app
from app.services.keys import Caller, create_key
from app.storage.migrations import migrate
from app.storage.unit_of_work import Database

PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "errors"}


class Site:
    """One running server. `anonymous`, `reporter`, `manager` and `admin` are clients; each test makes leagues of its own."""

    def __init__(self, app: FastAPI, database: Database, address: str) -> None:
        self.app = app
        self.database = database
        self.address = address
        self._numbers = count(1)
        self.anonymous = httpx.Client(base_url=address)
        self.reporter, self.manager, self.admin = (self._with_key(scope) for scope in ("report", "manage", "admin"))

    def _with_key(self, scope: str) -> httpx.Client:
        key = create_key(self.database, Caller.operator(), name=scope, scopes=[scope])["key"]
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {key}"})

    def new_league(self, *, public: bool = True, **body: Any) -> str:
        league = f"league-{next(self._numbers)}"
        answer = self.manager.post("/v1/leagues", json={"league": league, "public": public, **body})
        assert answer.status_code == 201, answer.text
        return league

    def played_league(self, *, public: bool = True) -> str:
        league = self.new_league(public=public)
        matches = [
            match("Alice", "Bob", match_id="2026-11-20-17", context={"surface": "clay"}),
            match("Bob", "Carol"),
            match("Alice", "Carol", "draw"),
        ]
        assert self.reporter.post(f"/v1/leagues/{league}/matches/batch", json={"matches": matches}).status_code == 201
        return league

    def close(self) -> None:
        for client in (self.anonymous, self.reporter, self.manager, self.admin):
            client.close()


def match(first: str = "Alice", second: str = "Bob", outcome: str = "first", **others: Any) -> dict[str, Any]:
    return {"first": first, "second": second, "outcome": outcome, **others}


@contextmanager
def running_site(folder: Path, *, recorder: Callable[[Database], Records] | None = None, **options: Any) -> Iterator[Site]:
    database = Database.open(f"sqlite:///{folder / 'arpad.db'}")
    migrate(database)
    app = create_app(database, recorder=None if recorder is None else recorder(database), **options)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        site = Site(app, database, f"http://127.0.0.1:{port}")
        yield site
        site.close()
    finally:
        server.should_exit = True
        thread.join()
        database.close()


def assert_problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer, which must be one, whole, and of this status."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert problem.keys() >= PROBLEM_MEMBERS
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["instance"] == answer.request.url.raw_path.partition(b"?")[0].decode()
    assert all(fault.keys() == {"pointer", "detail"} for fault in problem["errors"])
    if code is not None:
        assert problem["type"] == f"/problems/{code}"
    return problem


def pointers(problem: dict[str, Any]) -> list[str]:
    return [fault["pointer"] for fault in problem["errors"]]


def send_raw(client: httpx.Client, method: str, path: str, body: bytes, media_type: str = "application/json", **headers: str) -> httpx.Response:
    return client.request(method, path, content=body, headers={"Content-Type": media_type, **headers})


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
