"""Headline figures of each results/*.json, as rows of the table in README.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headline import Content, Headline, cores, met, us
from headline_learned import (
    active,
    bnn,
    growth,
    learned_chi2,
    surrogates,
    surrogates_posteriors,
    targeted,
)

from fitplugin.studies.speed.words import digits


def reconstruction(found: Content) -> list[Headline]:
    warm, cold, paper = found["warm_cache"], found["cold_cache"], found["paper"]
    stages = ", ".join(f"{k} {v:.1f}" for k, v in warm["seconds"].items())
    cpu_hours = f"{paper['hours']:g} h on {paper['cpus']} CPUs"
    return [
        Headline(
            "whole reconstruction, models trained",
            f"{warm['wall_time_s']:.1f} s on {cores(warm.get('processes', 2))} ({stages}): "
            f"{digits(warm['paper_cpu_hours_over_ours'])} times fewer CPU-hours",
            cpu_hours,
            target=met("10 s", warm["wall_time_s"] <= 10),
        ),
        Headline(
            "whole reconstruction, training included", f"{cold['wall_time_s']:.1f} s",
            f"{cpu_hours}, and 15 min of training",
        ),
        Headline(
            "likelihood calls, effective samples", f"{warm['n_like']}, {warm['n_eff']:.0f}",
            f"{paper['n_like']:.0f} calls, samples not stated",
        ),
    ]  # fmt: skip


def posterior(found: Content) -> list[Headline]:
    brute, marginals = found["brute_force"], found["marginals"]
    worst = max(found["run"].get("names", ("mu", "mQ3", "mtR")),
                key=lambda name: marginals[name]["js_bits"])  # fmt: skip
    row = marginals[worst]
    sigma = found["log_z_difference_in_errors"]
    return [
        Headline(
            "marginals against brute force: largest Jensen-Shannon divergence",
            f"{row['js_bits']:.5f} bit ({worst}; {row['resampled_floor_bits']:.5f} is the noise of "
            f"{found['run']['n_eff']:.0f} perfect draws)",
            peers=f"{brute['points']} points of {brute['scrambled_sobol_sequences']} Sobol "
            "sequences",
            target=met("0.005 bit", found["largest_js_bits"] < 0.005),
        ),
        Headline(
            "ln Z over the box against brute force",
            f"{found['run']['log_z_box']:.3f} ± {found['run']['log_z_box_error']:.3f}",
            peers=f"{brute['log_z_box']:.4f} ± {brute['log_z_box_error']:.4f}",
            target=met("within 2 errors", abs(sigma) < 2) + f" ({sigma:+.1f})",
        ),
    ]


def coverage(found: Content) -> list[Headline]:
    scanned = {name: found["quantities"][name] for name in ("mu", "mQ3", "mtR")}
    p = {name: one["p_value"] for name, one in scanned.items()}
    inside = [
        ", ".join(f"{one[f'coverage{level}']:.3f}" for one in scanned.values())
        + f" ± {scanned['mu'][f'coverage{level}_error']:.3f}"
        for level in (68, 95)
    ]
    return [
        Headline(
            f"{found['n_mocks']} mocks: chi2 p of the ranks of mu, mQ3, mtR",
            ", ".join(f"{value:.2f}" for value in p.values()),
            target=met("p > 0.01", min(p.values()) > 0.01),
        ),
        Headline(
            "their coverage of 68.27 and of 95 % intervals", "; ".join(inside), peers="0.683; 0.950"
        ),
    ]


def speed(found: Content) -> list[Headline]:
    times = {
        timing["n_points"]: 1e6 * timing["seconds"]["median"]
        for timing in found["timings"]
        if timing["points"] == "posterior"
    }
    size = found["typical_batch"]
    ratios = [
        digits(one["theirs"]["median"] / one["ours"]["median"])
        for one in (found["against"]["times"] if found["against"] else ())
        if one["points"] == "posterior"
    ]
    stage = found["run"]["stages"]["sampler"]
    outside = 1 - stage["likelihood_s"] / (found["run"]["processes"] * stage["wall_s"])
    load = found["machine"]["load_average"]
    rows = [
        Headline(
            f"likelihood, CPU time per point: alone, batch of {size} (the sampler's), of 1000",
            ", ".join(us(value) for value in times.values()),
            "14 CPU-s of the whole scan per call",
            f"with the paper's surrogates {', '.join(ratios)} times as long" if ratios else "",
            met("100 µs in the sampler's batches", times[size] < 100),
        ),
        Headline(
            "share of the sampler's stage that is not likelihood",
            f"{100 * outside:.0f} % of {cores(found['run']['processes'])}; the likelihood took "
            f"{us(1e6 * stage['likelihood_s'] / found['run']['n_like'])} per call on average"
            + (f" (load average {load:g} before)" if load is not None else ""),
            '"overhead dominate"',
        ),
    ]
    if found["against"]:
        scaled = found["against"]["scaled"]
        ratios = [scaled[k] / scaled["ours_s"] for k in ("at_equal_n_eff_s", "at_equal_error_s")]
        rows.append(
            Headline(
                "sampler cost at equal effective samples, at equal error of ln Z",
                "1, 1",
                peers="the same scan with the paper's surrogates: "
                + ", ".join(digits(ratio) for ratio in ratios),
            )
        )
    return rows


def counts(found: Content) -> list[Headline]:
    def ours(name: str) -> str:
        return ", ".join(us(one["median"]) for one in found["ours"][name].values())

    peers = [
        f"{name} {us(one['median'])} ({digits(one['ratio_to_log_profile']['1'])} times ours alone, "
        f"{digits(one['ratio_to_log_profile']['10000'])} in batches)"
        for name, one in found["others"].items()
    ]
    return [
        Headline("marginal counting likelihood per region, batch of 1, 100, 10 000",
                 ours("log_marginal"), "RooStats, time not stated"),
        Headline("profiled counting likelihood, the same", ours("log_profile"), "",
                 "; ".join(peers)),
    ]  # fmt: skip


def sampler_problems(found: Content) -> list[Headline]:
    rows, n_seeds = found["rows"], found["n_seeds"]
    worst = max(rows, key=lambda row: abs(row["mean_z"]))
    limit = 3 / n_seeds**0.5
    return [
        Headline(
            f"bias of ln Z in its errors: largest mean of {n_seeds} seeds, of {len(rows)} cells of "
            "sampler and problem",
            f"{abs(worst['mean_z']):.2f} ({worst['sampler']}, {worst['problem']})",
            target=met(f"3/√{n_seeds} = {limit:.2f}", abs(worst["mean_z"]) < limit),
        )
    ]


def samplers(found: Content) -> list[Headline]:
    serial = [row for row in found["runs"] if row["pool"] == "serial"]
    added = found["overhead_of_an_evaluation"].values()
    return [
        Headline(
            "seconds of a scan with 250 live points, one process",
            ", ".join(f"{row['sampler']} {row['seconds']:.1f}" for row in serial),
            "",
            "by hand: "
            + ", ".join(f"{row['sampler']} {row['seconds']:.1f}" for row in found["by_hand"]),
        ),
        Headline(
            "effective samples per second, the same",
            ", ".join(f"{row['sampler']} {row['n_eff_per_second']:.0f}" for row in serial),
        ),
        Headline(
            "checks and journal, added to an evaluation",
            f"{100 * min(added):.1f} to {100 * max(added):.1f} %",
            target=met("5 %", max(added) < 0.05),
        ),
    ]


def simulation(found: Content) -> list[Headline]:
    each, pulls = found["seconds_per_point"], found["pulls"]
    learned, whole = found["simulation_over_efficiencies"], found["simulation_over_likelihood"]
    batch = found["batch_points"]
    return [
        Headline(
            f"simulating a point ({found['points']} points, {found['events_in_full']} events in "
            "full for each of three processes) over its efficiencies from surrogates, one core",
            f"{each['median']:.1f} s: {digits(learned['batch'])} times in batches of {batch}, "
            f"{digits(learned['alone'])} times alone; over the whole likelihood "
            f"{digits(whole['batch'])} and {digits(whole['alone'])} times",
            "10 min over 0.06 s: 1e4 times",
            target=met("1e4", learned["batch"] > 1e4),
        ),
        Headline(
            f"{pulls['n']} efficiencies of these points against the shipped ones: pulls",
            f"mean {pulls['mean']:+.2f}, width {pulls['std']:.2f}",
            target=met("0 ± 0.3, 1 ± 0.2",
                       abs(pulls["mean"]) < 0.3 and abs(pulls["std"] - 1) < 0.2),
        ),
    ]  # fmt: skip


def audit(found: Content) -> list[Headline]:
    rows = {
        region: found["predicted_minus_simulated"][f"efficiency[{region}]"]
        for region in ("0-lepton", "1-lepton")
    }
    whole, errors = found["audit"], found["bootstrap_error_of_shifts"]
    shifts = ", ".join(
        f"{name} {entry['shift']:+.2f} ± {errors[name]:.2f}"
        for name, entry in whole["parameters"].items()
    )
    return [
        Headline(
            f"learned efficiencies against simulation at {found['points']} posterior points: pulls",
            "; ".join(
                f"{region} mean {row['mean_pull']:+.2f}, width {row['width_of_pulls']:.2f}"
                for region, row in rows.items()
            ),
        ),
        Headline(
            "posterior reweighted to that simulation and its spectra: shift of means in their "
            "standard deviations, effective draws",
            f"{shifts}; {whole['n_eff']:.0f} of {whole['n_points']}",
        ),
    ]


def start(found: Content) -> list[Headline]:
    cases, load = found["cases"], found["machine"]["load_average"]
    walls = {name: case["wall_s"]["median"] for name, case in cases.items()}
    targets = {name: case["target_s"] for name, case in cases.items()}
    cpu = ", ".join(f"{case['cpu_s']['median']:.2f}" for case in cases.values())
    return [
        Headline(
            f"{', '.join(cases)}, models trained",
            f"{', '.join(f'{wall:.2f}' for wall in walls.values())} s (CPU time {cpu} s; load "
            f"average {load:.1f} before)",
            target=met(
                ", ".join(f"{target:g}" for target in targets.values()) + " s",
                all(walls[name] <= targets[name] for name in cases),
            ),
        ),
    ]


READERS: Mapping[str, Callable[[Content], list[Headline]]] = {
    "reconstruction": reconstruction,
    "posterior": posterior,
    "coverage": coverage,
    "speed": speed,
    "surrogates": surrogates,
    "surrogates_posteriors": surrogates_posteriors,
    "learned_chi2": learned_chi2,
    "bnn": bnn,
    "active": active,
    "targeted": targeted,
    "simulation": simulation,
    "audit": audit,
    "growth": growth,
    "counts": counts,
    "sampler_problems": sampler_problems,
    "samplers": samplers,
    "start": start,
}
