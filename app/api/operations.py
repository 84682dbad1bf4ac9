"""How a route is declared: it refuses unknown parameters, and its path and query are described where they are read.

What it answers is described in `documentation`.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Path, Query, Request
from fastapi.routing import APIRoute
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from starlette.responses import Response
from starlette.routing import request_response

from app.api.bodies import unknown
from app.api.formats import SUFFIXES
from app.api.paths import LEAGUE_PATTERN
from app.errors import BadInput, Fault
from app.ratings.matches import clean_key
from app.services.conditions import MAX_CONDITIONS
from app.services.moments import parse_as_of, parse_moment
from app.services.shapes import By

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_FLAG: TypeAdapter[bool] = TypeAdapter(bool)


def _checked_moment(text: str) -> str:
    parse_moment(text)
    return text


def _checked_as_of(text: str) -> str:
    parse_as_of(text)
    return text


QueryKey = Annotated[str, AfterValidator(clean_key)]
QueryMoment = Annotated[str, AfterValidator(_checked_moment)]
AsOfText = Annotated[str, AfterValidator(_checked_as_of)]
QueryAsOf = Annotated[
    AsOfText | None,
    Query(
        description="What Arpad showed then: a position of the log, or a time or date in UTC (its last entry at or before it). Names are current.",
        examples=[None],
    ),
]
QueryWhere = Annotated[
    list[str] | None,
    Query(
        description="Only matches whose context says so, as field=value (the first “=” separates); repeat it for further conditions, all of which have to hold. Needs a key with the scope read, because contexts are not public.",
        max_length=MAX_CONDITIONS,
        examples=[["surface=clay"]],
    ),
]
DryRun = Annotated[bool, Query(description="Only say what would happen; nothing is recorded.", examples=[True])]
_POSITION: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, le=2**63 - 1)])
ExpectedPosition = Annotated[
    int | None,
    Query(description="What the preview answered: if anything but fits followed since, nothing is recorded.", ge=0, le=2**63 - 1, examples=[None]),
]
QueryBy = Annotated[By | None, Query(description="Live ratings or the published fit; the league's primary unless given.", examples=["live"])]
League = Annotated[str, Path(description="The id of the league.", pattern=f"^{LEAGUE_PATTERN}$", examples=["tennis"])]
PositionPath = Annotated[int, Path(description="The position of the entry.", ge=0, le=2**63 - 1, examples=[1])]
CompetitorPath = Annotated[str, Path(description="The competitor's key; a slash in it is sent as %2F.", examples=["Alice"])]
MatchPath = Annotated[str, Path(description="The match id; a slash in it is sent as %2F.", examples=["2026-11-20-17"])]
ImportPath = Annotated[str, Path(description="The id of the import; a slash in it is sent as %2F.", examples=["autumn-2026"])]
FitPath = Annotated[int, Path(description="The number of the fit.", ge=1, le=2**63 - 1, examples=[1])]
Cursor = Annotated[str | None, Query(description="`next` of the page before.", pattern=r"^[!-~]{1,2000}$", examples=[None])]
Limit = Annotated[int, Query(description="Rows at most.", ge=1, le=1000, examples=[100])]


class StrictRoute(APIRoute):
    """A route that refuses query parameters it does not know, or that come twice."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        # Routes ask for parameters in their own signature; there are no dependencies to look into.
        accepted = {parameter.alias: _is_list(parameter.field_info.annotation) for parameter in self.dependant.query_params}

        async def strict(request: Request) -> Response:
            if request.scope["query_string"]:
                refuse_parameters(request, accepted)
            return await handle(request)

        return strict


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list or any(get_origin(option) is list for option in get_args(annotation))


class BareRoute(APIRoute):
    """A route whose endpoint takes the request and nothing else: documented like the others, without their machinery at run time."""

    def __init__(self, path: str, endpoint: Handler, **documentation: Any) -> None:  # noqa: ANN401  (FastAPI's own)
        super().__init__(path, endpoint, **documentation)
        described = (documentation.get("openapi_extra") or {}).get("parameters", [])
        accepted = {parameter["name"]: False for parameter in described if parameter["in"] == "query"}

        async def strict(request: Request) -> Response:
            if request.scope["query_string"]:
                refuse_parameters(request, accepted)
            return await endpoint(request)

        self.app = request_response(strict)


def refuse_parameters(request: Request, accepted: dict[str, bool]) -> None:
    """Raise BadInput for query parameters that are not in `accepted`, or are repeated where that says False."""
    faults = []
    sent = [name for name, _ in request.query_params.multi_items()]
    for name in dict.fromkeys(sent):
        if name not in accepted:
            faults.append(Fault(name, unknown("a parameter", name, accepted)))
        elif not accepted[name] and sent.count(name) > 1:
            faults.append(Fault(name, "must be given once"))
    if faults:
        raise BadInput("Some parameters cannot be accepted.", faults)


def flag(request: Request, name: str) -> bool:
    """A yes or no of the query, for a bare route; no where it is left out. Raises BadInput."""
    sent = request.query_params.get(name)
    try:
        return False if sent is None else _FLAG.validate_python(sent)
    except ValidationError:
        raise BadInput("Some parameters cannot be accepted.", [Fault(name, "must be true or false")]) from None


def position(request: Request, name: str) -> int | None:
    """A position of the query, for a bare route; None where it is left out. Raises BadInput."""
    sent = request.query_params.get(name)
    try:
        return None if sent is None else _POSITION.validate_python(sent)
    except ValidationError:
        raise BadInput("Some parameters cannot be accepted.", [Fault(name, "must be a position of the log, such as 120")]) from None


def resource_router(tag: str, route_class: type[APIRoute] = StrictRoute) -> APIRouter:
    """A router of one resource; an operation's id is the name of its function."""
    return APIRouter(tags=[tag], route_class=route_class, generate_unique_id_function=lambda route: route.name)


def offer_collection(router: APIRouter, path: str, endpoint: Callable[..., Any], **documentation: Any) -> None:  # noqa: ANN401  (FastAPI's own)
    """Add a collection at its path and, outside the documentation's list, at the path with each suffix."""
    router.add_api_route(path, endpoint, methods=["GET"], **documentation)
    for suffix in SUFFIXES:
        router.add_api_route(path + suffix, endpoint, methods=["GET"], include_in_schema=False, **documentation)
