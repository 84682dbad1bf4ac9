"""Logistic and softmax regression: a design, a family and a solver, declared.

X is an array or a SciPy sparse matrix. Both carry the objective of `objective` as it stands: a sum, with ½ ridge ‖w‖² on every coefficient but the bias.
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from app.core.designs import ClassDesign, Design, matrix_design
from app.core.families import Family, Logistic, Softmax
from app.core.grams import Floats, Sparse
from app.core.objective import Objective
from app.core.solvers import Solution, grounded, newton

Matrix = ArrayLike | sparse.sparray[Any] | sparse.spmatrix[Any]


@dataclass(frozen=True, slots=True, eq=False)
class RegressionCertificate:
    """How the computation ended."""

    status: str
    iterations: int
    gradient_norm: float
    score_residual: float
    log_likelihood: float


@dataclass
class LogisticRegression:
    """P(y = 1) = σ(Xw), by Newton's method.

    Parameters
    ----------
    ridge : float
        λ ≥ 0: the prior precision of every coefficient but the bias.
    bias : bool
        Add an unpenalised last column of ones.
    """

    ridge: float = 0.0
    bias: bool = True
    coef_: Floats = field(init=False, repr=False)
    covariance_: Floats = field(init=False, repr=False)
    log_likelihood_: float = field(init=False, repr=False)
    certificate_: RegressionCertificate = field(init=False, repr=False)

    @property
    def standard_errors_(self) -> Floats:
        """Model-based, in the shape of `coef_`."""
        return np.sqrt(np.diag(self.covariance_)).reshape(self.coef_.shape)

    def fit(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n, p) and y (n,) in [0, 1]."""
        matrix, outcome = self._matrix(X), _finite("y", y, 1)
        _require_rows("y", len(outcome), matrix.shape[0])
        if np.any((outcome < 0.0) | (outcome > 1.0)):
            raise ValueError("y must lie between 0 and 1")
        precision = _precision(self.ridge, matrix.shape[1], bias=self.bias)
        self._solve(matrix_design(matrix), Logistic(), outcome, sample_weight, precision, None)
        return self

    def predict_proba(self, X: Matrix) -> Floats:
        """P(y = 0) and P(y = 1), shape (n, 2)."""
        mean = Logistic().mean(np.asarray(self._matrix(X) @ self.coef_))
        return np.column_stack([1.0 - mean, mean])

    def _matrix(self, X: Matrix) -> Floats | Sparse:
        if isinstance(X, sparse.sparray | sparse.spmatrix):
            given: Any = X  # the stubs know no constructor for sparse matrices of all kinds
            rows: Sparse = Sparse(given, dtype=np.float64)
            _finite("X", rows.data, 1)
            return Sparse(sparse.hstack([rows, sparse.csr_array(np.ones((rows.shape[0], 1)))])) if self.bias else rows
        matrix = _finite("X", X, 2)
        return np.column_stack([matrix, np.ones(len(matrix))]) if self.bias else matrix

    def _solve(self, design: Design, family: Family, y: Floats, sample_weight: ArrayLike | None, precision: Floats, flat: Sparse | None) -> None:
        weight = np.ones(len(y)) if sample_weight is None else _finite("sample_weight", sample_weight, 1)
        _require_rows("sample_weight", len(weight), len(y))
        if np.any(weight < 0.0):
            raise ValueError("sample_weight must not be negative")
        objective = Objective(design, family, y, weight, precision, np.zeros(design.width), flat)
        solution = newton(objective, np.zeros(design.width))
        self.coef_ = solution.theta
        self.covariance_ = _inverse(objective, solution)
        self.log_likelihood_ = objective.log_likelihood(solution.point)
        norm, total = solution.gradient_norm, float(weight.sum())
        self.certificate_ = RegressionCertificate(
            str(solution.status), solution.iterations, norm / total if total else 0.0, norm, self.log_likelihood_
        )


@dataclass
class SoftmaxRegression(LogisticRegression):
    """P(y = k) ∝ exp(X w_k) for classes 0 … K − 1, by Newton's method.

    Parameters
    ----------
    ridge, bias
        As in `LogisticRegression`.
    reference_class : bool
        Hold the last class at w = 0. Without it all classes are alike, which needs a ridge; their biases then sum to zero.
    """

    reference_class: bool = True

    def fit(self, X: Matrix, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to X (n, p) and the classes y (n,), integers from 0."""
        if not self.reference_class and not self.ridge > 0.0:
            raise ValueError("ridge must be positive where reference_class is False: without it the classes have no common zero")
        matrix, labels = self._matrix(X), np.asarray(y)
        if labels.ndim != 1 or labels.dtype.kind not in "iu" or labels.min(initial=0) < 0:
            raise ValueError("y must hold the classes as integers from 0, in one dimension")
        _require_rows("y", len(labels), matrix.shape[0])
        outcome = np.eye(int(labels.max(initial=0)) + 1)[labels]
        classes = outcome.shape[1] - int(self.reference_class)
        width = matrix.shape[1]
        precision = np.tile(_precision(self.ridge, width, bias=self.bias), classes)
        flat = None if self.reference_class or not self.bias else _bias_gauge(classes, width)
        self._solve(ClassDesign(matrix, classes), Softmax(reference=self.reference_class), outcome, sample_weight, precision, flat)
        self.coef_ = self.coef_.reshape(classes, width)
        return self

    def predict_proba(self, X: Matrix) -> Floats:
        """The probabilities of all classes, shape (n, K)."""
        return Softmax(reference=self.reference_class).mean(np.asarray(self._matrix(X) @ self.coef_.T))


def _require_rows(name: str, given: int, rows: int) -> None:
    if given != rows:
        raise ValueError(f"{name} must have {rows} rows, not {given}")


def _finite(name: str, values: ArrayLike, dimensions: int) -> Floats:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != dimensions or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite and have {dimensions} dimension{'s' if dimensions > 1 else ''}")
    return array


def _precision(ridge: float, width: int, *, bias: bool) -> Floats:
    if not 0.0 <= ridge < float("inf"):
        raise ValueError(f"ridge must be a number from 0 on, not {ridge}")
    precision = np.full(width, ridge)
    if bias:
        precision[-1] = 0.0
    return precision


def _bias_gauge(classes: int, width: int) -> Sparse:
    """All biases rising together change no probability."""
    direction = np.zeros((classes * width, 1))
    direction[width - 1 :: width] = 1.0 / np.sqrt(classes)
    return Sparse(direction)


def _inverse(objective: Objective, solution: Solution) -> Floats:
    """H⁻¹, without what only fixes the gauge; NaN where H has no inverse."""
    flat = objective.flat
    try:
        inverse = np.asarray(np.linalg.inv(grounded(objective.hessian(solution.point), flat)), dtype=np.float64)
    except np.linalg.LinAlgError:
        return np.full((objective.design.width,) * 2, np.nan)
    if flat is None:
        return inverse
    project = np.eye(len(inverse)) - (flat @ flat.T).toarray()
    return project @ inverse @ project
