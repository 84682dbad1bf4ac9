"""How competitors are doing, in a word, and what makes a rating rest on less than it seems."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.ratings.scale import natural_unit
from app.services.everyone import NEVER, Everyone, Integers
from app.services.league_settings import LeagueSettings
from app.services.shapes import CompetitorStatus
from app.services.stored_fits import FitTable

DAY: Final = 86_400_000_000
_STATUSES: Final[tuple[CompetitorStatus, ...]] = ("active", "provisional", "inactive", "retired")
"""From the one that gives way to all others."""


def statuses_of(everyone: Everyone, numbers: Integers, settings: LeagueSettings, as_of: int, fit: FitTable | None = None) -> list[CompetitorStatus]:
    """Retired, inactive, provisional or active, in this order of precedence; `fit` is the one by which they are shown, where they are."""
    is_provisional = (everyone.matches[numbers] < settings.provisional_matches) | _are_unsure(numbers, settings, fit)
    codes = np.where(is_provisional, 1, 0)
    codes[are_inactive(everyone, numbers, settings, as_of)] = 2
    codes[everyone.retired[numbers]] = 3
    return [_STATUSES[code] for code in codes.tolist()]


def are_inactive(everyone: Everyone, numbers: Integers, settings: LeagueSettings, as_of: int) -> NDArray[np.bool_]:
    """Who has not played for so long that the league calls them inactive, and has not retired."""
    if settings.inactive_days is None:
        return np.zeros(len(numbers), dtype=np.bool_)
    played = everyone.last_played_at[numbers]
    return np.asarray(~everyone.retired[numbers] & (played != NEVER) & (played < as_of - settings.inactive_days * DAY))


def are_gone(everyone: Everyone, numbers: Integers, settings: LeagueSettings, as_of: int) -> NDArray[np.bool_]:
    """Who is retired or inactive: nobody to count on for a match."""
    return np.asarray(everyone.retired[numbers] | are_inactive(everyone, numbers, settings, as_of))


def _are_unsure(numbers: Integers, settings: LeagueSettings, fit: FitTable | None) -> NDArray[np.bool_]:
    """Whether the standard error of a fitted rating is larger than the league allows of one that is not provisional, or unknown."""
    most, unsure = settings.provisional_standard_error, np.zeros(len(numbers), dtype=np.bool_)
    if most is None or fit is None:
        return unsure
    known = fit.knows(numbers)
    error = fit.arrays["standard_error"][numbers[known]] * natural_unit(fit.settings.scale)
    unsure[:] = True
    unsure[known] = ~(error <= most)  # also where it is NaN
    return unsure


def remarks_of(everyone: Everyone, numbers: Integers) -> list[list[str]]:
    """What makes a rating rest on less than it seems: nobody has beaten them, or they have beaten nobody."""
    matches, wins, losses = everyone.matches[numbers], everyone.wins[numbers], everyone.losses[numbers]
    codes = np.where(wins == matches, 1, np.where(losses == matches, 2, 0))
    return [["undefeated"] if code == 1 else ["winless"] if code else [] for code in codes.tolist()]
