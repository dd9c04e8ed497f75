"""Tables of chi2 to be learned: the chi2 of a scan's regions at simulated or predicted points.

chi2 is what the combination of the scan makes of its regions (arXiv:1703.01309, section 2.2): in
each group of overlapping regions q_mu of the one with the largest signal over its expected limit,
added up over groups, and capped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from fitplugin.arrays import BoolArray, FloatArray
from fitplugin.data.tables import Table, read_table
from fitplugin.errors import InputError, one_of
from fitplugin.likelihoods.joint import JointLikelihood
from fitplugin.likelihoods.selection import Selection
from fitplugin.physics.simulated_table import point_dataset, summed_cross_sections
from fitplugin.physics.yields import expected_signal
from fitplugin.runs.build import Scan
from fitplugin.surrogates import Dataset

CHI2, CHI2_ERROR, NOISE = "chi2", "chi2_error", "chi2_noise"
_REDRAWS = 40
_BATCH = 4096


class Chi2Table(NamedTuple):
    """Columns and card of a table that the term ``learned`` reads."""

    columns: dict[str, np.ndarray]
    card: dict[str, Any]


def of_simulation(scan: Scan, folder: Any) -> Chi2Table:
    """chi2 at the simulated points of the scan's efficiencies, with its Monte Carlo error.

    The error is the standard deviation of chi2 when the events that passed are drawn again, Poisson
    about the learned efficiencies. The card's ``monte_carlo_noise`` is the mean absolute deviation
    of these draws from their medians: as far as the learned efficiencies are right, no prediction
    has a smaller mean error.

    Raises
    ------
    InputError
        If the scan's combination gives no chi2, or its regions stand in different tables.
    """
    regions, config = scan.config.regions, scan.config
    references = {region.efficiency.dataset for region in regions}
    if len(references) != 1:
        raise InputError("regions", f"take efficiencies from several tables: {sorted(references)}")
    table, processes = read_table(references.pop(), folder), config.pair_production.processes
    chi2_of = _chi2_function(scan.joint)
    each = {region.name: point_dataset(table, region.efficiency.region, processes)
            for region in regions}  # fmt: skip
    first = each[regions[0].name]
    sigma, sigma_error, ids = summed_cross_sections(table, processes)

    def chi2_at(draw: Callable[[str, Dataset], tuple[FloatArray, FloatArray]]) -> FloatArray:
        observables: dict[str, FloatArray] = {}
        for name, data in each.items():
            signal, signal_error = expected_signal(
                *draw(name, data), sigma, sigma_error, config.luminosity
            )
            observables |= {f"n_signal[{name}]": signal, f"n_signal_error[{name}]": signal_error}
        return chi2_of(observables)

    rng = np.random.default_rng(config.training_seed)
    expected = _learned_efficiencies(scan, table, first, ids)

    def redrawn(name: str, data: Dataset) -> tuple[FloatArray, FloatArray]:
        event = np.asarray(data.variance_per_mean)[:, 0]  # efficiency that an event stands for
        value = np.minimum(event * rng.poisson(expected[name] / event), 1.0)
        # half an event more than passed, as in the errors of the table
        return value, np.sqrt(event * (value + 0.5 * event))

    chi2 = chi2_at(lambda _, data: (data.targets[:, 0], np.asarray(data.target_error)[:, 0]))
    draws = np.array([chi2_at(redrawn) for _ in range(_REDRAWS)])
    noise = np.abs(draws - np.median(draws, axis=0)).mean(axis=0)
    columns = {
        "id": ids,
        **dict(zip(first.input_names, first.inputs.T, strict=True)),
        CHI2: chi2,
        CHI2_ERROR: draws.std(axis=0, ddof=1),
        NOISE: noise,
    }
    card = _card(scan, f"simulated efficiencies of {table.name}", dict(table.card["inputs"]))
    return Chi2Table(columns, {**card, "monte_carlo_noise": float(noise.mean())})


def _learned_efficiencies(
    scan: Scan, table: Table, points: Dataset, ids: np.ndarray
) -> dict[str, FloatArray]:
    """Learned efficiency of every region at the spectra of simulated points, (n_points,) each."""
    theory = scan.joint.theory
    rows = np.searchsorted(table.columns["id"], ids)
    masses, branching = theory.spectrum_names

    def column(name: str) -> FloatArray:
        there = name in table.columns
        # what efficiencies do not read need not be there
        return table.numbers([name])[rows, 0] if there else np.full(len(ids), np.nan)

    order = [points.input_names.index(name) for name in theory.input_names]
    observed = theory.at_spectrum(
        points.inputs[:, order],
        {name: column(name) for name in masses},
        {name: column(name) for name in branching},
    )
    return {
        region.name: observed.values[f"efficiency[{region.name}]"] for region in scan.config.regions
    }


def of_points(scan: Scan, table: Table) -> Chi2Table:
    """chi2 at the points of a table: its own signals, or learned ones at its own spectra.

    With columns ``n_signal[REGION]`` (and ``n_signal_error[REGION]``) for all regions of the scan
    nothing else is asked: this is the way for tables of any model and chain. With all masses and
    branching fractions that the scan's theory reads, and all parameters, efficiencies are learned
    ones at these spectra. With the scanned parameters only, the scan's own chain is asked, and
    points that are not valid are left out. All other columns are kept.

    Raises
    ------
    InputError
        If a region of the table is none of the scan's, a column is missing, or a number is not
        finite.
    """
    chi2_of = _chi2_function(scan.joint)
    known = [region.name for region in scan.config.regions]
    for column in table.columns:
        base, bracket, rest = column.partition("[")
        if bracket and base in ("n_signal", "n_signal_error") and rest[:-1] not in known:
            problem = one_of(rest[:-1], known, "a region of the scan and its groups")
            raise InputError(f"{table.name}: {column}", problem)
    masses, branching = scan.joint.theory.spectrum_names
    has_signals = any(column.startswith("n_signal[") for column in table.columns)
    if not has_signals and not any(name in table.columns for name in (*masses, *branching)):
        return _of_parameters(scan, table)
    if has_signals:
        observables: Mapping[str, FloatArray] = _own_signals(table, known)
        what = "signals"
    else:
        observables, what = _learned_signals(scan, table), "learned efficiencies at spectra"
    columns = {**table.columns, CHI2: chi2_of(observables)}
    inputs = dict(table.card.get("inputs", {}))
    return Chi2Table(columns, _card(scan, f"{what} of {table.name}", inputs))


def _of_parameters(scan: Scan, table: Table) -> Chi2Table:
    theta = np.stack([_finite(table, name) for name in scan.joint.names], axis=1)
    found, valid = _chain_at(scan.joint, theta)
    kept = {name: column[valid] for name, column in table.columns.items()}
    what = f"its learned chain at the valid points of {table.name}"
    return Chi2Table({**kept, **found}, _card(scan, what, _box(scan)))


def of_prior(scan: Scan, n_points: int, seed: int) -> Chi2Table:
    """chi2 of the scan's own learned chain at valid points drawn from its prior.

    Besides the parameters the table has masses, branching fractions and cross-sections, which a
    scan predicts anyway and from which chi2 is easier to learn.

    Raises
    ------
    InputError
        If the scan's combination gives no chi2.
    """
    joint = scan.joint
    rng = np.random.default_rng(seed)
    parts: list[dict[str, FloatArray]] = []
    n_found = 0
    with tqdm(total=n_points, desc="points", disable=None, leave=False) as bar:
        while n_found < n_points:
            theta = joint.prior_transform(rng.random((_BATCH, joint.n_dim)))
            parts.append(_chain_at(joint, theta)[0])
            n_found += len(parts[-1][CHI2])
            bar.update(len(parts[-1][CHI2]))
    joined = {name: np.concatenate([p[name] for p in parts])[:n_points] for name in parts[0]}
    return Chi2Table(joined, _card(scan, "its learned chain at points of its prior", _box(scan)))


def _chain_at(joint: JointLikelihood, theta: FloatArray) -> tuple[dict[str, FloatArray], BoolArray]:
    """Parameters, spectrum and chi2 of the valid ones of some points, and which these are."""
    chi2_of = _chi2_function(joint)
    masses, branching = joint.theory.spectrum_names
    valid, blobs = joint.evaluate_valid(theta)[1:]
    there = {name: column[valid] for name, column in blobs.items() if name != "reason"}
    columns = dict(zip(joint.names, theta[valid].T, strict=True))
    columns |= {name: there[name] for name in (*masses, *branching, "cross_section")}
    return {**columns, CHI2: chi2_of(there)}, valid


def _box(scan: Scan) -> dict[str, Any]:
    return {name: {"range": list(ends)} for name, ends in scan.config.free.items()}


def _chi2_function(
    joint: JointLikelihood,
) -> Callable[[Mapping[str, FloatArray]], FloatArray]:
    combination = joint.combination
    if not joint.regions or not isinstance(combination, Selection):
        raise InputError(
            "combination",
            "gives no chi2; use kind: best_expected or best_set, which compare every point with "
            "the best signal strength",
        )
    return lambda observables: -2.0 * combination.log_likelihood(observables) + 0.0


def _own_signals(table: Table, known: list[str]) -> dict[str, FloatArray]:
    observables = {}
    for region in known:
        signal, error = f"n_signal[{region}]", f"n_signal_error[{region}]"
        observables[signal] = _finite(table, signal)
        there = error in table.columns
        observables[error] = _finite(table, error) if there else 0.0 * observables[signal]
    return observables


def _learned_signals(scan: Scan, table: Table) -> Mapping[str, FloatArray]:
    theory = scan.joint.theory
    masses, branching = theory.spectrum_names
    columns = {name: _finite(table, name) for name in (*theory.input_names, *masses, *branching)}
    parameters = np.stack([columns[name] for name in theory.input_names], axis=1)
    observed = theory.at_spectrum(
        parameters,
        {name: columns[name] for name in masses},
        {name: columns[name] for name in branching},
    )
    bad = np.flatnonzero(~observed.valid)
    if len(bad):
        raise InputError(
            table.name, f"row {bad[0] + 1} has no prediction: {observed.reason[bad[0]]}"
        )
    return observed.values


def _finite(table: Table, name: str) -> FloatArray:
    values = table.numbers([name])[:, 0]
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise InputError(f"{table.name}: {name}", f"has no number in row {bad[0] + 1}")
    return values


def _card(scan: Scan, source: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    options = scan.config.combination.options
    return {
        "title": f"chi2 of {scan.config.title or 'a scan'}",
        "what": f"chi2 = -2 ln L of the chosen regions: {source}",
        "inputs": dict(inputs),
        "regions": {
            region.name: {
                "n_observed": scan.n_observed[region.name],
                "background": region.background,
                "background_error": region.background_error,
            }
            for region in scan.config.regions
        },
        "combination": {"kind": scan.config.combination.kind, **options.model_dump(mode="json")},
        "source": "arXiv:1703.01309, section 2.2 and appendix A",
    }
