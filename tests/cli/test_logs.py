import io
import json
import logging

import pytest
import structlog

from app.logs import HIDDEN, bound_ids, configure_logs, get_logger

SECRETS = {
    "admin_key": "arpad_0123abcd_secretsecretsecret",
    "password": "secretsecretsecret",
    "authorization": "Bearer secretsecretsecret",
    "header": "authorization: bearer secretsecretsecret",
    "url": "postgresql://arpad:secretsecretsecret@db/arpad",
    "note": "made arpad_0123abcd_secretsecretsecret today",
}


@pytest.fixture(autouse=True)
def default_logs():
    handlers, level = logging.root.handlers, logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers, logging.root.level = handlers, level


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("field", SECRETS)
def test_secrets_are_hidden_in_every_format(log_format, field):
    stream = io.StringIO()
    configure_logs(log_format, stream)
    get_logger("test").info("event", **{field: SECRETS[field]})
    assert "secretsecretsecret" not in stream.getvalue()
    assert HIDDEN in stream.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_secrets_are_hidden_in_tracebacks_and_local_variables_are_not_shown(log_format):
    stream = io.StringIO()
    configure_logs(log_format, stream)
    try:
        fail_with_a_secret("hush" * 2)
    except ValueError:
        get_logger("test").exception("failed")
    assert "ValueError" in stream.getvalue()
    assert "no postgresql://arpad:secretsecretsecret" not in stream.getvalue()
    assert "hushhush" not in stream.getvalue()


def fail_with_a_secret(_local):
    raise ValueError("no postgresql://arpad:" + "secretsecretsecret@db/arpad")


def test_off_a_terminal_every_event_is_a_line_of_json():
    stream = io.StringIO()
    configure_logs("auto", stream)
    get_logger("worker").info("refit done", league="tennis", fit=3)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["module"], first["league"], first["fit"], first["level"]) == ("refit done", "worker", "tennis", 3, "info")
    assert (second["event"], second["logger"]) == ("Started server process [7]", "uvicorn.error")


def test_ids_come_along_within_their_block():
    stream = io.StringIO()
    configure_logs("json", stream)
    with bound_ids(request="r1"):
        get_logger("test").info("inside")
        logging.getLogger("uvicorn.error").info("inside too")
    get_logger("test").info("outside")
    assert [json.loads(line).get("request") for line in stream.getvalue().splitlines()] == ["r1", "r1", None]


def test_text_off_a_terminal_has_no_colour():
    stream = io.StringIO()
    configure_logs("text", stream)
    get_logger("test").info("event", n=1)
    assert "\x1b" not in stream.getvalue()
