"""Simulated events: the oracle that surrogates learn from and are judged by."""
