"""A model of one's own: the README's commands, as they stand, on scans/resonance.

What they find is compared with the exact posterior, by quadrature over the truth of the toy.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose
from scipy import special, stats
from scipy.integrate import quad

import fitplugin
from fitplugin.data.tables import read_table
from fitplugin.runs.directory import read_run

ROOT = Path(__file__).parents[2]
RESONANCE = ROOT / "scans" / "resonance"
SECTION = (ROOT / "README.md").read_text().partition("## With a model of your own")[2]
SECTION = SECTION.partition("\n## ")[0]
COMMANDS = re.findall(r"^\$ (fitplugin .*)$", SECTION, re.MULTILINE)


@pytest.fixture(scope="module")
def toy():
    spec = importlib.util.spec_from_file_location("make_data", RESONANCE / "make_data.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._erf = special.erf  # the same function, in C
    return module


@pytest.fixture(scope="module")
def scan():
    return yaml.safe_load((RESONANCE / "zprime.yaml").read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder in which the commands of the README were typed, and what they said."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(RESONANCE, folder / "scans" / "resonance")
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "120"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    said = []
    for command in COMMANDS:
        done = subprocess.run(
            ["bash", "-euc", command], cwd=folder, env={**os.environ, **own, "PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stderr}"
        said.append(done.stdout)
    return SimpleNamespace(folder=folder, run=read_run(folder / "runs" / "zprime"), said=said)


@pytest.fixture(scope="module")
def exact(toy, scan, finished):
    """Log-likelihoods on a grid that holds the posterior, exact and learned, and the weights."""
    mass, coupling = np.linspace(1.95, 2.75, 81), np.linspace(0.025, 0.085, 61)
    grid = np.array(np.meshgrid(mass, coupling, indexing="ij")).reshape(2, -1)
    sigma = toy.cross_section(*grid)
    relative = toy.cross_section_error(*grid) / sigma
    efficiency = toy.efficiency(*grid)
    log_l = np.zeros(grid.shape[1])
    for region in scan["regions"]:
        n_signal = toy.LUMINOSITY * sigma * efficiency[region["name"]]
        error = region["background_error"] / region["background"]
        log_l += log_marginal(
            scan["observed"][region["name"]], n_signal, relative, region["background"], error
        )
    cache = finished.folder / "cache" / "fitplugin" / "models"
    joint = fitplugin.load(finished.folder / "scans" / "resonance" / "zprime.yaml", cache)
    weight = np.exp(log_l - log_l.max())
    weight /= weight.sum()
    batch = joint.evaluate(grid.T)
    edge = weight.reshape(81, 61)
    assert edge[[0, -1]].sum() + edge[:, [0, -1]].sum() < 1e-3
    return SimpleNamespace(
        grid={"mass": grid[0], "coupling": grid[1]}, weight=weight, log_l=log_l, batch=batch
    )


def log_marginal(n, n_signal, relative, background, relative_background, n_nodes=24):
    """Poisson, averaged over two lognormal factors of mean 1 by Gauss-Hermite."""
    x, w = np.polynomial.hermite_e.hermegauss(n_nodes)
    w = w / w.sum()

    def factor(r):
        k = np.sqrt(np.log1p(np.square(r)))[..., np.newaxis]
        return np.exp(k * x - 0.5 * k * k)

    signal = (n_signal[:, np.newaxis] * factor(relative))[:, :, np.newaxis]
    expected = signal + background * factor(np.asarray(relative_background))
    return np.log((stats.poisson.pmf(n, expected) @ w) @ w)


def test_the_readme_has_the_scan_file_and_three_commands(scan):
    assert [command.split()[1] for command in COMMANDS] == ["check", "run", "report"]
    (shown,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
    assert yaml.safe_load(shown) == scan


def test_the_table_is_what_its_script_makes(toy, tmp_path):
    toy.write(tmp_path / "again.csv")
    again, kept = read_table("again.csv", tmp_path), read_table("zprime.csv", RESONANCE)
    assert list(again.columns) == list(kept.columns)
    assert (RESONANCE / "zprime.csv").stat().st_size < 100_000
    for name, column in kept.columns.items():
        # an event at the edge of a window may move with the last digit of a tangent
        atol = 2.0 / toy.N_EVENTS if name.startswith("efficiency[") else 0.0
        rtol = 0.05 if name.startswith("efficiency_error[") else 1e-4
        assert_allclose(again.columns[name], column, rtol=rtol, atol=atol)


def test_the_scan_is_that_of_its_script(toy, scan):
    assert {n: tuple(p["prior"]["uniform"]) for n, p in scan["parameters"].items()} == toy.BOX
    assert {r["name"]: r["background"] for r in scan["regions"]} == toy.BACKGROUND
    assert (scan["luminosity"], scan["observed"]) == (toy.LUMINOSITY, toy.observed())


def test_the_toy_monte_carlo_samples_its_own_quadrature(toy):
    columns = toy.table()
    truth = toy.efficiency(columns["mass"], columns["coupling"])
    for name, expected in truth.items():
        often = toy.N_EVENTS * expected > 25  # there a binomial is nearly Gaussian
        found, p = columns[f"efficiency[{name}]"][often], expected[often]
        chi2 = (toy.N_EVENTS * np.square(found - p) / (p * (1 - p))).sum()
        assert 1e-3 < stats.chi2.sf(chi2, often.sum()) < 1 - 1e-3


def test_the_cross_section_is_the_narrow_width_formula(toy):
    mass, coupling = 2.3, 0.05
    tau = (mass / toy.SQRT_S) ** 2

    def integrand(x):  # f(x) f(tau/x) dx/x is f f dy
        return float(toy.rapidity_density(mass, np.log(x / np.sqrt(tau)))) / x

    luminosity = quad(integrand, tau, 1.0, epsrel=1e-8, limit=200)[0]
    # sigma = 4 pi^2/3 Gamma(q qbar)/M dL/dtau / s, Gamma(q qbar) = 3 g^2 M / 12 pi (PDG,
    # review of cross-section formulae: a narrow resonance of spin 1)
    partial = 3 * coupling**2 / (12 * np.pi)
    sigma = 4 * np.pi**2 / 3 * partial * luminosity / toy.SQRT_S**2 * toy.FB / toy.FERMIONS
    found = toy.cross_section(np.array([mass]), np.array([coupling]))
    assert_allclose(found, sigma, rtol=1e-4)


def test_the_learned_likelihood_is_the_exact_one_within_its_claimed_errors(exact, scan):
    blobs, weight = exact.batch.blobs, exact.weight
    claimed = np.zeros_like(weight)
    for region in scan["regions"]:
        # d ln P = (n/lambda - 1) ds, and ds is the signal times the error of its efficiency
        name = region["name"]
        signal = blobs[f"n_signal[{name}]"]
        relative = blobs[f"efficiency_error[{name}]"] / blobs[f"efficiency[{name}]"]
        pull = scan["observed"][name] / (signal + region["background"]) - 1.0
        claimed += np.square(pull * signal * relative)
    difference = exact.batch.log_likelihood - exact.log_l
    rms = np.sqrt((weight * np.square(difference)).sum())
    assert rms < 3.0 * np.sqrt((weight * claimed).sum())


def test_the_posterior_is_the_exact_one(exact, finished):
    difference = exact.batch.log_likelihood - exact.log_l
    difference -= (exact.weight * difference).sum()
    # to first order the surrogates move any probability by half of this, and a mean in standard
    # deviations by no more than its root mean square (Cauchy-Schwarz)
    shift = (exact.weight * np.abs(difference)).sum() / 2
    rms = np.sqrt((exact.weight * np.square(difference)).sum())
    n_eff = finished.run.summary["n_eff"]
    for name, values in exact.grid.items():
        found = finished.run.summary["parameters"][name]
        mean = (exact.weight * values).sum()
        std = np.sqrt((exact.weight * np.square(values - mean)).sum())
        assert abs(found["mean"] - mean) < std * (4 / np.sqrt(n_eff) + rms), name
        ends = (*found["interval68"], *found["interval95"])
        for end, level in zip(ends, (0.16, 0.84, 0.025, 0.975), strict=True):
            # probability below: that of the grid, half of the cell in which the end lies
            order = np.unique(values)
            cell = np.add.reduceat(
                exact.weight[np.argsort(values, kind="stable")],
                np.searchsorted(np.sort(values), order),
            )
            edges = np.append(order, 2 * order[-1] - order[-2]) - 0.5 * (order[1] - order[0])
            below = np.interp(end, edges, np.append(0.0, np.cumsum(cell)))
            noise = 4 * np.sqrt(level * (1 - level) / n_eff)
            assert abs(below - level) < noise + shift + 0.002, (name, level)


def test_the_truth_lies_in_the_95_percent_region(exact, finished, toy):
    for name, truth in toy.TRUTH.items():
        low, high = finished.run.summary["parameters"][name]["interval95"]
        assert low < truth < high
    nearest = sum(np.square((exact.grid[n] - t) / t) for n, t in toy.TRUTH.items()).argmin()
    denser = exact.batch.log_likelihood > exact.batch.log_likelihood[nearest]
    assert exact.weight[denser].sum() < 0.95


def test_a_label_changes_no_likelihood(finished):
    path = finished.folder / "scans" / "resonance" / "relabelled.yaml"
    text = (path.parent / "zprime.yaml").read_text()
    path.write_text(text.replace("label: g", "label: g_V, unit: none"))
    joint = fitplugin.load(path, finished.folder / "cache" / "fitplugin" / "models")
    assert joint.space.symbols["coupling"][:2] == ("g_V", "none")
    assert joint.digest() == finished.run.manifest["digest"]


def test_nothing_of_another_theory_is_left(finished):
    everything = finished.said[1] + json.dumps(finished.run.summary)
    everything += (finished.run.path / "report.html").read_text().partition("<h2>Config")[0]
    for word in ("m_higgs", "m_stop", "spectrum_", "SPheno", "squark", "Q₃"):
        assert word not in everything, word
    assert "m_{Z'}" in (finished.run.path / "chain.paramnames").read_text()


def test_the_readme_shows_what_the_commands_say(finished):
    blocks = re.findall(r"^\$ fitplugin .*\n((?:(?!\$ |```).*\n)*)", SECTION, re.MULTILINE)
    number = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
    for shown, said in zip(blocks, finished.said, strict=True):
        texts = [re.sub(number, "#", line).split() for line in said.splitlines()]
        for line in shown.splitlines():
            if line.strip() not in ("", "..."):
                assert re.sub(number, "#", line).split() in texts, line
    for name, entry in finished.run.summary["parameters"].items():
        row = re.search(rf"^{name} +(\S+)", blocks[1], re.MULTILINE)
        assert abs(float(row[1]) - entry["mean"]) < 0.3 * entry["std"]
