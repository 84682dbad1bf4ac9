"""How answers reach people and programs: text, tables, JSON, and progress on a terminal. What they say is decided by the commands.

Names come from outside. They are shown with their control and direction marks spelled out, and never read as markup.
"""

import json
import shlex
import sys
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeAlias

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Parts: TypeAlias = "list[str | Table | Next | More]"
Progress = Callable[[str, int, int], None]

LONGEST_NAME: Final = 40
_WIDE: Final = 10_000
_JOINERS: Final = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class Next:
    """The commands that may follow, each without `arpad` and without the options that name the database."""

    command: str
    other: str | None = None

    def line(self, options: str) -> str:
        return f"Next: {', or '.join(f'arpad {each}{options}' for each in (self.command, self.other) if each)}"


@dataclass(frozen=True, slots=True)
class More:
    """Where a list goes on."""

    cursor: str

    def line(self, options: str) -> str:
        return f"More: --cursor {shlex.quote(self.cursor)}{options}"


def plain(text: str) -> str:
    """The text with control characters and invisible marks (direction, format) spelled out; line ends are kept."""
    return "".join(_spelled(character) if unicodedata.category(character).startswith("C") else character for character in text)


def _spelled(character: str) -> str:
    if character in _JOINERS or character == "\n":
        return character
    return character.encode("unicode_escape").decode("ascii")


def write_json(value: object) -> None:
    """One JSON document on standard output: one line, or indented on a terminal."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, ensure_ascii=not is_utf8, indent=2 if sys.stdout.isatty() else None))


def write_text(parts: Parts, options: str = "") -> None:
    """Lines and tables on standard output. Off a terminal without colour, and as wide as they are. `options` complete the commands in hints."""
    screen = console(sys.stdout)
    for part in parts:
        if isinstance(part, str):
            print(plain(part))
        elif isinstance(part, Next | More):
            print(plain(part.line(options)))
        else:
            screen.print(part)


def console(stream: TextIO) -> "Console":
    """Where tables and bars are drawn; honours NO_COLOR and TERM=dumb."""
    from rich.console import Console

    return Console(file=stream, width=None if stream.isatty() else _WIDE, highlight=False, markup=False, emoji=False, soft_wrap=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, gaps: Collection[int] = ()) -> "Table":
    """A table; columns whose name begins with “>” are aligned right. `gaps` are the rows that an empty line precedes."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        drawn.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    for place, row in enumerate(rows):
        drawn.add_row(*(Text(cell(value)) for value in row), end_section=place + 1 in gaps)
    return drawn


def filled_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, gaps: Collection[int] = ()) -> "Table":
    """As `table`, without the columns that are empty in every row."""
    filled = [place for place in range(len(columns)) if any(cell(row[place]) for row in rows)]
    return table([columns[place] for place in filled], [[row[place] for place in filled] for row in rows], gaps=gaps)


def short(name: str) -> str:
    """A name as tables show it: cut where it would push everything else off the screen."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def cell(value: object) -> str:
    """One value of a table: nothing for None, one decimal for a float."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.1f}" if isinstance(value, float) else plain(str(value))


def count(number: int, noun: str) -> str:
    """“1 match”, “5,000 matches”."""
    plural = noun + ("es" if noun.endswith(("ch", "s")) else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def can_ask() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def progress() -> Iterator[Progress | None]:
    """A bar per stage with rate and remaining time, on standard error and on a terminal only (else None)."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    rate = TextColumn("{task.fields[rate]}")
    with Bars(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(), console=console(sys.stderr)) as bars:
        stages: dict[str, Any] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, rate="")
            speed = bars.tasks[stages[stage]].speed
            bars.update(stages[stage], completed=done, total=total, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance
