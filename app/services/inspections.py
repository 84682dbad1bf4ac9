"""What verification looks at beside the replay: the league's own row against its log, and the entries of a log that cannot be replayed at all."""

import json
from typing import Any

from app.ratings.matches import OUTCOMES
from app.services import ledger
from app.services.conditions import WHOLE, Conditions, of_details
from app.services.fit_arrays import table_hash
from app.services.league_settings import LeagueSettings
from app.services.packing import unpacked
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import ReadUnit


def league_differences(unit: ReadUnit, league: Stored) -> list[tuple[str, object, object]]:
    """(name, stored, logged) of what the league's row says otherwise than its log: name, visibility, settings, the published fit and its table."""
    logged: dict[str, Any] = {}
    publications: dict[Conditions, dict[str, Any]] = {WHOLE: {}}
    for entry in unit.entries.others(league.id, league.position):
        details = json.loads(entry.details)
        if entry.kind == Kind.FIT:
            publications[of_details(details)] = details
        elif entry.kind in {Kind.CREATE, Kind.SETTINGS}:
            logged.update({name: details[name] for name in ("name", "public", "settings") if name in details})
    stored = {"name": league.name, "public": league.public, "settings": json.loads(league.settings)}
    differences: list[tuple[str, object, object]] = [(name, stored[name], logged[name]) for name in logged if stored[name] != logged[name]]
    return differences + [found for where, publication in publications.items() for found in _fit_differences(unit, league, where, publication)]


def _fit_differences(unit: ReadUnit, league: Stored, where: Conditions, publication: dict[str, Any]) -> list[tuple[str, object, object]]:
    """A restored league has the log of its fits without their tables, and nothing published until it is fitted again."""
    fit = unit.fits.by_number(league.id, publication["fit"], with_arrays=True) if publication else None
    number, position = (None, None) if fit is None else (publication["fit"], publication["fitted_position"])
    if where:
        pairs = [(f"the published fit of {where}", unit.refits.last_published(league.id, where.text), number)]
    else:
        pairs = [("published_fit", league.published_fit, number), ("published_position", league.published_position, position)]
    differences: list[tuple[str, object, object]] = [pair for pair in pairs if pair[1] != pair[2]]
    if fit is not None and (found := _hash_of_table(fit)) != publication["table"]:
        differences.append((f"the table of fit {number}", found, publication["table"]))
    return differences


def _hash_of_table(fit: Stored) -> str:
    try:
        return table_hash(unpacked(fit.table)).hex()
    except Exception:  # noqa: BLE001  damaged bytes fail in as many ways as there are bytes
        return "unreadable"


def unreadable_entries(unit: ReadUnit, league: Stored, n_competitors: int) -> list[str]:
    """Where a log that cannot be replayed breaks off, in words."""
    differences, expected = list[str](), 0
    for entries in unit.entries.stream(league.id, league.position):
        for entry in entries:
            if entry.position != expected:
                differences.append(f"Position {expected} is missing from the log; {entry.position} follows.")
            if not _is_readable(entry, n_competitors):
                differences.append(f"The entry at position {entry.position} is none that Arpad writes.")
            expected = entry.position + 1
    return differences


def _is_readable(entry: Stored, n_competitors: int) -> bool:
    sides = range(n_competitors)
    if entry.kind == Kind.MATCH:
        return entry.match_id is not None and entry.score in OUTCOMES and entry.first in sides and entry.second in sides
    try:
        settings = json.loads(entry.details).get("settings", {})
        return entry.kind in ledger.KIND_NAMES and bool(LeagueSettings.model_validate(settings))
    except (AttributeError, TypeError, ValueError):
        return False
