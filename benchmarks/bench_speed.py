"""Where does the time of the paper's reconstruction go, and what do the paper's surrogates cost?

`fitplugin bench scans/natural_susy/reconstruction.yaml`, against the same scan with surrogates as
the paper trains them (paper_surrogates.yaml: random experts, all of them asked, robust BCM), on
this machine. Writes results/speed.json, speed.txt and speed.png.

    python benchmarks/bench_speed.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from fitplugin.plots.speed import write_speed
from fitplugin.studies.speed.measurement import measure
from fitplugin.studies.speed.text import speed_text

HERE = Path(__file__).parent
SCANS = HERE.parent / "scans" / "natural_susy"
RESULTS = HERE / "results"


def main() -> None:
    speed = measure(SCANS / "reconstruction.yaml", against=str(SCANS / "paper_surrogates.yaml"))
    assert speed.against is not None
    # a path of this machine says nothing to others
    speed = speed._replace(against=speed.against._replace(reference="paper_surrogates.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        for path in write_speed(speed, Path(folder, "bench")):
            if path.suffix != ".pdf":
                shutil.copy(path, RESULTS)
    print(speed_text(speed))


# workers of the scan start with this file
if __name__ == "__main__":
    main()
