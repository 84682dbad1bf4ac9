"""What is known, and what is not: differences, drift, what is missing to compare everyone, and which matches would tell most."""

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from app.api import certainty_examples as examples
from app.api.answers import Manner, answer
from app.api.documentation import READ_PROBLEMS, documented, json_answer
from app.api.operations import League, Limit, QueryAsOf, QueryBy, QueryKey, QueryWhere, conditions, resource_router
from app.errors import CompetitorNotFound, FitNotPublished, ScopeMissing
from app.services import bridges as missing
from app.services import differences, drift_alarms
from app.services import suggestions as next_pairs
from app.services.answer_shapes import BridgesShape, DifferenceShape, DriftShape, Goal, SuggestionsShape

router = resource_router("standings")

_LEAGUE = "/v1/leagues/{league:league}"
_PROBLEMS = (*READ_PROBLEMS, ScopeMissing)


@router.get(
    _LEAGUE + "/differences",
    **documented(
        json_answer(200, DifferenceShape, examples.DIFFERENCE, tagged=True, dated=True),
        problems=[*_PROBLEMS, CompetitorNotFound, FitNotPublished],
    ),
)
async def difference(
    request: Request,
    league: League,
    first: Annotated[QueryKey, Query(description="Who is compared.", examples=["Alice"])],
    second: Annotated[QueryKey, Query(description="With whom.", examples=["Bob"])],
    by: QueryBy = None,
    where: QueryWhere = None,
    as_of: QueryAsOf = None,
) -> Response:
    """How far two competitors are apart in points, how sure that is, and who is the stronger; by the published fit where there is one.

    With `where` by the matches of a segment alone, and by its fit.
    """
    service = partial(differences.difference, league=league, first=first, second=second, by=by)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)


@router.get(
    _LEAGUE + "/drift",
    **documented(json_answer(200, DriftShape, examples.DRIFT, tagged=True, dated=True), problems=[*_PROBLEMS, FitNotPublished]),
)
async def drift(request: Request, league: League, limit: Limit = 100, where: QueryWhere = None, as_of: QueryAsOf = None) -> Response:
    """Whether the live ratings have left the published fit, and who stands far from it; with `where` those of a segment."""
    service = partial(drift_alarms.league_drift, league=league, limit=limit)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)


@router.get(_LEAGUE + "/bridges", **documented(json_answer(200, BridgesShape, examples.BRIDGES, tagged=True, dated=True), problems=_PROBLEMS))
async def bridges(request: Request, league: League, limit: Limit = 100, where: QueryWhere = None, as_of: QueryAsOf = None) -> Response:
    """The fewest matches that would join all islands, and the fewest results by which everyone could be compared; with `where` those of a segment."""
    service = partial(missing.bridges, league=league, limit=limit)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)


@router.get(
    _LEAGUE + "/suggestions",
    **documented(json_answer(200, SuggestionsShape, examples.SUGGESTIONS, tagged=True, dated=True), problems=[*_PROBLEMS, FitNotPublished]),
)
async def suggestions(
    request: Request,
    league: League,
    goal: Annotated[Goal, Query(description="What the matches are to tell.", examples=["top"])] = "neighbours",
    k: Annotated[int, Query(description="Of the goal “top”: how many.", ge=1, le=next_pairs.MAX_TOP, examples=[3])] = 3,
    count: Annotated[int, Query(description="Pairs at most.", ge=1, le=next_pairs.MAX_COUNT, examples=[5])] = 5,
    seed: Annotated[int, Query(description="The same seed draws the same pairs at the same position.", ge=0, le=2**32 - 1, examples=[1])] = 0,
    where: QueryWhere = None,
    as_of: QueryAsOf = None,
) -> Response:
    """Pairs worth playing next, each drawn with a probability that is told, and how many matches the first two would need to separate.

    With `where` of a segment: the context of each row then says so, and has to be sent with the match.
    """
    service = partial(next_pairs.suggestions, league=league, goal=goal, k=k, count=count, seed=seed)
    return await answer(request, league, service, Manner("head", where=conditions(where)), as_of)
