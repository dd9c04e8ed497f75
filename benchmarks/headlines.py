"""One table of every headline figure, beside the paper's and the peers': that of README.md.

Reads results/*.json and rewrites the table between its two markers in README.md; with --run, runs
every bench_*.py and figure_*.py first (an hour or so on two cores, unattended).

    python benchmarks/headlines.py [--run]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from headline_rows import READERS

HERE = Path(__file__).parent
README, RESULTS = HERE / "README.md", HERE / "results"
BEGIN, END = "<!-- headlines: begin -->", "<!-- headlines: end -->"
HEAD = ("figure", "ours", "paper", "peers", "target", "source")
# those that others build on come first
FIRST = ("bench_reconstruction.py", "bench_posterior.py", "bench_speed.py")


def table(results: Path) -> str:
    """The rows of every file that is there, and the names of those that are not."""
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    missing = []
    for name, read in READERS.items():
        path = results / f"{name}.json"
        if not path.is_file():
            missing.append(path.name)
            continue
        rows = read(json.loads(path.read_text(encoding="utf-8")))
        lines += [f"| {' | '.join((*row, f'`{path.name}`'))} |" for row in rows]
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    return "\n".join(lines)


def put_between(text: str, new: str) -> str:
    """Replace what stands between the two markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{README.name} needs the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{new}\n{END}{after}"


def run_all() -> list[str]:
    """Run every script; give the names of those that failed."""
    scripts = {
        path.name for pattern in ("bench_*.py", "figure_*.py") for path in HERE.glob(pattern)
    }
    failed = []
    for name in (*FIRST, *sorted(scripts - set(FIRST))):
        start = time.perf_counter()
        print(f"{name} ...", flush=True)
        done = subprocess.run([sys.executable, str(HERE / name)], stdout=subprocess.DEVNULL)
        print(f"{name}: exit {done.returncode}, {time.perf_counter() - start:.0f} s", flush=True)
        if done.returncode:
            failed.append(name)
    return failed


def main() -> None:
    failed = run_all() if "--run" in sys.argv[1:] else []
    new = table(RESULTS)
    README.write_text(put_between(README.read_text(encoding="utf-8"), new), encoding="utf-8")
    print(new)
    if failed:
        raise SystemExit(f"failed, their old results are shown: {', '.join(failed)}")


if __name__ == "__main__":
    main()
