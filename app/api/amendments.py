"""What takes matches back, restores or corrects them: entries with a reason and an author, each with a preview that equals its outcome."""

from functools import partial

from fastapi import Request, Response

from app.api import amendment_examples
from app.api.answers import not_stored
from app.api.bodies import Body
from app.api.dependencies import run
from app.api.documentation import WRITE_PROBLEMS, documented, json_answer, json_body
from app.api.incoming import changes_of
from app.api.operations import DryRun, League, MatchPath, PositionPath, resource_router
from app.api.schemas import AmendmentRequest, CorrectionRequest
from app.errors import Conflict, EntryNotFound, MatchAlreadyVoided, MatchNotFound, PositionMoved
from app.services import corrections
from app.services.amendment_shapes import AmendmentShape

router = resource_router("matches")
log_router = resource_router("log")

_AMENDMENT = Body(AmendmentRequest)
_CORRECTION = Body(CorrectionRequest)
_MATCH = "/v1/leagues/{league:league}/matches/{match_id:key}"
_PROBLEMS = (*WRITE_PROBLEMS, Conflict, PositionMoved)


@router.post(
    _MATCH + "/void",
    **documented(
        json_answer(200, AmendmentShape, amendment_examples.VOID),
        body=json_body(_AMENDMENT, void=amendment_examples.VOID_REQUEST),
        problems=[*_PROBLEMS, MatchNotFound, MatchAlreadyVoided],
    ),
)
async def void_match(request: Request, league: League, match_id: MatchPath, dry_run: DryRun = False) -> Response:
    """Take a match back: the ratings become what they would be without it. With dry_run, who would move; needs the scope manage."""
    sent = await _AMENDMENT.content(request)
    return not_stored(await run(request, partial(corrections.void_match, league=league, match_id=match_id, dry_run=dry_run, **sent)))


@router.post(
    _MATCH + "/restore",
    **documented(
        json_answer(200, AmendmentShape, amendment_examples.RESTORE),
        body=json_body(_AMENDMENT, restore=amendment_examples.RESTORE_REQUEST),
        problems=[*_PROBLEMS, MatchNotFound],
    ),
)
async def restore_match(request: Request, league: League, match_id: MatchPath, dry_run: DryRun = False) -> Response:
    """Count a void match again, at its place in the log. With dry_run, who would move; needs the scope manage."""
    sent = await _AMENDMENT.content(request)
    return not_stored(await run(request, partial(corrections.restore_match, league=league, match_id=match_id, dry_run=dry_run, **sent)))


@router.post(
    _MATCH + "/correct",
    **documented(
        json_answer(200, AmendmentShape, amendment_examples.CORRECTION),
        body=json_body(_CORRECTION, outcome=amendment_examples.CORRECTION_REQUEST),
        problems=[*_PROBLEMS, MatchNotFound],
    ),
)
async def correct_match(request: Request, league: League, match_id: MatchPath, dry_run: DryRun = False) -> Response:
    """Correct a match at its place in the log: send what is to be different, and why. With dry_run, who would move; needs the scope manage."""
    sent = await _CORRECTION.content(request)
    changes, reason, expected = changes_of(sent), sent["reason"], sent.get("expected_position")
    correct = partial(corrections.correct_match, changes=changes, reason=reason, dry_run=dry_run, expected_position=expected)
    return not_stored(await run(request, partial(correct, league=league, match_id=match_id)))


@log_router.post(
    "/v1/leagues/{league:league}/log/{position}/void",
    **documented(
        json_answer(200, AmendmentShape, amendment_examples.VOID),
        body=json_body(_AMENDMENT, void=amendment_examples.VOID_REQUEST),
        problems=[*_PROBLEMS, EntryNotFound],
    ),
)
async def void_entry(request: Request, league: League, position: PositionPath, dry_run: DryRun = False) -> Response:
    """Take back the entry at a position: a match, a void (which restores), a correction or a merge. With dry_run, who would move; scope manage."""
    sent = await _AMENDMENT.content(request)
    return not_stored(await run(request, partial(corrections.void_entry, league=league, position=position, dry_run=dry_run, **sent)))
