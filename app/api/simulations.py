"""The odds of a tournament."""

from functools import partial
from typing import Any

from fastapi import Request, Response

from app.api import certainty_examples as examples
from app.api.answers import not_stored
from app.api.bodies import Body, pointer
from app.api.dependencies import run
from app.api.documentation import READ_PROBLEMS, documented, json_answer, json_body
from app.api.operations import League, QueryAsOf, QueryWhere, conditions, resource_router
from app.api.problems import BodyTooLarge, MediaTypeNotSupported
from app.api.schemas import SimulationRequest
from app.errors import BadInput, CompetitorNotFound, Fault, FitNotPublished, ScopeMissing
from app.ratings.matches import clean_key
from app.services.answer_shapes import TournamentShape
from app.services.moments import parse_as_of
from app.services.tournaments import Tournament
from app.services.tournaments import simulate as play

router = resource_router("predictions")

_REQUEST = Body(SimulationRequest)
_OF_TOURNAMENT = ("format", "seeding", "legs", "runs", "seed")


@router.post(
    "/v1/leagues/{league:league}/predictions/simulate",
    **documented(
        json_answer(200, TournamentShape, examples.TOURNAMENT),
        body=json_body(_REQUEST, knock_out=examples.SIMULATION_REQUEST, round_robin=examples.ROUND_ROBIN_REQUEST),
        problems=[*READ_PROBLEMS, CompetitorNotFound, FitNotPublished, BodyTooLarge, MediaTypeNotSupported, ScopeMissing],
    ),
)
async def simulate(request: Request, league: League, where: QueryWhere = None, as_of: QueryAsOf = None) -> Response:
    """The odds of a round robin or a knock-out among up to 128 competitors, simulated with a seed; nothing is recorded. With `where` of a segment."""
    segment = conditions(where)
    sent = await _REQUEST.content(request)
    competitors = _cleaned(sent)
    chosen: dict[str, Any] = {name: sent[name] for name in ("top", "by") if name in sent}
    tournament = Tournament(**{name: sent[name] for name in _OF_TOURNAMENT if name in sent})  # type: ignore[literal-required]
    dated = None if as_of is None else parse_as_of(as_of)
    service = partial(play, league=league, tournament=tournament, competitors=competitors, where=segment, as_of=dated, **chosen)
    return not_stored(await run(request, service))


def _cleaned(sent: SimulationRequest) -> list[str] | None:
    """Raises BadInput."""
    if "competitors" not in sent:
        return None
    if "top" in sent:
        raise BadInput("Name the competitors, or say how many of the first.", [Fault("/top", "must be left out beside competitors")])
    found, faults = list[str](), list[Fault]()
    for place, key in enumerate(sent["competitors"]):
        try:
            found.append(clean_key(key))
        except ValueError as error:
            faults.append(Fault(pointer(("competitors", place)), str(error)))
    if faults:
        raise BadInput("Some keys cannot be accepted.", faults)
    return found
