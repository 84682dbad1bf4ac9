"""Whatever is sent, the answer is an answer: never a server error, and every refusal a problem document."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.operations import OPERATIONS
from tests.api.site import assert_problem

texts = st.text(max_size=12) | st.sampled_from(
    ["\0", "\ud800", "\ufeff", "=1+1", "A/B", "../..", "%00", "9" * 25, "-1", "1e999", "NaN", "null", "true", "a" * 5000]
)
numbers = st.integers() | st.sampled_from([2**31, 2**63, -(2**63) - 1, 10**400]) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
members = st.sampled_from(
    [
        "league",
        "name",
        "public",
        "settings",
        "first",
        "second",
        "outcome",
        "match_id",
        "played_at",
        "weight",
        "neutral",
        "first_score",
        "context",
        "matches",
        "columns",
        "reason",
        "expected_position",
        "pairs",
        "by",
    ]
)
plausible = st.sampled_from(
    [
        ["A"],
        ["B"],
        ["first"],
        [{"first": "A", "second": "B", "outcome": "draw"}],
        "A",
        "B",
        "first",
        {"k": 1},
        {"first": ["A"], "second": ["B"], "outcome": ["draw"]},
    ]
)
bodies = st.dictionaries(members, values | plausible, max_size=6) | values
often = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_answered(answer: httpx.Response) -> None:
    if answer.status_code >= 400:
        assert answer.status_code < 500, answer.text
        assert_problem(answer, answer.status_code)


@pytest.fixture(scope="module")
def league(site):
    return site.played_league()


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.has_json_body], ids=lambda operation: operation.name)
@often
@given(body=bodies)
def test_no_body_is_a_server_error(site, league, operation, body):
    sent = json.dumps(body).encode("utf-8", "surrogatepass")
    assert_answered(site.admin.request(operation.method, operation.path(league), content=sent, headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.has_body], ids=lambda operation: operation.name)
@often
@given(body=st.binary(max_size=200))
def test_no_bytes_are_a_server_error(site, league, operation, body):
    media_type = "application/json" if operation.has_json_body else "application/octet-stream"
    assert_answered(site.admin.request(operation.method, operation.path(league), content=body, headers={"Content-Type": media_type}))


@pytest.fixture(scope="module")
def query_names(site):
    paths = site.anonymous.get("/openapi.json").json()["paths"]
    return {
        operation["operationId"]: [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
        for methods in paths.values()
        for operation in methods.values()
    }


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if not o.is_of_service and o.method == "GET" and o.name != "get_events"], ids=lambda operation: operation.name
)
@often
@given(data=st.data())
def test_no_query_is_a_server_error(site, league, query_names, operation, data):
    names = query_names[operation.name]
    text = (texts | st.sampled_from(["Alice", "live", "fit", "1", "0", "2026-11-20T18:00:00Z"])).map(
        lambda value: value.encode("utf-8", "surrogatepass")
    )
    sent = data.draw(st.dictionaries(st.sampled_from(names), text, max_size=3)) if names else {}
    query = "&".join(f"{name}=" + "".join(f"%{byte:02X}" for byte in value) for name, value in sent.items())
    answer = site.admin.get(operation.path(league) + (f"?{query}" if query else ""))
    assert_answered(answer)


@often
@given(raw=st.text(st.sampled_from("ab/.%0fF2eE-~;=?"), max_size=30))
def test_no_path_is_a_server_error(site, raw):
    assert_answered(site.admin.get(httpx.URL(site.address).copy_with(raw_path=("/v1/leagues/" + raw).encode())))
