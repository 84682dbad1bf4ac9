"""Fits: asked for, listed, shown with their certificate."""

from functools import partial

from fastapi import Request, Response

from app.api import examples
from app.api.answers import Manner, answer, created, location, not_stored
from app.api.bodies import SMALL_BODY, Body
from app.api.dependencies import run
from app.api.documentation import READ_PROBLEMS, WRITE_PROBLEMS, documented, json_answer, json_body
from app.api.operations import Cursor, FitPath, League, Limit, QueryAsOf, QueryWhere, conditions, resource_router
from app.api.schemas import FitRequest
from app.errors import FitFinished, FitNotFound, LeagueBusy, ScopeMissing
from app.services import refits
from app.services.conditions import Conditions
from app.services.shapes import FitListShape, FitShape

router = resource_router("fits")

_PATH = "/v1/leagues/{league:league}/fits"
_REQUEST = Body(FitRequest, SMALL_BODY)


@router.post(
    _PATH,
    **documented(
        json_answer(202, FitShape, examples.FIT), body=json_body(_REQUEST, required=False, segment=examples.FIT_REQUEST), problems=WRITE_PROBLEMS
    ),
)
async def request_refit(request: Request, league: League) -> Response:
    """Ask for a refit of everything recorded so far, or of a segment; several requests become one. Follow it at the address in Location. Needs the scope manage.

    A fit of a segment is published for that segment alone, and made only when it is asked for.
    """
    sent = await _REQUEST.content_if_any(request) or {}
    shape = await run(request, partial(refits.request_refit, league=league, where=Conditions.of_values(sent.get("where", {}))))
    return created(shape, location("leagues", league, "fits", str(shape["fit"])), status=202)


@router.get(
    _PATH, **documented(json_answer(200, FitListShape, examples.FITS, tagged=True, pages=True, dated=True), problems=[*READ_PROBLEMS, ScopeMissing])
)
async def list_fits(
    request: Request, league: League, where: QueryWhere = None, cursor: Cursor = None, limit: Limit = 100, as_of: QueryAsOf = None
) -> Response:
    """The fits of a league, newest first, those that were refused and why among them; with as_of those that were published by then.

    Without `where` those of all segments too, for whoever may read contexts; the public sees those of the whole league.
    """
    service = partial(refits.list_fits, league=league, cursor=cursor, limit=limit)
    return await answer(request, league, service, Manner("content", where=conditions(where)), as_of)


@router.get(
    _PATH + "/{fit}", **documented(json_answer(200, FitShape, examples.FIT, tagged=True), problems=[*READ_PROBLEMS, ScopeMissing, FitNotFound])
)
async def get_fit(request: Request, league: League, fit: FitPath, as_of: QueryAsOf = None) -> Response:
    """One fit: its job, its certificate, the hash of its table. It never changes once it is published; with as_of there is none that came later."""
    return await answer(request, league, partial(refits.get_fit, league=league, fit=fit), Manner("content", dated=False), as_of)


@router.post(
    _PATH + "/{fit}/cancel",
    **documented(json_answer(200, FitShape, examples.CANCELLED_FIT), problems=[*READ_PROBLEMS, ScopeMissing, LeagueBusy, FitNotFound, FitFinished]),
)
async def cancel_refit(request: Request, league: League, fit: FitPath) -> Response:
    """Cancel a refit that waits, or that runs: its worker then ends it within seconds, and it is never published. Needs the scope manage."""
    return not_stored(await run(request, partial(refits.cancel_refit, league=league, fit=fit)))
