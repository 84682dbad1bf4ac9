"""What an installation can decide: where the data lies, where to listen, how to log. Read from `ARPAD_…` variables by the roots alone.

What a league decides (its system, its K, its refits) is an entry of that league's log and not a setting.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import BadInput, Fault

LogFormat = Literal["auto", "json", "text"]

_PREFIX = "ARPAD_"
_DATABASE_SCHEMES = ("sqlite:///", "postgresql://")
_LOOPBACK = ("127.", "::1", "localhost")


def _not_a_service_link(value: object) -> object:
    # Kubernetes sets ARPAD_PORT=tcp://… in every pod beside a service called “arpad”.
    if isinstance(value, str) and value.startswith("tcp://"):
        raise ValueError(f"{value} is Kubernetes' link to a service, not a port; set enableServiceLinks: false")
    return value


def _known_database(value: str | None) -> str | None:
    if value is not None and not (value.startswith(_DATABASE_SCHEMES) and value.partition(":///" if "sqlite" in value else "://")[2]):
        raise ValueError("must be sqlite:///<file> or postgresql://<user>@<host>/<database>")
    return value


class Settings(BaseSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    data: Path = Path("arpad-data")
    database_url: Annotated[str | None, AfterValidator(_known_database)] = None
    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, BeforeValidator(_not_a_service_link), Field(ge=0, le=65535)] = 8000
    log_format: LogFormat = "auto"
    max_import_matches: Annotated[int, Field(ge=1, le=100_000_000)] = 2_000_000

    fit_memory_mb: Annotated[int, Field(ge=256, le=1_048_576)] = 4096
    fit_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600

    @property
    def url(self) -> str:
        """The database: the one that was named, else a file in the data folder."""
        return self.database_url or f"sqlite:///{self.data / 'arpad.db'}"

    @property
    def database_file(self) -> Path | None:
        """The file of an embedded database, None for a server's."""
        kind, _, path = self.url.partition(":///")
        return Path(path) if kind == "sqlite" else None

    @property
    def admin_key_file(self) -> Path:
        """Where the first start leaves the key that may do everything."""
        return self.data / "admin.key"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host.startswith(_LOOPBACK)


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 (each is validated by its field)
    """The settings of the environment, those given (and not None) taking precedence. Raises BadInput that names what is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = [_fault(str(line["loc"][0]), line["msg"], given) for line in error.errors(include_url=False, include_context=False)]
        raise BadInput("A setting makes no sense.", faults) from None


def _fault(name: str, message: str, given: dict[str, Any]) -> Fault:
    where = f"--{name.replace('_', '-')}" if given.get(name) is not None else f"{_PREFIX}{name}".upper()
    return Fault(where, message.removeprefix("Value error, "))
