"""What every command shares: its options, settings, database and caller, and the way from an error to an exit code.

A command is a function of a `Session` and its own arguments, registered by `command`; it is free of all of this.
"""

import getpass
import inspect
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.cli import exits
from app.cli.output import Parts, write_json, write_text
from app.errors import ArpadError, Unavailable

if TYPE_CHECKING:
    from app.services.keys import Caller
    from app.settings import Settings
    from app.storage.unit_of_work import Database

DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The data folder (ARPAD_DATA, else ./arpad-data).")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database-url", metavar="URL", help="Another database: postgresql://… or sqlite:///… (ARPAD_DATABASE_URL).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, in the same shapes as over HTTP.")]

_SHARED: Mapping[str, tuple[Any, Any]] = {"data": (DataOption, None), "database_url": (DatabaseOption, None), "as_json": (JsonOption, False)}

Shape = TypeVar("Shape")
Action = TypeVar("Action", bound=Callable[..., None])


@dataclass
class Session:
    """One run of one command."""

    data: Path | None = None
    database_url: str | None = None
    as_json: bool = False

    @cached_property
    def settings(self) -> "Settings":
        return self.settings_with()

    def settings_with(self, **given: object) -> "Settings":
        """The settings of the environment and the shared options, and those given here. Raises BadInput."""
        from app.settings import load_settings

        return load_settings(data=self.data, database_url=self.database_url, **given)

    @cached_property
    def caller(self) -> "Caller":
        """Whoever sits at this machine may do everything; the log remembers who it was."""
        from app.services.keys import Caller

        return Caller.operator(user_name())

    @contextmanager
    def database(self) -> Iterator["Database"]:
        """The database, created or migrated first where a passing command may do that."""
        from app.cli.preparation import prepare
        from app.storage.unit_of_work import Database

        database = Database.open(self.settings.url)
        try:
            prepare(database, self.settings.database_file)
            yield database
        except Unavailable as error:
            if self.settings.database_file is not None:
                error.add_note(f"The database is {self.settings.database_file}.")
            raise
        finally:
            database.close()

    def show(self, shape: Shape, text: Callable[[Shape], Parts]) -> None:
        """The answer: the shape itself as JSON, or what `text` makes of it for people."""
        if self.as_json:
            write_json(shape)
        else:
            write_text(text(shape), self.options)

    @property
    def options(self) -> str:
        """The database as this command was given it, for the commands that follow; a password is left out."""
        data = f" --data {shlex.quote(str(self.data))}" if self.data is not None else ""
        url = f" --database-url {shlex.quote(_without_password(self.database_url))}" if self.database_url is not None else ""
        return data + url


def _without_password(url: str) -> str:
    place, mark, query = url.partition("?")
    kept = [each for each in query.split("&") if "pass" not in each.partition("=")[0].lower()]
    return re.sub(r"(://[^:/@]*):.*@", r"\1@", place) + (mark + "&".join(kept) if any(kept) else "")


def user_name() -> str:
    """The account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def command(group: typer.Typer, name: str, *, example: str) -> Callable[[Action], Action]:
    """Register a command; its docstring is its help, followed by the example."""

    def register(action: Action) -> Action:
        examples = "\n".join(f"  {line}" for line in example.strip().splitlines())
        group.command(name, help=inspect.getdoc(action), epilog=f"\b\nExample:\n{examples}")(_with_session(action))
        return action

    return register


def _with_session(action: Callable[..., None]) -> Callable[..., None]:
    """The action as Typer wants it: without the session, with the shared options."""

    def run(typer_context: typer.Context, **arguments: Any) -> None:  # noqa: ANN401 (Typer has checked each)
        before: Session = typer_context.obj or Session()
        given = {name: arguments.pop(name) or getattr(before, name) for name in _SHARED}
        session = Session(**given)
        try:
            action(session, **arguments)
            sys.stdout.flush()
        except ArpadError as error:
            raise typer.Exit(exits.report(error, as_json=session.as_json, options=session.options)) from error
        except BrokenPipeError as error:
            raise typer.Exit(exits.silence_output()) from error
        except OSError as error:
            raise typer.Exit(exits.report_file_error(error, as_json=session.as_json)) from error

    own = list(inspect.signature(action, eval_str=True).parameters.values())[1:]
    shared = [_keyword(name, annotation, default) for name, (annotation, default) in _SHARED.items()]
    context = inspect.Parameter("typer_context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    keywords = [*(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own), *shared]
    run.__signature__ = inspect.Signature([context, *keywords])  # type: ignore[attr-defined]  # read by inspect.signature
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [context, *keywords]}
    return run


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
