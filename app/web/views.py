"""From the shapes that services answer to the contexts that templates print.

Pure functions. They choose words and order, never numbers: what is shown was decided by the services.
"""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from app.services import sentences
from app.services.answer_shapes import BridgesShape, DriftShape, ForecastShape
from app.services.conditions import MAX_CONDITIONS, WHOLE, Conditions
from app.services.shapes import By, FitShape, LeaderboardRow, LeaderboardShape, LeagueShape
from app.web import charts, wording
from app.web.contexts import Island, LeaderboardPage, LeagueRow, LeaguesPage, Link, Mark, Note, StandingRow

NORMAL_QUANTILE = 1.959964
FIRST_MATCH = {"first": "Alice", "second": "Bob", "outcome": "first"}
DEFAULT_LIMIT = 100
Parameters = dict[str, str | int | list[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asked of a leaderboard; None and the defaults stay out of links."""

    by: By | None = None
    min_matches: int = 0
    inactive: bool = True
    cursor: str | None = None
    limit: int = DEFAULT_LIMIT
    as_of: str | None = None
    """A position or a time, as it was sent."""
    where: Conditions = WHOLE

    def parameters(self) -> Parameters:
        """The filters as query parameters, without the place in the list."""
        chosen: Parameters = {}
        if self.by is not None:
            chosen["by"] = self.by
        if self.min_matches:
            chosen["min_matches"] = self.min_matches
        if not self.inactive:
            chosen["inactive"] = "false"
        if self.limit != DEFAULT_LIMIT:
            chosen["limit"] = self.limit
        if self.as_of is not None:
            chosen["as_of"] = self.as_of
        if self.where:
            chosen["where"] = self.where.texts
        return chosen


def leagues_page(leagues: Sequence[LeagueShape], following: str | None, base_url: str) -> LeaguesPage:
    rows = tuple(
        LeagueRow(
            name=league["name"],
            league=league["league"],
            url=league_url(league["league"]),
            matches=wording.grouped(league["matches"]),
            competitors=wording.grouped(league["competitors"]),
            private=not league["public"],
        )
        for league in leagues
    )
    create = _curl(f"{base_url}v1/leagues", {"league": "chess-club", "name": "Chess club", "public": True})
    return LeaguesPage(rows, None if following is None else with_query("/", {"cursor": following}), create)


def leaderboard_page(
    league: LeagueShape,
    board: LeaderboardShape,
    fit: FitShape | None,
    asked: Asked,
    base_url: str,
    *,
    may_choose: bool = False,
    last: FitShape | None = None,
    drift: DriftShape | None = None,
    bridges: BridgesShape | None = None,
    forecast: ForecastShape | None = None,
) -> LeaderboardPage:
    """`league` with the settings of the time that is shown; `fit` is the published one, or, while there is none, the last that was asked for.

    `may_choose` whether the caller is offered segments; `last` is the last that was asked for beside a published one; `drift`, `bridges` and `forecast` are there where they were reckoned.
    """
    path = league_url(league["league"])
    is_live = asked.as_of is None
    return LeaderboardPage(
        name=board["name"],
        position=wording.grouped(board["position"]),
        as_of=board["as_of"],
        as_of_words=wording.moment_in_words(board["as_of"]),
        system=wording.system_in_words(league["settings"]),
        fit=_fit_in_words(board, fit),
        choices=_choices(path, board, asked),
        is_past=not is_live,
        permalink=permalink(path, board, asked),
        present_url=with_query(path, replace(asked, as_of=None).parameters()),
        as_of_asked=asked.as_of,
        by=asked.by,
        segment=str(asked.where) or None,
        segment_matches=wording.counted(board.get("matches", 0), "match", "matches"),
        whole_url=with_query(path, replace(asked, where=WHOLE, cursor=None).parameters()),
        where=tuple(asked.where.texts),
        choosable=_choosable(asked.where) if may_choose else (),
        min_matches=asked.min_matches,
        inactive=asked.inactive,
        hidden=_hidden_in_words(board),
        show_all_url=with_query(path, Asked(as_of=asked.as_of, where=asked.where if board.get("matches") else WHOLE).parameters()),
        downloads=tuple(Link(suffix.upper(), _here(f"{path}.{suffix}", asked)) for suffix in ("json", "csv")),
        ways_on=_ways_on(path, board, asked),
        no_fit=None if board["fit"] is not None or not is_live else wording.refit_in_words({} if asked.where else league["settings"]),
        last_fit=None if board["fit"] is not None or fit is None else sentences.outcome_of_fit(fit, None),
        refit_command=f"arpad refit {league['league']}{_options(asked.where)} --wait",
        kept_fit=None if board["fit"] is None or last is None else sentences.outcome_of_fit(last, board["fit"]),
        alarm=drift["sentence"] if drift is not None and drift["alarm"] else None,
        missing=None if bridges is None or not bridges["upsets_throughout"] else bridges["sentence"],
        forecast=None if forecast is None else forecast["sentence"],
        missing_command=f"arpad bridges {league['league']}{_options(asked.where)}",
        compare_url=f"{path}/compare" if is_live and len(board["rows"]) > 1 else None,
        islands=tuple(_islands(board, continued=asked.cursor is not None)),
        split=len(board["components"]) > 1,
        notes=tuple(_notes(league, board)),
        empty=league["matches"] == 0 and not board["rows"] and is_live and not asked.where,
        nobody=_nobody_in_words(asked, board),
        record_command=_curl(f"{base_url}v1/leagues/{league['league']}/matches", FIRST_MATCH),
    )


def league_url(league: str) -> str:
    return f"/leagues/{quote(league, safe='')}"


def next_url(path: str, board: LeaderboardShape, asked: Asked) -> str | None:
    """The same list from where this page of it ends, None at its end."""
    return None if board["next"] is None else with_query(path, {**asked.parameters(), "cursor": board["next"]})


def permalink(path: str, board: LeaderboardShape, asked: Asked) -> str:
    """The address of this answer as of its position, which stays as it is."""
    return _here(path, replace(asked, as_of=str(board["position"])))


def _choosable(where: Conditions) -> tuple[str, ...]:
    """What the fields of the filter hold: the conditions, and one more for the next."""
    return (*where.texts, "")[:MAX_CONDITIONS]


def _options(where: Conditions) -> str:
    return "".join(f" --where {shlex.quote(text)}" for text in where.texts)


def _nobody_in_words(asked: Asked, board: LeaderboardShape) -> str:
    if asked.where and not board.get("matches"):
        return f"No counted match meets {asked.where}."
    filtered = asked.min_matches or not asked.inactive or asked.cursor is not None
    return "Nobody passes these filters." if filtered or asked.as_of is None else f"Nobody had a match at entry {wording.grouped(board['position'])}."


def _here(path: str, asked: Asked) -> str:
    place: Parameters = {} if asked.cursor is None else {"cursor": asked.cursor}
    return with_query(path, {**asked.parameters(), **place})


def with_query(path: str, parameters: Parameters) -> str:
    """An address with its query, where there is one."""
    return f"{path}?{urlencode(parameters, doseq=True)}" if parameters else path


def _curl(url: str, body: dict[str, object] | dict[str, str]) -> str:
    """A command for a POSIX shell; the key comes from a variable, so that it never stands in a page."""
    return "\n".join(
        (
            f"curl {shlex.quote(url)} \\",
            '  -H "Authorization: Bearer $ARPAD_KEY" \\',
            "  -H 'Content-Type: application/json' \\",
            f"  -d {shlex.quote(json.dumps(body))}",
        )
    )


def _choices(path: str, board: LeaderboardShape, asked: Asked) -> tuple[Link, ...]:
    def choice(by: By, text: str, *, possible: bool) -> Link:
        url = with_query(path, {**asked.parameters(), "by": by}) if possible else None
        return Link(text, url, current=board["by"] == by)

    return choice("live", "Live", possible=True), choice("fit", "Fit", possible=board["fit"] is not None)


def _ways_on(path: str, board: LeaderboardShape, asked: Asked) -> tuple[Link, ...]:
    links = []
    if asked.cursor is not None:
        links.append(Link("First page", with_query(path, asked.parameters())))
    following = next_url(path, board, asked)
    if following is not None:
        links.append(Link("Next page", following))
    return tuple(links)


def _fit_in_words(board: LeaderboardShape, fit: FitShape | None) -> str | None:
    if board["fit"] is None:
        return None
    of_entry = "" if fit is None or fit["position"] is None else f" (up to entry {wording.grouped(fit['position'])})"
    return f"fit {board['fit']}{of_entry}"


def _hidden_in_words(board: LeaderboardShape) -> str | None:
    count = board["hidden_inactive"]
    return f"{wording.counted(count, 'inactive competitor is', 'inactive competitors are')} hidden" if count else None


def _islands(board: LeaderboardShape, *, continued: bool) -> Iterator[Island]:
    rows_of: dict[int, list[LeaderboardRow]] = {}
    for row in board["rows"]:
        rows_of.setdefault(row["component"], []).append(row)
    numbers = {component["component"]: number for number, component in enumerate(board["components"], start=1)}
    sizes = {component["component"]: component["competitors"] for component in board["components"]}
    for place, (component, rows) in enumerate(rows_of.items()):
        size = wording.counted(sizes[component], "competitor", "competitors")
        number = numbers[component]
        heading = f"Island {number}{' (continued)' if continued and place == 0 else ''}" if len(numbers) > 1 else None
        caption = f"{size}, ranked by {wording.RATING_NAMES[board['by']]}"
        strongest = None if continued and place == 0 else sentences.strongest(rows)
        yield _island(board["by"], rows, number=number, heading=heading, caption=caption, strongest=strongest)


def _island(by: By, rows: Sequence[LeaderboardRow], *, number: int, heading: str | None, caption: str, strongest: str | None) -> Island:
    marks = [marks_of(row, by) for row in rows]
    scale = charts.common_scale(marks)
    grid = f"g{number}"
    opened = sentences.opened_tiers(rows, by)
    standings = tuple(_standing(row, mark, scale, grid, tier) for row, mark, tier in zip(rows, marks, opened, strict=True))
    return Island(heading, caption, strongest, tuple(_key(marks)), charts.axis(scale, grid), standings)


def _key(marks: Sequence[charts.Marks]) -> Iterator[Mark]:
    with_whisker = {mark.whisker_of for mark in marks if mark.lower is not None}
    for kind in charts.KINDS:
        if kind == "live" or any(mark.fit is not None for mark in marks):
            text = f"{kind}, with its 95 % interval" if kind in with_whisker else kind
            yield Mark(kind, text, ranks=marks[0].by == kind)


def marks_of(row: LeaderboardRow, by: By) -> charts.Marks:
    """What the chart shows of a row: both ratings, and the interval of the one that ranks, else (live Elo has none) the fit's."""
    fit, live = row["fit"], row["live"]
    rating = None if fit is None else fit["rating"]
    if by == "live" and live["standard_error"] is not None:
        reach = NORMAL_QUANTILE * live["standard_error"]
        return charts.Marks(by, live["rating"], rating, live["rating"] - reach, live["rating"] + reach, whisker_of="live")
    if fit is None:
        return charts.Marks(by, live["rating"])
    return charts.Marks(by, live["rating"], rating, fit["lower"], fit["upper"])


def _standing(row: LeaderboardRow, marks: charts.Marks, scale: charts.Scale, grid: str, tier: int | None) -> StandingRow:
    played = row["last_played_at"]
    rating = marks.live if marks.by == "live" else marks.fit
    return StandingRow(
        rank=wording.rank_interval(row),
        opens_tier=None if tier is None else f"Tier {tier}",
        name=row["name"],
        key=row["competitor"] if row["competitor"] != row["name"] else None,
        rating=None if rating is None else wording.points(rating),
        plus_minus=_plus_minus(marks),
        chart=charts.interval(marks, scale, grid, *_chart_in_words(marks)),
        matches=wording.grouped(row["matches"]),
        record=" / ".join(wording.grouped(count) for count in (row["wins"], row["draws"], row["losses"])),
        played_at=played,
        played_on=None if played is None else wording.day(played),
        status=row["status"],
        remarks=tuple(sentences.remarks(row)),
    )


def _plus_minus(marks: charts.Marks) -> str | None:
    if marks.lower is None or marks.upper is None or marks.whisker_of != marks.by:
        return None
    return wording.points((marks.upper - marks.lower) / 2)


def _chart_in_words(marks: charts.Marks) -> tuple[str, str]:
    fit = "Not in the fit" if marks.fit is None else f"Fit {wording.points(marks.fit)}"
    title = f"{fit}, live {wording.points(marks.live)}"
    if marks.lower is None or marks.upper is None:
        return title, "No interval is known"
    return title, f"95 % interval of the {marks.whisker_of} {wording.points(marks.lower)} to {wording.points(marks.upper)}"


def _notes(league: LeagueShape, board: LeaderboardShape) -> Iterator[Note]:
    """The explanations that this page needs, and no others."""
    rows = board["rows"]
    if not rows:
        return
    yield Note("Rating", f"Only differences mean something. {wording.difference_in_words(league, board['by'])}")
    marks = [marks_of(row, board["by"]) for row in rows]
    if any(mark.lower is not None for mark in marks):
        yield Note("± and whisker", wording.interval_in_words(board["relative_to"]))
    if all(mark.whisker_of == "fit" for mark in marks):
        yield Note("Live", wording.LIVE_NOTE)
    if any(mark.fit is not None for mark in marks):
        yield Note("Fit", wording.FIT_NOTE)
    yield from _notes_of_certainty(rows, board)
    statuses = {row["status"] for row in rows}
    yield from (Note(status, meaning) for status, meaning in wording.status_notes(league["settings"]).items() if status in statuses)
    remarks = {remark for row in rows for remark in sentences.remarks(row)}
    yield from (Note(remark, meaning) for remark, meaning in wording.REMARK_NOTES.items() if remark in remarks)


def _notes_of_certainty(rows: Sequence[LeaderboardRow], board: LeaderboardShape) -> Iterator[Note]:
    if any(row["rank_low"] is not None for row in rows):
        yield Note("Rank 2–5", wording.RANK_NOTE)
    if any(row["p_top"] is not None for row in rows):
        yield Note("Strongest", wording.STRONGEST_NOTE)
    if any(sentences.opened_tiers(rows, board["by"])):
        yield Note("Lines", wording.TIER_NOTE)
    if any(component["classes"] > 1 for component in board["components"]):
        yield Note("Groups", wording.CLASSES_NOTE)
