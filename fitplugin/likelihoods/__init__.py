"""Observed data: terms of the likelihood, constraints, and the joint likelihood."""
