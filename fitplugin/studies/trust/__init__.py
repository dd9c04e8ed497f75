"""How far a finished run may be trusted: claimed errors, better likelihoods, points to simulate."""
