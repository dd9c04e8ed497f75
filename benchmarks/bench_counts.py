"""How long does one counting likelihood take, beside pyhf and spey?

Microseconds per point and region for batches of 1, 100 and 10000 points of the paper's two
regions, and the profiled value of pyhf and spey on the same cases in the same run. They
profile at mu = 1: pyhf with the same normsys modifiers as our mode ``histfactory`` (hence the
largest difference in ln L), spey with a Gaussian background and no error of the signal.

    python benchmarks/bench_counts.py [results.json]
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy

from fitplugin.stats.counts import log_marginal, log_profile, q_mu

N, B, DB = np.array([33.2, 68.9]), np.array([12.2, 21.1]), np.array([3.9, 5.9])
BATCHES = {1: 200, 100: 20, 10000: 1}  # points: calls per repetition
REPEATS = 7
N_CASES = 10  # values for the slow ones
RESULTS = Path(__file__).parent / "results" / "counts.json"


def draw(n_points: int) -> np.ndarray:
    """Signals of (n_points, 2) around the best fit."""
    return np.random.default_rng(0).uniform(1.0, 60.0, (n_points, 2))


def microseconds(call: Callable[[], object], n_calls: int, n_values: int) -> dict[str, float]:
    call()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(n_calls):
            call()
        seconds.append((time.perf_counter() - start) / n_calls)
    values = [1e6 * s / n_values for s in seconds]
    low, _, high = statistics.quantiles(values, n=4)
    return {"median": round(statistics.median(values), 3), "quartiles_apart": round(high - low, 3)}


def ours() -> dict[str, dict[str, dict[str, float]]]:
    table: dict[str, dict[str, dict[str, float]]] = {}
    for function in (log_marginal, log_profile, q_mu):
        for n_points, n_calls in BATCHES.items():
            s = draw(n_points)
            found = microseconds(
                lambda f=function, s=s: f(N, s, 0.2 * s, B, DB, "histfactory"),
                n_calls,
                2 * n_points,
            )
            table.setdefault(function.__name__, {})[str(n_points)] = found
    return table


def pyhf_calls() -> tuple[str, list[Callable[[], float]]]:
    import pyhf

    calls = []
    for s in draw(N_CASES):
        for n, signal, b, db in zip(N, s, B, DB, strict=True):
            up, down = 1.0 + db / b, 1.0 / (1.0 + db / b)
            samples = [
                {"name": "signal", "data": [signal], "modifiers": [
                    {"name": "mu", "type": "normfactor", "data": None},
                    {"name": "s", "type": "normsys", "data": {"hi": 1.2, "lo": 1 / 1.2}}]},
                {"name": "background", "data": [b], "modifiers": [
                    {"name": "b", "type": "normsys", "data": {"hi": up, "lo": down}}]},
            ]  # fmt: skip
            model = pyhf.Model({"channels": [{"name": "region", "samples": samples}]})
            data = [n, *model.config.auxdata]

            def fit(model=model, data=data):
                nll = pyhf.infer.mle.fixed_poi_fit(1.0, data, model, return_fitted_val=True)[1]
                return -0.5 * float(nll)

            calls.append(fit)
    return pyhf.__version__, calls


def spey_calls() -> tuple[str, list[Callable[[], float]]]:
    import spey

    model = spey.get_backend("default.uncorrelated_background")
    calls = []
    for s in draw(N_CASES):
        for n, signal, b, db in zip(N, s, B, DB, strict=True):
            region = model(
                signal_yields=[signal], background_yields=[b], data=[n], absolute_uncertainties=[db]
            )
            calls.append(lambda region=region: -float(region.likelihood(poi_test=1.0)))
    return spey.__version__, calls


def other(name: str, make: Callable[[], tuple[str, list[Callable[[], float]]]]) -> dict | None:
    try:
        version, calls = make()
    except ImportError:
        print(f"{name} is not installed: left out (pip install {name})")
        return None
    for call in calls[:2]:
        call()
    values, seconds = [], []
    for call in calls:
        start = time.perf_counter()
        values.append(call())
        seconds.append(1e6 * (time.perf_counter() - start))
    low, _, high = statistics.quantiles(seconds, n=4)
    s = draw(N_CASES)
    same = log_profile(N, s, 0.2 * s, B, DB, "histfactory").ravel()
    difference = float(f"{np.abs(np.array(values) - same).max():.1e}")
    return {
        "version": version,
        "median": round(statistics.median(seconds), 1),
        "quartiles_apart": round(high - low, 1),
        # spey's model is another one: its value is not comparable
        **({"largest_difference": difference} if name == "pyhf" else {}),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    table = ours()
    result: dict = {
        "question": "microseconds per point and region, and per profiled value of other codes",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "repeats": REPEATS,
        "ours": table,
        "others": {},
    }
    for function, batches in table.items():
        for n_points, found in batches.items():
            print(f"{function:13} {n_points:>6} points  {found['median']:9.2f} us")
    for name, make in (("pyhf", pyhf_calls), ("spey", spey_calls)):
        found = other(name, make)
        if found is None:
            continue
        found["ratio_to_log_profile"] = {
            n_points: round(found["median"] / mine["median"], 1)
            for n_points, mine in table["log_profile"].items()
        }
        result["others"][name] = found
        ratios = ", ".join(f"{n}: {r}" for n, r in found["ratio_to_log_profile"].items())
        print(
            f"{name} {found['version']}: {found['median']:.0f} us per value; times ours: {ratios}"
        )
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
