"""The odds of a tournament that has not been played: a round robin or a knock-out among up to 128 competitors, simulated with a seed.

By the fit, strengths are drawn for every run from what the fit knows of all entrants together, so that its doubt is in the odds. Live ratings have
no distribution: they are taken as they stand, and the answer says so. All matches are on neutral ground.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from app.errors import BadInput, Fault
from app.ratings.comparisons import Floats
from app.ratings.scale import natural_unit
from app.ratings.tournaments import Bracket, Entrants, drawn_strengths, fixed_strengths, knock_out, listed_bracket, round_robin, standard_bracket
from app.services.answer_shapes import Seeding, TournamentFormat, TournamentRow, TournamentShape
from app.services.as_of import AsOf
from app.services.comparability import comparabilities, why_unknown
from app.services.conditions import WHOLE, Conditions
from app.services.keys import Caller
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.shapes import By
from app.services.standings import alias, segment_of
from app.services.stored_fits import FitTable
from app.storage.tables import Stored
from app.storage.unit_of_work import Database

MAX_ENTRANTS: Final = 128
MAX_RUNS: Final = 100_000
MAX_LEGS: Final = 10
MAX_MATCHES: Final = 25_000_000
"""Of all runs together: some seconds."""


@dataclass(frozen=True, slots=True)
class Tournament:
    """What is to be simulated."""

    format: TournamentFormat
    seeding: Seeding = "standard"
    legs: int = 1
    runs: int = 10_000
    seed: int = 0


def simulate(
    database: Database,
    caller: Caller,
    league: str,
    tournament: Tournament,
    competitors: Sequence[str] | None = None,
    *,
    top: int = 8,
    by: By | None = None,
    where: Conditions = WHOLE,
    as_of: AsOf = None,
) -> TournamentShape:
    """The odds among those named, in this order, or among the first of the leaderboard's largest island, of a league or of a segment.

    Raises LeagueNotFound, CompetitorNotFound, FitNotPublished, BadInput (also where nothing connects two of them); for a segment KeyRequired,
    ScopeMissing.
    """
    _check_size(tournament, top if competitors is None else len(competitors), "/top" if competitors is None else "/competitors")
    with database.read() as unit:
        table = ordered_table(database, unit, readable_at(unit, caller, league, where, as_of), by, where)
        entrants = table.leaders(top) if competitors is None else [table.row(alias(unit, table, key)) for key in competitors]
    if len({one.number for one in entrants}) < len(entrants):
        raise BadInput("A competitor is named twice.", [Fault("/competitors", "Name each competitor once.")])
    _check_size(tournament, len(entrants), "/top" if competitors is None else "/competitors")
    rests_on_prior = _require_comparable(table, entrants)
    return _played(table, tournament, entrants, rests_on_prior=rests_on_prior)


def _check_size(tournament: Tournament, size: int, pointer: str) -> None:
    if not 2 <= size <= MAX_ENTRANTS:
        raise BadInput("A tournament has 2 to 128 competitors.", [Fault(pointer, f"Name 2 to {MAX_ENTRANTS}, not {size}.")])
    matches = size if tournament.format == "knock-out" else size * (size - 1) // 2 * tournament.legs
    if matches * tournament.runs > MAX_MATCHES:
        most = MAX_MATCHES // matches
        raise BadInput("The simulation would take too long.", [Fault("/runs", f"Ask for at most {most:,} runs of {matches:,} matches each.")])


def _require_comparable(table: Table, entrants: Sequence[Stored]) -> bool:
    """Whether anything rests on the prior. Raises BadInput naming a pair that nothing connects."""
    comparable = comparabilities(table, [one.number for one in entrants])
    for i, j in combinations(range(len(entrants)), 2):
        if comparable[i][j] == "no":
            pair = f"{entrants[i].key} and {entrants[j].key}"
            fault = Fault("/competitors", f"Leave out one of {pair}, or let them meet; see …/bridges for what is missing.")
            raise BadInput(f"A tournament of both has no odds. {why_unknown(table, entrants[i], entrants[j], 'who would win')}", [fault])
    return any("ordered-only" in row for row in comparable)


def _played(table: Table, tournament: Tournament, entrants: Sequence[Any], *, rests_on_prior: bool) -> TournamentShape:
    generator = np.random.default_rng(tournament.seed)
    by_fit = table.fit if table.by == "fit" else None
    strengths = _strengths(table, by_fit, entrants, tournament.runs, generator)
    bracket = _bracket(tournament, len(entrants))
    title, reaches, points = _odds(strengths, bracket, tournament.legs, generator)
    modelled = strengths.log_tie is not None
    byes = sum(other is None for _, other in bracket or [])
    rows = [_row(one, place, title, reaches, points, tournament.runs) for place, one in enumerate(entrants)]
    return {
        **segment_of(table),
        "league": table.league.key,
        "position": table.league.position,
        "by": table.by,
        "fit": None if by_fit is None else by_fit.number,
        "format": tournament.format,
        "runs": tournament.runs,
        "seed": tournament.seed,
        "legs": tournament.legs if bracket is None else 1,
        "uncertainty": "none" if by_fit is None else "joint",
        "draws": "modelled" if modelled else "half a win",
        "rests_on": "prior" if rests_on_prior else "data",
        "bracket": None if bracket is None else _named(bracket, entrants),
        "byes": byes,
        "rows": sorted(rows, key=lambda row: (-row["title"], row["competitor"])),
        "sentence": _sentence(table, rows, modelled=modelled, byes=byes, rests_on_prior=rests_on_prior),
    }


def _strengths(table: Table, fit: FitTable | None, entrants: Sequence[Any], runs: int, generator: np.random.Generator) -> Entrants:
    if fit is None:
        return fixed_strengths(np.array([one.rating for one in entrants]) / natural_unit(table.settings.scale), runs)
    places, known = [fit.place(one.number) for one in entrants], fit.strengths
    mean, with_ties = known.theta[places], bool(known.tie_parameter)
    few = known.second_order.among_few
    indices = [*places, few.width - 1] if with_ties else places
    mean = np.append(mean, math.log(known.tie_parameter)) if known.tie_parameter else mean
    return drawn_strengths(mean, few.joint(indices), runs, generator, with_ties=with_ties)


def _bracket(tournament: Tournament, size: int) -> Bracket | None:
    if tournament.format == "round-robin":
        return None
    try:
        return standard_bracket(size) if tournament.seeding == "standard" else listed_bracket(size)
    except ValueError as error:
        fault = Fault("/competitors", f"{error}; with “standard” seeding those listed first have no opponent in the first round")
        raise BadInput("A bracket as listed has no place for byes.", [fault]) from None


def _odds(strengths: Entrants, bracket: Bracket | None, legs: int, generator: np.random.Generator) -> tuple[Floats, Floats | None, Floats | None]:
    """The title, the rounds reached in a knock-out, the points of a round robin."""
    if bracket is None:
        title, points = round_robin(strengths, legs, generator)
        return title, None, points
    through = knock_out(strengths, bracket, generator)
    return through[:, -1], np.column_stack([np.ones(len(through)), through[:, :-1]]), None


def _named(bracket: Bracket, entrants: Sequence[Stored]) -> list[list[str | None]]:
    return [[entrants[one].key, None if other is None else entrants[other].key] for one, other in bracket]


def _row(one: Stored, place: int, title: Floats, reaches: Floats | None, points: Floats | None, runs: int) -> TournamentRow:
    chance = float(title[place])
    return {
        "competitor": one.key,
        "name": one.name or one.key,
        "title": chance,
        "title_error": math.sqrt(max(chance * (1.0 - chance), 0.0) / runs),
        "reaches": None if reaches is None else [float(value) for value in reaches[place]],
        "points": None if points is None else float(points[place]),
    }


def _sentence(table: Table, rows: Sequence[TournamentRow], *, modelled: bool, byes: int, rests_on_prior: bool) -> str:
    favourite = max(rows, key=lambda row: row["title"])
    said = [f"{favourite['competitor']} would win with {favourite['title']:.0%}."]
    if byes:
        said.append(f"{byes} of {len(rows)} have no opponent in the first round.")
    said.append(
        "Live ratings are taken as they stand: how sure they are is not in these odds."
        if table.by == "live"
        else "How sure the fit is of all strengths together is in these odds."
    )
    if not modelled:
        said.append("Draws are not modelled: an expected score is played as the chance to win.")
    if rests_on_prior:
        said.append("Some pairs are only ordered by their results: how far apart they are is an assumption.")
    return " ".join(said)
