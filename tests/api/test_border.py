"""What every answer carries, whoever made it: ids, headers, HEAD; and what happens when the client goes away or an answer breaks off."""

import asyncio
import socket

import pytest
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse

from app.api.border import Border


def run(app, *, method="GET", headers=(), path="/x"):
    """The messages that an application sends."""
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "headers": list(headers)}
    asyncio.run(Border(app)(scope, receive, send))
    return sent


def header(sent, name):
    return [value for key, value in sent[0]["headers"] if key == name]


def test_an_answer_has_a_new_id_each_time():
    first, second = (header(run(PlainTextResponse("a")), b"x-request-id") for _ in range(2))
    assert len(first) == 1
    assert first != second


@pytest.mark.parametrize("given", [b"", b"a b", b"a\nb", b"x" * 101, "é".encode(), b'"'])
def test_an_id_that_could_spoil_a_log_is_replaced(given):
    assert header(run(PlainTextResponse("a"), headers=[(b"x-request-id", given)]), b"x-request-id") != [given]


def test_head_is_get_without_the_body():
    async def app(scope, receive, send):
        await PlainTextResponse(scope["method"])(scope, receive, send)

    sent = run(app, method="HEAD")
    assert header(sent, b"content-length") == [b"3"]
    assert b"".join(message.get("body", b"") for message in sent) == b""


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/openapi.json", "/problems", "/nope"])
def test_head_has_the_headers_of_get(site, path):
    get, head = site.anonymous.get(path), site.anonymous.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


def test_a_client_that_went_away_is_no_error():
    async def app(scope, receive, send):
        raise ClientDisconnect

    assert run(app) == []


def test_an_answer_that_breaks_off_is_not_made_to_look_whole():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        run(app)


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/9.9", b"\x00\x01", b"GET /v1/leagues?%ff=%fe HTTP/1.1", b"GET /v1/leagues?\xff HTTP/1.1", b"get /v1/leagues HTTP/1.1"]
)
def test_no_request_line_is_a_server_error(site, line):
    with socket.create_connection((site.anonymous.base_url.host, site.anonymous.base_url.port), timeout=10) as connection:
        connection.sendall(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 500 " not in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("value", ["\x00", "\x7f", "é", "%00", "%ff", "9" * 400, "-1", "1e3", "NaN", "null", " ", "'", "{", "🎾"])
@pytest.mark.parametrize("name", ["cursor", "limit", "min_matches", "active_since", "around", "by", "inactive"])
def test_no_parameter_is_a_server_error(site, name, value):
    league = site.played_league()
    answer = site.anonymous.get(f"/v1/leagues/{league}/leaderboard", params={name: value})
    assert answer.status_code in {200, 404, 409, 422}, answer.text


@pytest.mark.parametrize("query", ["limit=1&limit=2", "by=live&by=live"])
def test_a_parameter_comes_once(site, query):
    answer = site.anonymous.get(f"/v1/leagues/{site.played_league()}/leaderboard?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"] == "must be given once"
