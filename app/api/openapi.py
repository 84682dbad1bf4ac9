"""The OpenAPI document: what FastAPI finds in the routes, with the bodies that the routes read themselves, the problem shape and the key."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from app import __version__
from app.api.problems import ProblemShape
from app.api.schemas import (
    AmendmentRequest,
    CompetitorChange,
    CorrectionRequest,
    FitRequest,
    ForgetRequest,
    LeagueChange,
    MergeRequest,
    NewBatch,
    NewLeague,
    NewMatch,
    PredictionRequest,
    SimulationRequest,
)
from app.services.league_settings import LeagueSettings

OPENAPI_VERSION = "3.1.0"
TAGS = {
    "leagues": "A population rated together, its settings and its visibility.",
    "matches": "Recorded once for ever, one by one or in batches; taken back, restored, corrected, never deleted.",
    "competitors": "How they are called, whether they play, and who is who.",
    "imports": "Whole files of matches.",
    "standings": "Who leads, and how sure that is.",
    "predictions": "Who would win, and what that rests on.",
    "fits": "Refits of the full model, each with its certificate.",
    "log": "The ledger itself.",
    "service": "Whether the server lives, and what its problems mean.",
}
_DESCRIPTION = (
    "Reads of public leagues need no key. Everything else: `Authorization: Bearer <key>`. "
    "Every error is a problem document (RFC 9457) whose `type` leads to a page that says what to do."
)
_BODIES: tuple[type, ...] = (
    *(NewLeague, LeagueChange, NewMatch, NewBatch, AmendmentRequest, CorrectionRequest),
    *(CompetitorChange, MergeRequest, ForgetRequest, FitRequest, PredictionRequest, SimulationRequest, LeagueSettings),
)
_REFERENCE = "#/components/schemas/{model}"


def document_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an application, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    made = get_openapi(title="Arpad", version=__version__, openapi_version=OPENAPI_VERSION, description=_DESCRIPTION, routes=app.routes, tags=tags)
    components = made.setdefault("components", {})
    components["schemas"] = dict(sorted({**components.get("schemas", {}), **_schemas()}.items()))
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "`arpad key create` makes one."}}
    made["security"] = [{"key": []}, {}]
    for operation in (operation for methods in made["paths"].values() for operation in methods.values()):
        if "service" in operation["tags"]:
            operation["security"] = []
    _restore_examples(made, app)
    return made


def _restore_examples(made: dict[str, Any], app: FastAPI) -> None:
    """Put the examples back as they were written: FastAPI drops every member of them that is null."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = made["paths"][route.path_format][method.lower()]
                _copy_examples((route.openapi_extra or {}).get("requestBody", {}), operation.get("requestBody", {}))
                for status, response in route.responses.items():
                    _copy_examples(response, operation["responses"][str(status)])


def _copy_examples(written: Mapping[str, Any], made: dict[str, Any]) -> None:
    for media_type, media in written.get("content", {}).items():
        made["content"][media_type] |= {name: media[name] for name in ("example", "examples") if name in media}


def _schemas() -> dict[str, Any]:
    inputs: list[tuple[str, Literal["validation"], TypeAdapter[Any]]] = [
        (shape.__name__, "validation", TypeAdapter(shape)) for shape in (*_BODIES, ProblemShape)
    ]
    _, defined = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
    schemas: dict[str, Any] = defined["$defs"]
    schemas["Problem"] = schemas.pop("ProblemShape")
    for taker in ("NewLeague", "LeagueChange"):
        # The routes take any object here, because the settings are checked by the service that knows those of before.
        schemas[taker]["properties"]["settings"] = {
            "$ref": _REFERENCE.format(model="LeagueSettings"),
            "description": "Those that differ from the defaults.",
        }
    return schemas


def for_swagger_ui(made: Mapping[str, Any]) -> dict[str, Any]:
    """The document as OpenAPI 3.0, which is what the packaged Swagger UI can read."""
    older: dict[str, Any] = _older(deepcopy(dict(made)))
    return {**older, "openapi": "3.0.3"}


def _older(node: Any) -> Any:  # noqa: ANN401  (any part of a JSON document)
    if isinstance(node, list):
        return [_older(part) for part in node]
    if not isinstance(node, dict):
        return node
    options = node.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [option for option in options if option != {"type": "null"}]
        kept = {name: part for name, part in node.items() if name != "anyOf"}
        node = {**kept, **(rest[0] if len(rest) == 1 else {"anyOf": rest}), "nullable": True}
    return {name: _older(part) for name, part in node.items()}
