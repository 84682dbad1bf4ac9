"""The only place where a design meets a family.

    F(θ) = Σ_n c_n a_n ℓ(y_n, η_n) + ½ Σ_j λ_j (θ_j − m_j)²,   η = Dθ + o
    gradient = Dᵀ(c·a·residual) + λ(θ − m)
    Hessian  = Dᵀ diag(c·a·curvature) D + diag λ

A sum and never a mean; the ½ is on the ridge and nowhere else, so λ_j is a prior precision. Intercepts and side advantages are columns of D;
what is known beforehand is the offset o, along which nothing is minimised.
How F is minimised is decided in `solvers`.
"""

from dataclasses import dataclass

import numpy as np

from app.core.designs import Design
from app.core.families import Family
from app.core.grams import Floats, Gram, Sparse


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """F and what is needed of its derivatives at one θ."""

    theta: Floats
    eta: Floats
    value: float
    residual: Floats
    curvature: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """F, its gradient and its Hessian.

    Parameters
    ----------
    design, family : Design, Family
        η = Dθ and ℓ.
    y : array, shape (n,) or (n, K)
        Outcomes; an outcome may be soft.
    weight : array, shape (n,)
        c·a, frequency times importance.
    precision : array, shape (p,)
        λ; zero where a coefficient has no prior.
    centre : array, shape (p,)
        m, where the prior pulls to.
    flat : csr_array, shape (p, k), optional
        Directions along which F does not change (the gauge). The minimum reported has no part in them.
    offset : array, shape of η, optional
        o, the part of η that is known.
    """

    design: Design
    family: Family
    y: Floats
    weight: Floats
    precision: Floats
    centre: Floats
    flat: Sparse | None = None
    offset: Floats | None = None

    def __post_init__(self) -> None:
        if len(self.y) != len(self.weight):
            raise ValueError(f"weight must have {len(self.y)} rows, as y has, not {len(self.weight)}")
        for name in ("precision", "centre"):
            if getattr(self, name).shape != (self.design.width,):
                raise ValueError(f"{name} must have shape ({self.design.width},), not {getattr(self, name).shape}")
        for name in ("y", "weight", "precision", "centre"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} must be finite")

    def at(self, theta: Floats, eta: Floats | None = None) -> Point:
        """F at θ. An η that is known already saves the product with the design."""
        if eta is None:
            eta = self.design.predict(theta)
            eta = eta if self.offset is None else eta + self.offset
        value, residual, curvature = self.family.terms(eta, self.y)
        away = theta - self.centre
        return Point(theta, eta, float(self.weight @ value + 0.5 * (self.precision @ (away * away))), residual, curvature)

    def magnitude(self, point: Point) -> float:
        """How large the terms are that F is summed from, so that ε times this is its rounding error.

        A loss near zero is the difference of softplus(η) and yη, which are not: of 1,000 wins in a row F is 2 and its terms are 7,000.
        """
        eta = np.abs(point.eta)
        return abs(point.value) + float(self.weight @ (eta if eta.ndim == 1 else eta.sum(axis=1)))

    def gradient(self, point: Point) -> Floats:
        """∇F, shape (p,)."""
        return self.design.pullback(_scale(self.weight, point.residual)) + self.precision * (point.theta - self.centre)

    def fisher(self, point: Point) -> Gram:
        """The information of the data: Dᵀ diag(c·a·curvature) D."""
        return self.design.gram(_scale(self.weight, point.curvature))

    def hessian(self, point: Point) -> Gram:
        """The information of data and prior together, ∇²F."""
        return self.fisher(point).plus_diagonal(self.precision)

    def divergence(self, point: Point, eta_direction: Floats) -> float:
        """KL(p_θ ‖ p_θ+δ) of the data to second order, ½ δᵀIδ, from Dδ."""
        forms = eta_direction * eta_direction * point.curvature if eta_direction.ndim == 1 else _quadratic_forms(point.curvature, eta_direction)
        return 0.5 * float(self.weight @ forms)

    def log_likelihood(self, point: Point) -> float:
        """−Σ c·a·ℓ: the prior is not part of it."""
        away = point.theta - self.centre
        return 0.5 * float(self.precision @ (away * away)) - point.value


def _scale(weight: Floats, term: Floats) -> Floats:
    return weight.reshape(-1, *[1] * (term.ndim - 1)) * term


def _quadratic_forms(blocks: Floats, v: Floats) -> Floats:
    return np.asarray(np.einsum("ni,nij,nj->n", v, blocks, v))
