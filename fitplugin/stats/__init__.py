"""Statistics of counting searches: likelihoods and the numerics that they need."""
