"""Dockerfile, docker-compose.yml and .dockerignore, held to rules: each command exists, each variable is a setting, nothing runs as root."""

import re
from fnmatch import fnmatch
from typing import Any

import pytest
import typer
import yaml

from app import __version__
from app.cli import child, server
from app.cli.application import application
from app.settings import Settings, load_settings
from tests.container_files import ROOT, image_command, image_environment, last_stage, stages

OURS = ("migrate", "api", "worker")
NOT_OURS_TO_DECIDE = {"PATH", "PGPASSWORD", "PYTHONDONTWRITEBYTECODE"}
SETTINGS = {f"ARPAD_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(params=OURS)
def service(request, compose) -> dict[str, Any]:
    """Each service that runs Arpad."""
    return compose["services"][request.param]


def assert_is_a_command(words: list[str]) -> None:
    """`arpad <words>` is understood as far as it can be without running it."""
    with typer.main.get_command(application).make_context("arpad", list(words)) as context:
        command = context.command
        name, command, rest = command.resolve_command(context, words)
        command.make_context(name, rest, parent=context)


def assert_are_settings(environment: dict[str, str]) -> None:
    """Every variable is one that Arpad reads, and its value one that it takes."""
    assert set(environment) - NOT_OURS_TO_DECIDE <= SETTINGS
    given = {name.removeprefix("ARPAD_").lower(): value for name, value in environment.items() if name in SETTINGS}
    load_settings(**given)


# The image


def test_the_image_runs_a_command_that_exists_and_passes_signals_on_to_it():
    assert image_command("ENTRYPOINT") == ["arpad"]
    assert_is_a_command(image_command("CMD"))
    assert last_stage("STOPSIGNAL")[0].words == ["SIGTERM"]


def test_the_image_asks_the_server_itself_whether_it_is_well():
    program, *words = image_command("HEALTHCHECK")
    assert program == "arpad"
    assert_is_a_command(words)


def test_the_environment_of_the_image_is_made_of_settings():
    environment = image_environment()
    assert_are_settings(environment)
    assert environment["ARPAD_HOST"] == "0.0.0.0"
    assert [environment["ARPAD_DATA"]] == last_stage("VOLUME")[0].words
    assert [environment["ARPAD_PORT"]] == last_stage("EXPOSE")[0].words


def test_the_image_runs_as_a_numbered_user_who_is_not_root_and_owns_the_data():
    [user] = last_stage("USER")
    number, _, group = user.arguments.partition(":")
    assert int(number) > 0
    assert int(group) > 0
    [making] = last_stage("RUN")
    assert f"useradd --uid {number} --gid {group} " in making.arguments
    assert f"--owner={number} --group={group} " in making.arguments


def test_the_label_says_the_version():
    assert any(f'version="{__version__}"' in label.arguments for label in last_stage("LABEL"))


def test_the_dependencies_are_those_of_the_lock_and_nothing_is_fetched_after_them():
    runs = [instruction.arguments for instruction in stages()[0] if instruction.word == "RUN"]
    installs = [run for run in runs if " install " in run]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "--requirement requirements.lock" in installs[0]
    assert all("--no-deps --no-index" in run for run in installs[1:])


def test_the_base_is_pinned_and_takes_a_python_that_the_project_supports():
    text = (ROOT / "Dockerfile").read_text()
    [tag] = re.findall(r"^ARG PYTHON=(\S+)$", text, re.MULTILINE)
    series = re.match(r"3\.\d+(?=-slim)", tag)
    assert series, tag
    assert f"Python :: {series.group()}" in (ROOT / "pyproject.toml").read_text()
    assert {stage[0].words[0] for stage in stages()} == {"python:${PYTHON}"}


def test_no_address_is_named():
    for name in ("Dockerfile", "docker-compose.yml", ".dockerignore"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|\b[\w-]+\.(io|org|com|net|dev)/", text), name


# The build context


def ignored(path: str) -> bool:
    """The last pattern that matches decides, as it does for Docker; a folder's pattern covers what is below it."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and any(fnmatch(part, pattern) for part in _with_parents(path)):
            verdict = not line.startswith("!")
    return verdict


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def test_what_the_dockerfile_copies_is_in_the_context():
    copied = [source for stage in stages()[:-1] for each in stage if each.word == "COPY" for source in each.words[:-1]]
    assert {"app", "migrations", "requirements.lock", "pyproject.toml"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", "arpad-data/admin.key", "admin.key", ".env", "tests/conftest.py", "app/api/__pycache__/x.pyc"]
)
def test_what_is_private_or_of_no_use_is_not(path):
    assert ignored(path)


# The services


def test_each_service_runs_a_command_that_exists(service):
    assert "entrypoint" not in service
    assert_is_a_command(service["command"])


def test_each_variable_of_a_service_is_a_setting(service):
    assert_are_settings(service["environment"])


def test_each_service_sees_the_same_database_with_a_password_that_has_no_default(compose):
    environments = [compose["services"][name]["environment"] for name in OURS]
    assert environments[1:] == environments[:-1]
    for password in (environments[0]["PGPASSWORD"], compose["services"]["database"]["environment"]["POSTGRES_PASSWORD"]):
        assert re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", password)
    assert not any(re.search(r"//\w+:", value) for environment in environments for value in environment.values())


def test_the_address_names_the_server_user_and_database_that_the_database_makes(compose):
    made = compose["services"]["database"]["environment"]
    expected = f"postgresql://{made['POSTGRES_USER']}@database/{made['POSTGRES_DB']}"
    assert compose["services"]["api"]["environment"]["ARPAD_DATABASE_URL"] == expected


def test_each_container_is_confined(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in service["tmpfs"], name


def test_each_container_is_watched_or_says_that_it_is_not(compose):
    for name, service in compose["services"].items():
        assert service["healthcheck"].get("test") or service["healthcheck"] == {"disable": True}, name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
    assert compose["services"]["api"]["healthcheck"]["test"] == ["CMD", *image_command("HEALTHCHECK")]


def test_api_and_worker_wait_for_the_migration_and_that_for_the_database(compose):
    services = compose["services"]
    conditions = {name: {other: wait["condition"] for other, wait in services[name]["depends_on"].items()} for name in OURS}
    assert conditions["migrate"] == {"database": "service_healthy"}
    assert conditions["api"] == conditions["worker"] == {"database": "service_healthy", "migrate": "service_completed_successfully"}


def test_what_is_kept_lies_in_named_volumes(compose):
    mounts = [mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", [])]
    assert sorted(mounts) == sorted(compose["volumes"])


def test_only_the_api_can_be_reached_and_only_from_this_machine(compose):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    [port] = published.pop("api")
    assert re.fullmatch(r"\$\{\w+:-127\.0\.0\.1:\d+\}:" + image_environment()["ARPAD_PORT"], port)
    assert not published
    assert compose["networks"]["inside"]["internal"] is True


def test_postgresql_is_pinned_to_a_major_version(compose):
    assert re.fullmatch(r"postgres:\d+(\.\d+)?(-\w+)?", compose["services"]["database"]["image"])


def test_stopping_leaves_more_time_than_draining_takes(compose):
    needed = child.STOP_SECONDS + server.STOP_SECONDS
    for name in ("api", "worker"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > needed
