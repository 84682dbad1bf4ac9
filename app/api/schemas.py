"""The bodies that are accepted, as types: unknown members are refused, numbers are finite, nothing is guessed from another type.

The rules for keys, times and contexts, which take Python, are applied in `incoming`.
"""

from typing import Annotated, Any, Literal, Required

from pydantic import AfterValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.api.paths import LEAGUE_PATTERN
from app.ratings.matches import MAX_CONTEXT_FIELDS, MAX_KEY_LENGTH, MAX_WEIGHT, Outcome
from app.services.amending import MAX_REASON as MAX_REASON_LENGTH
from app.services.answer_shapes import ByBoth, Seeding, TournamentFormat
from app.services.conditions import MAX_CONDITIONS
from app.services.predictions import MAX_PAIRS
from app.services.recording import MAX_BATCH
from app.services.shapes import By
from app.services.tournaments import MAX_ENTRANTS, MAX_LEGS, MAX_RUNS

MAX_POSITION = 2**63 - 1
MAX_NAME_LENGTH = 200

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
_MAX_DEPTH = 8
_LARGEST_INTEGER = 2**53


def _moderate(value: Any, depth: int = 0) -> Any:  # noqa: ANN401  (any JSON value)
    """The JSON value itself, unless it is deeper, or a number larger, than any setting."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _moderate(item, depth + 1)
    elif isinstance(value, int | float) and not -_LARGEST_INTEGER <= value <= _LARGEST_INTEGER:
        raise ValueError("contains a number that is not finite or beyond 2**53")
    return value


# Lengths are checked after normalisation, in `clean_key`; here they only describe.
Key = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": MAX_KEY_LENGTH})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339 with an offset, at most microseconds.")]
Weight = Annotated[float, Field(gt=0, le=MAX_WEIGHT, description="Counts as so many of the same result, in ratings and in how sure they are.")]
Context = Annotated[dict[str, str | float | bool | None], Field(json_schema_extra={"maxProperties": MAX_CONTEXT_FIELDS})]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_LENGTH)]
Settings = Annotated[dict[str, Any], AfterValidator(_moderate)]
_LENGTH = Field(max_length=MAX_BATCH)
Position = Annotated[int, Field(ge=0, le=MAX_POSITION)]


@with_config(_STRICT)
class NewMatch(TypedDict, total=False):
    """One match. Only first, second and outcome are required; with a match_id it counts once, however often it is sent."""

    match_id: Key | None
    first: Required[Key]
    second: Required[Key]
    outcome: Required[Outcome]
    played_at: Moment | None
    weight: Weight
    neutral: bool
    first_score: float | None
    second_score: float | None
    context: Context | None


@with_config(_STRICT)
class NewMatchColumns(TypedDict, total=False):
    """Many matches, a list per member, all of one length: much faster to read than a list of matches."""

    match_id: Annotated[list[Key | None], _LENGTH]
    first: Required[Annotated[list[Key], _LENGTH]]
    second: Required[Annotated[list[Key], _LENGTH]]
    outcome: Required[Annotated[list[Outcome], _LENGTH]]
    played_at: Annotated[list[Moment | None], _LENGTH]
    weight: Annotated[list[Weight], _LENGTH]
    neutral: Annotated[list[bool], _LENGTH]
    first_score: Annotated[list[float | None], _LENGTH]
    second_score: Annotated[list[float | None], _LENGTH]
    context: Annotated[list[Context | None], _LENGTH]


@with_config({**_STRICT, "json_schema_extra": {"minProperties": 1, "maxProperties": 1}})
class NewBatch(TypedDict, total=False):
    """Up to 100,000 matches, all or nothing: either `matches` or `columns`."""

    matches: Annotated[list[NewMatch], Field(min_length=1, max_length=MAX_BATCH)]
    columns: NewMatchColumns


@with_config(_STRICT)
class NewLeague(TypedDict, total=False):
    """A league: its id, and what differs from the defaults."""

    league: Required[Annotated[str, Field(pattern=f"^{LEAGUE_PATTERN}$")]]
    name: Name | None
    public: bool
    settings: Settings


@with_config(_STRICT)
class LeagueChange(TypedDict, total=False):
    """What is to change; what is left out stays."""

    name: Name
    public: bool
    settings: Settings


Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_LENGTH)]


@with_config(_STRICT)
class AmendmentRequest(TypedDict, total=False):
    """Why, and the position that the preview named."""

    reason: Required[Reason]
    expected_position: Position | None


@with_config(_STRICT)
class CorrectionRequest(TypedDict, total=False):
    """What is to be different of a match, at least one member of it; what is left out stays. And why, and the position that the preview named."""

    first: Key
    second: Key
    outcome: Outcome
    played_at: Moment | None
    weight: Weight
    neutral: bool
    first_score: float | None
    second_score: float | None
    context: Context | None
    reason: Required[Reason]
    expected_position: Position | None


@with_config(_STRICT)
class NewCompetitor(TypedDict, total=False):
    """A competitor: the key by which matches name them, and the name that people see."""

    competitor: Required[Key]
    name: Name | None


@with_config({**_STRICT, "json_schema_extra": {"minProperties": 1}})
class CompetitorChange(TypedDict, total=False):
    """What is to change; what is left out stays. A name of null: none but the key."""

    name: Name | None
    retired: bool


@with_config(_STRICT)
class MergeRequest(TypedDict, total=False):
    """Whose the matches are, why, and the position that the preview named."""

    into: Required[Key]
    reason: Required[Reason]
    expected_position: Position | None


@with_config(_STRICT)
class ForgetRequest(TypedDict):
    """The competitor's key once more, because what is forgotten cannot be had back."""

    confirm: Key


@with_config(_STRICT)
class FitRequest(TypedDict, total=False):
    """What is to be fitted: everything, or the matches whose context has each of these values."""

    where: Annotated[Context, Field(json_schema_extra={"minProperties": 1, "maxProperties": MAX_CONDITIONS})]


@with_config(_STRICT)
class Pair(TypedDict):
    """Two competitors."""

    first: Key
    second: Key


@with_config(_STRICT)
class PredictionRequest(TypedDict, total=False):
    """Up to 1,000 pairs. By both, each pair is answered twice: by the live ratings, then by the fit."""

    pairs: Required[Annotated[list[Pair], Field(min_length=1, max_length=MAX_PAIRS)]]
    by: ByBoth


@with_config(_STRICT)
class SimulationRequest(TypedDict, total=False):
    """A tournament: who takes part, by name in the order of their seeds or the first `top` of the leaderboard, and how it is played.

    `seeding`: “standard” keeps the first apart for as long as possible and gives byes to those listed first; “listed” pairs first with second.
    """

    format: Required[TournamentFormat]
    competitors: Annotated[list[Key], Field(min_length=2, max_length=MAX_ENTRANTS)]
    top: Annotated[int, Field(ge=2, le=MAX_ENTRANTS)]
    by: By
    seeding: Seeding
    legs: Annotated[int, Field(ge=1, le=MAX_LEGS)]
    runs: Annotated[int, Field(ge=1, le=MAX_RUNS)]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]


class HealthShape(TypedDict):
    status: Literal["alive"]
    version: str


class ReadinessShape(TypedDict):
    status: Literal["ready"]
    version: str
    database: bool
    schema: bool
    recorder: bool
