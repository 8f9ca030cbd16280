"""Limits of the equation solver, so that no text takes long."""

MAX_BITS = 4096  # of a number's numerator and denominator


class Refused(ValueError):
    """Something is beyond what the solver takes; the message names it, as in "it has ..."."""
