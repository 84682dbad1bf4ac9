import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli import output


class Screen(io.StringIO):
    """A terminal as far as anybody can tell."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@given(st.text())
def test_plain_text_has_no_control_character_but_the_line_end(text):
    shown = output.plain(text)
    assert all(character.isprintable() or character in "\n\u200c\u200d" or character.isspace() for character in shown)


def test_names_are_not_read_as_markup(capsys):
    output.write_text([output.table(("name",), [("[bold]x[/bold] :smile:",)])])
    assert "[bold]x[/bold] :smile:" in capsys.readouterr().out


def test_off_a_terminal_nothing_is_coloured_or_cut(capsys):
    output.write_text([output.table(("name", ">n"), [("x" * 300, 1.25)])])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "x" * 300 in out


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_a_terminal_without_colour_is_honoured(monkeypatch, variable):
    monkeypatch.setenv(variable, {"NO_COLOR": "1", "TERM": "dumb"}[variable])
    screen = Screen()
    output.console(screen).print(output.table(("name",), [("x",)]), style="red")
    assert "\x1b[31m" not in screen.getvalue()


def test_json_is_one_line_off_a_terminal_and_keeps_letters(capsys):
    output.write_json({"name": "Zoë", "n": None})
    assert capsys.readouterr().out == '{"name": "Zoë", "n": null}\n'


def test_json_is_valid_in_any_encoding(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    output.write_json({"name": "Žižka"})
    sys.stdout.flush()
    assert json.loads(raw.getvalue().decode("latin-1")) == {"name": "Žižka"}


def test_there_is_no_progress_off_a_terminal():
    with output.progress() as advance:
        assert advance is None


def test_progress_shows_stage_count_and_rate_on_a_terminal(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with output.progress() as advance:
        advance("recording", 10, 4000)
        advance("recording", 4000, 4000)
    assert "recording" in screen.getvalue()
    assert "4000/4000" in screen.getvalue()


@pytest.mark.parametrize(("number", "noun", "shown"), [(1, "match", "1 match"), (5000, "match", "5,000 matches"), (0, "competitor", "0 competitors")])
def test_counts_read_well(number, noun, shown):
    assert output.count(number, noun) == shown
