"""The OpenAPI document says what the routes do: every example and every real answer fits its schema."""

import pytest
from starlette.routing import Route

from app.api.openapi import for_swagger_ui
from app.services.refits import run_next_refit
from tests.api.json_schema import faults
from tests.api.operations import OPERATIONS


@pytest.fixture(scope="module")
def document(site):
    return site.anonymous.get("/openapi.json").json()


def described(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def media_examples(media):
    if "example" in media:
        yield media["example"]
    yield from (example["value"] for example in media.get("examples", {}).values())


def test_it_is_openapi_3_1_with_readable_unique_ids(document):
    ids = [operation["operationId"] for _, _, operation in described(document)]
    assert document["openapi"] == "3.1.0"
    assert len(ids) == len(set(ids))
    assert all(name.isidentifier() and name.islower() for name in ids)


def test_it_lists_every_route_of_the_interface(site, document):
    paths = {getattr(route, "path_format", "") for route in site.app.routes if isinstance(route, Route)}
    suffixes = (".json", ".csv", ".ndjson")
    listed = {path for path in paths if path.startswith("/v1") and not path.endswith(suffixes)} | {
        "/healthz",
        "/readyz",
        "/problems",
        "/problems/{code}",
    }
    assert set(document["paths"]) == listed
    assert paths - listed == {path + suffix for path in listed for suffix in suffixes if path + suffix in paths} | {
        "/openapi.json",
        "/docs",
        "/docs/{name}",
    } | {
        "/",
        "/leagues",
        "/leagues/",
        "/leagues/{league}",
        "/leagues/{league}/compare",
        "/leagues/{league}.json",
        "/leagues/{league}.csv",
        "/static/{name}",
    }, "pages are for people and not of the interface"


def test_every_tag_is_explained(document):
    explained = {tag["name"] for tag in document["tags"]}
    used = {tag for _, _, operation in described(document) for tag in operation["tags"]}
    assert used == explained


def test_every_operation_says_in_a_sentence_what_it_does(document):
    for method, path, operation in described(document):
        assert operation["description"].endswith("."), (method, path)
        assert len(operation["tags"]) == 1


def test_every_answer_and_every_body_has_an_example(document):
    for method, path, operation in described(document):
        for status, response in operation["responses"].items():
            if status != "304":
                media = next(iter(response["content"].values()))
                assert list(media_examples(media)), (method, path, status)
        if "requestBody" in operation:
            media = next(iter(operation["requestBody"]["content"].values()))
            assert list(media_examples(media)), (method, path)


def test_every_required_parameter_has_an_example(document):
    for method, path, operation in described(document):
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (method, path, parameter["name"])
            if parameter["required"]:
                assert "example" in parameter or parameter["schema"].get("examples"), (method, path, parameter["name"])


def test_every_example_fits_its_schema(document):
    for method, path, operation in described(document):
        contents = [response.get("content", {}) for response in operation["responses"].values()]
        contents.append(operation.get("requestBody", {}).get("content", {}))
        for content in contents:
            for media in content.values():
                for example in media_examples(media):
                    assert list(faults(example, media["schema"], document)) == [], (method, path)


def test_every_problem_is_described_as_one(document):
    for method, path, operation in described(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert set(response["content"]) == {"application/problem+json"}, (method, path, status)
        assert {"422", "500"} <= operation["responses"].keys()


def test_every_reference_leads_somewhere(document):
    def references(node):
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"]
            for part in node.values():
                yield from references(part)
        elif isinstance(node, list):
            for part in node:
                yield from references(part)

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.name not in {"get_log", "get_events"}], ids=lambda operation: operation.name)
def test_every_real_answer_fits_its_schema(site, document, operation):
    league = site.played_league()
    operation.prepare(site.admin, league)
    if operation.name == "drift":
        assert run_next_refit(site.database, "tester", league=league)
    answer = operation.send(site.admin, league)
    assert answer.is_success, answer.text
    response = document["paths"][operation.template][operation.method.lower()]["responses"][str(answer.status_code)]
    media = response["content"][answer.headers["content-type"]]
    assert list(faults(answer.json(), media["schema"], document)) == []
    for header in response.get("headers", {}):
        assert header == "Link" or header in answer.headers


def test_the_older_document_for_the_pages_has_no_null_types(document):
    older = for_swagger_ui(document)
    assert older["openapi"] == "3.0.3"
    assert "{'type': 'null'}" not in str(older)
    assert document["openapi"] == "3.1.0", "the original is left as it was"
