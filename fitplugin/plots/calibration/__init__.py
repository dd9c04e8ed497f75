"""The page and the figures of how well surrogates predict held-out points."""
