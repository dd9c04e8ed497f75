"""The page of everything about a run."""
