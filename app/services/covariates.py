"""Covariates of a league: from the contexts of its matches to columns of a fit, and to what the certificate says of their coefficients.

A match whose context lacks a field, or holds no number there, counts as one in which the sides were alike (0), and the certificate tells how many do.
A covariate that says nothing, or nothing that strengths could not say as well, is a reason not to fit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.ratings.comparisons import Floats, check_comparisons
from app.ratings.covariates import replaceable_column, standard_deviations
from app.ratings.declarations import model_of
from app.ratings.existence import MaximumLikelihoodDoesNotExist, require_maximum
from app.ratings.fitted import Fit
from app.ratings.scale import natural_unit
from app.services.league_settings import Covariate, LeagueSettings
from app.services.match_contexts import MatchContexts
from app.services.match_log import MatchLog

MAX_EXAMINED: Final = 20_000
"""Matches up to which it is asked whether a pure maximum exists: linear programmes, beside which a fit costs nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A value per match and covariate, shape (n, q), first minus second; `lacking` says which matches lack it, and have 0."""

    values: Floats
    lacking: NDArray[np.bool_]

    def take(self, order: NDArray[np.int64]) -> "Columns":
        return Columns(self.values[order], self.lacking[order])


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Covariates as the fit takes them."""

    values: Floats
    deviations: Floats


def read_columns(settings: LeagueSettings, contexts: MatchContexts) -> Columns | None:
    """The covariates of matches; None in a league without any. Each distinct context is read once."""
    if not settings.covariates:
        return None
    parsed = [{} if text is None else json.loads(text) for text in contexts.texts]
    found = np.array([[_value(covariate, context) for covariate in settings.covariates] for context in parsed], dtype=np.float64)
    values = found.reshape(len(parsed), len(settings.covariates))[contexts.number]
    lacking = np.isnan(values)
    return Columns(np.where(lacking, 0.0, values), lacking)


def _value(covariate: Covariate | str, context: Mapping[str, Any]) -> float:
    """NaN where it is lacking."""
    if isinstance(covariate, str):
        return _number(context.get(covariate))
    first, second = _number(context.get(covariate.first)), _number(context.get(covariate.second))
    if covariate.form == "difference" or np.isnan(first - second):
        return first - second
    if first < 0.0 or second < 0.0:
        return np.nan
    return (first - second) / (first + second) if first + second > 0.0 else 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else np.nan


def name_of(covariate: Covariate | str) -> str:
    return covariate if isinstance(covariate, str) else covariate.name


def scaled(columns: Columns, settings: LeagueSettings, log: MatchLog, n_competitors: int, side: Floats | None) -> Scaled | str:
    """The covariates at standard deviation 1, or why there can be no fit with them."""
    names = [name_of(covariate) for covariate in settings.covariates]
    deviations = standard_deviations(columns.values, log.weight)
    for covariate, deviation, lacking in zip(settings.covariates, deviations, columns.lacking.T, strict=True):
        if not deviation > 0.0:
            return _says_nothing(covariate, int(lacking.sum()), len(log))
    values = columns.values / deviations
    replaceable = replaceable_column(log.first, log.second, n_competitors, values, side)
    if replaceable is not None:
        return (
            f"The covariate “{names[replaceable]}” follows from who plays whom (and from the covariates before it), so that its coefficient cannot be "
            "told from the strengths. Leave it out of the league's setting “covariates”."
        )
    is_pure = settings.prior_sd is None and len(log) <= MAX_EXAMINED
    refusal = _does_not_exist(settings, log, n_competitors, side, values, names) if is_pure else None
    return refusal or Scaled(values, deviations)


def _says_nothing(covariate: Covariate | str, lacking: int, matches: int) -> str:
    fields = f"“{covariate}”" if isinstance(covariate, str) else f"“{covariate.first}” and “{covariate.second}”"
    what = "is the same for both sides in every match" if lacking < matches else "is known of no match"
    return f"The covariate “{name_of(covariate)}” {what}: {lacking:,} of {matches:,} matches lack a number in {fields} of their context."


def _does_not_exist(
    settings: LeagueSettings, log: MatchLog, n_competitors: int, side: Floats | None, values: Floats, names: Sequence[str]
) -> str | None:
    """Where the pure maximum likelihood is asked for, coefficients have to have one too, though they are then given their weak prior."""
    games = check_comparisons(log.first, log.second, log.score, n_competitors, side=side, covariates=values)
    try:
        require_maximum(model_of(games, settings.draws, None, None))
    except MaximumLikelihoodDoesNotExist as error:
        said = str(error)
        for index, name in enumerate(names):
            said = said.replace(f"covariates[:, {index}]", f"the covariate “{name}”")
        return said.replace("Give coefficient_prior_sd, or leave it out.", "Give the league a prior_sd, or leave it out.")
    return None


def told(columns: Columns | None, scaled_by: Scaled | None, settings: LeagueSettings, fit: Fit) -> list[dict[str, Any]]:
    """What the certificate says: coefficients per standard deviation, in natural units and in points, and per unit of the context."""
    if columns is None or scaled_by is None:
        return []
    unit = natural_unit(settings.scale)
    figures = zip(settings.covariates, scaled_by.deviations, fit.coefficients, fit.coefficient_standard_errors, columns.lacking.T, strict=True)
    return [
        {
            "name": name_of(covariate),
            "standard_deviation": float(deviation),
            "lacking": int(lacking.sum()),
            "coefficient": float(coefficient),
            "standard_error": float(error),
            "points": float(coefficient * unit),
            "points_standard_error": float(error * unit),
            "coefficient_per_unit": float(coefficient / deviation),
        }
        for covariate, deviation, coefficient, error, lacking in figures
    ]
