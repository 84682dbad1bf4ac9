"""Competitors as people: renamed, retired or back, merged, forgotten. How they stand is in `standings`."""

from functools import partial

from fastapi import Request, Response

from app.api import amendment_examples
from app.api.answers import not_stored
from app.api.bodies import Body
from app.api.dependencies import run
from app.api.documentation import WRITE_PROBLEMS, documented, json_answer, json_body
from app.api.incoming import key_of
from app.api.operations import CompetitorPath, DryRun, League, resource_router
from app.api.schemas import CompetitorChange, ForgetRequest, MergeRequest
from app.errors import BadInput, CompetitorNotFound, Conflict, Fault, PositionMoved
from app.services import roster
from app.services.amendment_shapes import AmendmentShape, RosterShape

router = resource_router("competitors")

_CHANGE = Body(CompetitorChange)
_MERGE = Body(MergeRequest)
_FORGET = Body(ForgetRequest)
_COMPETITOR = "/v1/leagues/{league:league}/competitors/{competitor:key}"
_PROBLEMS = (*WRITE_PROBLEMS, CompetitorNotFound)


@router.patch(
    _COMPETITOR,
    **documented(
        json_answer(200, RosterShape, amendment_examples.ROSTER),
        body=json_body(_CHANGE, change=amendment_examples.COMPETITOR_CHANGE),
        problems=_PROBLEMS,
    ),
)
async def change_competitor(request: Request, league: League, competitor: CompetitorPath) -> Response:
    """Change the name that a competitor is shown by, or retire them or have them back; the key stays. Needs the scope manage."""
    sent = await _CHANGE.content(request)
    if not sent:
        raise BadInput("There is nothing to change.", [Fault("", "must have at least one of: name, retired")])
    change = partial(roster.change_competitor, league=league, competitor=competitor, change=sent)
    return not_stored(await run(request, change))


@router.post(
    _COMPETITOR + "/merge",
    **documented(
        json_answer(200, AmendmentShape, amendment_examples.MERGE),
        body=json_body(_MERGE, merge=amendment_examples.MERGE_REQUEST),
        problems=[*_PROBLEMS, Conflict, PositionMoved],
    ),
)
async def merge_competitor(request: Request, league: League, competitor: CompetitorPath, dry_run: DryRun = False) -> Response:
    """Count every match of a competitor, before and after, as another's; voiding the entry takes it back. With dry_run, who would move; scope manage."""
    sent = await _MERGE.content(request)
    reason, expected, into = sent["reason"], sent.get("expected_position"), key_of(sent["into"], "/into")
    merge = partial(roster.merge_competitors, into=into, reason=reason, dry_run=dry_run, expected_position=expected)
    return not_stored(await run(request, partial(merge, league=league, competitor=competitor)))


@router.post(
    _COMPETITOR + "/forget",
    **documented(
        json_answer(200, RosterShape, amendment_examples.FORGOTTEN),
        body=json_body(_FORGET, forget=amendment_examples.FORGET_REQUEST),
        problems=[*_PROBLEMS, Conflict],
    ),
)
async def forget_competitor(request: Request, league: League, competitor: CompetitorPath) -> Response:
    """Delete a competitor's key and name for good; the matches stay, under a pseudonym. The key is sent once more; needs the scope admin."""
    sent = await _FORGET.content(request)
    if key_of(sent["confirm"], "/confirm") != competitor:
        raise BadInput("The confirmation names somebody else.", [Fault("/confirm", f"must be the key in the address: {competitor}")])
    return not_stored(await run(request, partial(roster.forget_competitor, league=league, competitor=competitor)))
