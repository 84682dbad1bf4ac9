"""How far estimates can be trusted: covariances of strengths and coefficients after a fit.

    model-based   V = H⁻¹, with the prior in H
    robust        V = H⁻¹ (M + diag λ) H⁻¹, M = Σ c a² Dᵀ(μ − y)(μ − y)ᵀD, the prior counted as information;
                  where observations come in clusters, M is that of `scores`

Both are reported centred within each component, C V Cᵀ. Residuals vanish where a competitor won everything, and a robust variance then claims a
certainty that nobody has. So the robust one may carry a floor: whatever involves a competitor with few games is never below the model-based figure.
That holds for marginal variances, for differences, and for a joint covariance as a whole (V is then the smallest sum V_robust + S, S ⪰ 0, that is
above both).

The variance of a difference is exact at any size, by one sparse solve. All marginal variances are exact up to `DENSE_LIMIT`
coefficients and estimated above (`marginals`), with the error measured on competitors whose variance is solved for. Where that is large, as in
ladders and among divisions that hardly meet, they are exact again by sparse elimination (`selected_inverses`), if that is affordable.
Which of the two is right for some data is decided in `ratings.fits`.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from app.core.grams import Floats, PairGram, Sparse
from app.core.identifiability import centre, gauge_directions
from app.core.marginals import counting_modes, estimated_sandwich, estimated_variances, marginal_variances, sandwich_variances
from app.core.scores import ScoreGram
from app.core.selected_inverses import Elimination, graph_matrix
from app.core.solvers import conjugate_gradients, grounded

DENSE_LIMIT = 3_000
SOLVE_ACCURACY = 1e-10
CHECKED = 12
CHECK_ACCURACY = 1e-4
GOOD_ENOUGH = 0.015
"""The measured error of a standard error up to which an estimate stands."""
IMAGINARY_STEP = 1e-40
DRAWS = 256
"""Of a clustered meat; the error of a standard error is then 1/√(2 · 256), 4 %."""
DRAWN_AT_ONCE = 32

Labels = NDArray[np.int64]
Covariance = Literal["model", "robust"]
Meat = PairGram | ScoreGram


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The second order of a fit, small enough to be stored: a weight per pair, never a matrix of competitors by competitors.

    Parameters
    ----------
    information : PairGram
        Dᵀ diag(c·a·curvature) D, without the prior.
    meat : PairGram or ScoreGram
        M, on the same pairs, or by clusters.
    precision : array, shape (p,)
        λ.
    components : array of int, shape (n,)
        The component of each competitor.
    few : array of bool, shape (n,)
        Whose robust variance has a floor.
    covariance : {"model", "robust"}
        Which of the two is reported.
    """

    information: PairGram
    meat: Meat
    precision: Floats
    components: Labels
    few: NDArray[np.bool_]
    covariance: Covariance

    @property
    def approximate(self) -> bool:
        """Whether the marginal variances are estimates."""
        return len(self.precision) > DENSE_LIMIT

    @property
    def width(self) -> int:
        """How many competitors and coefficients there are."""
        return len(self.precision)

    @cached_property
    def hessian(self) -> PairGram:
        """Information of data and prior."""
        return self.information.plus_diagonal(self.precision)

    @cached_property
    def bread(self) -> Meat:
        """M + diag λ, what stands between the two inverses of the robust covariance."""
        return self.meat.plus_diagonal(self.precision)

    def variance_of_difference(self, i: int, j: int) -> float:
        """The variance of θ_i − θ_j, exact at any size."""
        return float(self.contrasts([i, j], np.array([[1.0], [-1.0]]))[0, 0])

    def contrasts(self, indices: list[int], values: Floats) -> Floats:
        """The covariance (k, k) of k weighted sums of a few competitors and coefficients, whose weights are the columns of `values`."""
        weights = np.zeros((len(self.precision), values.shape[1]))
        np.add.at(weights, indices, values)
        return self._of_contrasts(weights, any(self.few[index] for index in indices if index < len(self.few)))

    def joint(self, indices: NDArray[np.integer[Any]] | list[int]) -> Floats:
        """The covariance among a few, shape (k, k). Competitors come first (0 … n − 1), the coefficients after them."""
        chosen = np.asarray(indices, dtype=np.int64)
        competitors = chosen[chosen < len(self.components)]
        return self._of_contrasts(self.unit_vectors(chosen), bool(self.few[competitors].any()))

    def covariance_rows(self, indices: NDArray[np.integer[Any]] | list[int]) -> Floats:
        """Rows of the covariance with everyone, shape (k, p), without a floor."""
        solved = self.solve(self.centred(self.unit_vectors(np.asarray(indices, dtype=np.int64))))
        return self.centred(solved if self.covariance == "model" else self.solve(self.bread @ solved)).T

    def part(self, members: Labels) -> "Uncertainty":
        """That of some competitors alone, a component or several of them, and of all coefficients as far as these know them."""
        if np.array_equal(members, np.arange(len(self.components))):
            return self
        kept = np.concatenate([members, np.arange(len(self.components), len(self.precision))])
        meat = _part_of(self.meat, members) if isinstance(self.meat, PairGram) else self.meat.part(kept)
        components = np.unique(self.components[members], return_inverse=True)[1].astype(np.int64)
        return Uncertainty(_part_of(self.information, members), meat, self.precision[kept], components, self.few[members], self.covariance)

    @cached_property
    def marginal(self) -> "Marginal":
        """The variance of every competitor and coefficient, relative to the mean of its component."""
        return _estimated(self) if self.approximate else Marginal(self._exact_variances(), 0.0)

    def difference_variances(self) -> Floats:
        """The variance of every difference, shape (n, n), where the dense inverse is affordable."""
        n = len(self.components)
        model = differences_of(self._inverse[:n, :n])
        if self.covariance == "model":
            return model
        robust = differences_of(self._sandwich[:n, :n])
        return np.where(self.few[:, None] | self.few[None, :], np.maximum(model, robust), robust)

    def covariances(self, chosen: Labels) -> tuple[Floats, Floats | None]:
        """Among a few, shape (k, k), by one solve each: the model-based one, and the robust one where that is reported, without a floor."""
        centred = self.centred(self.unit_vectors(chosen))
        solved = self.solve(centred)
        return centred.T @ solved, None if self.covariance == "model" else solved.T @ (self.bread @ solved)

    def variances_relative_to(self, competitor: int) -> Floats:
        """The variance of everyone's difference to one competitor, shape (n,), exactly 0 for itself. Where `approximate`, from estimates."""
        n = len(self.components)
        if not self.approximate:
            return np.asarray(self.difference_variances()[competitor])
        variance, row = self.marginal.variance[:n], self.covariance_rows([competitor])[0, :n]
        relative = np.maximum(variance + variance[competitor] - 2.0 * row, 0.0)
        relative[competitor] = 0.0
        return np.asarray(relative)

    def choose(self, model: Floats, robust: Floats) -> Floats:
        """Of the two variances (p,) the one that is reported."""
        if self.covariance == "model":
            return model
        floor = np.zeros(len(self.precision), dtype=np.bool_)
        floor[: len(self.few)] = self.few
        return np.where(floor, np.maximum(model, robust), robust)

    def solved_variances(self, indices: NDArray[np.int64]) -> Floats:
        """The variances of a few competitors, shape (k,), by one solve each."""
        centred = self.centred(self.unit_vectors(indices))
        solved = conjugate_gradients(self.hessian, centred, CHECK_ACCURACY)[0]
        model = _column_products(centred, solved)
        if self.covariance == "model":
            return model
        robust = _column_products(solved, self.bread @ solved)
        return np.where(self.few[indices], np.maximum(model, robust), robust)

    @cached_property
    def check(self) -> tuple[Labels, Floats]:
        """Competitors drawn with a fixed seed from those who have an opponent, and their variances, solved for."""
        known = np.flatnonzero(np.bincount(self.components)[self.components] > 1)
        chosen = np.random.default_rng(0).choice(known, min(CHECKED, len(known)), replace=False)
        return chosen, self.solved_variances(chosen)

    def _exact_variances(self) -> Floats:
        model = self._inverse.diagonal().copy()
        return model if self.covariance == "model" else self.choose(model, self._sandwich.diagonal())

    def _of_contrasts(self, contrasts: Floats, floor: bool) -> Floats:
        centred = self.centred(contrasts)
        solved = self.solve(centred)
        model = centred.T @ solved
        if self.covariance == "model":
            return model
        robust = solved.T @ (self.bread @ solved)
        return upper_bound(model, robust) if floor else robust

    @cached_property
    def _flat(self) -> Sparse | None:
        n = len(self.components)
        return None if np.all(self.precision[:n] > 0.0) else gauge_directions(self.components, len(self.precision) - n)

    @cached_property
    def _factor(self) -> tuple[Floats, bool]:
        factor: tuple[Floats, bool] = linalg.cho_factor(grounded(self.hessian, self._flat), lower=True, overwrite_a=True, check_finite=False)
        return factor

    @cached_property
    def _inverse(self) -> Floats:
        """C H⁻¹ Cᵀ."""
        # A third of the multiplications that solving for the columns of the identity would take.
        lower, _ = linalg.lapack.dpotri(self._factor[0], lower=True)
        inverse = np.tril(lower) + np.tril(lower, -1).T
        return self.centred(self.centred(inverse).T)

    @cached_property
    def _sandwich(self) -> Floats:
        """C H⁻¹ (M + λ) H⁻¹ Cᵀ."""
        half = linalg.cho_solve(self._factor, self.centred(np.eye(len(self.precision))), overwrite_b=True, check_finite=False)
        return half.T @ (self.bread @ half)

    def solve(self, b: Floats) -> Floats:
        """H⁻¹b, shape (p,) or (p, k)."""
        if not self.approximate:
            return np.asarray(linalg.cho_solve(self._factor, b, check_finite=False))
        return conjugate_gradients(self.hessian, b, SOLVE_ACCURACY)[0]

    def centred(self, v: Floats) -> Floats:
        n = len(self.components)
        return np.concatenate([centre(v[:n], self.components), v[n:]])

    def unit_vectors(self, indices: NDArray[np.int64]) -> Floats:
        unit = np.zeros((len(self.precision), len(indices)))
        unit[indices, np.arange(len(indices))] = 1.0
        return unit

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as plain arrays, for `numpy.savez` or a database; `from_arrays` reads them back."""
        pairs = self.information.pairs
        rows = np.repeat(np.arange(len(self.components), dtype=np.int32), np.diff(pairs.indptr))
        return {
            "first": rows,
            "second": pairs.indices.astype(np.int32),
            **_gram_arrays("information", self.information),
            **_meat_arrays(self.meat),
            "precision": self.precision,
            "components": self.components,
            "few": self.few,
            "covariance": np.array(self.covariance),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """The same uncertainty from what `arrays` gave."""
        covariance: Covariance = "model" if str(arrays["covariance"]) == "model" else "robust"
        meat = _clustered_meat(arrays) if "meat_scores" in arrays else _gram("meat", arrays)
        return cls(_gram("information", arrays), meat, arrays["precision"], arrays["components"], arrays["few"], covariance)


def _part_of(gram: PairGram, members: Labels) -> PairGram:
    return PairGram(Sparse(gram.pairs[members][:, members]), gram.head[members], gram.border[members], gram.corner)


def _gram_arrays(name: str, gram: PairGram) -> dict[str, NDArray[Any]]:
    return {name: gram.pairs.data, f"{name}_head": gram.head, f"{name}_border": gram.border, f"{name}_corner": gram.corner}


def _meat_arrays(meat: Meat) -> dict[str, NDArray[Any]]:
    if isinstance(meat, PairGram):
        return _gram_arrays("meat", meat)
    scores = meat.scores
    return {"meat_scores": scores.data, "meat_clusters": scores.indices, "meat_indptr": scores.indptr, "meat_ridge": meat.ridge}


def _gram(name: str, arrays: dict[str, NDArray[Any]]) -> PairGram:
    n = len(arrays["components"])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(arrays["first"], minlength=n))]).astype(np.int32)
    pairs: Sparse = Sparse((arrays[name], arrays["second"], indptr), shape=(n, n))
    return PairGram(pairs, arrays[f"{name}_head"], arrays[f"{name}_border"], arrays[f"{name}_corner"])


def _clustered_meat(arrays: dict[str, NDArray[Any]]) -> ScoreGram:
    clusters = arrays["meat_clusters"]
    shape = (len(arrays["precision"]), int(clusters.max(initial=-1)) + 1)
    return ScoreGram(Sparse((arrays["meat_scores"], clusters, arrays["meat_indptr"]), shape=shape), arrays["meat_ridge"])


def _column_products(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->j", a, b))


def differences_of(covariance: Floats) -> Floats:
    variances = covariance.diagonal()
    return np.maximum(variances[:, None] + variances[None, :] - 2.0 * covariance, 0.0)


def upper_bound(model: Floats, robust: Floats) -> Floats:
    """The robust covariance plus what the model-based one has above it in any direction; of one pair of matrices, or of many."""
    values, vectors = np.linalg.eigh(model - robust)
    above: Floats = (vectors * np.maximum(values, 0.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return robust + above


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """Variances (p,), and the largest relative error of a standard error seen among those that were solved for exactly (0 where all are exact)."""

    variance: Floats
    relative_error: float


def _estimated(of: Uncertainty) -> Marginal:
    """Component by component: small ones are exact, and the slow modes of a large one are not spent on the constants of others."""
    n, variance = len(of.components), np.zeros(len(of.precision))
    for members in np.split(np.argsort(of.components, kind="stable"), np.cumsum(np.bincount(of.components))[:-1]):
        if len(members) > 1:
            part = of.part(members)
            variance[members] = (_component_variances(part) if part.approximate else part.marginal.variance)[: len(members)]
    variance[n:] = of.joint(list(range(n, len(variance)))).diagonal()
    return Marginal(variance, _measured_error(of, variance))


def _component_variances(of: Uncertainty) -> Floats:
    """By the modes, which is quick, and where that is found wanting by elimination, as far as the league is sparse enough for it."""
    estimate = _by_modes(of)
    # Draws of a clustered meat err by their number alone, and nothing here can mend that.
    checked = replace(of, covariance="model") if isinstance(of.meat, ScoreGram) else of
    variance = _reported(checked, estimate)
    exact = _by_elimination(of) if _measured_error(checked, variance) > GOOD_ENOUGH else None
    return variance if exact is None and checked is of else _reported(of, exact or estimate)


@dataclass(frozen=True, slots=True, eq=False)
class _Strengths:
    """An inverse of the Hessian up to constants, with the diagonals (n,) of the graph's inverse and, if it is asked for, of its sandwich."""

    hessian: PairGram
    model: Floats
    robust: Floats | None
    held: bool = False


def _by_modes(of: Uncertainty) -> _Strengths:
    hessian, bread, modes = of.hessian, of.bread, counting_modes(of.hessian)
    model = estimated_variances(hessian, modes)
    if of.covariance == "model" or not isinstance(bread, PairGram):
        return _Strengths(hessian, model, None)
    return _Strengths(hessian, model, estimated_sandwich(hessian, bread, modes))


def _by_elimination(of: Uncertainty) -> _Strengths | None:
    """Exact; None where elimination would be too long. Without a prior one competitor is held, which moves all together."""
    held = not of.precision[: len(of.components)].any()
    hessian = _held(of.hessian) if held else of.hessian
    graph = graph_matrix(hessian)
    elimination = Elimination.planned(graph)
    if elimination is None:
        return None
    if of.covariance == "model" or not isinstance(of.bread, PairGram):
        return _Strengths(hessian, elimination.inverse_diagonal(graph), None, held)
    # (H + iεM)⁻¹ = H⁻¹ − iε H⁻¹MH⁻¹ to the last digit: a derivative in which nothing cancels (Squire and Trapp 1998).
    both = elimination.inverse_diagonal(graph + IMAGINARY_STEP * 1j * graph_matrix(of.bread))
    return _Strengths(hessian, both.real, -both.imag / IMAGINARY_STEP, held)


def _held(hessian: PairGram) -> PairGram:
    held = np.zeros(len(hessian.diagonal()))
    held[np.argmax(hessian.head)] = hessian.head.max()
    return hessian.plus_diagonal(held)


def _reported(of: Uncertainty, found: _Strengths) -> Floats:
    """What centring takes away of a variance follows from H⁻¹1, which is 1/λ where all have the same λ, because H1 = λ1."""
    precision, hessian = of.precision[: len(of.components)], found.hessian
    known, ones = not found.held and bool(np.all(precision == precision[0])), np.zeros(len(of.precision))
    ones[: len(precision)] = 1.0
    solved = ones * (1.0 / precision[0] if precision[0] > 0.0 else 0.0) if known else conjugate_gradients(hessian, ones, SOLVE_ACCURACY)[0]
    model = marginal_variances(hessian, found.model) - _of_means(of, solved)
    if of.covariance == "model":
        return model
    if isinstance(of.bread, ScoreGram):
        return of.choose(model, _drawn_variances(of, of.bread))
    twice = solved if known else conjugate_gradients(hessian, of.bread @ solved, SOLVE_ACCURACY)[0]
    strengths = found.model if found.robust is None else found.robust
    return of.choose(model, sandwich_variances(hessian, of.bread, strengths) - _of_means(of, twice))


def _of_means(of: Uncertainty, solved: Floats) -> Floats:
    """V_ii − (CVCᵀ)_ii from V1 in a single component, shape (p,)."""
    n = len(of.components)
    return np.append(2.0 * solved[:n] / n - solved[:n].sum() / n**2, np.zeros(len(solved) - n))


def _drawn_variances(of: Uncertainty, bread: ScoreGram) -> Floats:
    """The diagonal of the robust covariance, from seeded draws: H⁻¹g has it where g has the covariance of the bread."""
    generator, n, squares = np.random.default_rng(0), len(of.components), np.zeros(len(of.precision))
    for _ in range(DRAWS // DRAWN_AT_ONCE):
        drawn = of.solve(bread.draw(generator, DRAWN_AT_ONCE))
        squares += np.square(np.concatenate([centre(drawn[:n], of.components), drawn[n:]])).sum(axis=1)
    return squares / DRAWS


def _measured_error(of: Uncertainty, variance: Floats) -> float:
    return float(np.max(np.abs(np.sqrt(variance[of.check[0]] / of.check[1]) - 1.0), initial=0.0))
