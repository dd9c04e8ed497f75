"""Do the samplers find the right evidence, with the right error, and the right posterior?

Eight seeds of every sampler on problems with a known answer: z = (ln Z - truth)/error over the
whole box, and p-values of the marginals, means and quantiles of the posterior. One row per cell,
as JSON and as a table beside it.

    python benchmarks/bench_sampler_problems.py [results.json]
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from sampler_problems import PROBLEMS, truth_of
from sampler_scores import N_SEEDS, OPTIONS, SPECIAL, score

from fitplugin import plugins
from fitplugin.errors import MissingExtraError

RESULTS = Path(__file__).parent / "results" / "sampler_problems.json"
LIBRARIES = ("numpy", "dynesty", "pymultinest", "ultranest", "nautilus-sampler")
COLUMNS = (
    "mean_z", "std_z", "chi2_p", "ks_p", "mean_p", "quantile_p", "log_z_error", "n_eff", "n_like",
    "seconds",
)  # fmt: skip


def is_there(sampler: str) -> bool:
    plugin = plugins.load("fitplugin.samplers", sampler)()
    try:
        plugin.require(plugin.Options(**OPTIONS[sampler]), 2)
        return True
    except MissingExtraError as error:
        print(error)
        return False


def versions() -> dict[str, str]:
    found = {one.name: one.version for one in distributions() if one.name in LIBRARIES}
    return {"python": platform.python_version(), **found}


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'sampler':10s} {'problem':14s}" + "".join(f"{name:>12s}" for name in COLUMNS)]
    for row in rows:
        numbers = "".join(f"{row[name]:12.4g}" for name in COLUMNS)
        lines.append(f"{row['sampler']:10s} {row['problem']:14s}{numbers}")
    return "\n".join(lines) + "\n"


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    rows = []
    for sampler in filter(is_there, OPTIONS):
        for name, problem in PROBLEMS.items():
            found = score(sampler, name, problem(), truth_of(name))._asdict()
            rows.append({key: np.round(value, 4).tolist() if not isinstance(value, str) else value
                         for key, value in found.items()})  # fmt: skip
            print(table(rows).splitlines()[-1], flush=True)
    options = {**OPTIONS, **{" on ".join(pair): extra for pair, extra in SPECIAL.items()}}
    report = {"n_seeds": N_SEEDS, "versions": versions(), "machine": platform.machine(),
              "options": options, "rows": rows}  # fmt: skip
    path.write_text(json.dumps(report, indent=1) + "\n")
    path.with_suffix(".txt").write_text(table(rows))


if __name__ == "__main__":
    main()
