"""Figures of a run, or of several on top of each other."""
