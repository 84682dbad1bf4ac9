"""From the matches of a league and its settings to a fit, or to the reason why there is none. Pure: no database, no clock but a stopwatch."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.core.solvers import Status
from app.ratings import bradley_terry
from app.ratings.fits import MaximumLikelihoodDoesNotExist, bradley_terry_of_totals
from app.ratings.fitted import Fit
from app.ratings.ranking import rank_fit, tiers, top_probabilities
from app.ratings.scale import natural_unit
from app.ratings.totals import PairTotals
from app.services.covariates import Columns, scaled, told
from app.services.fit_arrays import WEIGHTS, second_order, table_hash
from app.services.league_settings import LeagueSettings
from app.services.match_log import MatchLog
from app.services.packing import Arrays, packed, unpacked
from app.services.shapes import FitStage

COEFFICIENT_PRIOR_SD: Final = 2.0
BALANCED_FROM: Final = 50
DAY: Final = 86_400_000_000
MAX_STANDARD_ERROR: Final = 1e4
"""In natural units: odds of e^10,000. The widest prior that can be set is narrower."""
NO_MATCH: Final = "The league has no counted match."


def _unheard(_stage: FitStage) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The outcome of a fit: its certificate always, its arrays unless it was refused."""

    certificate: dict[str, Any]
    seconds: dict[str, float]
    refusal: str | None = None
    table_hash: bytes | None = None
    table: bytes | None = None
    uncertainty: bytes | None = None

    def second_order(self) -> Arrays:
        """What intervals of differences need."""
        return unpacked(self.uncertainty or b"")


def fit_league(
    log: MatchLog,
    settings: LeagueSettings,
    n_competitors: int,
    anchor: int | None,
    recorded_at: int,
    tell: Callable[[FitStage], None] = _unheard,
    columns: Columns | None = None,
    *,
    players_only: bool = False,
) -> Fitted:
    """Fit the counted matches of a league, the last entry of which was recorded at `recorded_at`; each stage is told when it begins.

    `columns` are the covariates of the matches, where the league has any. `players_only`: of a segment, nobody is fitted who does not play in it, so
    that its size is its own; the table then has `numbers`. In whatever order the matches come, they are fitted in that of the log,
    so that sums round alike. A refusal is a value with its reason in words; nothing is raised for it.
    """
    log, columns = _in_order(log, columns)
    if not len(log):
        return Fitted({}, {}, NO_MATCH)
    started = time.perf_counter()
    tell("fitting")
    numbers = np.union1d(log.first, log.second) if players_only else None
    if numbers is not None:
        log, n_competitors = log.with_sides(np.searchsorted(numbers, log.first), np.searchsorted(numbers, log.second)), len(numbers)
        anchor = int(np.searchsorted(numbers, anchor)) if anchor is not None and anchor in numbers else None
    side = None if settings.side == "off" else np.where(log.neutral, 0.0, 1.0)
    styles = None if columns is None else scaled(columns, settings, log, n_competitors, side if settings.side == "estimate" else None)
    if isinstance(styles, str):
        return Fitted({}, {"fit": time.perf_counter() - started}, styles)

    def fit() -> Fit:
        return bradley_terry(
            log.first,
            log.second,
            log.score,
            None if (log.weight == 1.0).all() else log.weight,
            n_competitors,
            draws=settings.draws,
            prior_sd=settings.prior_sd,
            side=side,
            side_advantage=settings.known_side,
            covariates=None if styles is None else styles.values,
            importance=importance(log, settings, recorded_at),
            coefficient_prior_sd=COEFFICIENT_PRIOR_SD,
        )

    field = _Field(len(log), _playing(n_competitors, log.first, log.second), anchor, numbers)
    return _fitted(fit, settings, field, started, tell, lambda found: told(columns, styles, settings, found))


def fit_totals(totals: PairTotals, settings: LeagueSettings, anchor: int | None, tell: Callable[[FitStage], None] = _unheard) -> Fitted:
    """As `fit_league`, from the totals of the matches, which tell the sides if the settings ask for them: the same, bit for bit."""
    started = time.perf_counter()
    tell("fitting")
    buckets = totals.buckets
    if not len(buckets.first):
        return Fitted({}, {}, NO_MATCH)

    def fit() -> Fit:
        return bradley_terry_of_totals(
            totals,
            settings.draws,
            settings.prior_sd,
            coefficient_prior_sd=COEFFICIENT_PRIOR_SD,
            side_advantage=settings.known_side,
        )

    field = _Field(totals.matches, _playing(buckets.n_competitors, buckets.first, buckets.second), anchor)
    return _fitted(fit, settings, field, started, tell, lambda _: [])


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """Who was fitted, by how many matches; with `numbers` they are some of the league alone."""

    matches: int
    playing: NDArray[np.bool_]
    anchor: int | None
    numbers: NDArray[np.int64] | None = None


def _playing(n_competitors: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    playing = np.zeros(n_competitors, dtype=np.bool_)
    playing[first] = playing[second] = True
    return playing


def _fitted(
    make: Callable[[], Fit],
    settings: LeagueSettings,
    field: _Field,
    started: float,
    tell: Callable[[FitStage], None],
    tell_covariates: Callable[[Fit], list[Any]],
) -> Fitted:
    """The fit with its certificate and its arrays, or its reason; `started` is when the stopwatch was."""
    try:
        fit = make()
    except MaximumLikelihoodDoesNotExist as error:
        return Fitted({}, {"fit": time.perf_counter() - started}, _refusal(error))
    fitted = time.perf_counter()
    tell("errors and ranks")
    if (useless := _why_useless(fit, field.playing)) is not None:
        return Fitted(_certificate(fit, settings, field), {"fit": fitted - started}, useless)
    arrays, shift, island = _table(fit, settings, field)
    if settings.anchor is not None and island is None:
        return Fitted(
            _certificate(fit, settings, field), {"fit": fitted - started}, f"The anchor “{settings.anchor.competitor}” has no counted match."
        )
    ranked = time.perf_counter()
    shifts = {"anchor_shift": shift, "anchored_component": island}
    certificate = {**_certificate(fit, settings, field), **shifts, "covariates": tell_covariates(fit)}
    arrays |= {} if field.numbers is None else {"numbers": field.numbers}
    table, uncertainty = packed(arrays), packed(second_order(fit), as_they_are=WEIGHTS)
    seconds = {"fit": fitted - started, "errors and ranks": ranked - fitted, "packing": time.perf_counter() - ranked}
    return Fitted(certificate, seconds, None, table_hash(arrays), table, uncertainty)


def _why_useless(fit: Fit, playing: NDArray[np.bool_]) -> str | None:
    """Why nobody may be shown this fit: it did not converge, or all that holds somebody has next to no weight, so that its maximum exists on paper only."""
    if fit.certificate.status != Status.CONVERGED:
        return f"The solver stopped: {fit.certificate.status}"
    errors = fit.standard_error[playing & ~np.isnan(fit.standard_error)]  # whose matches have all faded is alone, and has no error
    if errors.max(initial=0.0) <= MAX_STANDARD_ERROR:
        return None
    return (
        "Somebody is held to the others by results that weigh next to nothing, so that their rating is arbitrary: "
        f"its standard error is {errors.max() / MAX_STANDARD_ERROR:,.0f} times what could mean anything. Take a longer half_life_days, or a prior_sd."
    )


def _in_order(log: MatchLog, columns: Columns | None) -> tuple[MatchLog, Columns | None]:
    if (np.diff(log.position) > 0).all():
        return log, columns
    order = np.argsort(log.position)
    return log.take(order), None if columns is None else columns.take(order)


def _refusal(error: MaximumLikelihoodDoesNotExist) -> str:
    """In the words of a league, whose matches are not to be left out."""
    if error.column is not None:
        return str(error)
    islands, classes = int(error.components.max()) + 1, int(error.classes.max()) + 1
    return (
        "The maximum likelihood estimate does not exist: between some competitors who are joined by matches all points went one way, so that their "
        f"distance could grow for ever ({classes:,} classes on {islands:,} {'island' if islands == 1 else 'islands'}). "
        "It exists once points went the other way too (see bridges for the fewest such results), or with a prior_sd."
    )


def importance(log: MatchLog, settings: LeagueSettings, recorded_at: int) -> NDArray[np.float64] | None:
    """Time decay from the latest match on, and the balance of pairs, per match; None where every match counts one.

    A match dated after the entry that recorded last does not make the others old: a slip of the pen in one date would empty the fit.
    """
    if settings.half_life_days is None and settings.balance == "none":
        return None
    scaled = np.ones(len(log))
    if settings.balance == "pairs":
        low, high = np.minimum(log.first, log.second), np.maximum(log.first, log.second)
        _, pair = np.unique(low << 32 | high, return_inverse=True)
        games = np.bincount(pair, log.weight)
        scaled = 1.0 / np.maximum(games, BALANCED_FROM)[pair]
        scaled *= log.weight.sum() / (log.weight @ scaled)
    if settings.half_life_days is not None:
        watermark = min(int(log.when.max()), recorded_at)
        age_days = np.maximum(watermark - log.when, 0) / DAY
        scaled = scaled * np.exp2(-age_days / settings.half_life_days)
    return scaled


def _table(fit: Fit, settings: LeagueSettings, field: _Field) -> tuple[Arrays, float, int | None]:
    """The arrays of the table, and the points by which the anchor shifts which island."""
    playing, anchor = field.playing, field.anchor
    ranks = rank_fit(fit)
    unknown = np.zeros(len(fit.theta), dtype=np.int64)
    arrays: Arrays = {
        "theta": fit.theta,
        "standard_error": fit.standard_error.copy(),
        "components": fit.components,
        "classes": fit.classes,
        "rank_low": unknown if ranks.rank_low is None else np.where(playing, ranks.rank_low, 0),
        "rank_high": unknown if ranks.rank_high is None else np.where(playing, ranks.rank_high, 0),
        "rank_ub": np.where(playing, ranks.rank_ub, 0),
        **_of_joint(fit, playing),
    }
    if settings.anchor is None or anchor is None or not playing[anchor]:
        return arrays, 0.0, None
    arrays["centred_error"] = fit.centred_error
    island = int(fit.components[anchor])
    members = fit.components == island
    arrays["standard_error"][members] = _relative_errors(fit, anchor)[members]
    shift = settings.anchor.rating - settings.offset - natural_unit(settings.scale) * float(fit.theta[anchor])
    return arrays, shift, island


def _of_joint(fit: Fit, playing: NDArray[np.bool_]) -> Arrays:
    """What needs the covariance of everyone with everyone: NaN and 0 where that is not computed, and for who does not play."""
    first, tier = top_probabilities(fit), tiers(fit)
    n = len(playing)
    return {
        "p_top": np.full(n, np.nan) if first is None else np.where(playing, first, np.nan),
        "tier": np.zeros(n, dtype=np.int64) if tier is None else np.where(playing, tier, 0),
    }


def _relative_errors(fit: Fit, anchor: int) -> NDArray[np.float64]:
    """The standard error of everyone's difference to the anchor, natural units."""
    n = len(fit.theta)
    if not fit.approximate:
        return np.asarray(np.sqrt(np.maximum(fit.uncertainty.difference_variances()[anchor], 0.0)))
    row = fit.uncertainty.covariance_rows([anchor])[0][:n]
    marginal = fit.uncertainty.marginal.variance[:n]
    variance = np.maximum(marginal + marginal[anchor] - 2.0 * row, 0.0)
    variance[anchor] = 0.0
    return np.asarray(np.sqrt(variance))


def _certificate(fit: Fit, settings: LeagueSettings, field: _Field) -> dict[str, Any]:
    """With the counts of what was fitted: matches, and those who play in them."""
    return {**certificate_of(fit, settings), "matches": field.matches, "competitors": int(np.count_nonzero(field.playing))}


def certificate_of(fit: Fit, settings: LeagueSettings) -> dict[str, Any]:
    """What a stranger needs to judge the computation, in JSON's terms; ratings in natural units unless named points."""
    certificate = fit.certificate
    unit = natural_unit(settings.scale)
    advantage = fit.side_advantage
    return {
        "status": str(certificate.status),
        "iterations": certificate.iterations,
        "gradient_norm": certificate.gradient_norm,
        "score_residual": certificate.score_residual,
        "shrinkage": certificate.shrinkage,
        "condition": _finite(certificate.condition),
        "log_likelihood": certificate.log_likelihood,
        "pairs": certificate.pairs,
        "components": certificate.components,
        "classes": certificate.classes,
        "covariance": fit.covariance,
        "approximate": fit.approximate,
        "standard_error_accuracy": _finite(fit.standard_error_accuracy),
        "draws": fit.draws,
        "prior_sd": fit.prior_sd,
        "coefficient_prior_sd": COEFFICIENT_PRIOR_SD,
        "side_advantage": advantage,
        "side_advantage_points": None if advantage is None else advantage * unit,
        "side_advantage_standard_error": _finite(fit.side_advantage_standard_error),
        "tie_parameter": fit.tie_parameter,
        "anchor_shift": 0.0,
        "anchored_component": None,
    }


def _finite(value: float) -> float | None:
    return None if math.isnan(value) or math.isinf(value) else float(value)
