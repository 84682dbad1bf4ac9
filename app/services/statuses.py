"""How a competitor is doing, in a word, and what makes a rating rest on less than it seems."""

from typing import Final

from app.services.league_settings import LeagueSettings
from app.services.shapes import CompetitorStatus
from app.services.stored_fits import FitTable
from app.storage.tables import Stored

DAY: Final = 86_400_000_000


def status_of(row: Stored, settings: LeagueSettings, as_of: int, fit: FitTable | None = None) -> CompetitorStatus:
    """Retired, inactive, provisional or active, in this order of precedence; `fit` is the one by which they are shown, where they are."""
    if row.retired:
        return "retired"
    if settings.inactive_days is not None and row.last_played_at is not None and row.last_played_at < as_of - settings.inactive_days * DAY:
        return "inactive"
    return "provisional" if row.matches < settings.provisional_matches or _is_unsure(row, settings, fit) else "active"


def _is_unsure(row: Stored, settings: LeagueSettings, fit: FitTable | None) -> bool:
    """Whether the standard error of a fitted rating is larger than the league allows of one that is not provisional, or unknown."""
    most = settings.provisional_standard_error
    if most is None or fit is None:
        return False
    shape = fit.shape(row.number)
    error = None if shape is None else shape["standard_error"]
    return error is None or error > most


def remarks_of(row: Stored) -> list[str]:
    """What makes a rating rest on less than it seems: nobody has beaten them, or they have beaten nobody."""
    if row.wins == row.matches:
        return ["undefeated"]
    if row.losses == row.matches:
        return ["winless"]
    return []
