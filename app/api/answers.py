"""Reads of one league: the head is looked up first, the entity tag follows from it, and only what the client does not have yet is made.

A tag stands for (version of Arpad, address, format, position, fit, UTC day); whatever changes an answer is an entry, so it moves the position.
An answer about an earlier position (`as_of`) stays as it is but for the names: its tag has neither day nor head, and it may be kept for a day.
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
from app.api.problems import instance_of
from app.services import leagues, permalinks
from app.services.conditions import WHOLE, Conditions
from app.services.leagues import Head
from app.services.moments import parse_as_of
from app.services.permalinks import HeadAt

Service = Callable[..., Mapping[str, Any]]

_PUBLIC = "public, max-age=0, must-revalidate"
_PERMANENT = "public, max-age=86400"
_NOT_STORED = "no-store"


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer may be kept.

    `tag_from`: "head" where the league's head and the day decide every byte, whoever asks; "content" where more than the position does (a
    running fit); None where it depends on the caller. `kept`: its bytes are worth keeping here. `row_type`: it is offered in other formats.
    `dated`: it can be asked for as of an earlier position, and names the address of that. `where`: the segment that the service is asked for, which is
    not for the public: who asks is looked at before anything that is kept.
    """

    tag_from: Literal["head", "content"] | None = None
    kept: bool = False
    row_type: type | None = None
    dated: bool = True
    where: Conditions = WHOLE


async def answer(request: Request, league: str, service: Service, manner: Manner, as_of: str | None = None) -> Response:
    """The answer of a service, made within a reader thread unless it is known; 304 where the client has it already."""
    runtime = runtime_of(request)
    if as_of is not None:
        return await runtime.pools.read(_ReadAsOf(request, league, service, manner, as_of))
    read = _Read(request, league, service, manner)
    if manner.tag_from == "head" and runtime.database.is_embedded:
        # SQLite finds the head in a fifth of the time that it takes to wake a thread for it.
        found = read.known()
        return found if isinstance(found, Response) else await runtime.pools.read(partial(read.made, found))
    return await runtime.pools.read(read)


@dataclass(frozen=True, slots=True)
class _Expected:
    """An answer before it is made."""

    tag: str
    position: int
    headers: dict[str, str]


class _Read:
    """One read of a league."""

    def __init__(self, request: Request, league: str, service: Service, manner: Manner) -> None:
        self.request = request
        self.league = league
        self.service = partial(service, where=manner.where) if manner.where else service
        self.manner = manner
        self.media_type = JSON if manner.row_type is None else negotiated(request)
        self.caller = caller_of(request)
        self.runtime: Runtime = runtime_of(request)
        self.is_for_all = manner.tag_from == "head" or "authorization" not in request.headers
        """Whether whoever asks so gets the same bytes."""

    def __call__(self) -> Response:
        if self.manner.tag_from == "head":
            return self.finished(self.known())
        return self.asked_anew(self.headers(self.head()))

    def asked_anew(self, headers: dict[str, str]) -> Response:
        """The answer where no tag is known beforehand."""
        shape = self.service(self.runtime.database, self.caller)
        rendered = self.rendered(shape)
        if self.manner.tag_from == "content":
            headers["ETag"] = content_tag(rendered.body)
        return self.response(rendered, headers, self.seen(shape))

    def known(self) -> Response | _Expected:
        """What can be answered from the head alone; else what `made` needs."""
        head = self.head()
        tag = entity_tag(instance_of(self.request), self.request.scope["query_string"], self.media_type, head)
        return self.answer_by_tag(tag, head.position, self.headers(head))

    def finished(self, found: Response | _Expected) -> Response:
        return found if isinstance(found, Response) else self.made(found)

    def made(self, expected: _Expected) -> Response:
        """What the service answers, under the tag that was expected of it; made once for all who wait for it in turn."""
        kept = self.runtime.cache.get(expected.tag)
        if kept is not None:
            return self.response(kept, expected.headers, expected.position)
        shape = self.service(self.runtime.database, self.caller)
        rendered, seen, headers = self.rendered(shape), self.seen(shape), dict(expected.headers)
        if seen != expected.position:
            # An entry came between the head and the service: these bytes are newer than their tag.
            del headers["ETag"]
        elif self.manner.kept:
            self.runtime.cache.put(expected.tag, rendered)
        return self.response(rendered, headers, seen)

    def head(self) -> Head:
        return leagues.head(self.runtime.database, self.caller, self.league, self.manner.where)

    def headers(self, head: Head) -> dict[str, str]:
        return self.kept_as(_PUBLIC, is_public=head.public)

    def kept_as(self, shared: str, *, is_public: bool) -> dict[str, str]:
        """The headers of an answer that may be kept so where it is for everybody."""
        kept = shared if is_public and self.is_for_all and not self.manner.where else _NOT_STORED
        return {"Cache-Control": kept, "Vary": "Accept, Authorization"}

    def position(self) -> int:
        return self.head().position

    def seen(self, shape: Mapping[str, Any]) -> int:
        """The position of which a shape tells; where it does not say, the one at which the league is after it was read."""
        return int(shape["position"]) if self._says_position(shape) else self.position()

    def _says_position(self, shape: Mapping[str, Any]) -> bool:
        # A receipt has a position of its own, and so has a fit.
        return "position" in shape and not {"match_id", "certificate"} & shape.keys()

    def answer_by_tag(self, tag: str, position: int, headers: dict[str, str]) -> Response | _Expected:
        """The answer where the client has it already, or its bytes were kept; else what `made` needs."""
        headers["ETag"] = tag
        if is_known(self.request, tag):
            return Response(status_code=304, headers=headers)
        kept = self.runtime.cache.get(tag)
        return _Expected(tag, position, headers) if kept is None else self.response(kept, headers, position)

    def rendered(self, shape: Mapping[str, Any]) -> Rendered:
        if self.manner.row_type is None or self.media_type == JSON:
            return Rendered(json_bytes(shape), JSON, shape.get("next"))
        return Rendered(rows_as(self.media_type, shape["rows"], self.manner.row_type), self.media_type, shape["next"])

    def response(self, rendered: Rendered, headers: dict[str, str], position: int) -> Response:
        links = [] if rendered.next is None else [next_link(self.request, rendered.next)]
        if self.manner.dated:
            links.append(bookmark(self.request, position))
        if links:
            headers["Link"] = ", ".join(links)
        if "ETag" in headers and is_known(self.request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(rendered.body, headers=headers, media_type=rendered.media_type)


class _ReadAsOf(_Read):
    """One read of a league as it was: the position that is meant and the current names decide every byte."""

    def __init__(self, request: Request, league: str, service: Service, manner: Manner, as_of: str) -> None:
        self.as_of = parse_as_of(as_of)
        super().__init__(request, league, partial(service, as_of=self.as_of), manner)

    def __call__(self) -> Response:
        head = self._head_at()
        headers = self.kept_as(_PERMANENT if head.is_settled else _PUBLIC, is_public=head.public)
        if not self.is_for_all:
            return self.asked_anew(headers)
        tag = dated_tag(instance_of(self.request), self.request.scope["query_string"], self.media_type, head)
        return self.finished(self.answer_by_tag(tag, head.position, headers))

    def position(self) -> int:
        return self._head_at().position

    def _head_at(self) -> HeadAt:
        return permalinks.head_at(self.runtime.database, self.caller, self.league, self.as_of, self.manner.where)


def entity_tag(path: str, query: bytes, media_type: str, head: Head) -> str:
    """The strong tag of an answer that the league's head and the day decide."""
    today = datetime.now(UTC).date().isoformat()
    parts = (__version__, path, query.decode("latin-1"), media_type, str(head.position), str(head.published_fit), today)
    return content_tag("\n".join(parts).encode())


def dated_tag(path: str, query: bytes, media_type: str, head: HeadAt) -> str:
    """The strong tag of an answer about an earlier position; display names are current, and nothing else is."""
    parts = (__version__, path, query.decode("latin-1"), media_type, "as of", str(head.position), str(head.named_position))
    return content_tag("\n".join(parts).encode())


def content_tag(body: bytes) -> str:
    """The strong tag of bytes, for answers that more than the position decides."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has this representation already (If-None-Match, weak comparison)."""
    sent = ",".join(request.headers.getlist("if-none-match"))
    return any(part.strip().removeprefix("W/") in {tag, "*"} for part in sent.split(",")) if sent else False


def next_link(request: Request, cursor: str) -> str:
    """The link to the following page."""
    return _link(request, "cursor", cursor, "next")


def bookmark(request: Request, position: int) -> str:
    """The link to this answer as of a position, which stays as it is."""
    return _link(request, "as_of", str(position), "bookmark")


def _link(request: Request, name: str, value: str, relation: str) -> str:
    query = [(known, sent) for known, sent in request.query_params.multi_items() if known != name]
    return f'<{instance_of(request)}?{urlencode([*query, (name, value)])}>; rel="{relation}"'


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
