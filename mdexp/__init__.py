"""Distil the reasoning of large language models into small ones, and measure what helps."""

__version__ = "0.1.0"
