"""Laws that every operation of the interface obeys: operation × failure gives the one problem shape."""

import pytest

from tests.api.operations import OPERATIONS
from tests.api.site import assert_problem, pointers, send_raw

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
every_guarded_operation = pytest.mark.parametrize("operation", [o for o in OPERATIONS if not o.is_of_service], ids=lambda operation: operation.name)
every_league_operation = pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.needs_league], ids=lambda operation: operation.name)
every_reading_operation = pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.has_body], ids=lambda operation: operation.name)
every_json_operation = pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.has_json_body], ids=lambda operation: operation.name)
every_write = pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.method != "GET" and o.name not in {"predict_many", "simulate"}], ids=lambda operation: operation.name
)


@pytest.fixture(scope="module")
def league(site):
    return site.played_league()


def test_the_catalogue_is_complete(site):
    document = site.anonymous.get("/openapi.json").json()
    described = {
        (operation["operationId"], method.upper(), path) for path, methods in document["paths"].items() for method, operation in methods.items()
    }
    assert described == {(operation.name, operation.method, operation.template) for operation in OPERATIONS}


@every_operation
def test_an_unknown_parameter_is_refused_by_name(site, league, operation):
    problem = assert_problem(operation.send(site.admin, league, {"limitt": "3"}), 422, "bad-input")
    assert pointers(problem) == ["limitt"]


@every_operation
def test_a_method_that_is_not_offered_names_those_that_are(site, league, operation):
    answer = site.admin.request("DELETE", operation.path(league))
    assert_problem(answer, 405, "method-not-allowed")
    templates = {operation.template, "/v1/leagues/{league}/matches/{match_id}"} if operation.name == "record_batch" else {operation.template}
    methods = {other.method for other in OPERATIONS if other.template in templates}
    assert set(answer.headers["allow"].split(", ")) == methods | ({"HEAD"} if "GET" in methods else set())


@every_guarded_operation
@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer a b", "Bearer a,b", "Bearer " + "x" * 300, "arpad_123"])
def test_a_malformed_authorization_is_refused(site, league, operation, header):
    answer = operation.send(site.anonymous, league, Authorization=header)
    assert_problem(answer, 401, "key-required")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@every_guarded_operation
def test_two_keys_at_once_are_refused(site, league, operation):
    key = site.admin.headers["authorization"]
    answer = site.admin.request(
        operation.method,
        operation.path(league),
        headers=[("Authorization", key), ("Authorization", key), ("Content-Type", "application/json")],
        content=b"{}",
    )
    if answer.status_code not in {415, 422}:
        assert_problem(answer, 401, "key-required")


@every_guarded_operation
def test_an_unknown_key_is_refused(site, league, operation):
    assert_problem(operation.send(site.anonymous, league, Authorization="Bearer arpad_unknown"), 401, "key-required")


@every_league_operation
def test_a_private_league_does_not_exist_for_strangers(site, operation):
    private = site.played_league(public=False)
    unknown = assert_problem(operation.send(site.anonymous, "no-such-league"), 404, "league-not-found")
    hidden = assert_problem(operation.send(site.anonymous, private), 404, "league-not-found")
    assert unknown["detail"].replace("no-such-league", private) == hidden["detail"]


@every_league_operation
@pytest.mark.parametrize("name", ["Tennis", "a%2Fb", "%F0%9F%8E%BE", "a" * 64, "-a"])
def test_what_cannot_be_a_league_is_no_league(site, operation, name):
    assert_problem(operation.send(site.admin, name), 404, "league-not-found")


@every_write
def test_writing_needs_a_key(site, league, operation):
    assert_problem(operation.send(site.anonymous, league), 401, "key-required")


@every_reading_operation
def test_another_media_type_is_refused(site, league, operation):
    answer = send_raw(site.admin, operation.method, operation.path(league), b"first=Alice", "application/x-www-form-urlencoded")
    problem = assert_problem(answer, 415, "media-type-not-supported")
    assert problem["accepted"]


@every_json_operation
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"3",
        b'"text"',
        b"{}x",
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b'{"first": "\\ud800"}',
        b'{"first": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"NaN",
    ],
    ids=["empty", "cut", "null", "list", "number", "text", "trailing", "deep", "surrogate", "bytes", "bom", "nan"],
)
def test_a_body_that_is_no_such_object_is_refused(site, league, operation, body):
    if not body and operation.name == "request_refit":
        # Of all bodies this one may be left out.
        assert send_raw(site.admin, operation.method, operation.path(league), body).status_code == 202
        return
    assert_problem(send_raw(site.admin, operation.method, operation.path(league), body), 422, "bad-input")


@every_json_operation
def test_an_unknown_member_is_refused_by_name(site, league, operation):
    answer = site.admin.request(operation.method, operation.path(league), json={"no/such~member": 1})
    problem = assert_problem(answer, 422, "bad-input")
    fault = next(fault for fault in problem["errors"] if fault["pointer"] == "/no~1such~0member")
    assert "accepted are: " in fault["detail"]


@every_operation
def test_a_request_id_comes_back(site, league, operation):
    given = operation.send(site.anonymous, league, {"nonsense": "1"}, **{"X-Request-Id": "abc-123"})
    assert given.headers["x-request-id"] == "abc-123"
    assert given.headers["x-content-type-options"] == "nosniff"
