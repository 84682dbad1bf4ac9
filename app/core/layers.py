"""Reverse mode: what a loss tells each parameter, by three rules a layer, composed.

    forward      y = f(x)                       output from input
    backward     δx = δy · ∂y/∂x                the input's delta from the output's
    accumulate   δp += δy · ∂y/∂p               gradient of the layer's own parameters, kept beside them

A delta is the derivative of the sum of the last layer's outputs, here the loss of each row. Rows run along the first axis. Layers keep no
state but their parameters: `Chain` remembers what went through. So a layer may stand in a chain twice, and its gradients add up. A layer
without parameters has the first two rules alone. What minimises a loss, and which prior goes with it, is decided elsewhere.

A layer of one's own is a class with these rules:

>>> class Scale:
...     '''y = s·x, one factor per column.'''
...
...     def __init__(self, width):
...         self.factor = Parameter(np.ones(width))
...         self.parameters = (self.factor,)
...
...     def forward(self, x):
...         return self.factor.value * x
...
...     def backward(self, x, y, delta):
...         return self.factor.value * delta
...
...     def accumulate(self, x, delta):
...         self.factor.gradient += (x * delta).sum(axis=0)
>>> chain = Chain(Scale(2), LogSoftmax(), NegativeLogLikelihood(np.array([[1.0, 0.0]])))
>>> loss, gradient = chain.loss_and_gradient(np.array([[3.0, 3.0]]))
>>> round(loss, 6), gradient.tolist()
(0.693147, [-1.5, 1.5])
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from app.core.families import Logistic
from app.core.grams import Floats


@dataclass(slots=True, eq=False)
class Parameter:
    """Numbers that a layer learns, and beside them the derivative of the loss in each."""

    value: Floats
    gradient: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.value = np.array(self.value, dtype=np.float64)
        self.gradient = np.zeros_like(self.value)


class Layer(Protocol):
    """A differentiable map."""

    def forward(self, x: Floats, /) -> Floats:
        """The output y."""

    def backward(self, x: Floats, y: Floats, delta: Floats, /) -> Floats:
        """The delta of x, from the delta of y."""


@runtime_checkable
class LearningLayer(Layer, Protocol):
    """A layer with parameters."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All that it learns."""

    def accumulate(self, x: Floats, delta: Floats, /) -> None:
        """Add to the gradient of every parameter, from the delta of y."""


class Linear:
    """y = xW + b.

    Parameters
    ----------
    weight : array, shape (p, K)
        W to begin with.
    bias : array, shape (K,), optional
        b to begin with; without it there is none.
    """

    def __init__(self, weight: ArrayLike, bias: ArrayLike | None = None) -> None:
        self.weight = Parameter(np.asarray(weight, dtype=np.float64))
        self.bias = None if bias is None else Parameter(np.asarray(bias, dtype=np.float64))
        self.parameters = (self.weight,) if self.bias is None else (self.weight, self.bias)

    @classmethod
    def drawn(cls, width: int, outputs: int, generator: np.random.Generator, *, bias: bool = True) -> Self:
        """Weights of variance 2 / (width + outputs), so that neither values nor deltas grow from layer to layer (Glorot and Bengio 2010)."""
        weight = generator.normal(0.0, np.sqrt(2.0 / (width + outputs)), (width, outputs))
        return cls(weight, np.zeros(outputs) if bias else None)

    def forward(self, x: Floats) -> Floats:
        y: Floats = x @ self.weight.value
        return y if self.bias is None else y + self.bias.value

    def backward(self, _x: Floats, _y: Floats, delta: Floats) -> Floats:
        product: Floats = delta @ self.weight.value.T
        return product

    def accumulate(self, x: Floats, delta: Floats) -> None:
        self.weight.gradient += x.T @ delta
        if self.bias is not None:
            self.bias.gradient += delta.sum(axis=0)


class Sigmoid:
    """y = σ(x)."""

    def forward(self, x: Floats) -> Floats:
        return Logistic().mean(x)

    def backward(self, x: Floats, y: Floats, delta: Floats) -> Floats:
        # σ(−x) keeps the digits that 1 − y loses.
        return delta * y * Logistic().mean(-x)


class Tanh:
    """y = tanh x."""

    def forward(self, x: Floats) -> Floats:
        return np.tanh(x)

    def backward(self, _x: Floats, y: Floats, delta: Floats) -> Floats:
        return delta * (1.0 - y) * (1.0 + y)


class Softplus:
    """y = ln(1 + e^x), a ReLU without the corner."""

    def forward(self, x: Floats) -> Floats:
        y: Floats = np.logaddexp(0.0, x)
        return y

    def backward(self, x: Floats, _y: Floats, delta: Floats) -> Floats:
        return delta * Logistic().mean(x)


class ReferenceClass:
    """One more column, of zeros: the last class has η = 0. With a single column before it, what follows is logistic regression."""

    def forward(self, x: Floats) -> Floats:
        return np.column_stack([x, np.zeros(len(x))])

    def backward(self, _x: Floats, _y: Floats, delta: Floats) -> Floats:
        return delta[:, :-1]


class LogSoftmax:
    """y_k = x_k − ln Σ_j e^{x_j}, along the last axis."""

    def forward(self, x: Floats) -> Floats:
        below_top = x - x.max(axis=1, keepdims=True)
        y: Floats = below_top - np.log(np.exp(below_top).sum(axis=1, keepdims=True))
        return y

    def backward(self, _x: Floats, y: Floats, delta: Floats) -> Floats:
        back: Floats = delta - np.exp(y) * delta.sum(axis=1, keepdims=True)
        return back


class NegativeLogLikelihood:
    """The loss of each row, −c Σ_k t_k x_k, shape (n,), where x are the logarithms of probabilities.

    Parameters
    ----------
    target : array, shape (n, K)
        t: the shares of the classes; soft where they are.
    weight : array, shape (n,), optional
        c, one by default.
    """

    def __init__(self, target: ArrayLike, weight: ArrayLike | None = None) -> None:
        shares: Floats = np.asarray(target, dtype=np.float64)
        self._weighted: Floats = shares if weight is None else np.asarray(weight, dtype=np.float64)[:, None] * shares

    def forward(self, x: Floats) -> Floats:
        loss: Floats = -(self._weighted * x).sum(axis=1)
        return loss

    def backward(self, _x: Floats, _y: Floats, delta: Floats) -> Floats:
        return -delta[:, None] * self._weighted


class Chain:
    """Layers one after the other. A chain within a chain is its layers.

    Parameters
    ----------
    *layers : Layer or Chain
        In the order in which a value goes through them.
    """

    def __init__(self, *layers: "Layer | Chain") -> None:
        self.layers: tuple[Layer, ...] = tuple(_flattened(layers))
        learning = (layer for layer in self.layers if isinstance(layer, LearningLayer))
        self.parameters: tuple[Parameter, ...] = tuple(dict.fromkeys(each for layer in learning for each in layer.parameters))

    @property
    def theta(self) -> Floats:
        """All parameters as one vector, shape (p,); to be set as well."""
        return np.concatenate([np.zeros(0), *(each.value.ravel() for each in self.parameters)])

    @theta.setter
    def theta(self, values: Floats) -> None:
        if values.shape != self.theta.shape:
            raise ValueError(f"theta must have shape {self.theta.shape}, not {values.shape}")
        begin = 0
        for each in self.parameters:
            each.value[...] = values[begin : begin + each.value.size].reshape(each.value.shape)
            begin += each.value.size

    @property
    def gradient(self) -> Floats:
        """The gradients of all parameters as one vector, shape (p,)."""
        return np.concatenate([np.zeros(0), *(each.gradient.ravel() for each in self.parameters)])

    def forget_gradient(self) -> None:
        """Start sums of gradients from zero."""
        for each in self.parameters:
            each.gradient[...] = 0.0

    def forward(self, x: Floats) -> Floats:
        """What comes out."""
        return self.trace(x)[-1]

    def trace(self, x: Floats) -> list[Floats]:
        """x, and what comes out of every layer."""
        values = [x]
        for layer in self.layers:
            values.append(layer.forward(values[-1]))
        return values

    def pull(self, trace: list[Floats], delta: Floats) -> Floats:
        """The delta of x from the delta of what came out; on the way every parameter's gradient grows by its share."""
        for layer, x, y in zip(self.layers[::-1], trace[-2::-1], trace[:0:-1], strict=True):
            if isinstance(layer, LearningLayer):
                layer.accumulate(x, delta)
            delta = layer.backward(x, y, delta)
        return delta

    def loss_and_gradient(self, x: Floats) -> tuple[float, Floats]:
        """The sum of what comes out, and its gradient (p,) in all parameters. About three times the cost of `forward`."""
        self.forget_gradient()
        trace = self.trace(x)
        self.pull(trace, np.ones_like(trace[-1]))
        return float(trace[-1].sum()), self.gradient


def _flattened(layers: "tuple[Layer | Chain, ...]") -> Iterator[Layer]:
    for layer in layers:
        if isinstance(layer, Chain):
            yield from layer.layers
        else:
            yield layer
