"""Imports: a whole file of matches, recorded together or not at all."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Query, Request, Response

from app.api import examples
from app.api.answers import created, location, not_stored, replayed
from app.api.bodies import refuse_too_large, require_media_type
from app.api.dependencies import require_reporter, run, runtime_of
from app.api.documentation import READ_PROBLEMS, WRITE_PROBLEMS, creations, documented, json_answer
from app.api.operations import ImportPath, League, QueryKey, resource_router
from app.api.problems import BodyTooLarge
from app.errors import BadInput, BadLines, Fault, FileNotUnderstood, ImportDiffers, ScopeMissing
from app.services import imports
from app.services.shapes import ImportShape

router = resource_router("imports")

_FORMATS: dict[str, Literal["csv", "ndjson"] | None] = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/gzip": None,
    "application/octet-stream": None,
}
_PART_BYTES = 2**20
_BINARY = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_BODY = {
    "required": True,
    "description": "CSV with a header, or NDJSON; plain or gzip. The format is recognised where the media type does not say.",
    "content": {
        "text/csv": {"schema": {"type": "string"}, "example": examples.IMPORT_CSV},
        "application/x-ndjson": {"schema": {"type": "string"}, "example": examples.IMPORT_NDJSON},
        "application/gzip": _BINARY,
        "application/octet-stream": _BINARY,
    },
}

ImportId = Annotated[
    QueryKey | None, Query(description="The same import again records nothing; sha256 of the file unless given.", examples=["autumn-2026"])
]
Mapping = Annotated[
    list[str] | None,
    Query(alias="map", description="field:column where the header is not understood; repeat it for each.", examples=[["first:White"]]),
]


@router.post(
    "/v1/leagues/{league:league}/imports",
    **documented(
        creations(ImportShape, examples.IMPORT, known="It was imported before, or is only planned."),
        body=_BODY,
        problems=[*WRITE_PROBLEMS, FileNotUnderstood, BadLines, ImportDiffers],
    ),
)
async def import_matches(
    request: Request,
    league: League,
    import_id: ImportId = None,
    columns: Mapping = None,
    dry_run: Annotated[bool, Query(description="Only report; nothing is recorded.", examples=[True])] = False,
    skip_bad: Annotated[bool, Query(description="Leave out lines that cannot be accepted.", examples=[False])] = False,
    again: Annotated[bool, Query(description="Import a file once more although it was imported before.", examples=[False])] = False,
) -> Response:
    """Record a file of matches, all or nothing; the same file again records nothing. Reads go on meanwhile. Needs the scope report."""
    file_format = _FORMATS[require_media_type(request, _FORMATS)]
    mapping = _mapping(columns or [])
    await require_reporter(request, league)
    with tempfile.TemporaryDirectory(dir=runtime_of(request).spool, prefix="arpad-import-") as folder:
        path = Path(folder) / "import"
        await _spool(request, path)
        load = partial(
            imports.import_file,
            league=league,
            path=path,
            mapping=mapping,
            format=file_format,
            import_id=import_id,
            dry_run=dry_run,
            skip_bad=skip_bad,
            again=again,
            max_matches=runtime_of(request).max_import_matches,
        )
        shape, was_known = await run(request, load)
    if shape["status"] == "planned":
        return not_stored(shape)
    return (replayed if was_known else created)(shape, location("leagues", league, "imports", shape["import_id"]))


@router.get(
    "/v1/leagues/{league:league}/imports/{import_id:key}",
    **documented(json_answer(200, ImportShape, examples.IMPORT), problems=[*READ_PROBLEMS, ScopeMissing]),
)
async def get_import(request: Request, league: League, import_id: ImportPath) -> Response:
    """The report of an import that was recorded. Needs the scope report."""
    return not_stored(await run(request, partial(imports.get_import, league=league, import_id=import_id)))


def _mapping(pairs: list[str]) -> dict[str, str] | None:
    mapping: dict[str, str] = {}
    for pair in pairs:
        separator = "=" if ":" not in pair or 0 <= pair.find("=") < pair.find(":") else ":"
        name, found, column = pair.partition(separator)
        if not found or not name:
            raise BadInput("A mapping cannot be understood.", [Fault("map", f"“{pair[:100]}” must read field:column, such as first:White")])
        if name in mapping:
            raise BadInput("A field is mapped twice.", [Fault("map", f"“{name[:100]}” must be mapped to one column")])
        mapping[name] = column
    return mapping or None


async def _spool(request: Request, path: Path) -> None:
    """Write the body to a file, in parts, never more than the limit."""
    runtime = runtime_of(request)
    limit = runtime.max_import_bytes
    refuse_too_large(request, limit)
    waiting, size = bytearray(), 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge(limit)
            waiting += chunk
            if len(waiting) >= _PART_BYTES:
                await runtime.pools.work(partial(file.write, bytes(waiting)))
                waiting.clear()
        await runtime.pools.work(partial(file.write, bytes(waiting)))
