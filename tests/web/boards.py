"""Constructed shapes for the tests of the pages."""

from typing import Any

from app.services.answer_shapes import DifferenceShape
from app.services.shapes import FitShape, LeaderboardRow, LeaderboardShape, LeagueShape, PredictionShape

SETTINGS: dict[str, Any] = {
    "system": "elo",
    "k": 32.0,
    "scale": 400.0,
    "draws": "half",
    "primary": "live",
    "provisional_matches": 10,
    "inactive_days": 365,
    "refit": {"after_entries": 100, "after_seconds": 60, "cron": None},
}
MISSING: Any = object()

HOSTILE_NAMES = (
    '<script>alert("1")</script>',
    "</title></svg><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "\N{RIGHT-TO-LEFT OVERRIDE}evil \N{RIGHT-TO-LEFT MARK}שלום",
    "🦊 the fox 👩‍👩‍👧‍👦",
    "&amp; &lt;b&gt; ' \" `",
    "=1+1",
    "'=1+1",
    "-5",
    "@home, and, commas",
    "W" * 200,
    "word " * 39 + "words",
)


def row(number: int, **changes: Any) -> LeaderboardRow:
    """The row of the competitor with this number; stronger ones have smaller numbers."""
    rating = 1900.0 - 7.25 * number
    fit = {"rating": rating, "lower": rating - 41.6, "upper": rating + 41.6, "standard_error": 21.2, "component": 1, "class": 1}
    made: Any = {
        "rank": number,
        "rank_low": max(1, number - 2),
        "rank_high": number + 3,
        "rank_ub": max(1, number - 1),
        "p_top": 0.9 if number == 1 else 0.1 if number == 2 else 0.0,
        "tier": 1 + number // 10,
        "competitor": f"player-{number:03d}",
        "name": f"Player {number}",
        "live": {"rating": rating + 18.4 * (-1) ** number, "standard_error": None},
        "fit": fit,
        "drift": 0.9 * (-1) ** number,
        "component": 1,
        "class": 1,
        "matches": 200 + number,
        "wins": 120 - number,
        "draws": 14,
        "losses": 66 + 2 * number,
        "last_played_at": "2026-11-20T18:30:00Z",
        "status": "active",
        "remarks": [],
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


def board(rows: list[LeaderboardRow], **changes: Any) -> LeaderboardShape:
    sizes: dict[int, int] = {}
    for each in rows:
        sizes[each["component"]] = sizes.get(each["component"], 0) + 1
    made: Any = {
        "league": "chess-club",
        "name": "Chess club",
        "position": 48211,
        "as_of": "2026-11-20T00:00:00Z",
        "fit": 17,
        "by": "fit",
        "relative_to": "the mean of each island",
        "total": len(rows),
        "hidden_inactive": 0,
        "components": [{"component": component, "competitors": size, "classes": 1} for component, size in sizes.items()],
        "rows": rows,
        "next": None,
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


def league(**changes: Any) -> LeagueShape:
    made: Any = {
        "league": "chess-club",
        "name": "Chess club",
        "public": True,
        "position": 48211,
        "published_fit": 17,
        "matches": 48190,
        "competitors": 50,
        "created_at": "2026-01-01T00:00:00Z",
        "settings": SETTINGS,
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


def fit(**changes: Any) -> FitShape:
    made: Any = {
        "league": "chess-club",
        "fit": 17,
        "status": "published",
        "reason": None,
        "position": 48100,
        "table_hash": "0" * 64,
        "requested_at": "2026-11-20T17:00:00Z",
        "started_at": "2026-11-20T17:00:01Z",
        "finished_at": "2026-11-20T17:00:02Z",
        "seconds": {},
        "host": None,
        "version": None,
        "settings": None,
        "certificate": None,
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


def prediction(**changes: Any) -> PredictionShape:
    made: Any = {
        "pair": {"first": "Ada", "second": "Ben"},
        "first": 0.61,
        "draw": None,
        "second": 0.39,
        "meaning": "score",
        "interval": {"lower": 0.4, "upper": 0.79},
        "comparable": "yes",
        "rests_on": "data",
        "sentence": "Ada is expected to take 61% of the points.",
        "by": "fit",
        "position": 48211,
        "fit": 17,
    }
    return {**made, **changes}  # type: ignore[typeddict-item]


def difference(**changes: Any) -> DifferenceShape:
    made: Any = {"sentence": "Ada is rated 78 points above Ben."}
    return {**made, **changes}  # type: ignore[typeddict-item]


def without_fit(number: int, **changes: Any) -> LeaderboardRow:
    return row(number, fit=None, rank_low=None, rank_high=None, rank_ub=None, p_top=None, tier=None, drift=None, **changes)


def one_match() -> LeaderboardShape:
    """What a league shows after its first match: nothing is certain, and nothing is fitted."""
    played = {"matches": 1, "draws": 0, "status": "provisional"}
    winner = without_fit(
        1, competitor="Alice", name="Alice", wins=1, losses=0, live={"rating": 1516.0, "standard_error": None}, remarks=["undefeated"], **played
    )
    loser = without_fit(
        2, competitor="Bob", name="Bob", wins=0, losses=1, live={"rating": 1484.0, "standard_error": None}, remarks=["winless"], **played
    )
    return board([winner, loser], fit=None, by="live", position=1)


def islands() -> LeaderboardShape:
    """Three competitors here and two there, who never met."""
    first = [row(number) for number in (1, 2, 3)]
    second = [row(number, component=2, rank=number - 3) for number in (4, 5)]
    return board(first + second)


def hostile() -> LeaderboardShape:
    return board([row(number, name=name, competitor=name) for number, name in enumerate(HOSTILE_NAMES, start=1)])


def full(count: int = 100) -> LeaderboardShape:
    """A page of ordinary rows, with every status and remark among them."""
    rows = [row(number) for number in range(1, count + 1)]
    rows[2]["remarks"] = ["undefeated"]
    rows[5]["status"] = "provisional"
    rows[7]["status"] = "inactive"
    rows[9]["status"] = "retired"
    rows[-1]["remarks"] = ["winless"]
    return board(rows, next="abc")
