"""A Z' in dimuon events: the table zprime.csv of efficiencies, by a small toy Monte Carlo.

    python make_data.py [OUT.csv]

A Z' couples with the strength g to every fermion (vector-like). Cross-sections are analytic: the
narrow-width formula times a parton luminosity of simple densities. Efficiencies are counted: of
N_EVENTS events per point, those whose muons are inside |eta| < 2.4 and are found, and whose smeared
mass falls into a window. The truth that a simulation does not know, by quadrature, is here too:
the observed counts of zprime.yaml are drawn from it at TRUTH, and tests compare with it.
Masses are in TeV, cross-sections in fb. Needs numpy alone.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

SEED = 20161108
N_POINTS, N_EVENTS = 400, 4000
BOX = {"mass": (1.5, 3.5), "coupling": (0.01, 0.12)}
WINDOWS = {"low": (1.4, 1.9), "middle": (1.9, 2.5), "high": (2.5, 4.5)}  # TeV
LUMINOSITY = 139.0  # 1/fb
BACKGROUND = {"low": 33.0, "middle": 8.5, "high": 2.4}
TRUTH = {"mass": 2.3, "coupling": 0.045}

SQRT_S = 13.0
FB = 3.8938e5  # (hbar c)^2 in TeV^2 fb
MAX_ETA, MUON_EFFICIENCY = 2.4, 0.9
FERMIONS = 3 * 6 + 3 + 0.5 * 3  # colours times quarks, charged leptons, left-handed neutrinos
_erf = np.vectorize(math.erf)


def rapidity_density(mass, y):
    """Sum of f_q(x1) f_qbar(x2) of both beams, x = mass / sqrt(s) exp(+-y), at each (mass, y)."""
    x1, x2 = mass / SQRT_S * np.exp(y), mass / SQRT_S * np.exp(-y)
    inside = (x1 < 1) & (x2 < 1)
    x1, x2 = np.where(inside, x1, 0.5), np.where(inside, x2, 0.5)

    def valence(x):
        return 2.9 * x**0.65 * (1 - x) ** 3.8 / x

    def sea(x):
        return 0.1 * x**-0.25 * (1 - x) ** 9 / x

    return np.where(inside, valence(x1) * sea(x2) + sea(x1) * valence(x2), 0.0)


def rapidities(mass, n=400):
    """Midpoints in rapidity up to the kinematic end, (len(mass), n), and their spacing."""
    end = np.log(SQRT_S / mass)[:, np.newaxis]
    return end * (2 * np.arange(n) + 1 - n) / n, 2 * end / n


def width(mass, coupling):
    """Total width [TeV] of a vector coupling to massless fermions."""
    return FERMIONS * coupling**2 * mass / (12 * np.pi)


def cross_section(mass, coupling):
    """sigma(pp -> Z') BR(mu mu) [fb] in the narrow width: (pi g^2 / 3 s) dL/dtau BR."""
    y, step = rapidities(mass)
    luminosity = (rapidity_density(mass[:, np.newaxis], y) * step).sum(axis=1)
    return FB * np.pi * coupling**2 / (3 * SQRT_S**2) * luminosity / FERMIONS


def cross_section_error(mass, coupling):
    """Theory error [fb]: parton densities know less of heavier resonances."""
    return (0.04 + 0.02 * mass) * cross_section(mass, coupling)


def resolution(mass):
    """Relative resolution of the dimuon mass."""
    return 0.02 + 0.03 * mass


def simulate(mass, coupling, rng):
    """Count events of one point: dict of window to the number that pass, of N_EVENTS."""
    y, _ = rapidities(np.array([mass]))
    weight = rapidity_density(mass, y[0])
    boost = rng.choice(y[0], N_EVENTS, p=weight / weight.sum())
    # 1 + cos^2 by rejection, more tries than are ever needed
    tries = rng.uniform(-1, 1, 4 * N_EVENTS)
    cosine = tries[rng.random(4 * N_EVENTS) < (1 + tries**2) / 2][:N_EVENTS]
    angle = np.arctanh(cosine)
    found = (np.abs(boost + angle) < MAX_ETA) & (np.abs(boost - angle) < MAX_ETA)
    found &= rng.random(N_EVENTS) < MUON_EFFICIENCY**2
    true_mass = mass + _offset(mass, coupling, rng.random(N_EVENTS))
    seen = true_mass * (1 + resolution(true_mass) * rng.standard_normal(N_EVENTS))
    return {
        name: int((found & (seen > low) & (seen <= high)).sum())
        for name, (low, high) in WINDOWS.items()
    }


def _offset(mass, coupling, quantile):
    """Distance from the pole of a Breit-Wigner, cut off at half the mass, at a quantile."""
    half = 0.5 * width(mass, coupling)
    return half * np.tan((2 * quantile - 1) * np.arctan(0.5 * mass / half))


def efficiency(mass, coupling, n=400):
    """What `simulate` estimates, by quadrature: dict of window to (n_points,) efficiencies."""
    y, _ = rapidities(mass)
    weight = rapidity_density(mass[:, np.newaxis], y)
    cosine = np.tanh(np.maximum(MAX_ETA - np.abs(y), 0.0))
    inside = 0.75 * (cosine + cosine**3 / 3)  # of 1 + cos^2 within +-cosine
    accepted = MUON_EFFICIENCY**2 * (weight * inside).sum(axis=1) / weight.sum(axis=1)
    quantile = (np.arange(n) + 0.5) / n
    true_mass = mass[:, np.newaxis] + _offset(
        mass[:, np.newaxis], coupling[:, np.newaxis], quantile
    )
    spread = resolution(true_mass) * true_mass

    def below(edge):
        return 0.5 * (1 + _erf((edge - true_mass) / (np.sqrt(2) * spread)))

    return {
        name: accepted * (below(high) - below(low)).mean(axis=1)
        for name, (low, high) in WINDOWS.items()
    }


def points(rng):
    """A Latin hypercube of N_POINTS in the box: every parameter evenly spread."""
    columns = {}
    for name, (low, high) in BOX.items():
        place = (rng.permutation(N_POINTS) + rng.random(N_POINTS)) / N_POINTS
        columns[name] = low + (high - low) * place
    return columns


def counted(name, k):
    """Efficiency of a window and its error, from k of N_EVENTS events."""
    # standard deviation of the binomial posterior (Jeffreys): never 0, not even for 0 events
    a, b = k + 0.5, N_EVENTS - k + 0.5
    error = np.sqrt(a * b / (a + b + 1)) / (a + b)
    return {f"efficiency[{name}]": k / N_EVENTS, f"efficiency_error[{name}]": error}


def answer(mass, coupling):
    """One row for `fitplugin learn`: as in the table, but at any point of the box."""
    at = np.array([mass]), np.array([coupling])
    rng = np.random.default_rng([SEED, *np.array([mass, coupling]).view(np.uint32)])
    found = {"cross_section": cross_section(*at)[0]}
    found["cross_section_error"] = cross_section_error(*at)[0]
    for name, k in simulate(mass, coupling, rng).items():
        found |= counted(name, k)
    return found


def table():
    """All columns of the CSV file."""
    rng = np.random.default_rng(SEED)
    columns = {name: np.round(values, 5) for name, values in points(rng).items()}
    mass, coupling = columns["mass"], columns["coupling"]
    columns["cross_section"] = cross_section(mass, coupling)
    columns["cross_section_error"] = cross_section_error(mass, coupling)
    passed = [simulate(m, g, rng) for m, g in zip(mass, coupling, strict=True)]
    for name in WINDOWS:
        columns |= counted(name, np.array([counts[name] for counts in passed]))
    return columns


def expected():
    """Expected events at TRUTH by window: background and signal."""
    mass, coupling = (np.array([TRUTH[name]]) for name in BOX)
    sigma, share = cross_section(mass, coupling), efficiency(mass, coupling)
    return {n: BACKGROUND[n] + float((LUMINOSITY * sigma * share[n])[0]) for n in WINDOWS}


def observed():
    """Poisson counts at TRUTH: those of zprime.yaml."""
    rng = np.random.default_rng(SEED + 1)
    return {name: int(rng.poisson(count)) for name, count in expected().items()}


def write(path):
    """Write the CSV file: what the columns are, in comments, and the columns."""
    columns = table()
    rows = zip(*columns.values(), strict=True)
    lines = [
        "# Z' -> mu mu at 13 TeV: a toy. mass in TeV; cross_section (times branching fraction) and",
        f"# its theory error in fb; efficiencies from {N_EVENTS} events per point, with errors",
        ",".join(columns),
        *(",".join(f"{value:.5g}" for value in row) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("zprime.csv"))
    write(target)
    print(f"{target}: {N_POINTS} points; counts at the truth: {observed()}")
