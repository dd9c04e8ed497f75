"""Bayesian networks beside other surrogates, on the three targets of arXiv:2007.04506.

    python bench_bnn.py --pmssm SPECTRA.csv [--only validity,m_higgs,cross_section]

SPECTRA holds spectra of the 19-parameter pMSSM: the columns `fitplugin.physics.pmssm.PARAMETERS`,
`valid` and `m_higgs` (.csv or .csv.gz). The cross-section is that of all squark pairs at 14 TeV
over the six parameters of the shipped natural-SUSY spectra. All surrogates learn the same points,
and are judged by the same held-out ones. Takes about 20 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from fitplugin import plugins
from fitplugin.data.tables import read_table
from fitplugin.physics.cross_section import PairProduction
from fitplugin.physics.derived import Derived
from fitplugin.physics.learned_spectrum import ALL_INPUTS
from fitplugin.physics.pmssm import INPUTS, PARAMETERS, VALIDITY_INPUTS
from fitplugin.physics.spectrum_table import input_box, valid_rows
from fitplugin.stats.calibration import calibrate
from fitplugin.studies.learned.measures import FurtherMeasures, measures
from fitplugin.surrogates import Dataset

RESULT = Path(__file__).parent / "results" / "bnn.json"
SEED, HELD_OUT = 20200909, 0.1
CURVE = (0.125, 0.25, 0.5, 1.0)
THEIRS = {
    "validity": {"n_points": 500_000, "f1_mean": 0.954, "recall_3sd": 0.982, "f1_3sd": 0.947},
    "m_higgs": {"n_points": 567_597, "percent_error": 0.10, "coverage_3sd": 0.874,
                "window_recall": 0.997, "window_precision": 0.926, "window_f1": 0.960},
    "cross_section": {"n_points": 202_264, "percent_error": 3.34, "coverage_3sd": 0.99},
    "microseconds_per_prediction": 12.7,
}  # fmt: skip


def surrogates(binary: bool) -> dict[str, tuple[str, dict[str, Any]]]:
    """Kinds and options by label."""
    sampling = {"n_warmup": 300, "n_draws": 300, "block": 100, "starts": "same"}
    if binary:
        sampling |= {"n_warmup": 150, "n_draws": 150, "block": 50}
    boosting = "Classifier" if binary else "Regressor"
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "bnn": ("bnn", {"hidden": [20, 20], "sampling": sampling}),
        "last layer": ("bnn", {"posterior": "last_layer", "hidden": [50, 50, 50]}),
        "ensemble": ("bnn", {"posterior": "ensemble", "n_networks": 10, "hidden": [50, 50, 50]}),
        "dgp": ("dgp", {}),
        "gradient boosting": (
            "sklearn", {"estimator": f"ensemble.HistGradientBoosting{boosting}",
                        "parameters": {"max_iter": 400, "learning_rate": 0.07}},
        ),
    }  # fmt: skip
    return found


def validity(path: Path) -> tuple[Dataset, np.ndarray]:
    """Whether SPheno finds a spectrum, over the pMSSM."""
    spectra = read_pmssm(path, VALIDITY_INPUTS)
    x, valid = spectra["x"], spectra["valid"][:, np.newaxis]
    return Dataset(x, valid, VALIDITY_INPUTS, ("valid",), box(x)), np.zeros(len(x))


def m_higgs(path: Path) -> tuple[Dataset, np.ndarray]:
    """Higgs mass between 110 and 130 GeV, less its leading-order value."""
    spectra = read_pmssm(path, INPUTS)
    mass = spectra["m_higgs"]
    rows = (spectra["valid"] == 1) & (mass > 110) & (mass < 130)
    x = spectra["x"]
    baseline = x[:, INPUTS.index("running_m_higgs")]
    y = (mass - baseline)[rows, np.newaxis]
    return Dataset(x[rows], y, INPUTS, ("m_higgs",), box(x)), baseline[rows]


def cross_section(_: Path) -> tuple[Dataset, np.ndarray]:
    """Logarithm of the total squark-pair cross-section [fb] at 14 TeV, over six parameters.

    Less that at the leading-order masses, which is an input too: what is left is the loops.
    """
    table = read_table("natural_susy/spectra")
    names, _ = input_box(table)
    rows = valid_rows(table)
    parameters = table.numbers(names)[rows]
    processes = ("stop1", "stop2", "sbottom1")
    production = PairProduction(read_table("natural_susy/cross_sections_14TeV"), processes)

    def logarithm(masses: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        total = production.total(masses, {name: 0.0 * m for name, m in masses.items()})
        return np.log(np.maximum(total.value, 1e-12)), total.in_table

    truth, kept = logarithm({f"m_{p}": np.abs(table.numbers([f"m_{p}"])[rows, 0])
                             for p in processes})  # fmt: skip
    leading = [f"leading_m_{p}" for p in processes]
    close = Derived(leading, names)(parameters).T
    base, _ = logarithm({f"m_{p}": np.clip(m, 105.0, 2900.0)
                         for p, m in zip(processes, close, strict=True)})  # fmt: skip
    x = np.column_stack([Derived(ALL_INPUTS, names)(parameters), base])[kept]
    y = (truth - base)[kept, np.newaxis]
    inputs = (*ALL_INPUTS, "leading_log_cross_section")
    return Dataset(x, y, inputs, ("cross_section",), box(x)), base[kept]


def read_pmssm(path: Path, inputs: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Inputs, validity and Higgs mass of the spectra."""
    table = np.genfromtxt(path, delimiter=",", names=True)
    parameters = np.column_stack([table[name] for name in PARAMETERS])
    x = Derived(inputs, PARAMETERS)(parameters)
    return {"x": x, "valid": table["valid"], "m_higgs": table["m_higgs"]}


def box(x: np.ndarray) -> np.ndarray:
    return np.stack([x.min(axis=0), x.max(axis=0)], axis=1)


def learn(kind: str, options: dict[str, Any], training: Dataset, held_out: Dataset) -> Any:
    """Train and predict; seconds of the one, microseconds per point of the other."""
    plugin = plugins.load("fitplugin.surrogates", kind)
    start = time.perf_counter()
    model = plugin(plugin.Options.model_validate(options))
    # numpyro has all cores, what is small matrices in NumPy one
    with threadpool_limits(None if kind == "bnn" else 1):
        model = model.fit(training, np.random.default_rng(SEED))
    seconds = time.perf_counter() - start
    with threadpool_limits(1):
        start = time.perf_counter()
        mean, std = model.predict(held_out.inputs)
        batch = (time.perf_counter() - start) / held_out.n_points
        start = time.perf_counter()
        for row in held_out.inputs[:50]:
            model.predict(row)
        alone = (time.perf_counter() - start) / 50
    facts = model.calibration_facts() if kind == "bnn" else {}
    facts = {k: v for k, v in facts.items() if not k.startswith("mean")}
    return mean[:, 0], std[:, 0], {
        "train_s": seconds, "predict_us": 1e6 * batch, "predict_alone_us": 1e6 * alone,
        "n_training": training.n_points, "facts": facts,
    }  # fmt: skip


def scores(
    target: str, mean: np.ndarray, std: np.ndarray, held_out: Dataset, base: np.ndarray
) -> dict[str, Any]:
    """Measures of the source, and ours; of the Higgs mass by the sign of M3 too."""
    truth = held_out.targets[:, 0]
    if target == "validity":
        return measures(mean, std, truth)
    asked = FurtherMeasures((123.0, 127.0)) if target == "m_higgs" else FurtherMeasures(veto=10.0)
    mean, truth = mean + base, truth + base
    if target == "cross_section":  # a logarithm was learned: its median, and the relative error
        mean, truth = np.exp(mean), np.exp(truth)
        std = std * mean
    error = 100.0 * np.abs(mean / truth - 1.0)
    summary = calibrate(mean, std, truth)
    found = {**measures(mean, std, truth, asked), "median_percent_error": float(np.median(error)),
             "rmse": summary.rmse, "log_score": summary.log_score}  # fmt: skip
    if target == "m_higgs":
        negative = held_out.inputs[:, INPUTS.index("M3")] < 0
        found["percent_error_by_sign_of_M3"] = {
            "negative": float(error[negative].mean()), "positive": float(error[~negative].mean()),
        }  # fmt: skip
    return found


def line(target: str, label: str, found: dict[str, Any]) -> str:
    batch, alone = found["predict_us"], found["predict_alone_us"]
    times = f"{found['train_s']:7.0f} s {batch:8.1f} us {alone:8.0f} us"
    if target == "validity":
        mean, three = (found["decisions"][k] for k in ("mean", "mean + 3 sd"))
        return (f"{label:<20} F1 {mean['f1']:.3f} recall {mean['recall']:.3f} precision "
                f"{mean['precision']:.3f}; +3 sd: {three['f1']:.3f} {three['recall']:.3f} "
                f"{three['precision']:.3f} {times}")  # fmt: skip
    inside = " ".join(f"{share:.3f}" for share in found["coverage"].values())
    return (f"{label:<20} {found['percent_error']:6.3f} % rmse {found['rmse']:.3g} coverage "
            f"{inside} ln p {found['log_score']:.3f} {times}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pmssm", type=Path, required=True)
    parser.add_argument("--only", default="validity,m_higgs,cross_section")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    results["theirs"] = THEIRS
    make = {"validity": validity, "m_higgs": m_higgs, "cross_section": cross_section}
    for target in arguments.only.split(","):
        dataset, base = make[target](arguments.pmssm)
        order = np.random.default_rng(SEED).permutation(dataset.n_points)
        n_held_out = round(HELD_OUT * dataset.n_points)
        held_out, training = dataset.take(order[:n_held_out]), dataset.take(order[n_held_out:])
        base = base[order[:n_held_out]]
        print(f"{target}: {training.n_points} points, {held_out.n_points} held out", flush=True)
        table, curve = {}, {}
        kinds = surrogates(target == "validity")
        for label, (kind, options) in kinds.items():
            try:
                mean, std, facts = learn(kind, options, training, held_out)
            except Exception as error:
                table[label] = {"reason": str(error)}
                print(f"{label:<20} {error}", flush=True)
                continue
            table[label] = {**scores(target, mean, std, held_out, base), **facts}
            print(line(target, label, table[label]), flush=True)
        for share in CURVE:
            part = training.take(np.arange(round(share * training.n_points)))
            mean, std, facts = learn(*kinds["ensemble"], part, held_out)
            found = {**scores(target, mean, std, held_out, base), **facts}
            curve[str(part.n_points)] = found
            print(line(target, f"ensemble, {part.n_points}", found), flush=True)
        results[target] = {"n_held_out": held_out.n_points, "table": table, "curve": curve}
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
