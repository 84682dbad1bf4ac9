"""The service itself: whether it lives, whether it can take work, and what its problems mean."""

from typing import Annotated

from fastapi import Path, Request, Response

from app import __version__
from app.api import examples
from app.api.answers import not_stored
from app.api.dependencies import Runtime, runtime_of
from app.api.documentation import documented, json_answer
from app.api.formats import JSON, json_bytes
from app.api.operations import resource_router
from app.api.problems import NotReady, PathNotFound, ProblemListShape, ProblemMeaning, catalogue
from app.api.schemas import HealthShape, ReadinessShape
from app.errors import Unavailable
from app.storage.migrations import is_current

router = resource_router("service")

_CACHEABLE = {"Cache-Control": "public, max-age=3600"}


@router.get("/healthz", **documented(json_answer(200, HealthShape, examples.HEALTH)))
async def healthz() -> Response:
    """Whether the process is alive: it is, if it answers."""
    return not_stored({"status": "alive", "version": __version__})


@router.get("/readyz", **documented(json_answer(200, ReadinessShape, examples.READINESS), problems=[NotReady]))
async def readyz(request: Request) -> Response:
    """Whether the server can take work: the database answers, its schema is this version's, the recorder is alive."""
    runtime = runtime_of(request)
    reads = await runtime.pools.read(lambda: _database_state(runtime))
    checks = {**reads, "recorder": runtime.recorder.alive}
    if not all(checks.values()):
        raise NotReady(checks)
    return not_stored({"status": "ready", "version": __version__, **checks})


def _database_state(runtime: Runtime) -> dict[str, bool]:
    try:
        return {"database": True, "schema": is_current(runtime.database)}
    except Unavailable:
        return {"database": False, "schema": False}


@router.get("/problems", **documented(json_answer(200, ProblemListShape, examples.PROBLEMS)))
async def list_problems() -> Response:
    """Every problem that an answer may name, what it means and what to do about it."""
    return Response(json_bytes({"rows": list(catalogue().values())}), headers=_CACHEABLE, media_type=JSON)


@router.get("/problems/{code}", **documented(json_answer(200, ProblemMeaning, examples.PROBLEM_MEANING), problems=[PathNotFound]))
async def get_problem(code: Annotated[str, Path(description="The code at the end of a problem's type.", examples=["league-not-found"])]) -> Response:
    """One problem: the page that the member `type` of a problem document leads to."""
    meaning = catalogue().get(code)
    if meaning is None:
        raise PathNotFound("There is no problem of this name; /problems lists them.")
    return Response(json_bytes(meaning), headers=_CACHEABLE, media_type=JSON)
