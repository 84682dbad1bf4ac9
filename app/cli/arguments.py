"""From what is typed to what services take: the arguments that several commands share, assignments and times."""

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.errors import BadInput, Fault

if TYPE_CHECKING:
    from app.services.as_of import Moment
    from app.services.conditions import Conditions

Raw = TypeVar("Raw")
Value = TypeVar("Value")

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

LeagueArgument = Annotated[str, typer.Argument(metavar="LEAGUE", help="The id of the league.", show_default=False)]
FirstArgument = Annotated[str, typer.Argument(metavar="FIRST", help="The first side.", show_default=False)]
SecondArgument = Annotated[str, typer.Argument(metavar="SECOND", help="The second side.", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="At most so many rows.")]
CursorOption = Annotated[str | None, typer.Option("--cursor", help="Go on where the last answer ended (its “next”).")]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD=VALUE",
        help="Only matches whose context says so; may be repeated, then all have to hold.",
        show_default="the whole league",
    ),
]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="WHEN", help="As it was then: a position of the log, a date or a time.", show_default="now")
]


def checked(name: str, parse: Callable[[Raw], Value], raw: Raw) -> Value:
    """`parse(raw)`, its ValueError turned into BadInput that names the argument."""
    try:
        return parse(raw)
    except ValueError as error:
        raise BadInput(f"{name} cannot be accepted.", [Fault(name, str(error))]) from error


def assignments(name: str, texts: Sequence[str]) -> dict[str, str]:
    """`left=right` arguments as a dictionary. Raises BadInput for one without “=” and for a left side given twice."""
    found: dict[str, str] = {}
    for text in texts:
        left, equals, right = text.partition("=")
        if not (left and equals):
            raise BadInput(f"{name} cannot be accepted.", [Fault(name, f"“{text}” must have the form name=value")])
        if left in found:
            raise BadInput(f"{name} cannot be accepted.", [Fault(name, f"“{left}” is given twice")])
        found[left] = right
    return found


def json_or_text(text: str) -> Any:  # noqa: ANN401 (a value of JSON)
    """24 is a number, null is nothing, {…} an object; whatever is not JSON is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def typed(value: str | float | bool) -> str:
    """What `json_or_text` reads as this value."""
    from app.services.conditions import written

    if not isinstance(value, str):
        return written(value)
    return value if json_or_text(value) == value else json.dumps(value, ensure_ascii=False)


def full_time(text: str) -> str:
    """A date alone is its beginning in UTC; anything else stays as it is."""
    return f"{text}T00:00:00Z" if _DATE.fullmatch(text) else text


def moment(text: str) -> int:
    """Microseconds since the epoch of an RFC 3339 time or a date. Raises ValueError."""
    from app.services.moments import parse_moment

    return parse_moment(full_time(text))


def as_of_given(text: str | None, name: str = "--as-of") -> "int | Moment | None":
    """A position, or a time (a date is its beginning in UTC). Raises BadInput that names the option."""
    from app.services.moments import parse_as_of

    return None if text is None else checked(name, parse_as_of, text)


def where_given(texts: Sequence[str] | None) -> "Conditions":
    """The segment that is meant. Raises BadInput that names the option."""
    from app.services.conditions import Conditions

    return Conditions.of_texts(texts or (), "--where")


def of_segment(where: Mapping[str, str] | None) -> str:
    """What headings say of an answer that is not of the whole league."""
    return "" if not where else f", {' and '.join(f'{name} = {value}' for name, value in where.items())}"


def heading_of(found: Mapping[str, Any]) -> list[str]:
    """The line above an answer about a segment."""
    from app.cli.output import count

    where = found.get("where")
    return [f"Of {count(found['matches'], 'match')}{of_segment(where)}:"] if where else []


def options_of(where: Mapping[str, str] | None) -> str:
    """The options that name a segment again, for the command that would follow."""
    return "".join(f" --where {shlex.quote(f'{name}={value}')}" for name, value in (where or {}).items())


def then(position: int, as_of: str | None, time: str | None = None) -> str:
    """What headings say of an answer that is not of today."""
    if as_of is None:
        return ""
    return f", as it was at position {position:,}" + ("" if time is None else f" ({time})")
