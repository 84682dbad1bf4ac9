"""What each template is given: one frozen dataclass per template, in words and numbers that are ready to print.

A test holds that every field here is used by its template, and that no template uses anything else.
"""

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Link:
    """A choice or a way on; `current` is the choice that is shown, a None `url` one that cannot be taken yet."""

    text: str
    url: str | None
    current: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A term and what it means."""

    term: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry of a chart's key."""

    kind: str
    """live or fit."""
    text: str
    ranks: bool
    """Whether it is the rating that ranks."""


@dataclass(frozen=True, slots=True)
class LeagueRow:
    """A league in the list of leagues; counts with thousands separators."""

    name: str
    league: str
    url: str
    matches: str
    competitors: str
    private: bool


@dataclass(frozen=True, slots=True)
class LeaguesPage:
    """The list of leagues."""

    template: ClassVar[str] = "leagues.html"

    leagues: tuple[LeagueRow, ...]
    """Those that the caller may see, on this page of the list."""
    next_url: str | None
    """The next page of the list."""
    create_command: str
    """A shell line that creates a first league; shown where there is none."""


@dataclass(frozen=True, slots=True)
class StandingRow:
    """One competitor of a leaderboard."""

    rank: str
    """“2–5”, or the rank alone."""
    opens_tier: str | None
    """“Tier 2” where a line parts the table above this row."""
    name: str
    key: str | None
    """The competitor's key where it differs from the name."""
    rating: str | None
    """Whole points; None where the fit does not know the competitor yet."""
    plus_minus: str | None
    """Half the width of the 95 % interval, whole points."""
    chart: Markup
    """The interval as inline SVG."""
    matches: str
    record: str
    """Wins / draws / losses."""
    played_at: str | None
    """RFC 3339, for machines."""
    played_on: str | None
    """The UTC day, for people."""
    status: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Island:
    """A table: competitors joined by matches, directly or through others."""

    heading: str | None
    """“Island 2”, the largest being 1; None where the league is one island."""
    caption: str
    strongest: str | None
    """“Ada with 83 %, Ben with 12 %”; None where the fit cannot tell, and below the first page of an island."""
    key: tuple[Mark, ...]
    """What the chart's marks are."""
    axis: Markup
    """The common scale of its intervals as inline SVG."""
    rows: tuple[StandingRow, ...]


@dataclass(frozen=True, slots=True)
class LeaderboardPage:
    """The leaderboard of a league."""

    template: ClassVar[str] = "leaderboard.html"

    name: str
    position: str
    """The number of the last entry, with thousands separators."""
    as_of: str
    """RFC 3339, for machines."""
    as_of_words: str
    system: str
    """“Elo K=32”."""
    fit: str | None
    """“fit 17 (entry 48,100)”."""
    is_past: bool
    """Whether an earlier position was asked for."""
    permalink: str
    """The address at which this page stays as it is."""
    present_url: str
    """The same list as it is now."""
    as_of_asked: str | None
    """The position or time that was asked for, which the filter keeps."""
    choices: tuple[Link, ...]
    """Live or fit."""
    by: str | None
    """The `by` that was asked for, which the filter keeps."""
    segment: str | None
    """“surface = Clay”, None for the whole league."""
    segment_matches: str
    """“12 matches”."""
    whole_url: str
    """The same list of the whole league."""
    where: tuple[str, ...]
    """The conditions that were asked for, which the comparison keeps."""
    choosable: tuple[str, ...]
    """The fields in which conditions are chosen; none for whoever comes without a key."""
    min_matches: int
    inactive: bool
    """Whether inactive competitors are listed."""
    hidden: str | None
    """How many are not shown for being inactive, in words."""
    show_all_url: str
    """The leaderboard without filters."""
    downloads: tuple[Link, ...]
    ways_on: tuple[Link, ...]
    """To the first and to the next page."""
    no_fit: str | None
    """Where no fit is published: what will bring one."""
    last_fit: str | None
    """Where no fit is published: why the last one was not, in words."""
    refit_command: str
    """The shell line that makes a fit at once."""
    kept_fit: str | None
    """Where a later fit than the published one was refused or failed: why, and what stands meanwhile."""
    alarm: str | None
    """Where live ratings and fit are too far apart: how far, in words."""
    missing: str | None
    """Which matches and results would help, in words; None where nothing is missing, or the league is too large to reckon that for a page."""
    forecast: str | None
    """About how many more matches would separate the first two; None where there are no two, or the league is too large to reckon that for a page."""
    missing_command: str
    """The shell line that names them."""
    compare_url: str | None
    """Where the form that compares two leads; None where there are no two, and in the past."""
    islands: tuple[Island, ...]
    split: bool
    """Whether the league is more than one island, on whatever page."""
    notes: tuple[Note, ...]
    """What the numbers mean."""
    empty: bool
    """Whether nothing is recorded yet."""
    nobody: str
    """Why a list without rows has none, in words."""
    record_command: str
    """A shell line that records a first match."""


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Two competitors: who would win, how far they are apart, and whether that is known."""

    template: ClassVar[str] = "compare.html"

    first: str
    second: str
    by: str
    """The rating that speaks."""
    position: str
    """The number of the last entry, with thousands separators."""
    choices: tuple[Link, ...]
    """Live or fit."""
    turned_url: str
    """The same two the other way round."""
    league_name: str
    league_url: str
    segment: str | None
    """“surface = Clay”, None for the whole league."""
    segment_matches: str
    """“12 matches”."""
    answers: tuple[Note, ...]
    """What was asked, and the sentence that answers it."""


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """A request that could not be answered."""

    template: ClassVar[str] = "problem.html"

    status: int
    title: str
    detail: str
    faults: tuple[Note, ...]
    """Where something is wrong with the request, and what to do."""
    back_text: str
    back_url: str
    """A page that can be shown."""
