"""Paths matched as they were sent: an encoded slash stays inside its segment, so that keys with slashes have an address.

A server decodes the path before routing, and `A%2FB` would become two segments. Here the path is decoded anew from the raw one with a NUL in
place of each encoded slash, which the path types below turn back. An encoded NUL itself is refused, like bytes that are not UTF-8.
"""

import re
from urllib.parse import unquote_to_bytes

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import problem_response
from app.errors import BadInput, Fault, LeagueNotFound
from app.ratings.matches import clean_key

LEAGUE_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"

_SLASH_WITHIN = "\0"
_ENCODED_SLASH = re.compile(b"%2f", re.IGNORECASE)
_LEAGUE = re.compile(LEAGUE_PATTERN)


class RawPaths:
    """Pure ASGI middleware: `scope["path"]` from `scope["raw_path"]`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%" in raw:
            try:
                scope["path"] = decoded_path(raw)
            except BadInput as error:
                await problem_response(error, raw.partition(b"?")[0].decode("latin-1"))(scope, receive, send)
                return
        await self.app(scope, receive, send)


def decoded_path(raw: bytes) -> str:
    """The path with NUL for every encoded slash. Raises BadInput for an encoded NUL and for what is not UTF-8."""
    path = raw.partition(b"?")[0]
    if b"\0" in unquote_to_bytes(path):
        raise BadInput("The address contains a NUL character.", [Fault("path", "must not contain %00")])
    try:
        return unquote_to_bytes(_ENCODED_SLASH.sub(b"%00", path)).decode()
    except UnicodeDecodeError:
        raise BadInput("The address is not UTF-8.", [Fault("path", "must be percent-encoded UTF-8")]) from None


class KeySegment(Convertor[str]):
    """The key of a competitor or a match in one segment of a path."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        try:
            return clean_key(value.replace(_SLASH_WITHIN, "/"))
        except ValueError as error:
            raise BadInput("A key in the address cannot be accepted.", [Fault("path", f"a key {error}")]) from None

    def to_string(self, value: str) -> str:
        return value.replace("/", _SLASH_WITHIN)


class LeagueSegment(Convertor[str]):
    """The id of a league; what cannot be one is the id of no league."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        if not _LEAGUE.fullmatch(value):
            raise LeagueNotFound(value.replace(_SLASH_WITHIN, "/")[:100])
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("key", KeySegment())
register_url_convertor("league", LeagueSegment())
