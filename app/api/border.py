"""The outermost layer: request ids in and out, headers that every answer carries, HEAD, and the last resort for an unexpected error.

Pure ASGI, because the framework's middleware class costs half a millisecond a request.
"""

import re
from secrets import token_hex

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import Unexpected, problem_response
from app.logs import bound_ids, get_logger

_logger = get_logger(__name__)
_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,100}")


class Border:
    """Pure ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        is_head = scope["method"] == "HEAD"
        answer = _Answer(send, request_id, without_body=is_head)
        if is_head:
            scope = {**scope, "method": "GET", "arpad.is_head": True}
        with bound_ids(request=request_id):
            await self._guarded(scope, receive, answer)

    async def _guarded(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self.app(scope, receive, answer)
        except ClientDisconnect:
            _logger.info("client went away", method=scope["method"], path=_path(scope))
        except Exception:
            _logger.exception("unexpected error", method=scope["method"], path=_path(scope))
            if answer.started:
                raise
            detail = f"The cause is in the server's log under the request id {answer.request_id}."
            await problem_response(Unexpected(detail, request_id=answer.request_id), _path(scope))(scope, receive, answer)


class _Answer:
    """The `send` of one request: adds the headers, drops the body of a HEAD."""

    def __init__(self, send: Send, request_id: str, *, without_body: bool) -> None:
        self.send = send
        self.request_id = request_id
        self.without_body = without_body
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", self.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        elif self.without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self.send(message)


def _path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ACCEPTABLE_ID.fullmatch(value):
            return str(value, "ascii")
    return token_hex(8)
