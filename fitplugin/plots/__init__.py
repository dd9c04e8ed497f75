"""Figures, from run directories and trained models."""
