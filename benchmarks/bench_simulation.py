"""What does simulating a point cost, beside asking the surrogates, and does it reproduce the table?

Simulates the 40 points of points.tar.xz (drawn from the shipped table) at its statistics on one
core, compares the efficiencies with the shipped ones, and runs `fitplugin bench` on the paper's
scan with the seconds per point. Writes results/simulation.json and simulation.txt.

    python benchmarks/bench_simulation.py
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from fitplugin.data.tables import read_table
from fitplugin.simulation.campaign_file import Contents, read_records
from fitplugin.simulation.session import simulate
from fitplugin.simulation.settings import settings_of
from fitplugin.studies.machine import machine_now
from fitplugin.studies.speed.comparison_text import simulation_text
from fitplugin.studies.speed.measurement import measure

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "reconstruction.yaml"
RESULTS = HERE / "results"
# below, the error of a count says little about its distribution
SMALLEST_VARIANCE = 4.0


def main() -> None:
    machine = machine_now()
    facts = {"processor": machine.processor, "processors": machine.cpu_count}
    with tempfile.TemporaryDirectory() as folder:
        points, output = Path(folder, "points"), Path(folder, "simulated.jsonl")
        with tarfile.open(HERE / "points.tar.xz") as archive:
            archive.extractall(points, filter="data")
        simulate([points], settings_of(), facts, output, processes=1)
        contents = read_records(output)
        speed = measure(SCAN, simulated=output)
    simulation, text = speed.simulation, simulation_text(speed)
    assert simulation is not None
    pulls = pulls_of(contents)
    timings = {
        "alone": speed.timing("posterior", 1),
        "batch": speed.timing("posterior", speed.typical_batch),
    }
    likelihood = {name: timing.seconds.median for name, timing in timings.items()}
    efficiencies = {name: timing.efficiencies() for name, timing in timings.items()}
    each = simulation.seconds.median
    found = {
        "machine": machine._asdict(),
        "points": simulation.n_points,
        "events_in_full": simulation.events,
        "processes": simulation.processes,
        "simulator": simulation.simulator,
        "seconds_per_point": simulation.seconds._asdict(),
        "batch_points": speed.typical_batch,
        "likelihood_s": likelihood,
        "efficiencies_s": efficiencies,
        "simulation_over_likelihood": {name: each / s for name, s in likelihood.items()},
        "simulation_over_efficiencies": {name: each / s for name, s in efficiencies.items()},
        "pulls": {
            "n": len(pulls),
            "mean": float(np.mean(pulls)),
            "std": float(np.std(pulls)),
        },
        "totals": totals_of(contents),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "simulation.json").write_text(json.dumps(found, indent=2) + "\n")
    said = (
        f"{text}\n\n{len(pulls)} pulls of efficiencies against the shipped ones: mean "
        f"{found['pulls']['mean']:+.2f}, width {found['pulls']['std']:.2f}\n"
    )
    (RESULTS / "simulation.txt").write_text(said)
    print(said)


def rows_of(contents: Contents):
    """Pairs of a simulated process and its row of the shipped table."""
    table = read_table("natural_susy/efficiencies")
    row_of = {
        (int(number), str(process)): row
        for row, (number, process) in enumerate(
            zip(table.columns["id"], table.columns["process"], strict=True)
        )
    }
    for name, record in contents.points.items():
        for process, found in record.processes.items():
            row = row_of[int(name), process]
            yield found, {key: column[row] for key, column in table.columns.items()}


def pulls_of(contents: Contents) -> np.ndarray:
    """(ours - shipped) over the error of both, where there are enough events."""
    pulls = []
    for found, shipped in rows_of(contents):
        n = float(shipped["n_generated"])
        for region, ours in found.regions.items():
            passed, variance = (float(shipped[f"{k}_{region}"]) for k in ("passed", "variance"))
            if ours.variance + variance > SMALLEST_VARIANCE:
                error = np.sqrt(variance / n**2 + ours.variance / found.n_generated**2)
                pulls.append((ours.efficiency - passed / n) / error)
    return np.array(pulls)


def totals_of(contents: Contents) -> dict[str, dict[str, float]]:
    """Sums over all points and processes by region, in shipped events: ours, shipped, error."""
    totals: dict[str, np.ndarray] = {}
    for found, shipped in rows_of(contents):
        scale = float(shipped["n_generated"]) / found.n_generated
        for region, ours in found.regions.items():
            passed, variance = (float(shipped[f"{k}_{region}"]) for k in ("passed", "variance"))
            more = [scale * ours.passed, passed, scale**2 * ours.variance + variance]
            totals[region] = totals.get(region, np.zeros(3)) + more
    return {
        region: {"ours": a, "shipped": b, "error": float(np.sqrt(c))}
        for region, (a, b, c) in totals.items()
    }


# workers start with this file
if __name__ == "__main__":
    main()
