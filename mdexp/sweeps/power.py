"""Computes the smallest difference between two systems that a test set can show."""

from math import sqrt

Z_TWO_SIDED_5, Z_POWER_80 = 1.959964, 0.841621  # quantiles of the normal distribution
DISCORDANT = 0.2  # assumed share of problems that only one of two systems solves


def detectable_difference(n: int, discordant: float = DISCORDANT) -> float:
    """The difference of two accuracies that a paired test on n problems finds in 80 % of cases at
    the 5 % level, as a share: (z_{0.975} + z_{0.8}) sqrt(discordant / n), after Connor (1987),
    Biometrics 43, to first order."""
    return (Z_TWO_SIDED_5 + Z_POWER_80) * sqrt(discordant / n)
