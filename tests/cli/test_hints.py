"""The commands that hints name work as they stand, on the database that the command was given."""

import shlex

import pytest

from app.cli.application import run
from app.cli.output import More, Next
from app.cli.session import Session


def hint(out):
    return next(line for line in out.splitlines() if line.startswith("Next: ")).removeprefix("Next: ")


def test_a_hint_repeats_the_data_folder_and_works_as_it_stands(capsys):
    folder = "club data; it's"
    run(["league", "create", "tennis", "--data", folder])
    assert hint(capsys.readouterr().out).count("--data") == 2
    run(["--data", folder, "record", "tennis", "Alice", "Bob", "first"])
    words = shlex.split(hint(capsys.readouterr().out))
    assert words[-2:] == ["--data", folder]
    assert run(words[1:]) == 0


def test_a_hint_says_nothing_of_the_environment(arpad, capsys, monkeypatch):
    monkeypatch.setenv("ARPAD_DATA", "elsewhere")
    run(["league", "create", "tennis"])
    assert "--data" not in capsys.readouterr().out


def test_the_way_on_repeats_them_too(arpad):
    arpad.ok("league", "create", "tennis")
    for name in ("Bob", "Carla"):
        arpad.ok("record", "tennis", "Alice", name, "first")
    more = next(line for line in arpad("matches", "tennis", "--limit", "1").out.splitlines() if line.startswith("More: "))
    rest = shlex.split(more.removeprefix("More: "))
    assert rest[2] == "--data"
    assert run(["matches", "tennis", *rest]) == 0


def test_the_way_out_of_an_error_repeats_them_too(arpad, tmp_path):
    assert f"`arpad league list --data {shlex.quote(str(tmp_path / 'data'))}`" in arpad("leaderboard", "nobody").err


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db/arpad", "postgresql://me@db/arpad"),
        ("postgresql://me:se:c@ret/@db/arpad?sslmode=require", "'postgresql://me@db/arpad?sslmode=require'"),
        ("postgresql://me@db/arpad?password=secret&sslmode=require", "'postgresql://me@db/arpad?sslmode=require'"),
        ("postgresql://db/arpad?sslpassword=secret", "postgresql://db/arpad"),
        ("postgresql://me@db:5432/arpad", "postgresql://me@db:5432/arpad"),
        ("sqlite:////srv/a:b@c/arpad.db", "sqlite:////srv/a:b@c/arpad.db"),
    ],
)
def test_a_password_is_never_repeated(url, shown):
    assert Session(database_url=url).options == f" --database-url {shown}"


def test_two_ways_are_both_complete():
    assert Next("fits x", "refit x").line(" --data d") == "Next: arpad fits x --data d, or arpad refit x --data d"
    assert More("a b").line("") == "More: --cursor 'a b'"
