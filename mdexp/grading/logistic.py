"""Logistic regression with a Gaussian prior, by Newton's method, which gives the same fit on every
machine."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
STEPS = 50  # of Newton's method; about ten are enough


def platt_targets(right: Numbers) -> Numbers:
    """Platt's targets, which replace 0 and 1 so that no fit gives a probability of 0 or 1."""
    good, bad = right.sum(), len(right) - right.sum()
    return np.where(right == 1, (good + 1) / (good + 2), 1 / (bad + 2))


def logistic(x: Numbers, target: Numbers, prior: float) -> tuple[float, float]:
    """Intercept and slope that give the targets' log-odds; `prior` is the standard deviation of the
    slope, the intercept is free."""
    centre = x.mean()
    design = np.stack([np.ones_like(x), x - centre], axis=1)
    line = regression(design, target, np.array([np.inf, prior]))
    return float(line[0] - line[1] * centre), float(line[1])


def regression(design: Numbers, target: Numbers, prior: float | Numbers) -> Numbers:
    """The weights (of each column of `design`, rows x columns) with the highest posterior; `prior`
    is the standard deviation of each."""
    precision = np.broadcast_to(np.asarray(prior, dtype=float) ** -2.0, design.shape[1])
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (chance - target) + precision * weights
        curvature = (design * (chance * (1 - chance))[:, np.newaxis]).T @ design
        step = np.linalg.solve(curvature + np.diag(precision), gradient)
        weights = weights - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            break
    return weights
