"""Particles and units: GeV, fb and 1/fb inside; converted where files are read."""
