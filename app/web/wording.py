"""Numbers, times and conditions in the words of the pages.

Only wording: what a status or a remark means is decided by `services.standings`, and nothing here knows HTML.
"""

from collections.abc import Mapping
from typing import Any

from app.services import sentences
from app.services.shapes import By, LeaderboardRow, LeagueShape

MIDNIGHT = "T00:00:00Z"
SYSTEM_NAMES = {"elo": "Elo", "fisher": "natural-gradient Elo", "glicko2": "Glicko-2"}
RATING_NAMES: Mapping[By, str] = {"live": "live rating", "fit": "fitted rating"}

DRIFT_NOTE = "More than four standard errors between the live rating and the fitted one after 30 matches or more. Somebody changed, or the live rating moves too much or too little."
REMARK_NOTES = {
    "undefeated": "Has not given up a single point yet. The results say how strong at least, never how strong at most.",
    "winless": "Has not taken a single point yet. The results say how strong at most, never how strong at least.",
    sentences.ABOVE_FIT: DRIFT_NOTE,
    sentences.BELOW_FIT: DRIFT_NOTE,
}
LIVE_NOTE = "The live rating moves with every match and has no interval of its own."
FIT_NOTE = "The fit weighs all matches at once, whenever they were played. The whiskers are its 95 % intervals."
RANK_NOTE = "Every place that the results still allow: 2–5 means that one competitor is clearly better, and that three more may be."
STRONGEST_NOTE = (
    "How likely each is the strongest of the island, if the assumptions of the fit are right. After a few matches each it leans on the "
    "assumption that nobody is very far from the mean."
)
TIER_NOTE = (
    "Right below a line stands somebody who is clearly weaker (at 95 %, of these two alone) than the first of the group above it. "
    "Ranks allow for all comparisons at once, so theirs reach further; and who stands lower may have played too little to be told apart."
)
CLASSES_NOTE = (
    "Some competitors, or groups of them, have only won or only lost against the rest of their island. Their order is known, "
    "but how far they are apart rests on a cautious assumption until a result goes the other way."
)


def points(value: float) -> str:
    """A rating or an error in whole points, with a true minus sign."""
    return f"{round(value):d}".replace("-", "\N{MINUS SIGN}")


def grouped(count: int) -> str:
    """A count with thousands separators."""
    return f"{count:,}"


def counted(count: int, one: str, many: str) -> str:
    """A count and its noun: “1 match”, “5,000 matches”."""
    return f"{grouped(count)} {one if count == 1 else many}"


def day(moment: str) -> str:
    """The UTC day of an RFC 3339 time that ends in Z."""
    return moment[:10]


def moment_in_words(moment: str) -> str:
    """The day, and the minute unless it is midnight."""
    return f"{day(moment)} UTC" if moment.endswith(MIDNIGHT) else f"{day(moment)} {moment[11:16]} UTC"


def rank_interval(row: LeaderboardRow) -> str:
    """“2–5”, or the rank alone where the results do not bound it."""
    low, high = row["rank_low"], row["rank_high"]
    if low is None or high is None:
        return grouped(row["rank"])
    return grouped(low) if low == high else f"{grouped(low)}\N{EN DASH}{grouped(high)}"


def system_in_words(settings: Mapping[str, Any]) -> str:
    """“Elo K=32”, or “Elo K=40 for 30 matches, then 20”."""
    system = str(settings.get("system", "elo"))
    name = SYSTEM_NAMES.get(system, system)
    k = settings.get("k")
    if system != "elo" or k is None:
        return name
    if isinstance(k, Mapping):
        return f"{name} K={k['newcomer']:g} for {counted(k['matches'], 'match', 'matches')}, then {k['then']:g}"
    return f"{name} K={k:g}"


def refit_in_words(settings: Mapping[str, Any]) -> str:
    """What will bring the next fit: “after 100 new entries or 60 seconds with news”."""
    rule = settings.get("refit") or {}
    occasions = []
    if rule.get("after_entries"):
        occasions.append(f"after {counted(rule['after_entries'], 'new entry', 'new entries')}")
    if rule.get("after_seconds"):
        occasions.append(f"{counted(rule['after_seconds'], 'second', 'seconds')} after new results")
    if rule.get("cron"):
        occasions.append(f"at the times “{rule['cron']}”")
    return " or ".join(occasions) if occasions else "when somebody asks for it"


def status_notes(settings: Mapping[str, Any]) -> dict[str, str]:
    """What each status means under a league's settings."""
    few = counted(int(settings.get("provisional_matches", 10)), "match", "matches")
    days, error = settings.get("inactive_days"), settings.get("provisional_standard_error")
    unsure = "" if error is None else f", or by the fit a standard error above {error:g} points"
    return {
        "provisional": f"Fewer than {few} so far{unsure}; the rating may still move a lot.",
        "inactive": "No match for a long time." if days is None else f"No match for {counted(int(days), 'day', 'days')} or more.",
        "retired": "Does not play any more; kept in place, because the results still count.",
    }


def difference_in_words(league: LeagueShape, by: By) -> str:
    """What a difference of one scale means, the only thing that ratings can say."""
    scale = points(float(league["settings"].get("scale", 400)))
    if by == "fit" and league["settings"].get("draws") == "davidson":
        return f"A lead of {scale} points means odds of 10 to 1 of winning, draws aside."
    return f"A lead of {scale} points means odds of 10 to 1: an expected score of 91 %."


def interval_in_words(relative_to: str) -> str:
    """What ± and whisker mean, and what they are relative to."""
    return (
        "The whisker is a 95 % interval, the ± half its width. If all the matches could be played again many times, about 95 of 100 intervals made this way "
        f"would contain the competitor’s true strength relative to {relative_to}, unless it is far from everyone else’s: the fit leans towards the mean. Overlapping intervals do not mean that two competitors are equal."
    )
