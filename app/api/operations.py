"""How a route is declared: it refuses unknown parameters, and its path and query are described where they are read.

What it answers is described in `documentation`.
"""

from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Path, Query, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel, ValidationError, create_model
from starlette.responses import Response
from starlette.routing import request_response

from app.api.bodies import unknown
from app.api.formats import SUFFIXES
from app.api.paths import LEAGUE_PATTERN
from app.api.problems import faults_of
from app.errors import BadInput, Fault
from app.ratings.matches import clean_key
from app.services.conditions import MAX_CONDITIONS, Conditions
from app.services.moments import parse_as_of, parse_moment
from app.services.shapes import By

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Endpoint = Callable[..., Coroutine[Any, Any, Response]]


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
    """A route that refuses query parameters it does not know, or that come twice.

    It is documented by FastAPI and run without its machinery: an endpoint takes the request, and parameters of the path and the query, which one
    model reads together. Bodies are read by the endpoints themselves (`bodies`); there are no dependencies.
    """

    def __init__(self, path: str, endpoint: Endpoint, **documentation: Any) -> None:  # noqa: ANN401  (FastAPI's own)
        super().__init__(path, endpoint, **documentation)
        self.app = request_response(_strict(endpoint, self.dependant))


def _strict(endpoint: Endpoint, declared: Dependant) -> Handler:
    """The endpoint with its parameters read from the request. Raises BadInput."""
    accepted = {parameter.alias: _is_list(parameter.field_info.annotation) for parameter in declared.query_params}
    headers = [parameter.alias for parameter in declared.header_params]
    read = _model([*declared.path_params, *declared.query_params, *declared.header_params]).__pydantic_validator__.validate_python
    asks_for_request = declared.request_param_name is not None

    async def strict(request: Request) -> Response:
        sent: dict[str, Any] = {**request.path_params, **{name: request.headers[name] for name in headers if name in request.headers}}
        if request.scope["query_string"]:
            refuse_parameters(request, accepted)
            query = request.query_params
            sent |= {name: query.getlist(name) if accepted[name] else query[name] for name in query}
        try:
            parameters = read(sent).__dict__
        except ValidationError as error:
            raise BadInput("Some parameters cannot be accepted.", faults_of(error.errors(include_url=False))) from None
        return await (endpoint(request, **parameters) if asks_for_request else endpoint(**parameters))

    return strict


def _model(parameters: Iterable[Any]) -> type[BaseModel]:
    """One model of all parameters, read by the names that they have in the address."""
    fields: dict[str, Any] = {parameter.name: (parameter.field_info.annotation, parameter.field_info) for parameter in parameters}
    return create_model("Parameters", **fields)


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list or any(get_origin(option) is list for option in get_args(annotation))


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


def conditions(where: list[str] | None) -> Conditions:
    """The segment that a query asks for, of a whole league where it names none. Raises BadInput."""
    return Conditions.of_texts(where or ())


def resource_router(tag: str) -> APIRouter:
    """A router of one resource; an operation's id is the name of its function."""
    return APIRouter(tags=[tag], route_class=StrictRoute, generate_unique_id_function=lambda route: route.name)


def offer_collection(router: APIRouter, path: str, endpoint: Callable[..., Any], **documentation: Any) -> None:  # noqa: ANN401  (FastAPI's own)
    """Add a collection at its path and, outside the documentation's list, at the path with each suffix."""
    router.add_api_route(path, endpoint, methods=["GET"], **documentation)
    for suffix in SUFFIXES:
        router.add_api_route(path + suffix, endpoint, methods=["GET"], include_in_schema=False, **documentation)
