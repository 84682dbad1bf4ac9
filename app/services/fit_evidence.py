"""What a stored fit is held against: its matches from the rows of the log, one by one, with their weights and covariates.

Nothing of the way to a fit is used: no packed segment, no column of distinct contexts, no scaling of `ratings.covariates`. When a context meets the
conditions of a segment is decided in `conditions`, as everywhere; which matches count, and as what, in `amendments`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.ratings.audits import Audit
from app.services.amendments import Amendments
from app.services.conditions import Conditions
from app.services.league_settings import Covariate, LeagueSettings
from app.services.match_log import MatchLog, read_rows
from app.services.packing import Arrays
from app.services.segments import amendments_at
from app.storage.tables import Stored
from app.storage.unit_of_work import ReadUnit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
DAY: Final = 86_400_000_000
COEFFICIENT_PRIOR_SD: Final = 2.0
APPROXIMATE_ABOVE: Final = 3_000
FAR: Final = 1e4
"""Beyond what a strength or a coefficient can be."""


@dataclass(frozen=True, slots=True, eq=False)
class Styles:
    """Covariates as they were told, shape (n, q), 0 where they are not known; how many lack each, and their deviations."""

    values: Floats
    lacking: list[int]
    deviations: list[float]

    @property
    def scaled(self) -> Floats:
        return np.asarray(self.values / np.array(self.deviations))


def matches_of(unit: ReadUnit, league: Stored, position: int, where: Conditions, settings: LeagueSettings) -> tuple[MatchLog, Styles | None]:
    """The matches that count at a position, of the whole league or of a segment, and their covariates if it has any."""
    amendments = amendments_at(unit, league, position)
    log = amendments.applied(read_rows(unit, league.id, -1, position, with_ids=False))
    if not where and not settings.covariates:
        return log, None
    texts = _contexts(unit, league.id, position, amendments)
    log = log.take(np.array([where.met_by(texts[place]) for place in log.position.tolist()], dtype=np.bool_))
    contexts = [json.loads(texts[place] or "{}") for place in log.position.tolist()]
    return log, _styles(settings, contexts, log.weight.tolist()) if settings.covariates else None


def _contexts(unit: ReadUnit, league_id: int, position: int, amendments: Amendments) -> dict[int, str | None]:
    """By position of the match; that of the last correction that counts."""
    blocks = unit.entries.stream(league_id, position, ("position", "context"), matches_only=True)
    found = {row.position: row.context for rows in blocks for row in rows}
    for one in amendments.entries:
        if one.match is not None and one.target is not None and one.position not in amendments.voided:
            found[one.target] = one.match["context"]
    return found


def _styles(settings: LeagueSettings, contexts: list[Mapping[str, Any]], weights: list[float]) -> Styles:
    told = [[_difference(covariate, context) for context in contexts] for covariate in settings.covariates]
    total = math.fsum(weights)
    squares = [math.fsum(weight * (value or 0.0) ** 2 for weight, value in zip(weights, column, strict=True)) for column in told]
    values = np.array([[value or 0.0 for value in column] for column in told]).T
    return Styles(values, [column.count(None) for column in told], [math.sqrt(square / total) for square in squares])


def _difference(covariate: Covariate | str, context: Mapping[str, Any]) -> float | None:
    """First minus second, or that as a share of both; None where it is not known."""
    fields = [covariate] if isinstance(covariate, str) else [covariate.first, covariate.second]
    told = [context.get(field) for field in fields]
    numbers = [float(value) for value in told if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(fields):
        return None
    if isinstance(covariate, str):
        return numbers[0]
    first, second = numbers
    if covariate.form == "difference":
        return first - second
    both = first + second
    return None if min(first, second) < 0.0 else (first - second) / both if both else 0.0


def weighed(log: MatchLog, settings: LeagueSettings, recorded_at: int) -> Floats:
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
        days = (min(int(log.when.max()), recorded_at) - log.when) / DAY
        weights *= 0.5 ** (np.maximum(days, 0.0) / settings.half_life_days)
    return weights


@dataclass(frozen=True, eq=False)
class Stated:
    """A fit as it is kept, and what its league was at its position."""

    certificate: dict[str, Any]
    arrays: Arrays
    second_order: Arrays | None
    """None where it is not kept."""
    settings: LeagueSettings
    anchor: int | None
    keys: Mapping[int, str]
    competitors: int | None
    """How many the league had; None for a fit of a segment, which is of those who play in it."""

    @property
    def theta(self) -> Floats:
        return self.arrays.get("theta", np.zeros(0))

    def covariate(self, index: int) -> Mapping[str, Any]:
        """What the certificate tells of one; nothing where it does not."""
        told = self.certificate.get("covariates")
        each = told[index] if isinstance(told, list) and len(told) > index else {}
        return each if isinstance(each, dict) else {}


@dataclass(frozen=True, eq=False)
class Evidence:
    """A fit's own figures, and the audit of them; `who` are the numbers of those whom its arrays are of, and `playing` tells who of them has a match
    that counts, whatever weight time has left it.
    """

    stated: Stated
    audit: Audit
    styles: Styles | None
    who: Integers
    playing: NDArray[np.bool_]
    anchor: int | None
    """The place of the anchor among them."""

    @cached_property
    def is_robust(self) -> bool:
        decisive = self.stated.settings.draws == "davidson" or not (self.audit.score == 0.5).any()
        return not (decisive and bool((self.audit.importance == 1.0).all()))

    @property
    def is_approximate(self) -> bool:
        return len(self.audit.theta) > APPROXIMATE_ABOVE

    @cached_property
    def islands(self) -> list[Integers]:
        order = np.argsort(self.audit.components, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.audit.components))[:-1])

    @property
    def unit(self) -> float:
        """Points per natural unit."""
        return self.stated.settings.scale / math.log(10.0)

    @cached_property
    def settled(self) -> Floats:
        """Strengths and coefficients at the minimum that the audit itself comes to."""
        return self.audit.settled()

    @cached_property
    def difference_variances(self) -> Floats:
        return self.audit.difference_variances(self.is_robust)

    @property
    def rough_errors(self) -> Floats:
        """As they are stated, finite: for how far strengths may be off."""
        error = np.nan_to_num(np.abs(self.stated.arrays["standard_error"]), posinf=0.0)
        return np.asarray(np.minimum(error, 1e3))

    def key(self, place: int) -> str:
        number = int(self.who[place])
        return self.stated.keys.get(number, str(number))


def evidence_of(stated: Stated, log: MatchLog, styles: Styles | None, recorded_at: int) -> Evidence | None:
    """The audit of a fit by these matches, the last entry before it having been recorded at that time; None where its table is not of those it should be of."""
    who = whom(stated, log)
    is_of_them = np.array_equal(stated.arrays.get("numbers", np.arange(len(stated.theta))), who)
    if not (is_of_them and len(log) and bool((np.abs(stated.theta) < FAR).all())):
        return None
    settings, importance = stated.settings, weighed(log, stated.settings, recorded_at)
    counts = log.weight * importance > 0.0
    ground = np.where(log.neutral[counts], 0.0, 1.0)
    ties = settings.draws == "davidson" and bool((log.score[counts] == 0.5).any())
    coefficients = _coefficients(stated, styles, ties=ties)
    prior = 0.0 if settings.prior_sd is None else settings.prior_sd**-2.0
    audit = Audit(
        np.searchsorted(who, log.first[counts]),
        np.searchsorted(who, log.second[counts]),
        log.score[counts],
        log.weight[counts],
        importance[counts],
        ground if settings.side == "estimate" else None,
        np.append(stated.theta, coefficients),
        np.repeat([prior, COEFFICIENT_PRIOR_SD**-2.0], [len(who), len(coefficients)]),
        ties=ties,
        lead=(settings.known_side or 0.0) * ground,
        covariates=None if styles is None else styles.scaled[counts],
    )
    playing = np.isin(who, np.concatenate([log.first, log.second]))
    return Evidence(stated, audit, styles, who, playing, next(iter(np.flatnonzero(who == stated.anchor).tolist()), None))


def whom(stated: Stated, log: MatchLog) -> Integers:
    """Of whom the table should be, in order of number."""
    return np.unique(np.concatenate([log.first, log.second])) if stated.competitors is None else np.arange(stated.competitors)


def _coefficients(stated: Stated, styles: Styles | None, *, ties: bool) -> list[float]:
    """As they are stated, in the order of an audit."""
    side = [number_in(stated.certificate, "side_advantage")] if stated.settings.side == "estimate" else []
    told = [number_in(stated.covariate(index), "coefficient") for index in range(0 if styles is None else len(styles.lacking))]
    nu = number_in(stated.certificate, "tie_parameter")
    return [*side, *told, *([math.log(nu) if nu > 0.0 else 0.0] if ties else [])]


def number_in(told: Mapping[str, Any], name: str) -> float:
    """To compute with; 0 where it is no number, or none that could be meant."""
    value = told.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < FAR else 0.0
