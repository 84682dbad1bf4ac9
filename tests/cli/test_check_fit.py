"""`arpad check-fit`: both figures beside each other, a verdict, and an exit code."""

import json

import pytest
from sqlalchemy import text

from app.services.answer_shapes import FitCheckShape
from app.storage.unit_of_work import Database
from tests.cli.test_commands import assert_shape


@pytest.fixture
def fitted(arpad_anywhere):
    arpad_anywhere.ok("league", "create", "tennis")
    for first, second, outcome in (("Alice", "Bob", "first"), ("Bob", "Alice", "draw"), ("Bob", "Carla", "first"), ("Carla", "Alice", "first")):
        arpad_anywhere.ok("record", "tennis", first, second, outcome, "--yes")
    assert arpad_anywhere.ok("refit", "tennis", "--wait")["status"] == "published"
    return arpad_anywhere


def test_a_certificate_that_holds(fitted):
    shape = fitted.ok("check-fit", "tennis")
    assert_shape(FitCheckShape, shape)
    assert (shape["equal"], shape["fit"], shape["matches"], shape["position"]) == (True, 1, 4, 4)
    assert fitted.ok("check-fit", "tennis", "1") == shape
    shown = fitted("check-fit", "tennis").out
    assert "The certificate of fit 1 of “tennis” with 4 matches up to entry 4 is what the log gives" in shown
    assert "log-likelihood" in shown
    assert "DIFFERS" not in shown


def test_a_certificate_that_was_changed_leaves_with_8(fitted, database_url):
    told = fitted.ok("fits", "tennis")["rows"][0]["certificate"]
    _rewrite(database_url, json.dumps({**told, "log_likelihood": told["log_likelihood"] + 0.5}))
    finished = fitted("check-fit", "tennis", "--json")
    assert (finished.code, finished.json["equal"]) == (8, False)
    assert [each["figure"] for each in finished.json["figures"] if not each["agrees"]] == ["log-likelihood"]
    shown = fitted("check-fit", "tennis")
    assert shown.code == 8
    assert "NOT what the log gives: log-likelihood." in shown.out
    assert shown.out.count("DIFFERS") == 1


def _rewrite(database_url: str, certificate: str) -> None:
    database = Database.open(database_url)
    with database.write() as unit:
        unit.connection.execute(text("UPDATE fit SET certificate = :told"), {"told": certificate})
        unit.commit()
    database.close()


def test_a_segment_and_covariates(arpad_anywhere, database_url):
    arpad = arpad_anywhere
    arpad.ok("league", "create", "tennis", "--set", 'covariates=["rest"]')
    for number, (first, second, outcome) in enumerate(
        (("A", "B", "first"), ("B", "A", "draw"), ("B", "C", "first"), ("C", "A", "first"), ("A", "C", "first"))
    ):
        told = ("--context", f"rest={number}", "--context", f"surface={'clay' if number else 'ice'}")
        arpad.ok("record", "tennis", first, second, outcome, *told, "--yes")
    assert arpad.ok("refit", "tennis", "--where", "surface=clay", "--wait")["status"] == "published"
    assert arpad("check-fit", "tennis").code == 4
    shape = arpad.ok("check-fit", "tennis", "--where", "surface=clay")
    assert_shape(FitCheckShape, shape)
    assert (shape["equal"], shape["fit"], shape["matches"], shape["where"]) == (True, 1, 4, {"surface": "clay"})
    assert arpad.ok("check-fit", "tennis", "1") == shape
    assert "coefficient of “rest”" in {each["figure"] for each in shape["figures"]}
    assert arpad("check-fit", "tennis", "1", "--where", "surface=clay").code == 5
    assert "fit 1 of “tennis”, surface = clay with 4 matches" in arpad("check-fit", "tennis", "1").out
    told = arpad.ok("fits", "tennis")["rows"][0]["certificate"]
    told["covariates"][0]["coefficient"] += 0.1
    _rewrite(database_url, json.dumps(told))
    changed = arpad("check-fit", "tennis", "--where", "surface=clay", "--json")
    assert changed.code == 8
    assert "coefficient of “rest”" in [each["figure"] for each in changed.json["figures"] if not each["agrees"]]


def test_a_fit_that_is_not_there_leaves_with_4_and_one_without_a_table_with_3(fitted):
    assert fitted("check-fit", "tennis", "2").code == 4
    assert fitted("check-fit", "nowhere").code == 4
    fitted.ok("league", "create", "pure", "--set", "prior_sd=null")
    assert fitted("check-fit", "pure").code == 4
    fitted.ok("record", "pure", "Alice", "Bob", "first", "--yes")
    assert fitted("refit", "pure", "--wait").code == 3
    refused = fitted("check-fit", "pure", "1")
    assert refused.code == 3
    assert "maximum likelihood estimate does not exist" in refused.err
