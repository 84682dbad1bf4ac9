"""Covariates as a fit takes them: columns of shape (n, q), first minus second, scaled, and told from what strengths could do in their place.

A covariate changes its sign when the sides of a match are swapped, and which side is called first is arbitrary. So its mean is not removed, and its
standard deviation is that of the column with every match in both orders, whose mean is 0: sd² = Σ w x² / Σ w.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import lsmr

from app.ratings.comparisons import Floats, Integers

ALIKE = 1e-6
"""A column of which so small a part is left is a combination of the others."""
MAX_STEPS = 300


def standard_deviations(columns: Floats, weight: Floats) -> Floats:
    """Of each column about 0, weights counting as repetitions; shape (q,)."""
    return np.asarray(np.sqrt((weight[:, None] * columns**2).sum(axis=0) / weight.sum()))


def replaceable_column(first: Integers, second: Integers, n_competitors: int, columns: Floats, side: Floats | None) -> int | None:
    """The first column that differences of strengths, the side and the columns before it could take the place of; None if there is none.

    Least squares by conjugate gradients (Fong and Saunders 2011); one that does not settle within some steps counts as irreplaceable. O(n) a step.
    """
    rows = np.arange(len(first))
    ones = np.ones(len(first))
    both = (np.concatenate([ones, -ones]), (np.concatenate([rows, rows]), np.concatenate([first, second])))
    pairs = sparse.csr_array(both, shape=(len(first), n_competitors))
    known = [pairs] if side is None else [pairs, sparse.csr_array(side[:, None])]
    for index, column in enumerate(columns.T):
        design = sparse.hstack(known, format="csr")
        left = column - design @ lsmr(design, column, atol=1e-12, btol=1e-12, maxiter=MAX_STEPS)[0]
        if np.linalg.norm(left) < ALIKE * np.linalg.norm(column):
            return index
        known.append(sparse.csr_array(column[:, None]))
    return None
