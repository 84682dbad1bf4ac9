"""The documentation: the OpenAPI document, and Swagger UI from the installed package. Nothing is loaded from anywhere else."""

from fastapi import Request, Response
from starlette.routing import Route
from swagger_ui_bundle import swagger_ui_path

from app.api.formats import json_bytes
from app.api.openapi import document_of, for_swagger_ui
from app.api.operations import refuse_parameters
from app.api.problems import PathNotFound

# Swagger UI draws some of its icons as data; all else comes from here.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Arpad: the API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = 'SwaggerUIBundle({url: "docs/openapi.json", dom_id: "#ui", deepLinking: true, docExpansion: "list", validatorUrl: null});\n'
_FILES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_DAY = {"Cache-Control": "public, max-age=86400"}


async def docs_page(request: Request) -> Response:
    """Swagger UI."""
    refuse_parameters(request, {})
    return Response(_PAGE, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}, media_type="text/html")


async def docs_file(request: Request) -> Response:
    """A file of Swagger UI, one of the few it needs."""
    refuse_parameters(request, {})
    name = request.path_params["name"]
    if name == "start.js":
        return Response(_START, headers=_DAY, media_type="text/javascript")
    if name == "openapi.json":
        return Response(json_bytes(for_swagger_ui(document_of(request.app))), headers={"Cache-Control": "no-cache"}, media_type="application/json")
    if name not in _FILES:
        raise PathNotFound("There is no such file of the documentation.")
    return Response((swagger_ui_path / name).read_bytes(), headers=_DAY, media_type=_FILES[name])


async def openapi_document(request: Request) -> Response:
    """The OpenAPI 3.1 document."""
    refuse_parameters(request, {})
    return Response(json_bytes(document_of(request.app)), headers={"Cache-Control": "no-cache"}, media_type="application/json")


routes = [
    Route("/openapi.json", openapi_document, methods=["GET"]),
    Route("/docs", docs_page, methods=["GET"]),
    Route("/docs/{name}", docs_file, methods=["GET"]),
]
