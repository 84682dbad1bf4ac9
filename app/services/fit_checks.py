"""A stored fit against its league's log: every figure of its certificate and of its table reckoned anew by `ratings.audits`, which shares no code
with fitting.

The matches are those of `fit_evidence`. What is compared with what is in `fit_figures` and `fit_table_figures`. Whether the log is what was once recorded is for
`arpad verify` to say.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from app.errors import BadInput, Fault, FitNotFound, FitWithoutTable
from app.services.answer_shapes import CheckedFigure, FitCheckShape
from app.services.as_of import league_at
from app.services.conditions import WHOLE, Conditions, of_details
from app.services.fit_arrays import ADDED, TABLE, table_hash
from app.services.fit_evidence import Stated, Styles, evidence_of, matches_of
from app.services.fit_figures import of_the_certificate, of_the_log, same
from app.services.fit_table_figures import of_the_table
from app.services.keys import Caller, require_league
from app.services.league_settings import LeagueSettings, read_settings
from app.services.match_log import MatchLog
from app.services.packing import Arrays, unpacked
from app.services.segments import amendments_at
from app.services.shapes import SegmentOf
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit


def check_fit(database: Database, caller: Caller, league: str, fit: int | None = None, *, where: Conditions = WHOLE) -> FitCheckShape:
    """Reckon a fit anew, by its number, or the published one of the league or of a segment. A difference is an answer, not an error.

    Raises LeagueNotFound, KeyRequired, FitNotFound, BadInput for a number and a segment together, and FitWithoutTable for one that was never published.
    """
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, even_if_public=True)
        job, stored = _found(unit, row, fit, where)
        segment = Conditions.stored(job.conditions)
        stated = _stated(unit, row, stored, segment)
        log, styles = matches_of(unit, row, stored.position, segment, stated.settings)
        recorded_at = unit.entries.time_of(row.id, stored.position) or 0
        figures = list(_of_the_record(unit, row, stored, segment, stated))
    figures += _figures(stated, log, styles, recorded_at)
    shown: SegmentOf = {"where": segment.shape} if segment else {}
    return {
        **shown,
        "league": row.key,
        "fit": stored.number,
        "position": stored.position,
        "matches": len(log),
        "equal": all(each["agrees"] for each in figures),
        "figures": figures,
    }


def _figures(stated: Stated, log: MatchLog, styles: Styles | None, recorded_at: int) -> Iterator[CheckedFigure]:
    yield from of_the_log(stated, log)
    evidence = evidence_of(stated, log, styles, recorded_at)
    yield same("the table can be judged", evidence is not None, True)
    if evidence is not None:
        yield from of_the_certificate(evidence)
        yield from of_the_table(evidence)


def _found(unit: ReadUnit, league: Stored, number: int | None, where: Conditions) -> tuple[Stored, Stored]:
    """The job and what came of it."""
    if number is not None and where:
        raise BadInput("A fit is named by its number or by its segment, not by both.", [Fault("where", "Leave it out, or leave the number out.")])
    published = unit.refits.last_published(league.id, where.text) if where else league.published_fit
    wanted = published if number is None else number
    if wanted is None:
        of = f"of {where} " if where else ""
        raise FitNotFound(f"League “{league.key}” has no published fit {of}to check; ask for one with `arpad refit`, or name another by its number.")
    job = unit.refits.by_number(league.id, wanted) if 0 < wanted < 2**31 else None
    if job is None:
        raise FitNotFound(f"League “{league.key}” has no fit {wanted}.")
    row = unit.fits.by_number(league.id, wanted, with_arrays=True)
    if row is None or row.table is None:
        raise FitWithoutTable(wanted, job.status, job.reason)
    return job, row


def _stated(unit: ReadUnit, league: Stored, row: Stored, segment: Conditions) -> Stated:
    then = league_at(unit, league, row.position)
    settings, certificate, arrays = read_settings(then.settings), _certificate(row.certificate), _table(row.table)
    return Stated(
        certificate=certificate,
        arrays=arrays,
        second_order=None if row.uncertainty is None else _readable(row.uncertainty),
        settings=settings,
        anchor=_anchor(unit, league, row.position, settings, certificate, arrays),
        keys={one.number: one.key for one in unit.competitors.all(league.id)},
        competitors=None if segment else then.competitors,
    )


def _certificate(told: str) -> dict[str, Any]:
    """Empty where it cannot be read: every figure is then one that is not stated."""
    try:
        read = json.loads(told)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _readable(packed: bytes | None) -> Arrays:
    """Nothing where the bytes are damaged, which they can be in as many ways as there are bytes."""
    try:
        return unpacked(packed) if packed else {}
    except Exception:  # noqa: BLE001  as said
        return {}


def _table(packed: bytes) -> Arrays:
    """Nothing where an array is lacking, or not as long as the others."""
    arrays = _readable(packed)
    named = [name for name in (*TABLE, *ADDED) if name in TABLE or name in arrays]
    whole = all(name in arrays and arrays[name].ndim == 1 for name in named) and len({len(arrays[name]) for name in named}) == 1
    return arrays if whole else {}


def _anchor(unit: ReadUnit, league: Stored, position: int, settings: LeagueSettings, certificate: dict[str, Any], arrays: Arrays) -> int | None:
    """The number under which the anchor's matches counted; of one that was forgotten since, whose error is 0, as only the anchor's is."""
    if settings.anchor is None:
        return None
    found = unit.competitors.by_key(league.id, settings.anchor.competitor)
    if found is not None:
        number: int = amendments_at(unit, league, position).merges.get(found.number, found.number)
        return number
    if not arrays:
        return None
    alike = np.flatnonzero((arrays["standard_error"] == 0.0) & (arrays["components"] == certificate.get("anchored_component")))
    numbers = arrays.get("numbers", np.arange(len(arrays["theta"])))
    return int(numbers[alike[0]]) if len(alike) else None


def _of_the_record(unit: ReadUnit, league: Stored, row: Stored, segment: Conditions, stated: Stated) -> Iterator[CheckedFigure]:
    """What the log told when the fit was published."""
    told = [json.loads(entry.details) for entry in unit.entries.of_kind(league.id, Kind.FIT, league.position)]
    entry: dict[str, Any] = next((each for each in told if each["fit"] == row.number), {})
    found = table_hash(stated.arrays).hex() if stated.arrays else "unreadable"
    yield same("table hash in the log", entry.get("table"), found)
    yield same("table hash of the fit", (row.table_hash or b"").hex(), found)
    yield same("position", entry.get("fitted_position"), row.position)
    yield same("settings", _settings(row.settings) == stated.settings, True)
    if segment or of_details(entry):
        yield same("segment", str(of_details(entry)), str(segment))


def _settings(told: str) -> LeagueSettings | None:
    try:
        return read_settings(told)
    except ValueError:
        return None
