"""The shapes of answers about what is known: differences, drift, bridges, suggestions, simulated tournaments. See `shapes`."""

from typing import Literal

from typing_extensions import TypedDict

from app.services.shapes import By, Comparable, FittedRatingShape, IntervalShape, LiveRating, PairShape, SegmentBoard, SegmentOf

Goal = Literal["top", "neighbours", "connect"]
TournamentFormat = Literal["round-robin", "knock-out"]
Seeding = Literal["standard", "listed"]
ByBoth = Literal["live", "fit", "both"]


class DifferenceShape(SegmentBoard):
    """How far the first is rated above the second, in points; `superiority` is the probability that the first is the stronger one."""

    league: str
    pair: PairShape
    estimate: float | None
    standard_error: float | None
    interval: IntervalShape | None
    superiority: float | None
    relative_to: str
    comparable: Comparable
    rests_on: Literal["data", "prior"] | None
    sentence: str
    by: By
    position: int
    fit: int | None


class DriftRow(TypedDict):
    competitor: str
    name: str
    drift: float
    live: LiveRating
    fit: FittedRatingShape | None
    matches: int


class DriftShape(SegmentBoard):
    """`judged`: competitors with at least `from_matches` matches whose drift is known; `beyond`: those of them with |drift| above `threshold`.

    `alarm`: whether their share is above `alarm_share`. `rows`: those beyond, the farthest first.
    """

    league: str
    position: int
    fit: int
    from_matches: int
    threshold: float
    alarm_share: float
    judged: int
    beyond: int
    share: float | None
    alarm: bool
    sentence: str
    rows: list[DriftRow]


class PairingShape(TypedDict):
    """A match that would join two islands, however it ends."""

    first: str
    second: str
    components: list[int]


class UpsetShape(TypedDict):
    """A result that is needed: `taker` takes points from `giver`, by a win or a draw."""

    taker: str
    giver: str
    components: list[int]


class BridgesShape(SegmentBoard):
    """What is missing in the comparison graph.

    `pairings`: the fewest matches that join all islands. `upsets`: the fewest results by which the pure maximum likelihood exists, island by
    island. `upsets_throughout`: the fewest results by which all competitors of the league can be compared. Each list is cut at `limit`, its
    count is whole.
    """

    league: str
    position: int
    competitors: int
    islands: int
    classes: int
    maximum_exists: bool
    pairings: list[PairingShape]
    pairings_needed: int
    upsets: list[UpsetShape]
    upsets_needed: int
    upsets_throughout: list[UpsetShape]
    upsets_throughout_needed: int
    sentence: str


class SuggestionRow(TypedDict):
    """`propensity`: the probability with which this pair was drawn. `gain`: what a match is expected to tell about the goal, in its unit."""

    first: str
    second: str
    propensity: float
    gain: float
    context: dict[str, str | float | bool]


class ForecastShape(TypedDict):
    """About how many more matches between the first two until their difference is significant, if the estimate stays as it is."""

    first: str
    second: str
    matches: int | None
    sentence: str


class SuggestionsShape(SegmentBoard):
    """`candidates`: how many pairs were considered. `unit`: of the gains. `context` of a row may be sent with its match; for a segment it has to be."""

    league: str
    position: int
    fit: int | None
    goal: Goal
    seed: int
    candidates: int
    unit: str
    rows: list[SuggestionRow]
    forecast: ForecastShape | None
    sentence: str


class TournamentRow(TypedDict):
    """`title`: the probability of winning, with the standard error of the simulation. `reaches`: of playing each round of a knock-out, the first one

    included; None for a round robin. `points`: the mean of a round robin, a win one and a draw one half.
    """

    competitor: str
    name: str
    title: float
    title_error: float
    reaches: list[float] | None
    points: float | None


class TournamentShape(SegmentBoard):
    """`bracket`: the pairs of the first round, null for a bye. `uncertainty`: whether strengths are drawn from what the fit knows, or taken as given."""

    league: str
    position: int
    by: By
    fit: int | None
    format: TournamentFormat
    runs: int
    seed: int
    legs: int
    uncertainty: Literal["joint", "none"]
    draws: Literal["modelled", "half a win"]
    rests_on: Literal["data", "prior"]
    bracket: list[list[str | None]] | None
    byes: int
    rows: list[TournamentRow]
    sentence: str


class CheckedFigure(TypedDict):
    """What a certificate states, and what an independent computation finds; they agree if they differ by no more than `allowed` (null: not at all)."""

    figure: str
    stated: float | int | str | bool | None
    recomputed: float | int | str | bool | None
    allowed: float | None
    agrees: bool


class FitCheckShape(SegmentOf):
    """A fit's certificate and table, reckoned anew from the log."""

    league: str
    fit: int
    position: int
    matches: int
    equal: bool
    figures: list[CheckedFigure]
