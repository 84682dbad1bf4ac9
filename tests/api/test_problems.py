"""Which condition is which status, what each code leads to, and what an unexpected error tells (nothing but its id)."""

import json

import pytest

from app import errors
from app.api.problems import REMEDIES, STATUSES, catalogue, problem, problem_response, status_of
from app.errors import ArpadError, BadInput, Fault
from tests.api.site import assert_problem, match, running_site

EXPECTED = {
    errors.LeagueNotFound: 404,
    errors.FitNotFound: 404,
    errors.BadInput: 422,
    errors.BadLines: 422,
    errors.MatchIdTaken: 409,
    errors.LeagueExists: 409,
    errors.FitNotPublished: 409,
    errors.PositionMoved: 412,
    errors.KeyRequired: 401,
    errors.ScopeMissing: 403,
    errors.LeagueBusy: 503,
    errors.RecorderFull: 503,
    errors.SchemaUnknown: 500,
    errors.VerifyDiffers: 500,
}


@pytest.mark.parametrize(("condition", "status"), EXPECTED.items(), ids=lambda value: getattr(value, "__name__", value))
def test_a_condition_has_the_status_of_its_nearest_ancestor(condition, status):
    assert status_of(condition) == status


def test_every_condition_is_in_the_catalogue_once():
    conditions = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, ArpadError)}
    assert {condition.code for condition in conditions} <= catalogue().keys()
    assert len({condition.code for condition in conditions}) == len(conditions)
    assert set(REMEDIES) <= conditions | set(STATUSES) | {*ArpadError.__subclasses__()} | {
        child for parent in ArpadError.__subclasses__() for child in parent.__subclasses__()
    }


def test_every_type_leads_to_its_page(site):
    rows = site.anonymous.get("/problems").json()["rows"]
    assert len(rows) >= 25
    for row in rows:
        page = site.anonymous.get(f"/problems/{row['code']}")
        assert page.json() == row
        assert all(row[name] for name in ("code", "title", "status", "meaning", "remedy"))


def test_extensions_stand_beside_the_members_and_never_replace_them():
    error = BadInput("no", [Fault("/a", "b")], status=1, limit=3)
    made = problem(error, "/x")
    assert made["status"] == 422
    assert made["limit"] == 3
    assert made["errors"] == [{"pointer": "/a", "detail": "b"}]


def test_at_most_a_hundred_faults_are_told():
    assert len(problem(BadInput("no", [Fault("/a", "b")] * 1000), "/")["errors"]) == 100


def test_what_json_cannot_say_is_null():
    response = problem_response(BadInput("no", value=float("nan")), "/")
    assert json.loads(response.body)["value"] is None


class _Failing:
    """A recorder that meets whatever the test gave it."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.alive = False

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def record(self, league, caller, match) -> None:
        raise self.error


@pytest.fixture(scope="module")
def failing():
    return _Failing(RuntimeError("secret detail"))


@pytest.fixture(scope="module")
def broken_site(failing, tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("broken"), recorder=lambda _database: failing) as running:
        yield running


def test_an_unexpected_error_tells_its_id_alone(broken_site, failing, capsys):
    failing.error = RuntimeError("secret detail")
    answer = broken_site.reporter.post("/v1/leagues/tennis/matches", json=match())
    told = assert_problem(answer, 500, "unexpected")
    assert told["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert "Error" not in answer.text


@pytest.mark.parametrize("error", [errors.RecorderFull("full", retry_after_seconds=7), errors.RecorderStopped("stopping", 7)])
def test_what_is_not_available_says_when_to_come_back(broken_site, failing, error):
    failing.error = error
    answer = broken_site.reporter.post("/v1/leagues/tennis/matches", json=match())
    assert_problem(answer, 503, error.code)
    assert answer.headers["retry-after"] == "7"


def test_a_dead_recorder_is_not_ready_but_alive(broken_site):
    told = assert_problem(broken_site.anonymous.get("/readyz"), 503, "not-ready")
    assert told["checks"] == {"database": True, "schema": True, "recorder": False}
    assert broken_site.anonymous.get("/healthz").json()["status"] == "alive"


def test_an_application_that_is_well_is_ready(site):
    assert site.anonymous.get("/readyz").json()["status"] == "ready"
