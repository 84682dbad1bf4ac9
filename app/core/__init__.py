"""The numerics of Arpad: designs, families, and solvers that know neither; NumPy and SciPy, no I/O, no clock, no logging.

Symbols
-------
X, D       a design: the linear map from coefficients to η; one row per observation
θ, w, β    coefficients: log-strengths of competitors, weights of a regression, coefficients of covariates
η          the linear predictor Dθ of each row, in natural units (log-odds)
μ, σ       the mean of the outcome at η; the logistic function 1 / (1 + e^−η)
y          the outcome, a score in [0, 1], or one row of class shares
c, a       frequency (c equal observations) and importance (a scale of one observation)
ℓ, F       the loss of one observation, −log-likelihood; the objective Σ c a ℓ + ½ Σ λ (θ − m)²
λ, m       prior precision and prior mean, a vector each
ν          Davidson's tie parameter
H, I       the Hessian of F, and the Fisher information of the data alone: H = I + diag λ
M          the meat of the robust covariance, Σ c a² Dᵀ(μ − y)(μ − y)ᵀD
C, V       centring within each component, and the covariance C H⁻¹ Cᵀ or its robust kin

Why Newton is the natural gradient here
---------------------------------------
Both families are canonical: the second derivative of ℓ in η is the variance of the outcome and does not contain y. So the Hessian of the data
term equals its expectation, the Fisher information, at every θ, and the Newton step −I⁻¹∇F is the natural-gradient step of rate one. With a
prior the step is Newton's on the penalised objective: the natural gradient in the metric I + diag λ.
"""

from app.core.layers import (
    Chain,
    Layer,
    LearningLayer,
    Linear,
    LogSoftmax,
    NegativeLogLikelihood,
    Parameter,
    ReferenceClass,
    Sigmoid,
    Softplus,
    Tanh,
)
from app.core.regressions import LogisticRegression, SoftmaxRegression

__all__ = [
    "Chain",
    "Layer",
    "LearningLayer",
    "Linear",
    "LogSoftmax",
    "LogisticRegression",
    "NegativeLogLikelihood",
    "Parameter",
    "ReferenceClass",
    "Sigmoid",
    "SoftmaxRegression",
    "Softplus",
    "Tanh",
]
