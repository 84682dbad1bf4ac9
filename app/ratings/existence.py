"""When a fit has no finite maximum, and what is to blame: classes that only beat others, or a column that the matches do not determine.

Strengths are judged by the comparison graph (Ford 1957), coefficients without a prior by linear programmes (STATISTICS §4, Existence).
"""

import numpy as np
from scipy import sparse

from app.core.grams import Sparse
from app.core.identifiability import Identifiability, undetermined_column
from app.ratings.buckets import outcomes
from app.ratings.declarations import Model


class MaximumLikelihoodDoesNotExist(ValueError):
    """The likelihood grows for ever in some direction; a prior, or other data, would end it."""

    def __init__(self, detail: str, structure: Identifiability, column: str | None = None) -> None:
        super().__init__(detail)
        self.components = structure.components
        self.classes = structure.classes
        self.column = column


def require_maximum(model: Model) -> None:
    """Refuse what has no finite maximum; a column at fault is named as it was given: "side", "covariates[:, 1]", "tie_parameter"."""
    structure = model.structure
    if not model.strengths_have_prior and not structure.likelihood_has_maximum:
        raise MaximumLikelihoodDoesNotExist(
            f"The maximum likelihood estimate does not exist: the {structure.n_components} group(s) of competitors joined by matches fall into "
            f"{structure.n_classes} classes, and between two classes of a group all points went one way, so that their distance could grow for ever. Give prior_sd, or leave classes out.",
            structure,
        )
    if model.columns_have_prior or _ties_are_plain(model):
        return
    column = _undetermined(model)
    if column is not None:
        raise MaximumLikelihoodDoesNotExist(
            f"The maximum likelihood estimate does not exist: these matches do not determine {column}; it could grow for ever, or strengths could "
            "take its part. Give coefficient_prior_sd, or leave it out.",
            structure,
            column,
        )


def _undetermined(model: Model) -> str | None:
    """Strengths with a prior are held, because along them the objective grows."""
    strengths = 0 if model.strengths_have_prior else model.buckets.n_competitors
    examined = Sparse(_never_worse(model)[:, model.buckets.n_competitors - strengths :])
    column = undetermined_column(examined, range(strengths, strengths + len(model.columns)))
    return None if column is None else model.columns[column - strengths]


def _ties_are_plain(model: Model) -> bool:
    """Whether ν is the only coefficient, and two who beat each other bound it from above as a draw does from below: no programme is needed."""
    won, _, lost = outcomes(model.buckets.moments).T
    return model.columns == ("tie_parameter",) and bool(np.any((won > 0.0) & (lost > 0.0)))


def _never_worse(model: Model) -> Sparse:
    """Rows a with a·δ ≥ 0 for exactly the directions along which no match becomes less likely."""
    buckets, difference = model.buckets, model.design.tosparse()
    if not model.ties:
        return Sparse(sparse.vstack([difference[buckets.first_took], -difference[buckets.second_took]]))
    won, drawn, lost = (outcomes(buckets.moments) > 0.0).T
    half = 0.5 * difference
    ties = sparse.csr_array(np.ones((len(buckets.first), 1)))
    blocks = [(won, difference, 0.0), (won, half, -1.0), (drawn, half, 1.0), (drawn, -half, 1.0), (lost, -difference, 0.0), (lost, -half, -1.0)]
    return Sparse(sparse.vstack([sparse.hstack([part.tocsr()[rows], sign * ties[rows]]) for rows, part, sign in blocks]))
