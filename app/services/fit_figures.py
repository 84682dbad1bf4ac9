"""The figures of a stored fit's certificate beside those that are reckoned anew: which there are, and by how much they may differ."""

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.services.answer_shapes import CheckedFigure
from app.services.covariates import name_of
from app.services.fit_evidence import COEFFICIENT_PRIOR_SD, Evidence, Stated, whom
from app.services.match_log import MatchLog

NAMED: Final = 12
"""How many are told by name of whom a figure differs."""
GAMES: Final = 1e-6
"""By how much figures in games may differ: a millionth of a game."""
VANISHED: Final = 1e-6
"""A gradient, per game, that is no gradient any more."""
SETTLED: Final = 1e-5
"""By how much strengths and coefficients may be off the minimum, in their standard errors, and in natural units."""
EXACT_UP_TO: Final = 300
"""Coefficients; above, conditions are estimated by either side."""


def same(name: str, stated: Any, found: Any) -> CheckedFigure:  # noqa: ANN401  values of JSON
    return {"figure": name, "stated": stated, "recomputed": found, "allowed": None, "agrees": stated == found}


def near(name: str, stated: Any, found: float | None, allowed: float) -> CheckedFigure:  # noqa: ANN401  what a certificate holds may be anything
    """Equal within an absolute difference; what is not known has to be so on either side."""
    known = found if found is not None and math.isfinite(found) else None
    told = stated if isinstance(stated, str) or (isinstance(stated, int | float) and math.isfinite(stated)) else None
    is_number = isinstance(told, int | float) and not isinstance(told, bool)
    agrees = told is known if known is None or told is None else is_number and abs(float(told) - known) <= allowed
    return {"figure": name, "stated": told, "recomputed": known, "allowed": allowed if math.isfinite(allowed) else None, "agrees": agrees}


def of_everyone(evidence: Evidence, name: str, told: NDArray[Any], found: NDArray[Any], agrees: NDArray[np.bool_]) -> Iterator[CheckedFigure]:
    """One figure for all, and one for each of the first few of whom it is not so."""
    yield same(f"{name} of everyone", bool(agrees.all()), True)
    for place in np.flatnonzero(~agrees)[:NAMED].tolist():
        both = [value.item() if not np.isnan(value) else None for value in (told[place], found[place])]
        yield {"figure": f"{name} of “{evidence.key(place)}”", "stated": both[0], "recomputed": both[1], "allowed": None, "agrees": False}


def of_the_log(stated: Stated, log: MatchLog) -> Iterator[CheckedFigure]:
    """What the settings and the matches themselves say."""
    certificate, playing = stated.certificate, len(np.union1d(log.first, log.second))
    yield same("draws", certificate.get("draws"), stated.settings.draws)
    yield same("prior sd", certificate.get("prior_sd"), stated.settings.prior_sd)
    yield same("prior sd of coefficients", certificate.get("coefficient_prior_sd"), COEFFICIENT_PRIOR_SD)
    # Fits of earlier versions do not count these.
    yield same("matches", certificate.get("matches", len(log)), len(log))
    yield same("competitors", certificate.get("competitors", playing), playing)
    is_of_them = np.array_equal(stated.arrays.get("numbers", np.arange(len(stated.theta))), whom(stated, log))
    yield same("whom the table is of", is_of_them, True)


def of_the_certificate(evidence: Evidence) -> Iterator[CheckedFigure]:
    """How the computation ended, where the minimum is, and the structure."""
    yield from _of_the_point(evidence)
    yield from _of_the_structure(evidence)
    yield from _of_the_strengths(evidence)
    yield from _of_the_coefficients(evidence)
    yield from _of_the_anchor(evidence)


def _of_the_point(evidence: Evidence) -> Iterator[CheckedFigure]:
    stated, audit = evidence.stated.certificate, evidence.audit
    yield same("status", stated.get("status"), "converged" if audit.gradient_norm <= VANISHED else "the gradient has not vanished")
    yield near("gradient norm", stated.get("gradient_norm"), audit.gradient_norm, GAMES / max(1.0, float(audit.weight.sum())))
    yield near("score residual in games", stated.get("score_residual"), audit.score_residual, GAMES)
    yield near("shrinkage in games", stated.get("shrinkage"), audit.shrinkage, GAMES)
    yield near("log-likelihood", stated.get("log_likelihood"), audit.log_likelihood, 1e-9 * max(1.0, abs(audit.log_likelihood)))
    condition = audit.condition()
    yield near("condition", stated.get("condition"), condition, (1e-3 if len(audit.theta) <= EXACT_UP_TO else 1e-2) * abs(condition))


def _of_the_structure(evidence: Evidence) -> Iterator[CheckedFigure]:
    stated, audit, arrays = evidence.stated.certificate, evidence.audit, evidence.stated.arrays
    yield same("pairs", stated.get("pairs"), audit.pairs)
    yield same("islands", stated.get("components"), int(audit.components.max()) + 1)
    yield same("classes", stated.get("classes"), int(audit.classes.max()) + 1)
    yield from of_everyone(evidence, "island", arrays["components"], audit.components, arrays["components"] == audit.components)
    yield from of_everyone(evidence, "class", arrays["classes"], audit.classes, arrays["classes"] == audit.classes)


def _of_the_strengths(evidence: Evidence) -> Iterator[CheckedFigure]:
    """Against the minimum that an iteration of the audit's own comes to, with the mean of each island at 0."""
    theta, found = evidence.stated.theta, evidence.settled[: evidence.audit.n].copy()
    for members in evidence.islands:
        found[members] -= found[members].mean()
    yield from of_everyone(evidence, "strength", theta, found, np.abs(theta - found) <= SETTLED * (1.0 + evidence.rough_errors))


def _of_the_coefficients(evidence: Evidence) -> Iterator[CheckedFigure]:
    stated, settings = evidence.stated.certificate, evidence.stated.settings
    found = evidence.settled[evidence.audit.n :].tolist()
    side = found.pop(0) if settings.side == "estimate" else settings.known_side
    unit = evidence.unit
    yield near("side advantage", stated.get("side_advantage"), side, SETTLED)
    yield near("side advantage in points", stated.get("side_advantage_points"), None if side is None else unit * side, unit * SETTLED)
    tie = math.exp(found[-1]) if evidence.audit.ties else 0.0 if settings.draws == "davidson" else None
    yield near("draw parameter", stated.get("tie_parameter"), tie, SETTLED * (1.0 + (tie or 0.0)))
    yield from _of_the_covariates(evidence, found)


def _of_the_covariates(evidence: Evidence, found: list[float]) -> Iterator[CheckedFigure]:
    """Coefficients; their errors are with the others."""
    settings, styles = evidence.stated.settings, evidence.styles
    told = evidence.stated.certificate.get("covariates", [])
    yield same("covariates", len(told) if isinstance(told, list) else None, len(settings.covariates))
    if styles is None:
        return
    unit = evidence.unit
    for index, covariate in enumerate(settings.covariates):
        each, name, deviation = evidence.stated.covariate(index), name_of(covariate), styles.deviations[index]
        yield same(f"name of covariate “{name}”", each.get("name"), name)
        yield same(f"matches that lack “{name}”", each.get("lacking"), styles.lacking[index])
        yield near(f"standard deviation of “{name}”", each.get("standard_deviation"), deviation, 1e-9 * deviation)
        yield near(f"coefficient of “{name}”", each.get("coefficient"), found[index], SETTLED)
        yield near(f"coefficient of “{name}” in points", each.get("points"), unit * found[index], unit * SETTLED)
        yield near(f"coefficient of “{name}” per unit", each.get("coefficient_per_unit"), found[index] / deviation, SETTLED / deviation)


def _of_the_anchor(evidence: Evidence) -> Iterator[CheckedFigure]:
    stated, settings, place = evidence.stated.certificate, evidence.stated.settings, evidence.anchor
    shift, island = 0.0, None
    if settings.anchor is not None and place is not None:
        shift = settings.anchor.rating - settings.offset - evidence.unit * float(evidence.audit.theta[place])
        island = int(evidence.audit.components[place])
    yield near("points that the anchor adds", stated.get("anchor_shift"), shift, 1e-6)
    yield same("island of the anchor", stated.get("anchored_component"), island)
