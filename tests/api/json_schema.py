"""Enough of JSON Schema 2020-12 to hold answers and examples to the OpenAPI document, written apart from what made the document."""

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
_KNOWN = {
    "$ref", "type", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "enum", "const", "minimum", "maximum", "exclusiveMinimum",
    "minLength", "maxLength", "pattern", "minItems", "maxItems", "minProperties", "maxProperties", "title", "description", "default", "format",
    "examples", "contentMediaType",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], document: dict[str, Any], path: str = "") -> Iterator[str]:
    """What about the value contradicts the schema."""
    assert schema.keys() <= _KNOWN, f"{path}: the validator does not know {schema.keys() - _KNOWN}"
    if "$ref" in schema:
        yield from faults(value, _resolved(schema["$ref"], document), document, path)
    if "anyOf" in schema and all(list(faults(value, option, document, path)) for option in schema["anyOf"]):
        yield f"{path}: {value!r} fits none of the options"
    if "oneOf" in schema and sum(not list(faults(value, option, document, path)) for option in schema["oneOf"]) != 1:
        yield f"{path}: {value!r} does not fit exactly one of the options"
    if "type" in schema and not _is_of_type(value, schema["type"]):
        yield f"{path}: {value!r} is not of type {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: {value!r} is not {schema['const']!r}"
    yield from _bounds(value, schema, path)
    if isinstance(value, dict):
        yield from _members(value, schema, document, path)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), document, f"{path}/{index}")


def _resolved(reference: str, document: dict[str, Any]) -> dict[str, Any]:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def _is_of_type(value: Any, name: str) -> bool:
    if name in {"integer", "number"}:
        return isinstance(value, int if name == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, _TYPES[name])


def _bounds(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, int | float):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            yield f"{path}: {value} is out of bounds"
        if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
            yield f"{path}: {value} is too small"
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{path}: the length of {value!r} is out of bounds"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not match {schema['pattern']}"


def _members(value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    yield from (f"{path}: {name} is missing" for name in schema.get("required", []) if name not in value)
    for name, member in value.items():
        rest = schema.get("additionalProperties", True)
        if name in properties:
            yield from faults(member, properties[name], document, f"{path}/{name}")
        elif rest is False:
            yield f"{path}: {name} is not in the schema"
        elif isinstance(rest, dict):
            yield from faults(member, rest, document, f"{path}/{name}")
