"""What a league can be told about itself: names, defaults and bounds. What the settings do is decided where they are used.

A value that DESIGN foresees but this version does not compute yet is refused rather than ignored.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StrictFloat, StrictInt, StrictStr, Tag, ValidationError

from app.errors import BadInput, Fault
from app.ratings.matches import clean_key
from app.ratings.online import EloRules
from app.services.schedules import checked_schedule

Number = StrictFloat | StrictInt
FIXED_AT_CREATION = ("system", "initial", "scale", "order")


class Anchor(BaseModel):
    """A competitor whose fitted rating is set to a value; the whole island shifts with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    competitor: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    rating: Annotated[float, Field(ge=-100_000, le=100_000, strict=True)]


FieldName = Annotated[StrictStr, AfterValidator(clean_key)]


class Covariate(BaseModel):
    """How the sides of a match differ beside who they are, from two fields of its context; what that is worth is estimated by the fit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: FieldName
    first: FieldName = Field(description="The field that holds the first side's number.")
    second: FieldName = Field(description="The field that holds the second side's number.")
    form: Literal["difference", "relative"] = Field("difference", description="first − second, or (first − second) / (first + second).")


_BY_FIELDS, _BY_FIELD = "an object of two fields", "the name of a field"
AnyCovariate = Annotated[
    Annotated[Covariate, Tag(_BY_FIELDS)] | Annotated[FieldName, Tag(_BY_FIELD)],
    Discriminator(lambda value: _BY_FIELD if isinstance(value, str) else _BY_FIELDS),
]


def _named_once(covariates: list[Covariate | str]) -> list[Covariate | str]:
    names = [covariate if isinstance(covariate, str) else covariate.name for covariate in covariates]
    if len({*names}) < len(names):
        raise ValueError("two covariates have one name; give each a name of its own")
    return covariates


class RefitPolicy(BaseModel):
    """When the league refits by itself, always given news: after so many new matches and voids, after so many seconds, or at the times of a cron line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_entries: Annotated[StrictInt, Field(ge=1, le=1_000_000_000)] | None = 100
    after_seconds: Annotated[StrictInt, Field(ge=1, le=31_536_000)] | None = 60
    cron: Annotated[StrictStr, Field(max_length=100), AfterValidator(checked_schedule)] | None = Field(
        None, description="Minute, hour, day of the month, month, day of the week, in UTC, as in a crontab: “0 4 * * 1-5”."
    )


class LeagueSettings(BaseModel):
    """The settings of a league, all optional. Those of the live rating (`system`, `initial`, `scale`, `order`) are fixed at its creation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    system: Literal["elo"] = Field("elo", description="The live rating system.")
    k: Annotated[float, Field(ge=0.001, le=10_000, strict=True)] = Field(
        32.0, description="Points that a certain result against the odds would move."
    )
    initial: Annotated[float, Field(ge=-100_000, le=100_000, strict=True)] = Field(1500.0, description="A newcomer's live rating.")
    offset: Annotated[float, Field(ge=-100_000, le=100_000, strict=True)] = Field(1500.0, description="The mean of the fitted ratings of an island.")
    scale: Annotated[float, Field(ge=1, le=100_000, strict=True)] = Field(400.0, description="Points at which the odds are 10 : 1.")
    order: Literal["log", "played_at"] = Field(
        "log",
        description="Late results are rated when they arrive, or, in the order of play, inserted where they belong and what follows rated again; every match then needs played_at and match_id.",
    )
    competitors: Literal["open"] = Field("open", description="A new name in a match is a new competitor.")
    primary: Literal["live", "fit"] = Field("live", description="The rating that the leaderboard and predictions use unless told otherwise.")
    draws: Literal["half", "davidson"] = Field(
        "half", description="In a fit, a draw is half a win for either side, or an outcome of its own (Davidson)."
    )
    prior_sd: Annotated[float, Field(ge=0.01, le=1000, strict=True)] | None = Field(
        2.0, description="Prior standard deviation of a fitted rating in natural units (173.7 points at scale 400); null for pure maximum likelihood."
    )
    side: Literal["off", "estimate"] = Field(
        "off", description="Whether the fit estimates an advantage of the first side in matches that are not neutral."
    )
    half_life_days: Annotated[float, Field(ge=0.1, le=1_000_000, strict=True)] | None = Field(
        None, description="Age at which a match counts half in a fit."
    )
    balance: Literal["none", "pairs"] = Field("none", description="Whether pairs that met very often count less per match in a fit.")
    anchor: Anchor | None = None
    covariates: Annotated[list[AnyCovariate], Field(max_length=8), AfterValidator(_named_once)] = Field(
        default_factory=list,
        description="What else tells the sides of a match apart, from its context: the name of a field that holds first minus second, or an object that names a field for each side. Fits estimate what each is worth, and their ratings and predictions are for sides that are alike in it; live ratings know nothing of them.",
    )
    provisional_matches: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = Field(
        10, description="Below this many matches a competitor is provisional."
    )
    inactive_days: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = Field(365, description="After so many days without a match: inactive.")
    refit: RefitPolicy = Field(default_factory=RefitPolicy)

    def rules(self) -> EloRules:
        """The constants of the live rating."""
        return EloRules(k=self.k, initial=self.initial, scale=self.scale)


@lru_cache(maxsize=256)
def read_settings(stored: str) -> LeagueSettings:
    """The settings from their stored text; every batch of matches asks for them."""
    return LeagueSettings.model_validate_json(stored)


def resolve_settings(given: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> LeagueSettings:
    """The settings with the given ones laid over `base` (or the defaults). Raises BadInput with a fault per setting."""
    merged: dict[str, Any] = {**(base or {}), **given}
    if base and isinstance(given.get("refit"), Mapping):
        merged["refit"] = {**base.get("refit", {}), **given["refit"]}
    try:
        return LeagueSettings.model_validate(merged)
    except ValidationError as error:
        faults = [
            Fault(
                "/settings/" + "/".join(str(part) for part in item["loc"] if part not in {_BY_FIELDS, _BY_FIELD}),
                _explained(item["loc"], item["msg"]),
            )
            for item in error.errors()
        ]
        raise BadInput("Some settings cannot be accepted.", _distinct(faults)) from None


def _explained(location: tuple[int | str, ...], message: str) -> str:
    if message.startswith("Extra inputs"):
        return f"There is no setting “{location[-1]}”. Settings: {', '.join(LeagueSettings.model_fields)}."
    return message.removeprefix("Value error, ")


def _distinct(faults: list[Fault]) -> list[Fault]:
    return list(dict.fromkeys(faults))
