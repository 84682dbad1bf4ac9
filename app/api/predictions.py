"""Who would win."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import examples
from app.api.answers import Manner, answer, not_stored
from app.api.bodies import Body
from app.api.dependencies import look_up
from app.api.documentation import READ_PROBLEMS, documented, json_answer, json_body
from app.api.incoming import pairs_of
from app.api.operations import League, QueryAsOf, QueryBy, QueryKey, QueryWhere, conditions, resource_router
from app.api.problems import BodyTooLarge, MediaTypeNotSupported
from app.api.schemas import PredictionRequest
from app.errors import CompetitorNotFound, FitNotPublished, ScopeMissing
from app.services import predictions
from app.services.moments import parse_as_of
from app.services.shapes import MatrixShape, PredictionListShape, PredictionShape

router = resource_router("predictions")

_REQUEST = Body(PredictionRequest)
_PROBLEMS = (*READ_PROBLEMS, CompetitorNotFound, FitNotPublished, ScopeMissing)
_PATH = "/v1/leagues/{league:league}/predictions"


@router.get(_PATH, **documented(json_answer(200, PredictionShape, examples.PREDICTION, tagged=True, dated=True), problems=_PROBLEMS))
async def predict(
    request: Request,
    league: League,
    first: Annotated[QueryKey, Query(description="The first side.", examples=["Alice"])],
    second: Annotated[QueryKey, Query(description="The second side.", examples=["Bob"])],
    by: QueryBy = None,
    neutral: Annotated[bool, Query(description="Whether neither side has the advantage of being first.", examples=[True])] = True,
    where: QueryWhere = None,
    as_of: QueryAsOf = None,
) -> Response:
    """What to expect of one pair, and what that rests on; null where nothing connects the two. With `where` by the matches of a segment alone."""
    service = partial(predictions.predict, league=league, first=first, second=second, by=by, neutral=neutral)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)


@router.post(
    _PATH,
    **documented(
        json_answer(200, PredictionListShape, examples.PREDICTIONS),
        body=json_body(_REQUEST, pairs=examples.PREDICTION_REQUEST),
        problems=[*_PROBLEMS, BodyTooLarge, MediaTypeNotSupported],
    ),
)
async def predict_many(request: Request, league: League, where: QueryWhere = None, as_of: QueryAsOf = None) -> Response:
    """What to expect of up to 1,000 pairs; with `where` by the matches of a segment alone."""
    segment, then = conditions(where), None if as_of is None else parse_as_of(as_of)
    sent = await _REQUEST.content(request)
    service = partial(predictions.predict_many, league=league, pairs=pairs_of(sent), by=sent.get("by"), where=segment, as_of=then)
    return not_stored(await look_up(request, service))


@router.get(_PATH + "/matrix", **documented(json_answer(200, MatrixShape, examples.MATRIX, tagged=True, dated=True), problems=_PROBLEMS))
async def predict_matrix(
    request: Request,
    league: League,
    competitor: Annotated[
        list[QueryKey] | None, Query(description="Whom to compare; repeat it for each.", max_length=100, examples=[["Alice", "Bob"]])
    ] = None,
    top: Annotated[int, Query(description="How many of the leaders, where no competitor is named.", ge=1, le=100, examples=[10])] = 10,
    by: QueryBy = None,
    where: QueryWhere = None,
    as_of: QueryAsOf = None,
) -> Response:
    """Everyone against everyone, up to 100 competitors: the leaders, or those that are named; with `where` of a segment."""
    service = partial(predictions.matrix, league=league, competitors=competitor, top=top, by=by)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)
