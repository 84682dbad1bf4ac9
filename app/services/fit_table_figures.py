"""The arrays of a stored fit beside those that are reckoned anew: standard errors, ranks, and the second order that differences are answered from."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from app.ratings import rank_audits
from app.ratings.audits import reached
from app.services.answer_shapes import CheckedFigure
from app.services.covariates import name_of
from app.services.fit_evidence import Evidence, Floats, Integers
from app.services.fit_figures import near, of_everyone, same
from app.services.packing import Arrays

CHECKED_COMPETITORS: Final = 12
EXACT: Final = 1e-6
"""By how much exact standard errors may differ, as a share."""
ESTIMATED: Final = (0.05, 0.5)
"""The same of estimates, at least and at most."""
JOINT: Final = ("rank_low", "rank_high", "tier")
"""What needs the covariance of everyone with everyone."""
HAIR: Final = 1e-6
"""How much more and how much less strictly a rank's tests are made, so that no last digit decides."""
SLACK: Final = 1e-9
SURE: Final = 5.0
"""Standard errors between two drawn chances beyond which they are not the same."""
ROUNDED: Final = 1e-8


def of_the_table(evidence: Evidence) -> Iterator[CheckedFigure]:
    """Errors, ranks and second order."""
    yield from _of_the_errors(evidence)
    yield from _of_the_ranks(evidence)
    if evidence.stated.second_order is not None:
        yield from _of_the_second_order(evidence, evidence.stated.second_order)


def _of_the_errors(evidence: Evidence) -> Iterator[CheckedFigure]:
    stated, audit, is_robust = evidence.stated.certificate, evidence.audit, evidence.is_robust
    yield same("covariance", stated.get("covariance"), "robust with the model-based floor for few games" if is_robust else "model")
    yield same("approximate", stated.get("approximate"), evidence.is_approximate)
    if not evidence.is_approximate:
        yield near("accuracy of standard errors", stated.get("standard_error_accuracy"), 0.0, 0.0)
    share, first = _allowed(evidence), 0
    if evidence.stated.settings.side == "estimate":
        first, error = 1, audit.coefficient_error(is_robust)
        yield near("standard error of the side advantage", stated.get("side_advantage_standard_error"), error, share * error)
    else:
        known = None if evidence.stated.settings.known_side is None else 0.0
        yield near("standard error of the side advantage", stated.get("side_advantage_standard_error"), known, 0.0)
    for index, covariate in enumerate(evidence.stated.settings.covariates):
        error, each = audit.coefficient_error(is_robust, first + index), evidence.stated.covariate(index)
        unit, name = evidence.unit, name_of(covariate)
        yield near(f"standard error of “{name}”", each.get("standard_error"), error, share * error)
        yield near(f"standard error of “{name}” in points", each.get("points_standard_error"), unit * error, unit * share * error)
    yield from _of_everyones_errors(evidence, share)


def _allowed(evidence: Evidence) -> float:
    """As a share: of estimates what they say of themselves, three times over, for it was measured on a few."""
    accuracy = evidence.stated.certificate.get("standard_error_accuracy")
    said = 3.0 * accuracy if isinstance(accuracy, float) else 0.0
    return min(max(ESTIMATED[0], said), ESTIMATED[1]) if evidence.is_approximate else EXACT


def _of_everyones_errors(evidence: Evidence, share: float) -> Iterator[CheckedFigure]:
    """Some by name, one by one; of the rest, where all can be had, whoever differs."""
    audit, arrays = evidence.audit, evidence.stated.arrays
    told = arrays["standard_error"]
    for place in _sampled(evidence):
        beside = evidence.anchor is not None and audit.components[place] == audit.components[evidence.anchor]
        error = audit.standard_error(place, evidence.is_robust, evidence.anchor if beside else None)
        yield near(f"standard error of “{evidence.key(place)}”", float(told[place]), error, share * error)
    if not audit.is_dense:
        return
    centred = audit.centred_errors(evidence.is_robust)
    found = _anchored(evidence, centred)
    yield from of_everyone(evidence, "standard error", told, found, _alike(told, found, share))
    if "centred_error" in arrays:
        yield from of_everyone(evidence, "error about the mean", arrays["centred_error"], centred, _alike(arrays["centred_error"], centred, share))


def _alike(told: Floats, found: Floats, share: float) -> NDArray[np.bool_]:
    return np.asarray((np.abs(told - found) <= share * found) | (np.isnan(told) & np.isnan(found)))


def _anchored(evidence: Evidence, centred: Floats) -> Floats:
    """Relative to the anchor on its island."""
    if evidence.anchor is None:
        return centred
    relative = np.sqrt(evidence.difference_variances[evidence.anchor])
    return np.where(evidence.audit.components == evidence.audit.components[evidence.anchor], relative, centred)


def _sampled(evidence: Evidence) -> list[int]:
    """Some who play, evenly from who played least to who played most."""
    audit = evidence.audit
    played = np.bincount(audit.first, minlength=audit.n) + np.bincount(audit.second, minlength=audit.n)
    order = np.argsort(played, kind="stable")
    order = order[played[order] > 0]
    return [int(place) for place in order[np.unique(np.linspace(0, len(order) - 1, CHECKED_COMPETITORS).astype(int))]]


def _of_the_ranks(evidence: Evidence) -> Iterator[CheckedFigure]:
    arrays, nothing = evidence.stated.arrays, np.zeros(evidence.audit.n, dtype=np.int64)
    about_the_mean = arrays.get("centred_error", arrays["standard_error"] if evidence.anchor is None else None)
    if about_the_mean is not None:
        yield from _within(evidence, "rank_ub", *(_upper_bounds(evidence, about_the_mean, slack) for slack in (-SLACK, SLACK)))
    if evidence.is_approximate:
        joint: list[dict[str, Integers]] = [dict.fromkeys(JOINT, nothing)] * 2
    elif evidence.audit.is_dense:
        joint = [_joint_ranks(evidence, 1.0 + sign * HAIR) for sign in (-1.0, 1.0)]
    else:
        return
    for name in JOINT:
        if name in arrays:
            yield from _within(evidence, name, joint[0][name], joint[1][name])
    if "p_top" in arrays:
        yield from _of_the_top(evidence, arrays["p_top"])


def _within(evidence: Evidence, name: str, one: Integers, other: Integers) -> Iterator[CheckedFigure]:
    told = evidence.stated.arrays[name]
    yield from of_everyone(evidence, name, told, other, (np.minimum(one, other) <= told) & (told <= np.maximum(one, other)))


def _upper_bounds(evidence: Evidence, error: Floats, slack: float) -> Integers:
    found, theta = np.zeros(evidence.audit.n, dtype=np.int64), evidence.stated.theta
    for members in evidence.islands:
        found[members] = rank_audits.upper_bounds(theta[members], error[members], slack)
    return np.where(evidence.playing, found, 0)


def _joint_ranks(evidence: Evidence, strictness: float) -> dict[str, Integers]:
    found = {name: np.zeros(evidence.audit.n, dtype=np.int64) for name in JOINT}
    comparable = evidence.audit.comparable
    for members in evidence.islands:
        block = np.ix_(members, members)
        of = evidence.stated.theta[members], evidence.difference_variances[block], comparable[block], strictness
        found["rank_low"][members], found["rank_high"][members] = rank_audits.rank_intervals(*of)
        found["tier"][members] = rank_audits.tiers(*of)
    return {name: np.where(evidence.playing, array, 0) for name, array in found.items()}


def _of_the_top(evidence: Evidence, told: Floats) -> Iterator[CheckedFigure]:
    found = np.full(evidence.audit.n, np.nan)
    for members in [] if evidence.is_approximate else evidence.islands:
        variances = evidence.difference_variances[np.ix_(members, members)]
        found[members] = rank_audits.top_probabilities(evidence.stated.theta[members], variances)
    found = np.where(evidence.playing, found, np.nan)
    middle = 0.5 * (told + found)
    allowed = SURE * np.sqrt(np.maximum(2.0 * middle * (1.0 - middle), 1.0 / rank_audits.DRAWS) / rank_audits.DRAWS)
    agrees = (np.abs(told - found) <= allowed) | (np.isnan(told) & np.isnan(found))
    yield from of_everyone(evidence, "p_top", told, found, agrees)
    if not evidence.is_approximate:
        totals = [float(told[members].sum()) for members in evidence.islands if evidence.playing[members[0]]]
        yield near("sum of p_top of an island", max(totals, key=lambda total: abs(total - 1.0)), 1.0, ROUNDED)


def _of_the_second_order(evidence: Evidence, kept: Arrays) -> Iterator[CheckedFigure]:
    """What differences and predictions are answered from; it is in no hash."""
    audit, n = evidence.audit, evidence.audit.n
    known = {"first", "second", "precision", "few", "edge_indptr", "edge_indices", "coefficients", "components", "covariance"}
    yield same("second order can be read", known <= kept.keys(), True)
    if not known <= kept.keys():
        return
    level = sparse.diags_array(audit.precision)
    yield same("information of every pair", _is_gram(kept, "information", audit.hessian, level, n), True)
    yield same("scatter of every pair", _is_gram(kept, "meat", audit.bread, level, n), True)
    yield same("prior precision", _is_near(kept["precision"], audit.precision), True)
    yield same("who has few games", np.array_equal(kept["few"], audit.few & evidence.is_robust), True)
    yield same("covariance of differences", str(kept["covariance"]), "robust" if evidence.is_robust else "model")
    yield same("islands of differences", np.array_equal(kept["components"], audit.components), True)
    coefficients = audit.theta[n : len(audit.theta) - int(audit.ties)]
    yield same("coefficients of predictions", _is_near(kept["coefficients"], coefficients), True)
    if audit.is_dense:
        yield same("paths between classes", _is_reached(kept, audit.reaches), True)


def _is_near(told: NDArray[Any], found: NDArray[Any], size: float | None = None) -> bool:
    """Equal to within rounding, relative to the largest of them or to another size."""
    allowed = ROUNDED * (float(np.abs(found).max(initial=0.0)) if size is None else size)
    return told.shape == found.shape and bool((np.abs(told - found) <= allowed).all())


def _is_gram(kept: Arrays, name: str, with_prior: Any, prior: Any, n: int) -> bool:  # noqa: ANN401  sparse arrays
    """Diagonal, minus the weights of the pairs beside it, and the coefficients around it, all without the prior."""
    found, size = with_prior - prior, float(abs(with_prior).max())
    try:
        pairs = sparse.csr_array((kept[name], (kept["first"], kept["second"])), shape=(n, n))
        graph = sparse.diags_array(kept[f"{name}_head"]) - pairs - pairs.T
        is_graph = bool(abs(graph - found[:n][:, :n]).max() <= ROUNDED * size)
        border, corner = kept[f"{name}_border"], kept[f"{name}_corner"]
    except (KeyError, ValueError):
        return False
    return is_graph and _is_near(border, found[:n][:, n:].toarray(), size) and _is_near(corner, found[n:][:, n:].toarray(), size)


def _is_reached(kept: Arrays, reaches: NDArray[np.bool_]) -> bool:
    """Whether the edges between classes that are kept lead to whom the matches lead."""
    size = len(kept["edge_indptr"]) - 1
    if size != len(reaches):
        return False
    edges = sparse.csr_array((np.ones(len(kept["edge_indices"])), kept["edge_indices"], kept["edge_indptr"]), shape=(size, size))
    return bool(np.array_equal(reached(edges.toarray() > 0.0), reaches))
