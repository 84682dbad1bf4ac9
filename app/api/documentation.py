"""What a route says of itself in the OpenAPI document: every answer with its headers and an example, every body, every problem."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.api.bodies import Body
from app.api.problems import PROBLEM_MEDIA_TYPE, BodyTooLarge, MediaTypeNotSupported, Unexpected, problem, status_of
from app.errors import ArpadError, BadInput, DatabaseLocked, Fault, KeyRequired, LeagueBusy, LeagueNotFound, ScopeMissing

Answers = dict[int, dict[str, Any]]

READ_PROBLEMS: tuple[type[ArpadError], ...] = (KeyRequired, LeagueNotFound, DatabaseLocked)
WRITE_PROBLEMS: tuple[type[ArpadError], ...] = (*READ_PROBLEMS, ScopeMissing, BodyTooLarge, MediaTypeNotSupported, LeagueBusy)

_TEXT = {"schema": {"type": "string"}}
_REPLAY = {
    "Idempotent-Replay": {"description": "This was recorded before; the answer is the original one.", "schema": {"type": "string", "enum": ["true"]}}
}
_LOCATION = {"Location": {"description": "The address of what was made.", **_TEXT}}
_NEXT = "the following page, rel=next"
_BOOKMARK = "this answer as of its position, which stays as it is, rel=bookmark"
_ETAG = {"ETag": {"description": "Send it as If-None-Match: 304 as long as nothing changed.", **_TEXT}}


def documented(
    answers: Answers,
    *,
    body: Mapping[str, Any] | None = None,
    problems: Iterable[type[ArpadError]] = (),
) -> dict[str, Any]:
    """The keyword arguments of a route."""
    extra = {"requestBody": body} if body else {}
    return {"status_code": next(iter(answers)), "responses": answers | _problems({*problems, BadInput, Unexpected}), "openapi_extra": extra}


def json_answer(
    status: int, shape: type, example: object, *, tagged: bool = False, pages: bool = False, files: bool = False, dated: bool = False
) -> Answers:
    """A JSON answer. `tagged`: it has an ETag; `pages`: further pages follow; `files`: it is offered as CSV and NDJSON too; `dated`: it takes as_of."""
    headers = (_LOCATION if status in {201, 202} else {}) | (_ETAG if tagged else {}) | _links(pages=pages, dated=dated)
    found = {status: _json(shape, example, headers)}
    if files:
        found[status]["content"] |= {"text/csv": _TEXT, "application/x-ndjson": _TEXT}
    if tagged:
        found[304] = {"description": "Nothing changed.", "headers": _ETAG}
    return found


def _links(*, pages: bool, dated: bool) -> dict[str, Any]:
    told = [text for text, wanted in ((_NEXT, pages), (_BOOKMARK, dated)) if wanted]
    return {"Link": {"description": f"{'; '.join(told).capitalize()}.", **_TEXT}} if told else {}


def creations(shape: type, example: object, *, known: str = "It was recorded before.", preview: tuple[Any, object] | None = None) -> Answers:
    """201 for what is new, 200 for what was recorded before, and for a dry run where `preview` has its type and example."""
    before = {**_json(shape, example, _LOCATION | _REPLAY), "description": known}
    if preview is not None:
        examples = {"recorded before": {"value": example}, "dry run": {"value": preview[1]}}
        before |= {"model": shape | preview[0], "content": {"application/json": {"examples": examples}}}
        before["description"] = f"{known} Or, with dry_run, what recording would do."
    return {**json_answer(201, shape, example), 200: before}


def streamed(media_type: str, example: str) -> Answers:
    """An answer that is no JSON document."""
    return {200: {"content": {media_type: {**_TEXT, "example": example}}}}


def json_body(body: Body[Any], *, required: bool = True, **examples: object) -> dict[str, Any]:
    """A JSON body with named examples."""
    shown = {name.replace("_", " "): {"value": value} for name, value in examples.items()}
    return {
        "required": required,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body.shape.__name__}"}, "examples": shown}},
    }


def _json(shape: type, example: object, headers: dict[str, Any]) -> dict[str, Any]:
    answer = {"model": shape, "content": {"application/json": {"example": example}}}
    return {**answer, "headers": headers} if headers else answer


def _problems(conditions: Iterable[type[ArpadError]]) -> Answers:
    grouped: dict[int, dict[str, Any]] = {}
    for condition in sorted(conditions, key=lambda each: each.code):
        examples = grouped.setdefault(status_of(condition), {})
        examples[condition.code] = {"value": problem(_example_of(condition), "/v1/leagues/tennis")}
    return {status: _one_status(examples) for status, examples in grouped.items()}


def _one_status(examples: dict[str, Any]) -> dict[str, Any]:
    titles = "; ".join(example["value"]["title"] for example in examples.values())
    content = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}}
    return {"description": titles, "content": content}


def _example_of(condition: type[ArpadError]) -> ArpadError:
    # Each condition's own initialiser asks for its particulars; its class and title are example enough.
    error = condition.__new__(condition)
    ArpadError.__init__(error, f"{condition.title}.")
    if isinstance(error, BadInput):
        error.faults = (Fault("/first", "must have 1 to 200 characters, not 0"),)
    return error
