"""How far the live ratings stand from those of the fit, in standard errors of the fit.

    drift = [(live − mean live) − (fit − mean fit)] / standard error of the fit, over the fit's island and on the scale of the expected score

Descriptive: with a constant K the noise of the live rating alone exceeds 1. Where draws are modelled (Davidson), a fitted strength is the log-odds
of winning given no draw, and is first turned into the log-odds of the expected score against the mean of the island.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.core.identifiability import centre
from app.ratings.scale import natural_unit
from app.services.stored_fits import FitTable

Floats = NDArray[np.float64]

ALARMING: Final = 4.0
FROM_MATCHES: Final = 30
ALARM_SHARE: Final = 0.05


def drifts_of(numbers: NDArray[np.int64], ratings: Floats, fit: FitTable | None) -> Floats:
    """The drift of each, by their numbers and live ratings; NaN where the fit does not know them, or no error of theirs."""
    result = np.full(len(numbers), np.nan)
    if fit is None or fit.centred_error is None:
        return result
    known = np.flatnonzero(fit.knows(numbers))
    if not len(known):
        return result
    numbers = numbers[known]
    islands = np.unique(fit.arrays["components"][numbers], return_inverse=True)[1].astype(np.int64)
    fitted, slope = _on_score_scale(centre(fit.arrays["theta"][numbers], islands), fit.tie_parameter or 0.0)
    live = ratings[known] / natural_unit(fit.settings.scale)
    error = fit.centred_error[numbers] * slope
    apart = centre(live, islands) - centre(fitted, islands)
    result[known] = np.divide(apart, error, out=np.full(len(known), np.nan), where=error > 0.0)
    return result


def _on_score_scale(theta: Floats, tie_parameter: float) -> tuple[Floats, Floats]:
    """The log-odds of the expected score against strength 0, and their slope; θ itself and 1 without draws."""
    half_tie = 0.5 * tie_parameter
    win, loss = np.exp(0.5 * theta), np.exp(-0.5 * theta)
    slope = 0.5 * (win / (win + half_tie) + loss / (loss + half_tie))
    return np.log((win + half_tie) / (loss + half_tie)), slope


def shown(drift: float) -> float | None:
    """For an answer."""
    return None if math.isnan(drift) else float(drift)
