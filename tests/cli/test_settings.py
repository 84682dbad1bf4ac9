from pathlib import Path

import pytest

from app.errors import BadInput
from app.settings import Settings, load_settings


def test_without_anything_set_it_is_an_embedded_server_for_this_machine():
    settings = load_settings()
    assert (settings.data, settings.url, settings.host, settings.port) == (Path("arpad-data"), "sqlite:///arpad-data/arpad.db", "127.0.0.1", 8000)
    assert settings.is_local


def test_the_environment_decides(monkeypatch):
    monkeypatch.setenv("ARPAD_DATA", "/var/lib/arpad")
    monkeypatch.setenv("ARPAD_PORT", "9000")
    settings = load_settings()
    assert settings.url == "sqlite:////var/lib/arpad/arpad.db"
    assert settings.port == 9000
    assert settings.admin_key_file == Path("/var/lib/arpad/admin.key")


def test_an_option_precedes_the_environment(monkeypatch):
    monkeypatch.setenv("ARPAD_PORT", "9000")
    assert load_settings(port=9001, host=None).port == 9001


def test_an_empty_variable_is_no_value(monkeypatch):
    monkeypatch.setenv("ARPAD_DATABASE_URL", "")
    assert load_settings().database_url is None


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("ARPAD_PORT", "eighty", "integer"),
        ("ARPAD_PORT", "65536", "65535"),
        ("ARPAD_PORT", "tcp://10.0.0.1:8000", "enableServiceLinks"),
        ("ARPAD_LOG_FORMAT", "xml", "'json'"),
        ("ARPAD_DATABASE_URL", "mysql://x/y", "postgresql://"),
        ("ARPAD_DATABASE_URL", "sqlite:///", "sqlite:///<file>"),
        ("ARPAD_DATABASE_URL", "postgresql://", "postgresql://<user>"),
    ],
)
def test_nonsense_is_refused_by_name_and_with_a_remedy(monkeypatch, variable, value, hint):
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInput) as caught:
        load_settings()
    [fault] = caught.value.faults
    assert fault.pointer == variable
    assert hint in fault.detail


def test_a_fault_of_an_option_names_the_option():
    with pytest.raises(BadInput) as caught:
        load_settings(database_url="mysql://x/y")
    assert caught.value.faults[0].pointer == "--database-url"


def test_a_database_server_has_no_file():
    assert load_settings(database_url="postgresql://arpad@db/arpad").database_file is None


@pytest.mark.parametrize(("host", "is_local"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("192.168.1.4", False)])
def test_only_a_loopback_address_is_local(host, is_local):
    assert load_settings(host=host).is_local is is_local


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1
