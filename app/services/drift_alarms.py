"""Whether the live ratings of a league have left its fit: the share of well-known competitors who stand far from it."""

import numpy as np

from app.services.answer_shapes import DriftRow, DriftShape
from app.services.as_of import AsOf
from app.services.conditions import WHOLE, Conditions
from app.services.drifts import ALARM_SHARE, ALARMING, FROM_MATCHES
from app.services.keys import Caller
from app.services.ordered_tables import Table, ordered_table
from app.services.permalinks import readable_at
from app.services.standings import segment_of
from app.storage.unit_of_work import Database


def league_drift(database: Database, caller: Caller, league: str, *, limit: int = 100, where: Conditions = WHOLE, as_of: AsOf = None) -> DriftShape:
    """How many stand far from the published fit of a league or of a segment, and whether they are too many.

    Raises LeagueNotFound, FitNotPublished, BadInput; for a segment KeyRequired, ScopeMissing.
    """
    with database.read() as unit:
        table = ordered_table(database, unit, readable_at(unit, caller, league, where, as_of), "fit", where)
    assert table.fit is not None  # noqa: S101  by=fit
    judged = (table.matches >= FROM_MATCHES) & ~np.isnan(table.drifts)
    beyond = np.flatnonzero(judged & (np.abs(table.drifts) > ALARMING))
    beyond = beyond[np.argsort(-np.abs(table.drifts[beyond]), kind="stable")]
    total = int(judged.sum())
    share = len(beyond) / total if total else None
    return {
        **segment_of(table),
        "league": table.league.key,
        "position": table.league.position,
        "fit": table.fit.number,
        "from_matches": FROM_MATCHES,
        "threshold": ALARMING,
        "alarm_share": ALARM_SHARE,
        "judged": total,
        "beyond": len(beyond),
        "share": share,
        "alarm": share is not None and share > ALARM_SHARE,
        "sentence": _sentence(total, len(beyond), share),
        "rows": [_row(table, int(place)) for place in beyond[:limit]],
    }


def _row(table: Table, place: int) -> DriftRow:
    row, fit = table.at(place), table.fit
    return {
        "competitor": row.key,
        "name": row.name or row.key,
        "drift": float(table.drifts[place]),
        "live": {"rating": row.rating, "standard_error": None},
        "fit": None if fit is None else fit.shape(row.number),
        "matches": row.matches,
    }


def _sentence(judged: int, beyond: int, share: float | None) -> str:
    if share is None:
        return f"Nobody has {FROM_MATCHES} matches and a fitted rating yet, so there is nothing to judge."
    told = f"{beyond:,} of {judged:,} competitors with {FROM_MATCHES} or more matches stand more than {ALARMING:.0f} standard errors from the fit"
    verdict = "that is too many: the K factor or the data deserve a look" if share > ALARM_SHARE else "noise alone explains some of that"
    return f"{told}; {verdict}." if beyond else f"{told}."
