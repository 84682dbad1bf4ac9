"""A fit reckoned anew, match by match, from nothing but its matches, its settings and its strengths.

Nothing of the way to a fit is used here, no collapsed pairs, no design, no objective, no solver: an error there would hide itself. What both have
in common is STATISTICS §1, 4, 5 and 8. Slower than a fit's own figures by a factor; whether the two agree is judged in `services.fit_checks`.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, cg, eigsh
from scipy.special import expit, logsumexp

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DENSE_LIMIT = 3_000
"""Coefficients up to which whole matrices are inverted."""
EIGENVALUES_UP_TO = 1_500
FEW_GAMES = 20.0
SOLVED = 1e-11
STEPS, LONGEST_STEP = 20, 1.0
"""Of the way from what a fit says to the minimum."""


@dataclass(frozen=True, eq=False)
class Audit:
    """The matches that count, shape (n,) per column, and what a fit says of them.

    Parameters
    ----------
    first, second, score : array, shape (n,)
        Who played, and what the first side scored.
    frequency, importance : array, shape (n,)
        c and a.
    side : array (n,) or None
        +1 where the first side has the advantage; None where none was estimated.
    theta : array, shape (p,)
        Log-strengths, and after them side advantage, coefficients of covariates and ln ν as far as they were estimated.
    precision : array, shape (p,)
        λ, 0 for no prior.
    ties : bool
        Whether the last of θ is ln ν.
    lead : array (n,) or float
        What the first side is known to be ahead by, natural units.
    covariates : array (n, q) or None
        First minus second, as they were scaled.
    """

    first: Integers
    second: Integers
    score: Floats
    frequency: Floats
    importance: Floats
    side: Floats | None
    theta: Floats
    precision: Floats
    ties: bool
    lead: Floats | float = 0.0
    covariates: Floats | None = None

    @cached_property
    def n(self) -> int:
        """How many competitors there are."""
        return len(self.theta) - len(self._columns) - int(self.ties)

    @property
    def is_dense(self) -> bool:
        """Whether the covariance of everyone with everyone can be had."""
        return len(self.theta) <= DENSE_LIMIT

    @cached_property
    def _columns(self) -> list[Floats]:
        """What a match adds to the difference beside two strengths: the side, then the covariates."""
        beside = [] if self.side is None else [self.side]
        return beside if self.covariates is None else [*beside, *self.covariates.T]

    @cached_property
    def weight(self) -> Floats:
        """c·a of each match."""
        return self.frequency * self.importance

    @cached_property
    def difference_columns(self) -> Any:  # noqa: ANN401  a sparse array
        """D of the difference, shape (n, p): a row says whose strengths a match is about, the side, and the covariates."""
        rows, ones = np.arange(len(self.first)), np.ones(len(self.first))
        parts = [(ones, self.first), (-ones, self.second)]
        parts += [(column, np.full(len(rows), self.n + index)) for index, column in enumerate(self._columns)]
        values, columns = (np.concatenate(each) for each in zip(*parts, strict=True))
        return sparse.csr_array((values, (np.tile(rows, len(parts)), columns)), shape=(len(rows), len(self.theta)))

    @cached_property
    def _tie_columns(self) -> Any:  # noqa: ANN401  a sparse array
        rows = np.arange(len(self.first) if self.ties else 0)
        return sparse.csr_array((np.ones(len(rows)), (rows, np.full(len(rows), len(self.theta) - 1))), shape=(len(self.first), len(self.theta)))

    @cached_property
    def _losses(self) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Of each match: the loss; its slopes by difference and by ln ν; its second derivatives by both, by one and the other, by ln ν."""
        d, nothing = self.difference_columns @ self.theta + self.lead, np.zeros(len(self.first))
        if not self.ties:
            mean = expit(d)
            return np.logaddexp(0.0, d) - self.score * d, mean - self.score, nothing, mean * (1.0 - mean), nothing, nothing
        logits = np.stack([0.5 * d, np.full(len(d), self.theta[-1]), -0.5 * d])
        total = logsumexp(logits, axis=0)
        win, draw, loss = np.exp(logits - total)
        drawn = self.score == 0.5
        taken = np.where(drawn, logits[1], (self.score - 0.5) * d)
        lead = 0.5 * (win - loss)
        return total - taken, lead - (self.score - 0.5), draw - drawn, 0.25 * (win + loss) - lead * lead, -lead * draw, draw * (1.0 - draw)

    @cached_property
    def log_likelihood(self) -> float:
        """−Σ c·a·ℓ."""
        return -float(self.weight @ self._losses[0])

    @cached_property
    def _pull_of_matches(self) -> Floats:
        """Actual against expected, per competitor and coefficient: the gradient without the prior."""
        _, by_difference, by_tie, *_ = self._losses
        return np.asarray(self.difference_columns.T @ (self.weight * by_difference) + self._tie_columns.T @ (self.weight * by_tie))

    @cached_property
    def gradient(self) -> Floats:
        """∇F, shape (p,)."""
        return self._pull_of_matches + self.precision * self.theta

    @property
    def gradient_norm(self) -> float:
        """‖∇F‖∞ / Σca."""
        return float(np.abs(self.gradient).max()) / float(self.weight.sum())

    @property
    def score_residual(self) -> float:
        """The largest |∇F| over competitors, in games."""
        return float(np.abs(self.gradient[: self.n]).max())

    @property
    def shrinkage(self) -> float:
        """The largest |actual − expected score| over competitors, in games."""
        return float(np.abs(self._pull_of_matches[: self.n]).max())

    @property
    def pairs(self) -> int:
        """How many pairs met."""
        return len(np.unique(np.minimum(self.first, self.second) * self.n + np.maximum(self.first, self.second)))

    @cached_property
    def components(self) -> Integers:
        """Who is joined by matches, numbered from the largest."""
        return self._groups(np.concatenate([self.first, self.second]), np.concatenate([self.second, self.first]), "weak")

    @cached_property
    def classes(self) -> Integers:
        """Who took points from each other, directly or round a circle; numbered from the largest."""
        took, gave = self.score > 0.0, self.score < 1.0
        return self._groups(np.concatenate([self.first[took], self.second[gave]]), np.concatenate([self.second[took], self.first[gave]]), "strong")

    def _groups(self, takers: Integers, givers: Integers, connection: Literal["weak", "strong"]) -> Integers:
        graph = sparse.csr_array((np.ones(len(takers)), (takers, givers)), shape=(self.n, self.n))
        labels = connected_components(graph, directed=True, connection=connection)[1]
        sizes, firsts = np.bincount(labels), np.unique(labels, return_index=True)[1]
        order = sorted(range(len(sizes)), key=lambda label: (-int(sizes[label]), int(firsts[label])))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return np.asarray(place[labels])

    @cached_property
    def hessian(self) -> Any:  # noqa: ANN401  a sparse array
        """∇²F, shape (p, p)."""
        *_, both, mixed, tie = self._losses
        return self._gram(self.weight * both, self.weight * mixed, self.weight * tie)

    @cached_property
    def bread(self) -> Any:  # noqa: ANN401  a sparse array
        """Σ c·a² (score)(score)ᵀ + diag λ: what matches scattered, the prior counted as information."""
        _, d, t, *_ = self._losses
        scatter = self.frequency * self.importance**2
        return self._gram(scatter * d * d, scatter * d * t, scatter * t * t)

    def _gram(self, both: Floats, mixed: Floats, tie: Floats) -> Any:  # noqa: ANN401  a sparse array
        d, t = self.difference_columns, self._tie_columns
        crossed = d.T @ (sparse.diags_array(mixed) @ t)
        total = d.T @ (sparse.diags_array(both) @ d) + crossed + crossed.T + t.T @ (sparse.diags_array(tie) @ t)
        return sparse.csr_array(total + sparse.diags_array(self.precision))

    @cached_property
    def few(self) -> NDArray[np.bool_]:
        """Who has fewer than 20 effective games, (Σca)² / Σca²."""
        total, squares = (self._per_competitor(self.frequency * self.importance**power) for power in (1, 2))
        return np.asarray((total * total < FEW_GAMES * squares) | (squares == 0.0))

    def _per_competitor(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.first, values, self.n) + np.bincount(self.second, values, self.n))

    def standard_error(self, competitor: int, robust: bool, relative_to: int | None = None) -> float:
        """Of a strength relative to the mean of its island, or to another competitor; natural units."""
        contrast = np.zeros(len(self.theta))
        contrast[competitor] = 1.0
        if relative_to is None:
            island = np.flatnonzero(self.components == self.components[competitor])
            contrast[island] -= 1.0 / len(island)
        else:
            contrast[relative_to] -= 1.0
        has_floor = bool(self.few[competitor] or (relative_to is not None and self.few[relative_to]))
        return self._error(contrast, robust, has_floor)

    def coefficient_error(self, robust: bool, index: int = 0) -> float:
        """Of one of the coefficients after the strengths, in their order."""
        contrast = np.zeros(len(self.theta))
        contrast[self.n + index] = 1.0
        return self._error(contrast, robust, has_floor=False)

    def _error(self, contrast: Floats, robust: bool, has_floor: bool) -> float:
        solved = self._solve(contrast)
        model, scattered = float(contrast @ solved), float(solved @ (self.bread @ solved))
        return float(np.sqrt(model if not robust else max(model, scattered) if has_floor else scattered))

    @cached_property
    def _inverse(self) -> Floats:
        """Right for whatever weighs the strengths of an island to zero in sum."""
        return np.asarray(np.linalg.inv(self._grounded))

    @cached_property
    def _scattered(self) -> Floats:
        return np.asarray(self._inverse @ (self.bread @ self._inverse))

    def difference_variances(self, robust: bool) -> Floats:
        """Of θ_i − θ_j within an island, shape (n, n)."""
        model = _of_differences(self._inverse[: self.n, : self.n])
        if not robust:
            return model
        scattered = _of_differences(self._scattered[: self.n, : self.n])
        return np.where(np.logical_or.outer(self.few, self.few), np.maximum(model, scattered), scattered)

    def centred_errors(self, robust: bool) -> Floats:
        """Of each strength relative to the mean of its island, shape (n,); NaN for whoever is alone there."""
        sizes = np.bincount(self.components)[self.components]
        same = np.equal.outer(self.components, self.components) / sizes
        free = np.eye(self.n) - same

        def of(covariance: Floats) -> Floats:
            return np.asarray(((free @ covariance[: self.n, : self.n]) * free).sum(axis=1))

        model = of(self._inverse)
        scattered = of(self._scattered) if robust else model
        variance = np.where(self.few, np.maximum(model, scattered), scattered) if robust else model
        return np.where(sizes > 1, np.sqrt(np.maximum(variance, 0.0)), np.nan)

    def settled(self) -> Floats:
        """Where the minimum is, sought by steps of Newton's from what the fit says; shape (p,). It ends where rounding hides the way."""
        here, found = self, self.theta
        for _ in range(STEPS):
            step = here._solve(here.gradient)
            longest = float(np.abs(step).max())
            found = found - step * min(1.0, LONGEST_STEP / max(longest, LONGEST_STEP))
            if not longest > 1e-7:
                break
            here = replace(self, theta=found)
        return found

    @cached_property
    def reaches(self) -> NDArray[np.bool_]:
        """From whom a chain of points taken leads to whom, shape (classes, classes)."""
        took, gave = self.score > 0.0, self.score < 1.0
        steps = np.zeros((int(self.classes.max()) + 1,) * 2, dtype=np.bool_)
        steps[self.classes[self.first[took]], self.classes[self.second[took]]] = True
        steps[self.classes[self.second[gave]], self.classes[self.first[gave]]] = True
        return reached(steps)

    @property
    def comparable(self) -> NDArray[np.bool_]:
        """Which two competitors data compare at all, in one order or in both; shape (n, n)."""
        either = self.reaches | self.reaches.T
        return either[np.ix_(self.classes, self.classes)]

    @cached_property
    def _grounded(self) -> Any:  # noqa: ANN401  a matrix
        """The Hessian, dense, made regular along what no likelihood changes: the level of an island without a prior."""
        dense = self.hessian.toarray()
        if not np.all(self.precision[: self.n] > 0.0):
            dense[: self.n, : self.n] += np.equal.outer(self.components, self.components) * dense.diagonal().max()
        return dense

    def _solve(self, contrast: Floats) -> Floats:
        if self.is_dense:
            return np.asarray(np.linalg.solve(self._grounded, contrast))
        return _solved_by_conjugate_gradients(self.hessian, contrast)

    def condition(self) -> float:
        """λmax / λmin⁺ of the Hessian of the largest island and the coefficients, strengths summing to zero; NaN where there is only one of them."""
        members = np.flatnonzero(self.components == 0)
        if len(members) + len(self.theta) - self.n < 2:
            return float("nan")
        kept = np.concatenate([members, np.arange(self.n, len(self.theta))])
        hessian = sparse.csr_array(self.hessian[kept][:, kept])
        level = np.where(np.arange(len(kept)) < len(members), 1.0 / np.sqrt(len(members)), 0.0)
        return _dense_condition(hessian.toarray(), level) if len(kept) <= min(DENSE_LIMIT, EIGENVALUES_UP_TO) else _sparse_condition(hessian, level)


def reached(steps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whom a chain of steps leads to from whom, oneself included: squared until nothing is added."""
    found = (steps | np.eye(len(steps), dtype=np.bool_)).astype(np.float32)
    while True:
        further = np.minimum(found @ found, np.float32(1.0))
        if np.array_equal(further, found):
            return np.asarray(found > 0.0)
        found = further


def _of_differences(covariance: Floats) -> Floats:
    own = covariance.diagonal()
    return np.asarray(np.maximum(np.add.outer(own, own) - 2.0 * covariance, 0.0))


def _dense_condition(hessian: Floats, level: Floats) -> float:
    projector = np.eye(len(level)) - np.outer(level, level)
    values = np.linalg.eigvalsh(projector @ hessian @ projector)
    return float(values[-1] / values[1])


def _sparse_condition(hessian: Any, level: Floats) -> float:  # noqa: ANN401  a sparse array
    def free(vector: Floats) -> Floats:
        return np.asarray(vector - level * (level @ vector))

    start = free(np.random.default_rng(1).standard_normal(len(level)))
    largest = _largest_eigenvalue(lambda vector: free(hessian @ free(vector)), start)
    return largest * _largest_eigenvalue(lambda vector: free(_solved_by_conjugate_gradients(hessian, free(vector))), start)


def _largest_eigenvalue(product: Any, start: Floats) -> float:  # noqa: ANN401  a function of vectors
    operator = LinearOperator((len(start), len(start)), matvec=lambda vector: product(np.asarray(vector).ravel()), dtype=np.float64)
    return float(eigsh(operator, k=1, which="LA", v0=start, tol=1e-5, return_eigenvectors=False)[0])


def _solved_by_conjugate_gradients(hessian: Any, contrast: Floats) -> Floats:  # noqa: ANN401  a sparse array
    diagonal = hessian.diagonal()
    inverse = np.divide(1.0, diagonal, out=np.ones_like(diagonal), where=diagonal > 0.0)
    solved, _ = cg(hessian, contrast, rtol=SOLVED, maxiter=20 * len(contrast), M=sparse.diags_array(inverse))
    return np.asarray(solved)
