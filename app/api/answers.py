"""Reads of one league: the head is looked up first, the entity tag follows from it, and only what the client does not have yet is made.

A tag stands for (version of Arpad, address, format, position, fit, UTC day); whatever changes an answer is an entry, so it moves the position.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from typing import Any, Literal
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from app import __version__
from app.api.caching import Rendered
from app.api.dependencies import Runtime, caller_of, runtime_of
from app.api.formats import JSON, json_bytes, negotiated, rows_as
from app.api.incoming import parse_as_of
from app.api.problems import instance_of
from app.services import leagues
from app.services.leagues import Head

Service = Callable[..., Mapping[str, Any]]

_PUBLIC = "public, max-age=0, must-revalidate"
_NOT_STORED = "no-store"


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer may be kept.

    `tag_from`: "head" where the league's head and the day decide every byte, whoever asks; "content" where more than the position does (a
    running fit); None where it depends on the caller. `kept`: its bytes are worth keeping here. `row_type`: it is offered in other formats.
    """

    tag_from: Literal["head", "content"] | None = None
    kept: bool = False
    row_type: type | None = None


async def answer(request: Request, league: str, service: Service, manner: Manner, as_of: str | None = None) -> Response:
    """The answer of a service, made within a reader thread; 304 where the client has it already."""
    if as_of is not None:
        service, manner = partial(service, as_of=parse_as_of(as_of)), Manner("content", row_type=manner.row_type)
    return await runtime_of(request).pools.read(_Read(request, league, service, manner))


class _Read:
    """One read of a league."""

    def __init__(self, request: Request, league: str, service: Service, manner: Manner) -> None:
        self.request = request
        self.league = league
        self.service = service
        self.manner = manner
        self.media_type = JSON if manner.row_type is None else negotiated(request)
        self.caller = caller_of(request)
        self.runtime: Runtime = runtime_of(request)

    def __call__(self) -> Response:
        head = leagues.head(self.runtime.database, self.caller, self.league)
        headers = {"Cache-Control": self._cache_control(head), "Vary": "Accept, Authorization"}
        if self.manner.tag_from == "head":
            return self._answer_by_head(head, headers)
        rendered = self._rendered(self.service(self.runtime.database, self.caller))
        if self.manner.tag_from == "content":
            headers["ETag"] = content_tag(rendered.body)
        return self._response(rendered, headers)

    def _answer_by_head(self, head: Head, headers: dict[str, str]) -> Response:
        tag = headers["ETag"] = entity_tag(instance_of(self.request), self.request.scope["query_string"], self.media_type, head)
        if is_known(self.request, tag):
            return Response(status_code=304, headers=headers)
        kept = self.runtime.cache.get(tag)
        return self._response(kept, headers) if kept is not None else self._made(head, tag, headers)

    def _cache_control(self, head: Head) -> str:
        is_shared = self.manner.tag_from is not None or "authorization" not in self.request.headers
        return _PUBLIC if head.public and is_shared else _NOT_STORED

    def _made(self, head: Head, tag: str, headers: dict[str, str]) -> Response:
        shape = self.service(self.runtime.database, self.caller)
        rendered = self._rendered(shape)
        if shape.get("position", head.position) != head.position:
            # An entry came between the head and the service: these bytes are newer than their tag.
            del headers["ETag"]
        elif self.manner.kept:
            self.runtime.cache.put(tag, rendered)
        return self._response(rendered, headers)

    def _rendered(self, shape: Mapping[str, Any]) -> Rendered:
        if self.manner.row_type is None or self.media_type == JSON:
            return Rendered(json_bytes(shape), JSON, shape.get("next"))
        return Rendered(rows_as(self.media_type, shape["rows"], self.manner.row_type), self.media_type, shape["next"])

    def _response(self, rendered: Rendered, headers: dict[str, str]) -> Response:
        if rendered.next is not None:
            headers["Link"] = next_link(self.request, rendered.next)
        if "ETag" in headers and is_known(self.request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(rendered.body, headers=headers, media_type=rendered.media_type)


def entity_tag(path: str, query: bytes, media_type: str, head: Head) -> str:
    """The strong tag of an answer that the league's head and the day decide."""
    today = datetime.now(UTC).date().isoformat()
    parts = (__version__, path, query.decode("latin-1"), media_type, str(head.position), str(head.published_fit), today)
    return content_tag("\n".join(parts).encode())


def content_tag(body: bytes) -> str:
    """The strong tag of bytes, for answers that more than the position decides."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has this representation already (If-None-Match, weak comparison)."""
    sent = ",".join(request.headers.getlist("if-none-match"))
    return any(part.strip().removeprefix("W/") in {tag, "*"} for part in sent.split(",")) if sent else False


def next_link(request: Request, cursor: str) -> str:
    """The header Link to the following page."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f'<{instance_of(request)}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'


def location(*segments: str) -> str:
    """An address below /v1, each segment encoded whole."""
    return "/v1/" + "/".join(quote(segment, safe="") for segment in segments)


def created(shape: object, address: str, *, status: int = 201) -> Response:
    """The answer to a creation."""
    return Response(json_bytes(shape), status, {"Location": address, "Cache-Control": "no-store"}, JSON)


def replayed(shape: object, address: str) -> Response:
    """The answer to a creation that had been made before."""
    return Response(json_bytes(shape), 200, {"Location": address, "Cache-Control": "no-store", "Idempotent-Replay": "true"}, JSON)


def not_stored(shape: object) -> Response:
    """An answer that is nobody else's."""
    return Response(json_bytes(shape), headers={"Cache-Control": "no-store"}, media_type=JSON)


def page(request: Request, shape: Mapping[str, Any]) -> Response:
    """A page of a list that depends on the caller."""
    response = not_stored(shape)
    if shape["next"] is not None:
        response.headers["Link"] = next_link(request, shape["next"])
    return response
