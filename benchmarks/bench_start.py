"""How long until the package answers: its import, its help, and the check of a scan?

Each in a Python of its own, seven times, models trained before: wall time and CPU time. Writes
results/start.json.

    python benchmarks/bench_start.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from fitplugin.studies.machine import machine_now

HERE = Path(__file__).parent
SCAN = HERE.parent / "scans" / "natural_susy" / "smoke.yaml"
RESULTS = HERE / "results"

N_RUNS = 7
FITPLUGIN = [sys.executable, "-m", "fitplugin.cli"]
# what is typed, what runs it, and the seconds that it may take
CASES = {
    "import fitplugin": ([sys.executable, "-c", "import fitplugin"], 0.3),
    "fitplugin --help": ([*FITPLUGIN, "--help"], 0.5),
    "fitplugin check smoke.yaml": ([*FITPLUGIN, "check", str(SCAN)], 3.0),
}


def seconds_of(command: list[str]) -> tuple[float, float]:
    """Wall and CPU time of a command that must succeed."""
    start, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def spread(values: tuple[float, ...]) -> dict[str, float]:
    return {"median": round(median(values), 3), "low": round(min(values), 3),
            "high": round(max(values), 3)}  # fmt: skip


def main() -> None:
    machine = machine_now()
    found = {}
    for name, (command, target) in CASES.items():
        seconds_of(command)  # trains what is missing, and has the files in memory
        wall, cpu = zip(*(seconds_of(command) for _ in range(N_RUNS)), strict=True)
        found[name] = {"wall_s": spread(wall), "cpu_s": spread(cpu), "target_s": target}
        print(f"{name}: {found[name]}")
    content = {"machine": machine._asdict(), "n_runs": N_RUNS, "cases": found}
    (RESULTS / "start.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
