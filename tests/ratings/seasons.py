"""Seasons with known strengths, shared by the laws of fits."""

import numpy as np


def season(seed=1, n=600, competitors=12, *, draws=False, sides=False):
    """Columns for `bradley_terry`; with `draws` a quarter of the matches are drawn, with `sides` +1, 0 and −1 occur."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(0.0, 0.8, competitors)
    first = rng.integers(0, competitors, n)
    second = (first + rng.integers(1, competitors, n)) % competitors
    side = rng.choice([-1.0, 0.0, 1.0], n) if sides else None
    chance = 1 / (1 + np.exp(theta[second] - theta[first] - 0.4 * (0.0 if side is None else side)))
    score = (rng.random(n) < chance).astype(float)
    if draws:
        score = np.where(rng.random(n) < 0.25, 0.5, score)
    return {"first": first, "second": second, "score": score, "side": side}


KINDS = {
    "plain": ({}, {}),
    "half-win draws": ({"draws": True}, {}),
    "davidson": ({"draws": True}, {"draws": "davidson"}),
    "davidson with sides": ({"draws": True, "sides": True}, {"draws": "davidson"}),
    "sides": ({"sides": True}, {}),
    "covariates": ({}, {"covariates": np.random.default_rng(2).standard_normal((600, 2))}),
}


def taken(columns, index):
    """Some rows of all columns, in the order asked for."""
    return {name: None if column is None else np.asarray(column)[index] for name, column in columns.items()}
