"""Are the credible intervals of the paper's reconstruction what they say?

400 mock experiments of scans/natural_susy/reconstruction.yaml: true points from the prior, counts
from the likelihood, posteriors from the scan's own sampler with 400 live points, and the rank of
the truth in each. Writes results/coverage.json, coverage.txt and coverage_ranks.png. A study that
was interrupted goes on when it is called again.

    python benchmarks/bench_coverage.py [N_MOCKS]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from fitplugin.plots.coverage import plot_coverage
from fitplugin.pools.base import available_cores
from fitplugin.studies.coverage.study import coverage_text, study

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "reconstruction.yaml"
RESULTS = HERE / "results"
FOLDER = Path("runs") / "reconstruction-coverage"


def main(n_mocks: int = 400) -> None:
    """Study, and keep what is to be shown."""
    found = study(SCAN, n_mocks, FOLDER, processes=available_cores(), resume=FOLDER.exists())
    (png,) = (path for path in plot_coverage(found) if path.suffix == ".png")
    shutil.copy(png, RESULTS / "coverage_ranks.png")
    content = json.loads((FOLDER / "coverage.json").read_text(encoding="utf-8"))
    (RESULTS / "coverage.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (RESULTS / "coverage.txt").write_text(coverage_text(found) + "\n", encoding="utf-8")
    print(coverage_text(found))


# workers start with this file
if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
