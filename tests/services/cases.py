"""The leagues that statistics gets wrong most often, and what has to be said of each: asked in every way in which Arpad can be asked.

`Asked` is one league reached in one way (HTTP, command line); a question that is refused comes back as its problem document.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol

import pytest

Answer = dict[str, Any]


class Asked(Protocol):
    """One league. `matches` are (first, second, outcome)."""

    def begin(self, settings: dict[str, Any], matches: list[tuple[str, str, str]]) -> None: ...

    def fit(self) -> Answer: ...

    def leaderboard(self, by: str) -> Answer: ...

    def difference(self, first: str, second: str) -> Answer: ...

    def predict(self, first: str, second: str, by: str) -> Answer: ...

    def bridges(self) -> Answer: ...

    def drift(self) -> Answer: ...

    def suggest(self, goal: str) -> Answer: ...

    def simulate(self, competitors: list[str], by: str) -> Answer: ...


def games(*rows: tuple[str, str, int, int]) -> list[tuple[str, str, str]]:
    """(one, other, games that one won, games that the other won)."""
    return [(one, other, outcome) for one, other, *counts in rows for outcome, n in zip(("first", "second"), counts, strict=True) for _ in range(n)]


LEAGUES: dict[str, tuple[dict[str, Any], list[tuple[str, str, str]]]] = {
    "undefeated": ({}, games(("A", "B", 5, 0), ("B", "C", 3, 2))),
    "no finite maximum": ({"prior_sd": None}, games(("A", "B", 3, 0), ("B", "C", 2, 0), ("A", "C", 4, 0))),
    "two islands": ({}, games(("A", "B", 3, 1), ("X", "Y", 2, 2))),
    "one match only": ({}, [("A", "B", "first")]),
    "nothing but draws": ({}, [(a, b, "draw") for a, b in ("AB", "BC", "CA") for _ in range(4)]),
    "nothing but draws under davidson": ({"draws": "davidson"}, [("A", "B", "draw")] * 6),
    "one competitor twice": ({}, games(("A", "B", 2, 1))),
}
"""Settings and matches of each."""


def elsewhere(matches: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """What was played elsewhere: the weak beat the strong, islands are joined, and somebody plays who is in none of the matches."""
    players = sorted({key for one, other, _ in matches for key in (one, other)})
    upsets = [pair for one, other in pairwise(["Z", *players]) for pair in ((other, one, "first"), (one, other, "draw"))]
    return [*upsets, *((other, one, "first") for one, other, _ in matches[::2])]


def status(answer: Answer) -> int | None:
    """Of a problem document."""
    return answer.get("status") if "type" in answer else None


def rows_of(asked: Asked, by: str) -> dict[str, Answer]:
    return {row["competitor"]: row for row in asked.leaderboard(by)["rows"]}


def undefeated(asked: Asked) -> None:
    """A beats B 5–0, B beats C 3–2: a rating that is finite, and said to rest on the prior."""
    asked.begin(*LEAGUES["undefeated"])
    assert asked.fit()["status"] == "published"
    rows = rows_of(asked, "fit")
    assert rows["A"]["remarks"] == ["undefeated"]
    assert 0 < rows["A"]["fit"]["standard_error"] < 700
    assert rows["A"]["fit"]["rating"] < 2500
    assert rows["A"]["p_top"] > 0.9
    for by in ("live", "fit"):
        ordered, known = asked.predict("A", "B", by), asked.predict("B", "C", by)
        assert (ordered["comparable"], ordered["rests_on"]) == ("ordered-only", "prior")
        assert (known["comparable"], known["rests_on"]) == ("yes", "data")
    assert asked.difference("A", "C")["rests_on"] == "prior"
    missing = asked.bridges()
    assert (missing["islands"], missing["classes"], missing["maximum_exists"], missing["pairings"]) == (1, 2, False, [])
    assert [(one["taker"], one["giver"]) for one in missing["upsets"]] == [("B", "A")]
    assert asked.simulate(["A", "B", "C"], "fit")["rests_on"] == "prior"


def no_finite_maximum(asked: Asked) -> None:
    """A beat B 3 times, B beat C 2 times, A beat C 4 times: the pure fit does not exist, is refused, and what it lacks is named."""
    asked.begin(*LEAGUES["no finite maximum"])
    fit = asked.fit()
    assert (fit["status"], fit["table_hash"]) == ("refused", None)
    assert fit["reason"]
    assert status(asked.leaderboard("fit")) == 409
    assert status(asked.predict("A", "B", "fit")) == 409
    assert status(asked.drift()) == 409
    assert asked.difference("A", "B")["interval"] is None
    missing = asked.bridges()
    assert [(one["taker"], one["giver"]) for one in missing["upsets"]] == [("C", "A")]
    assert not missing["maximum_exists"]
    assert "C takes points from A" in missing["sentence"]


def two_islands(asked: Asked) -> None:
    """Nothing connects A–B with X–Y: ranks start again, no number across, one match would join them."""
    asked.begin(*LEAGUES["two islands"])
    asked.fit()
    for by in ("live", "fit"):
        rows = rows_of(asked, by)
        assert [row["rank"] for row in rows.values()].count(1) >= 2
        across = asked.predict("A", "X", by)
        assert (across["first"], across["second"], across["interval"], across["comparable"]) == (None, None, None, "no")
        assert status(asked.simulate(["A", "X"], by)) == 422
    rows = rows_of(asked, "fit")
    assert {rows[key]["component"] for key in "AB"}.isdisjoint({rows[key]["component"] for key in "XY"})
    assert rows["A"]["p_top"] + rows["B"]["p_top"] == pytest.approx(1.0)
    assert rows["X"]["p_top"] + rows["Y"]["p_top"] == pytest.approx(1.0)
    assert asked.difference("A", "X")["estimate"] is None
    missing = asked.bridges()
    assert (missing["islands"], missing["pairings_needed"], missing["maximum_exists"]) == (2, 1, True)
    assert missing["upsets_throughout_needed"] == 2
    assert {row["propensity"] for row in asked.suggest("connect")["rows"]} == {1.0}


def one_match_only(asked: Asked) -> None:
    """Who won is ahead; by how much is an assumption."""
    asked.begin(*LEAGUES["one match only"])
    asked.fit()
    rows = rows_of(asked, "fit")
    assert (rows["A"]["tier"], rows["B"]["tier"]) == (1, 1)
    assert (rows["A"]["rank_low"], rows["A"]["rank_high"]) == (1, 2)
    assert 0.5 < rows["A"]["p_top"] < 0.95
    told = asked.difference("A", "B")
    assert told["interval"]["lower"] < 0 < told["estimate"] < told["interval"]["upper"]
    assert (told["comparable"], told["rests_on"]) == ("ordered-only", "prior")
    assert told["superiority"] == pytest.approx(rows["A"]["p_top"], abs=0.02)
    assert (asked.drift()["judged"], asked.drift()["share"], asked.drift()["alarm"]) == (0, None, False)
    assert asked.suggest("neighbours")["forecast"]["matches"] > 0


def nothing_but_draws(asked: Asked) -> None:
    """All equal, and known to be so."""
    asked.begin(*LEAGUES["nothing but draws"])
    asked.fit()
    rows = rows_of(asked, "fit")
    assert {row["rank"] for row in rows.values()} == {1}
    assert {row["tier"] for row in rows.values()} == {1}
    assert [row["p_top"] for row in rows.values()] == pytest.approx([1 / 3] * 3, abs=0.03)
    told = asked.difference("A", "B")
    assert told["estimate"] == pytest.approx(0.0, abs=1e-6)
    assert told["superiority"] == pytest.approx(0.5, abs=1e-6)
    assert asked.predict("A", "C", "fit")["first"] == pytest.approx(0.5)
    missing = asked.bridges()
    assert (missing["maximum_exists"], missing["upsets_throughout"]) == (True, [])
    assert asked.suggest("connect")["rows"] == []


def nothing_but_draws_under_davidson(asked: Asked) -> None:
    """A model of draws without a decision: whatever is shown stays even."""
    asked.begin(*LEAGUES["nothing but draws under davidson"])
    fit = asked.fit()
    assert fit["status"] in {"published", "refused"}
    if fit["status"] == "published":
        told = asked.predict("A", "B", "fit")
        assert told["first"] == pytest.approx(told["second"])


def one_competitor_twice(asked: Asked) -> None:
    """Nobody plays, or is compared with, themselves."""
    asked.begin(*LEAGUES["one competitor twice"])
    asked.fit()
    for answer in (
        asked.difference("A", "A"),
        asked.predict("A", "A", "live"),
        asked.predict("A", "A", "fit"),
        asked.simulate(["A", "B", "A"], "live"),
    ):
        assert status(answer) == 422


CASES: list[Callable[[Asked], None]] = [
    undefeated,
    no_finite_maximum,
    two_islands,
    one_match_only,
    nothing_but_draws,
    nothing_but_draws_under_davidson,
    one_competitor_twice,
]
