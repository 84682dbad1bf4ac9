"""A stored fit against its league's log: every figure of its certificate reckoned anew by `ratings.audits`, which shares no code with fitting.

The matches are read from the rows of the log, not from packed segments, and weighed as the settings say by a few lines of their own. Whether the
log is what was once recorded is for `arpad verify` to say.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.errors import BadInput, FitNotFound, FitWithoutTable
from app.ratings.audits import Audit
from app.services.answer_shapes import CheckedFigure, FitCheckShape
from app.services.as_of import league_at
from app.services.fit_arrays import TABLE, table_hash
from app.services.keys import Caller, require_league
from app.services.league_settings import LeagueSettings, read_settings
from app.services.match_log import MatchLog, read_rows
from app.services.packing import Arrays, unpacked
from app.services.segments import amendments_at
from app.storage.tables import Kind, Stored
from app.storage.unit_of_work import Database, ReadUnit

CHECKED_COMPETITORS: Final = 12
GAMES: Final = 1e-6
"""By how much figures in games may differ: a millionth of a game."""
VANISHED: Final = 1e-6
"""A gradient, per game, that is no gradient any more."""
EXACT_UP_TO: Final = 300
"""Coefficients; above, conditions are estimated by either side."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """A fit as it is kept, and what the log says of it."""

    row: Any
    settings: LeagueSettings
    certificate: dict[str, Any]
    arrays: Arrays
    entry: dict[str, Any]
    logged_settings: LeagueSettings
    anchor: int | None


def check_fit(database: Database, caller: Caller, league: str, fit: int | None = None) -> FitCheckShape:
    """Reckon the certificate of a fit, of the published one if none is named, anew. A difference is an answer, not an error.

    Raises LeagueNotFound, KeyRequired, FitNotFound, and FitWithoutTable for one that was never published.
    """
    with database.read() as unit:
        row, _ = require_league(unit, caller, league, even_if_public=True)
        stored = _stored(unit, row, fit)
        log = amendments_at(unit, row, stored.row.position).applied(read_rows(unit, row.id, -1, stored.row.position, with_ids=False))
        recorded_at = unit.entries.time_of(row.id, stored.row.position) or 0
        keys = {one.number: one.key for one in unit.competitors.all(row.id)}
    figures = list(_figures(stored, log, recorded_at, keys))
    return {
        "league": row.key,
        "fit": stored.row.number,
        "position": stored.row.position,
        "matches": len(log),
        "equal": all(each["agrees"] for each in figures),
        "figures": figures,
    }


def _stored(unit: ReadUnit, league: Stored, number: int | None) -> _Stored:
    wanted = league.published_fit if number is None else number
    if wanted is None:
        raise FitNotFound(f"League “{league.key}” has no published fit; name another one.")
    job = unit.refits.by_number(league.id, wanted) if 0 < wanted < 2**31 else None
    row = unit.fits.by_number(league.id, wanted, with_arrays=True) if job is not None else None
    if job is None:
        raise FitNotFound(f"League “{league.key}” has no fit {wanted}.")
    if row is None or row.table is None:
        raise FitWithoutTable(wanted, job.status, job.reason)
    if job.conditions or read_settings(row.settings).covariates:
        raise BadInput(f"Fit {wanted} is of a segment, or has covariates; neither can be reckoned anew yet. Check a fit of the whole league without.")
    entries = [json.loads(entry.details) for entry in unit.entries.of_kind(league.id, Kind.FIT, league.position)]
    settings = read_settings(row.settings)
    return _Stored(
        row,
        settings,
        json.loads(row.certificate),
        _readable(row.table),
        next((entry for entry in entries if entry["fit"] == wanted), {}),
        read_settings(league_at(unit, league, row.position).settings),
        _anchor(unit, league, row.position, settings),
    )


def _readable(table: bytes) -> Arrays:
    """The arrays of a table; none where its bytes are damaged, which they can be in as many ways as there are bytes."""
    try:
        arrays = unpacked(table)
        return arrays if {len(arrays[name]) for name in TABLE} == {len(arrays["theta"])} else {}
    except Exception:  # noqa: BLE001  as said
        return {}


def _anchor(unit: ReadUnit, league: Stored, position: int, settings: LeagueSettings) -> int | None:
    found = None if settings.anchor is None else unit.competitors.by_key(league.id, settings.anchor.competitor)
    return None if found is None else amendments_at(unit, league, position).merges.get(found.number, found.number)


def _figures(stored: _Stored, log: MatchLog, recorded_at: int, keys: dict[int, str]) -> Iterator[CheckedFigure]:
    arrays, certificate = stored.arrays, stored.certificate
    found = table_hash(arrays).hex() if arrays else "unreadable"
    yield _same("table hash in the log", stored.entry.get("table"), found)
    yield _same("table hash of the fit", (stored.row.table_hash or b"").hex(), found)
    yield _same("position", stored.entry.get("fitted_position"), stored.row.position)
    yield _same("settings", stored.settings == stored.logged_settings, True)
    yield _same("draws", certificate["draws"], stored.logged_settings.draws)
    yield _same("prior sd", certificate["prior_sd"], stored.logged_settings.prior_sd)
    if len(arrays.get("theta", ())) < log.n_competitors:
        return
    audit = _audit(stored, log, recorded_at)
    yield from _of_the_point(certificate, audit)
    yield from _of_the_structure(stored, audit)
    yield from _of_the_errors(stored, audit, log, keys)


def _audit(stored: _Stored, log: MatchLog, recorded_at: int) -> Audit:
    settings, certificate, theta = stored.logged_settings, stored.certificate, stored.arrays["theta"]
    importance = weighed(log, settings, recorded_at)
    counts = log.weight * importance > 0.0
    tie = certificate["tie_parameter"]
    coefficients = [certificate["side_advantage"]] if settings.side == "estimate" else []
    coefficients += [math.log(tie)] if tie else []
    prior, of_coefficients = settings.prior_sd, certificate["coefficient_prior_sd"]
    precision = np.repeat([0.0 if prior is None else prior**-2.0, of_coefficients**-2.0], [len(theta), len(coefficients)])
    return Audit(
        log.first[counts],
        log.second[counts],
        log.score[counts],
        log.weight[counts],
        importance[counts],
        np.where(log.neutral[counts], 0.0, 1.0) if settings.side == "estimate" else None,
        np.append(theta, coefficients),
        precision,
        ties=bool(tie),
    )


def weighed(log: MatchLog, settings: LeagueSettings, recorded_at: int) -> NDArray[np.float64]:
    """The importance of each match (STATISTICS §4), one by one."""
    weights = np.ones(len(log))
    if settings.balance == "pairs":
        met: dict[frozenset[int], float] = {}
        pairs = [frozenset(pair) for pair in zip(log.first.tolist(), log.second.tolist(), strict=True)]
        for pair, count in zip(pairs, log.weight.tolist(), strict=True):
            met[pair] = met.get(pair, 0.0) + count
        weights = np.array([1.0 / max(met[pair], 50.0) for pair in pairs])
        weights *= log.weight.sum() / (log.weight * weights).sum()
    if settings.half_life_days is not None:
        days = (min(int(log.when.max()), recorded_at) - log.when) / 86_400_000_000
        weights *= 0.5 ** (np.maximum(days, 0.0) / settings.half_life_days)
    return weights


def _of_the_point(stated: dict[str, Any], audit: Audit) -> Iterator[CheckedFigure]:
    yield _same("status", stated["status"], "converged" if audit.gradient_norm <= VANISHED else "the gradient has not vanished")
    yield _near("gradient norm", stated["gradient_norm"], audit.gradient_norm, GAMES / max(1.0, float(audit.weight.sum())))
    yield _near("score residual in games", stated["score_residual"], audit.score_residual, GAMES)
    yield _near("shrinkage in games", stated["shrinkage"], audit.shrinkage, GAMES)
    yield _near("log-likelihood", stated["log_likelihood"], audit.log_likelihood, 1e-9 * max(1.0, abs(audit.log_likelihood)))
    condition = audit.condition()
    yield _near("condition", stated["condition"], condition, (1e-3 if len(audit.theta) <= EXACT_UP_TO else 1e-2) * abs(condition))


def _of_the_structure(stored: _Stored, audit: Audit) -> Iterator[CheckedFigure]:
    stated = stored.certificate
    yield _same("pairs", stated["pairs"], audit.pairs)
    yield _same("islands", stated["components"], int(audit.components.max()) + 1)
    yield _same("classes", stated["classes"], int(audit.classes.max()) + 1)
    yield _same("island of everyone", bool(np.array_equal(stored.arrays["components"], audit.components)), True)
    yield _same("class of everyone", bool(np.array_equal(stored.arrays["classes"], audit.classes)), True)


def _of_the_errors(stored: _Stored, audit: Audit, log: MatchLog, keys: dict[int, str]) -> Iterator[CheckedFigure]:
    stated, settings = stored.certificate, stored.logged_settings
    is_plain = bool((audit.importance == 1.0).all()) and (settings.draws == "davidson" or not (audit.score == 0.5).any())
    yield _same("covariance", stated["covariance"], "model" if is_plain else "robust with the model-based floor for few games")
    relative = _allowed_of_errors(stated)
    if settings.side == "estimate":
        error = audit.coefficient_error(robust=not is_plain)
        yield _near("standard error of the side advantage", stated["side_advantage_standard_error"], error, relative * error)
    yield from _of_the_anchor(stored, audit)
    for number in _sampled(log):
        anchored = stored.anchor is not None and audit.components[number] == audit.components[stored.anchor]
        error = audit.standard_error(number, not is_plain, stored.anchor if anchored else None)
        yield _near(f"standard error of “{keys.get(number, number)}”", float(stored.arrays["standard_error"][number]), error, relative * error)


def _of_the_anchor(stored: _Stored, audit: Audit) -> Iterator[CheckedFigure]:
    anchor, stated = stored.settings.anchor, stored.certificate
    if anchor is None or stored.anchor is None:
        return
    unit = stored.settings.scale / math.log(10.0)
    shift = anchor.rating - stored.settings.offset - unit * float(audit.theta[stored.anchor])
    yield _near("points that the anchor adds", stated["anchor_shift"], shift, 1e-6)
    yield _same("island of the anchor", stated["anchored_component"], int(audit.components[stored.anchor]))


def _allowed_of_errors(stated: dict[str, Any]) -> float:
    """As a share: of estimates what they say of themselves, three times over, for it was measured on a few."""
    return max(0.05, 3.0 * (stated["standard_error_accuracy"] or 0.0)) if stated["approximate"] else 1e-6


def _sampled(log: MatchLog) -> list[int]:
    """Some who play, evenly from who played least to who played most."""
    played = np.bincount(log.first, minlength=log.n_competitors) + np.bincount(log.second, minlength=log.n_competitors)
    order = np.argsort(played, kind="stable")
    order = order[played[order] > 0]
    return [int(number) for number in order[np.unique(np.linspace(0, len(order) - 1, CHECKED_COMPETITORS).astype(int))]]


def _same(name: str, stated: Any, found: Any) -> CheckedFigure:  # noqa: ANN401  values of JSON
    return {"figure": name, "stated": stated, "recomputed": found, "allowed": None, "agrees": stated == found}


def _near(name: str, stated: float | None, found: float, allowed: float) -> CheckedFigure:
    """Equal within an absolute difference; what is not known has to be so on either side."""
    known = found if math.isfinite(found) else None
    agrees = stated is known if stated is None or known is None else abs(stated - known) <= allowed
    return {"figure": name, "stated": stated, "recomputed": known, "allowed": allowed if math.isfinite(allowed) else None, "agrees": agrees}
