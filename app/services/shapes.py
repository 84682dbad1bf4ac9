"""The shapes in which Arpad answers over HTTP, on the command line and in the pages; ratings and errors in points, times RFC 3339 in UTC."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

Outcome = Literal["first", "second", "draw"]
Comparable = Literal["yes", "ordered-only", "no"]
By = Literal["live", "fit"]
MatchStatus = Literal["counted", "voided"]
CompetitorStatus = Literal["active", "provisional", "inactive", "retired"]
FitStatus = Literal["waiting", "running", "published", "kept", "refused", "failed", "cancelled"]
FitStage = Literal["reading", "fitting", "errors and ranks", "publishing"]


class LeagueShape(TypedDict):
    """`settings_position`: the entry from which on the settings are these."""

    league: str
    name: str
    public: bool
    position: int
    published_fit: int | None
    matches: int
    competitors: int
    created_at: str
    settings: dict[str, Any]
    settings_position: int


class LeagueListShape(TypedDict):
    rows: list[LeagueShape]
    next: str | None


class MatchShape(TypedDict):
    """A match as it was sent, with the defaults filled in."""

    match_id: str
    first: str
    second: str
    outcome: Outcome
    played_at: str | None
    weight: float
    neutral: bool
    first_score: float | None
    second_score: float | None
    context: NotRequired[dict[str, Any]]


class SideRating(TypedDict):
    before: float
    expected: float
    k: float
    after: float


class BothRatings(TypedDict):
    first: SideRating
    second: SideRating


class ReceiptShape(MatchShape):
    """What the ledger recorded of a match, and what that did to the two ratings."""

    position: int
    recorded_at: str
    status: MatchStatus
    ratings: BothRatings
    created: list[str]
    author: NotRequired[str | None]


class ListedMatchShape(ReceiptShape):
    """A receipt, and the match as it counts where a correction holds."""

    corrected: NotRequired[MatchShape]


class MatchListShape(TypedDict):
    rows: list[ListedMatchShape]
    next: str | None


class BatchShape(TypedDict):
    recorded: int
    replayed: int
    first_position: int | None
    last_position: int | None
    receipts: list[ReceiptShape]


class ImportErrorShape(TypedDict):
    line: int
    column: str | None
    field: str | None
    detail: str


class ImportShape(TypedDict):
    """`new_competitors`: the first hundred of `created`. `resembling`: lines without an id that look like matches recorded before. `status` is "planned" for a dry run, "recorded" once the matches count."""

    import_id: str
    status: Literal["planned", "recorded"]
    recorded: int
    replayed: int
    skipped: int
    created: int
    new_competitors: list[str]
    resembling: int
    first_position: int | None
    last_position: int | None
    mapping: dict[str, str]
    ignored: list[str]
    errors: list[ImportErrorShape]
    error_count: int


class LiveRating(TypedDict):
    rating: float
    standard_error: float | None


# A fitted rating; its 95 % interval is relative to the mean of its component, or to the league's anchor. ("class" is a keyword of Python.)
FittedRatingShape = TypedDict(
    "FittedRatingShape",
    {
        "rating": float,
        "lower": float | None,
        "upper": float | None,
        "standard_error": float | None,
        "component": int,
        "class": int,
    },
)

# `p_top`: the probability of being the strongest of the island; `drift`: how far the live rating is from the fit, in the fit's standard errors.
LeaderboardRow = TypedDict(
    "LeaderboardRow",
    {
        "rank": int,
        "rank_low": int | None,
        "rank_high": int | None,
        "rank_ub": int | None,
        "p_top": float | None,
        "tier": int | None,
        "competitor": str,
        "name": str,
        "live": LiveRating,
        "fit": FittedRatingShape | None,
        "drift": float | None,
        "component": int,
        "class": int,
        "matches": int,
        "wins": int,
        "draws": int,
        "losses": int,
        "last_played_at": str | None,
        "status": CompetitorStatus,
        "remarks": list[str],
    },
)


class ComponentShape(TypedDict):
    """An island of the league: competitors joined by matches, directly or through others."""

    component: int
    competitors: int
    classes: int


class SegmentOf(TypedDict):
    """`where` is there only of a segment: the conditions that the contexts of its matches meet."""

    where: NotRequired[dict[str, str]]


class SegmentBoard(SegmentOf):
    """And how many matches that are."""

    matches: NotRequired[int]


class LeaderboardShape(SegmentBoard):
    league: str
    name: str
    position: int
    as_of: str
    fit: int | None
    by: By
    relative_to: str
    total: int
    hidden_inactive: int
    components: list[ComponentShape]
    rows: list[LeaderboardRow]
    next: str | None


CompetitorShape = TypedDict(
    "CompetitorShape",
    {
        "where": NotRequired[dict[str, str]],
        "league": str,
        "position": int,
        "relative_to": str | None,
        "competitor": str,
        "name": str,
        "live": LiveRating,
        "fit": FittedRatingShape | None,
        "p_top": float | None,
        "tier": int | None,
        "drift": float | None,
        "component": int,
        "class": int,
        "rank": int | None,
        "matches": int,
        "wins": int,
        "draws": int,
        "losses": int,
        "last_played_at": str | None,
        "status": CompetitorStatus,
        "remarks": list[str],
    },
)


class CompetitorListRow(TypedDict):
    competitor: str
    name: str
    rating: float
    matches: int
    wins: int
    draws: int
    losses: int
    last_played_at: str | None
    retired: bool


class CompetitorListShape(TypedDict):
    rows: list[CompetitorListRow]
    next: str | None


class HistoryRow(TypedDict):
    """One counted match from one competitor's side, with the rating as it is now reckoned (voided matches left out)."""

    position: int
    match_id: str
    played_at: str | None
    recorded_at: str
    opponent: str
    side: Literal["first", "second"]
    outcome: Literal["won", "drew", "lost"]
    before: float
    expected: float
    k: float
    after: float


class HistoryShape(TypedDict):
    league: str
    competitor: str
    position: int
    rows: list[HistoryRow]
    next: str | None


class OpponentRow(TypedDict):
    competitor: str
    name: str
    matches: int
    wins: int
    draws: int
    losses: int
    score: float
    expected: float
    last_played_at: str | None


class OpponentsShape(TypedDict):
    league: str
    competitor: str
    position: int
    rows: list[OpponentRow]
    next: str | None


class IntervalShape(TypedDict):
    lower: float
    upper: float


class PairShape(TypedDict):
    first: str
    second: str


class PredictionShape(SegmentBoard):
    """Probabilities of the first side. `meaning` "score": first and second are expected scores, a draw counting one half."""

    pair: PairShape
    first: float | None
    draw: float | None
    second: float | None
    meaning: Literal["outcome", "score"]
    interval: IntervalShape | None
    comparable: Comparable
    rests_on: Literal["data", "prior"] | None
    sentence: str
    by: By
    position: int
    fit: int | None


class PredictionListShape(TypedDict):
    rows: list[PredictionShape]
    position: int


class MatrixShape(SegmentBoard):
    """`first[i][j]`: expected score of competitor i against j; None on the diagonal and where nothing connects the two."""

    competitors: list[str]
    first: list[list[float | None]]
    comparable: list[list[Comparable | None]]
    games: list[list[int]]
    by: By
    position: int
    fit: int | None


class ReadShape(TypedDict):
    """Where the matches of a fit were read: how many of them kept totals of pairs told, how many came from packed segments, how many row by row."""

    totals: int
    segments: int
    rows: int


class FitShape(SegmentOf):
    """A refit: its request, its job and, once it ran, its certificate. `stage` and `stage_since` are there while it runs, `where` if it is of a segment."""

    league: str
    fit: int
    status: FitStatus
    reason: str | None
    position: int | None
    table_hash: str | None
    requested_at: str
    started_at: str | None
    finished_at: str | None
    stage: FitStage | None
    stage_since: str | None
    read: ReadShape | None
    seconds: dict[str, float]
    host: str | None
    version: str | None
    settings: dict[str, Any] | None
    certificate: dict[str, Any] | None


class FitListShape(TypedDict):
    rows: list[FitShape]
    next: str | None


class VerifyShape(TypedDict):
    league: str
    position: int
    matches: int
    competitors: int
    equal: bool
    state_hash: str
    log_head: str
    differences: list[str]


class RestoreShape(TypedDict):
    league: str
    position: int
    matches: int
    competitors: int
    state_hash: str
    log_head: str


class KeyShape(TypedDict):
    """`key`, the secret itself, is there only in the answer to its creation."""

    prefix: str
    name: str
    scopes: list[str]
    league: str | None
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    key: NotRequired[str]
