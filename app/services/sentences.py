"""What several surfaces say in the same words: who may be the strongest, who has left the fit, how far two can be compared.

Only wording: the figures are decided elsewhere. In English, for people who run a club and know no statistics.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from app.core.identifiability import Comparable
from app.services.drifts import ALARMING, FROM_MATCHES
from app.services.shapes import By, FitShape, LeaderboardRow

NAMED: Final = 3
WORTH_NAMING: Final = 0.05
ABOVE_FIT: Final = "live far above the fit"
BELOW_FIT: Final = "live far below the fit"

COMPARED: Final[dict[Comparable, str]] = {
    "yes": "Points went both ways between them, directly or through others, so the results say who is ahead and by how much.",
    "ordered-only": "Results tell only who is ahead, not by how much: the size of this number is an assumption.",
    "no": "The results do not say which of the two is ahead.",
}
"""How far two competitors can be compared."""


def percent(share: float) -> str:
    """“83 %”; nothing is certain and nothing impossible."""
    if share > 0.995:
        return "more than 99 %"
    return "less than 1 %" if share < 0.005 else f"{100.0 * share:.0f} %"


def strongest(rows: Sequence[LeaderboardRow]) -> str | None:
    """“Ada with 83 %, Ben with 12 %”, of the rows of one island; None where the fit does not know it, or nobody else is there."""
    chances = sorted(((row["p_top"], row["name"]) for row in rows if row["p_top"] is not None), key=lambda one: -one[0])
    named = [(chance, name) for chance, name in chances if chance >= WORTH_NAMING]
    if len(rows) < 2 or not named:
        return None
    others = len(named) - NAMED
    told = ", ".join(f"{name} with {percent(chance)}" for chance, name in named[:NAMED])
    told = told if others <= 0 else f"{told}; {others:,} more with at least {percent(WORTH_NAMING)} each"
    classes = {row["class"] for row in rows if (row["p_top"] or 0.0) >= WORTH_NAMING}
    return told if len(classes) == 1 else f"{told}; results alone do not say how far these are apart, so this leans on an assumption"


def opened_tiers(rows: Sequence[LeaderboardRow], by: By) -> list[int | None]:
    """Of each row the tier that it opens below another; the live order knows no tiers."""
    tiers = [row["tier"] if by == "fit" else None for row in rows]
    return [None, *(tier if None not in {tier, above} and tier != above else None for above, tier in pairwise(tiers))][: len(rows)]


def drift_remark(drift: float | None, matches: int) -> str | None:
    """What is said of a live rating that is far from the fitted one."""
    if drift is None or matches < FROM_MATCHES or abs(drift) <= ALARMING:
        return None
    return ABOVE_FIT if drift > 0 else BELOW_FIT


def remarks(row: Mapping[str, Any]) -> list[str]:
    """The remarks about a competitor, and that about the drift."""
    return [*row["remarks"], *filter(None, [drift_remark(row["drift"], row["matches"])])]


def unconnected(first: str, second: str, unknown: str, *, same_island: bool) -> str:
    """Why nobody can say something of two competitors."""
    if same_island:
        return (
            f"Matches join {first} and {second} through others, but no chain of results leads from one to the other, so nobody can say {unknown}; "
            "a match between the two would."
        )
    return f"Nothing recorded connects {first} and {second}, so nobody can say {unknown}; matches that link them would."


def outcome_of_fit(fit: FitShape, published: int | None) -> str | None:
    """Why a fit was not published, and what stands meanwhile; None where nothing was in its way."""
    if not fit["reason"] or fit["status"] not in {"refused", "failed"}:
        return None
    stays = "" if published is None else f" Fit {published} stays in place until a newer one can be made."
    return f"Fit {fit['fit']} was {fit['status']}: {fit['reason'].removesuffix('.')}.{stays}"
