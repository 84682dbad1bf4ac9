"""Every error as a problem document (RFC 9457): which condition is which status, and what each code means.

The conditions are those of `app.errors`; the few that only HTTP knows (an unknown path, a method, a body too large) are added here. What a
condition means is said by its class; this module decides the status, the headers and the remedy.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from typing_extensions import TypedDict

from app.errors import ArpadError, BadInput, Conflict, Fault, KeyRequired, NotAllowed, NotFound, PositionMoved, Unavailable

V = TypeVar("V")

PROBLEM_MEDIA_TYPE = "application/problem+json"
MAX_FAULTS = 100


class PathNotFound(NotFound):
    code = "path-not-found"
    title = "There is nothing at this address"


class MethodNotAllowed(ArpadError):
    code = "method-not-allowed"
    title = "The address does not offer this method"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allow = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not offered here; these are: {self.allow}.")


class BodyTooLarge(ArpadError):
    code = "body-too-large"
    title = "The body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body may have at most {limit:,} bytes here.", limit=limit)


class MediaTypeNotSupported(ArpadError):
    code = "media-type-not-supported"
    title = "The body has a media type that is not read here"

    def __init__(self, sent: str, accepted: Iterable[str]) -> None:
        names = list(accepted)
        super().__init__(f"The Content-Type is “{sent or 'missing'}”; accepted are: {', '.join(names)}.", accepted=names)


class RequestNotUnderstood(ArpadError):
    code = "request-not-understood"
    title = "The request cannot be understood"


class NotReady(Unavailable):
    code = "not-ready"
    title = "The server cannot take work yet"

    def __init__(self, checks: Mapping[str, bool]) -> None:
        super().__init__(f"Not ready: {', '.join(name for name, is_well in checks.items() if not is_well)}.")
        self.extensions = {"checks": dict(checks)}


class Unexpected(ArpadError):
    """A defect of Arpad: the server's log has the details under the same request id."""

    code = "unexpected"
    title = "Something went wrong inside Arpad"


STATUSES: Mapping[type[ArpadError], int] = {
    RequestNotUnderstood: 400,
    KeyRequired: 401,
    NotAllowed: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    PositionMoved: 412,
    BodyTooLarge: 413,
    MediaTypeNotSupported: 415,
    BadInput: 422,
    ArpadError: 500,
    Unavailable: 503,
}

REMEDIES: Mapping[type[ArpadError], str] = {
    RequestNotUnderstood: "Compare the request with the description in /docs.",
    KeyRequired: "Send `Authorization: Bearer <key>` with a valid key; `arpad key create` makes one.",
    NotAllowed: "Use a key with the scope that the detail names.",
    NotFound: "Compare the names in the address with the lists: /v1/leagues, …/competitors, …/matches, …/fits. A private league needs a key.",
    PathNotFound: "The addresses are listed in /docs and /openapi.json.",
    MethodNotAllowed: "Use one of the methods in the header Allow.",
    Conflict: "What is recorded stays; change the request as the detail says.",
    PositionMoved: "Ask for a new preview with ?dry_run=true and send its expected_position.",
    BodyTooLarge: "Send fewer matches at once, or a file to …/imports.",
    MediaTypeNotSupported: "Send one of the media types in `accepted`.",
    BadInput: "Each member of `errors` names a place and what is wrong there; correct them and send the whole request again.",
    ArpadError: "Tell whoever runs this server the request id; the log has the cause.",
    Unavailable: "Send the same request again after the seconds in the header Retry-After; a match with a match_id counts once, however often it is sent.",
}


class ErrorShape(TypedDict):
    """Where (a JSON pointer into the body, or the name of a parameter) and what is wrong there."""

    pointer: str
    detail: str


class ProblemShape(TypedDict):
    """A problem document of RFC 9457; single conditions add members of their own."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[ErrorShape]


class ProblemMeaning(TypedDict):
    code: str
    title: str
    status: int
    meaning: str
    remedy: str


class ProblemListShape(TypedDict):
    rows: list[ProblemMeaning]


def _nearest(table: Mapping[type[ArpadError], V], condition: type[ArpadError]) -> V:
    return next(table[ancestor] for ancestor in condition.__mro__ if ancestor in table)


def status_of(condition: type[ArpadError]) -> int:
    """The status of a condition: its own or that of its nearest ancestor."""
    return _nearest(STATUSES, condition)


def problem(error: ArpadError, instance: str) -> dict[str, Any]:
    """The problem document of one error."""
    faults = getattr(error, "faults", ())[:MAX_FAULTS]
    return {
        **error.extensions,
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": status_of(type(error)),
        "detail": error.detail,
        "instance": instance,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults],
    }


def problem_response(error: ArpadError, instance: str) -> Response:
    """The answer to a request that met this error."""
    body = to_json(problem(error, instance), inf_nan_mode="null")
    return Response(body, status_of(type(error)), _headers(error), media_type=PROBLEM_MEDIA_TYPE)


def _headers(error: ArpadError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, KeyRequired):
        headers["WWW-Authenticate"] = 'Bearer realm="arpad"'
    elif isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    elif isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allow
    elif isinstance(error, BodyTooLarge):
        # The rest of the body is on its way still; reading on would be the flood that the bound prevents.
        headers["Connection"] = "close"
    return headers


def instance_of(request: Request) -> str:
    """The path of a request as it was sent."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def faults_of(lines: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """What pydantic found wrong with parameters; each is named as in the address."""
    return [Fault(".".join(str(part) for part in line["loc"]), line["msg"].removeprefix("Value error, ")) for line in lines]


PageRenderer = Callable[[int, str, str, Sequence[Fault]], Response]


def _respond(request: Request, error: ArpadError) -> Response:
    """A page where a browser asked for one, outside the API; else a problem document."""
    render: PageRenderer | None = request.app.state.problem_page
    wants_page = not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")
    if render is None or not wants_page:
        return problem_response(error, instance_of(request))
    page = render(status_of(type(error)), error.title, error.detail, getattr(error, "faults", ())[:MAX_FAULTS])
    page.headers.update(_headers(error))
    return page


async def _arpad_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ArpadError)  # noqa: S101  (registered for this class alone)
    return _respond(request, error)


async def _bad_parameters(request: Request, error: Exception) -> Response:
    """Of pages, whose parameters FastAPI reads."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this class alone)
    lines = [{**line, "loc": line["loc"][1:]} for line in error.errors()]
    return _respond(request, BadInput("Some parameters cannot be accepted.", faults_of(lines)))


async def _framework_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class alone)
    return _respond(request, _named(request, error))


def _named(request: Request, error: HTTPException) -> ArpadError:
    if error.status_code == 404:
        return PathNotFound("There is nothing at this address. /docs lists what there is.")
    if error.status_code == 405:
        return MethodNotAllowed(request.method, _allowed_methods(request))
    if 400 <= error.status_code < 500:
        return RequestNotUnderstood(str(error.detail))
    return Unexpected(str(error.detail))


def _allowed_methods(request: Request) -> set[str]:
    methods: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return methods | ({"HEAD"} if "GET" in methods else set())


def add_problem_handlers(app: FastAPI, page: PageRenderer | None = None) -> None:
    """Answer every error of the application, the framework's own among them, with a problem document, or with `page` where one is looked at."""
    app.state.problem_page = page
    app.add_exception_handler(ArpadError, _arpad_error)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _framework_error)


def catalogue() -> dict[str, ProblemMeaning]:
    """Every condition by its code."""
    conditions: set[type[ArpadError]] = {ArpadError, *_descendants(ArpadError)}
    return {condition.code: _meaning(condition) for condition in sorted(conditions, key=lambda each: each.code)}


def _descendants(condition: type[ArpadError]) -> Iterator[type[ArpadError]]:
    for child in condition.__subclasses__():
        yield child
        yield from _descendants(child)


def _meaning(condition: type[ArpadError]) -> ProblemMeaning:
    return {
        "code": condition.code,
        "title": condition.title,
        "status": status_of(condition),
        "meaning": " ".join((condition.__doc__ or f"{condition.title}.").split()),
        "remedy": _nearest(REMEDIES, condition),
    }
