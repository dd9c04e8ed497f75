"""Headline figures of what is learned: surrogates, a chi2, Bayesian networks, active learning."""

from __future__ import annotations

from collections.abc import Callable

from headline import Content, Headline, met, us

_PAPERS = "paper's network"
_ADDED = ("none added", "as they come", "density", "seeded")
_LEARNED = ("m_higgs", "cross_section", "validity")


def surrogates(found: Content) -> list[Headline]:
    models = {k: v for k, v in found["models"].items() if isinstance(v, dict)}
    ours = models["dgp default"]
    others = {
        "paper mode": "dgp paper", "scikit-learn experts": "scikit-learn experts",
        "GPyTorch exact on 2000": "gpytorch exact", "GPyTorch SVGP": "gpytorch svgp",
    }  # fmt: skip

    def peers(say: Callable[[Content], str]) -> str:
        return ", ".join(f"{k} {say(models[m])}" for k, m in others.items() if m in models)

    alone = ours["us_one_point"]["median"]
    faster = found["one_point_times_faster"]
    n = found["n_training"]
    return [
        Headline(
            f"efficiencies of both regions at one point, {n} training points",
            f"{us(alone)}: {faster['than the paper']} times faster than the paper, "
            f"{faster['than scikit-learn experts']} than scikit-learn",
            f"{found['paper']['seconds_per_evaluation']:g} s",
            peers(lambda m: us(m["us_one_point"]["median"])),
            met("100 µs", alone < 100) + "; "
            + met("600 times the paper", faster["than the paper"] >= 600) + "; "
            + met("500 times scikit-learn", faster["than scikit-learn experts"] >= 500),
        ),
        Headline(
            "the same, per point of 10 000", us(ours["us_per_point_in_batch"]), "",
            peers(lambda m: us(m["us_per_point_in_batch"])),
            met("10 µs", ours["us_per_point_in_batch"] < 10),
        ),
        Headline(
            f"training on {n} points", f"{ours['training_s']:.1f} s",
            f"{found['paper']['training_minutes']:g} min",
            peers(lambda m: f"{m['training_s']:.1f} s" + _given(m)),
            met("5 s", ours["training_s"] < 5),
        ),
        Headline(
            "error against the noiseless efficiency, 0- and 1-lepton", _errors(ours), "",
            peers(_errors),
        ),
        Headline(
            "chi2 per held-out point, 0- and 1-lepton", _pair(ours["chi2_per_point"]), "0.65, 0.65",
            peers(lambda m: _pair(m["chi2_per_point"])),
        ),
    ]  # fmt: skip


def _given(model: Content) -> str:
    return " (kernel given)" if "kernel given" in model.get("note", "") else ""


def _errors(model: Content) -> str:
    return ", ".join(f"{1e3 * value:.2f}e-3" for value in model["rmse_to_truth"])


def _pair(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def surrogates_posteriors(found: Content) -> list[Headline]:
    errors = {
        kind: ", ".join(f"{100 * v:.1f} %" for v in one["median_relative_signal_error"].values())
        for kind, one in found.items()
    }
    return [
        Headline("error of the expected signal in the posterior, 0- and 1-lepton",
                 errors["default"], "", f"with the paper's surrogates {errors['paper']}")
    ]  # fmt: skip


def growth(found: Content) -> list[Headline]:
    last, exponent = found["rows"][-1], found["exponents_from_1e4"]
    return [
        Headline(
            f"training on {last['n_points']} points, memory",
            f"{last['training_s']:.0f} s (n^{exponent['training_s']:.2f}), "
            f"{last['peak_memory_gib']:.1f} GiB; one point {us(last['us_one_point'])}",
            target=met("8 GiB", found["fits_in_8_gib"]),
        )
    ]


def learned_chi2(found: Content) -> list[Headline]:
    def mean(part: str, label: str, where: str = "held out", which: str = "network") -> str:
        return f"{found[part][label][where][which]['mean']:.2f}"

    draws, spectra, simulated = found["draws"], found["spectra"], found["simulated"]
    best = "masses and branching fractions, ours"
    best_error = draws[best]["held out"]["network"]["mean"]
    ranges = draws[best]["held out"]
    is_better = all(
        ours[3] < other[3]
        for ours, other in zip(
            ranges["network"]["by_range"], ranges["nearest"]["by_range"], strict=True
        )
        if ours[2]
    )
    features, parameters = "reparametrised, ours", "direct, ours"
    no_worse = (
        spectra[features]["held out"]["network"]["mean"]
        <= spectra[parameters]["held out"]["network"]["mean"]
    )
    speed, scan = found["speed"], found["scan"]
    one = speed["direct, paper's network"]
    shifts = ", ".join(
        f"{name} {entry['shift_in_std']:+.3f}" for name, entry in scan["marginals"].items()
    )
    (z_first, e_first), (z_second, e_second) = scan["log_z"]
    return [
        Headline(
            f"learned chi2 of four regions, {draws['n_points']} draws of a scan: mean error on "
            "held-out points, from masses and decays",
            mean("draws", best),
            "1.3 to 1.7 (other analyses, 140 000 and 210 000 points)",
            f"from parameters {mean('draws', 'parameters, ours')}, by SCYNet's network "
            f"{mean('draws', f'parameters, {_PAPERS}')}; nearest "
            f"neighbour {mean('draws', best, which='nearest')}",
            f"{met('1.0', best_error < 1.0)}; {met('below the neighbour everywhere', is_better)}",
        ),
        Headline(
            f"the same at {spectra['n_points']} spectra, six parameters: from 56 features, from "
            "parameters",
            f"{mean('spectra', features)}, {mean('spectra', parameters)}",
            "1.3 to 1.5, 1.5 to 1.7",
            f"SCYNet's networks {mean('spectra', features.replace('ours', _PAPERS))}, "
            f"{mean('spectra', parameters.replace('ours', _PAPERS))}; nearest neighbour "
            f"{mean('spectra', features, which='nearest')}, "
            f"{mean('spectra', parameters, which='nearest')}",
            met("features no worse", no_worse),
        ),
        Headline(
            f"the same at {simulated['n_points']} simulated points, whose Monte Carlo noise is "
            f"{simulated['noise']['mean']:.1f}",
            f"{mean('simulated', features)}, {mean('simulated', parameters)}",
            peers=f"nearest neighbour {mean('simulated', features, which='nearest')}, "
            f"{mean('simulated', parameters, which='nearest')}",
        ),
        Headline(
            "transfer to a model with a bino LSP: seen natural SUSY only, with half of its points",
            f"{mean('transfer', 'reparametrised, natural SUSY', 'bino LSP')}, "
            f"{mean('transfer', 'reparametrised, half of the bino points added', 'bino LSP')}",
            "1.3 at home: 2.4 and 2.4, then 1.9 and 1.6",
        ),
        Headline(
            "5000 points added to 15 000 draws: mean error with none, as they come, from the "
            "density of rare points, around each of them; of chi2 from 25 to 95",
            ", ".join(mean("rare", label) for label in _ADDED)
            + "; "
            + ", ".join(f"{_between(found['rare'][label]):.2f}" for label in _ADDED),
            "proposed, not done",
        ),
        Headline(
            "prediction of a learned chi2 in NumPy, one point and each of 10 000",
            f"4 x 300: {us(one['one_us'])}, {us(one['of_10000_us'])}",
            "milliseconds",
            f"two of 3 x 200: {us(speed['two networks of 3 x 200']['one_us'])}, "
            f"{us(speed['two networks of 3 x 200']['of_10000_us'])}",
            met("200 µs, 10 µs", one["one_us"] < 200 and one["of_10000_us"] < 10),
        ),
        Headline(
            "a scan with the learned chi2 against region by region: shift of means in their "
            "standard deviations, of ln Z",
            f"{shifts}; {z_second - z_first:+.3f} ± {(e_first**2 + e_second**2) ** 0.5:.3f}",
        ),
    ]


def _between(trial: Content, low: float = 25.0, high: float = 95.0) -> float:
    """Mean error of the points in some of the ranges together."""
    parts = [
        part
        for part in trial["held out"]["network"]["by_range"]
        if low <= part[0] and part[1] <= high
    ]
    return float(sum(part[2] * part[3] for part in parts) / sum(part[2] for part in parts))


def bnn(found: Content) -> list[Headline]:
    theirs = found["theirs"]
    mass, section, validity = (found[name]["table"] for name in _LEARNED)

    def others(table: Content, what: Callable[[Content], str]) -> str:
        return "; ".join(f"{label} {what(each)}" for label, each in table.items() if label != "bnn")

    def error(each: Content) -> str:
        return each.get("reason", f"{each.get('percent_error', 0):.2f} %")

    def inside(each: Content) -> str:
        return ", ".join(f"{100 * share:.1f}" for share in each["coverage"].values()) + " %"

    def f1(each: Content) -> str:
        return f"{each['decisions']['mean']['f1']:.3f}"

    def gate(each: Content) -> str:
        cost = each["decisions"]["mean + 3 sd"]
        n = cost["n_valid"] + cost["n_invalid"]
        asked = cost["n_valid"] - cost["n_false_invalid"] + cost["n_false_valid"]
        return f"{cost['n_false_invalid'] / cost['n_valid']:.1%}, {1 - asked / n:.0%}"

    best = max(validity, key=lambda label: validity[label]["decisions"]["mean"]["f1"])
    nominal = (0.6827, 0.9545, 0.9973)
    gaps = [
        abs(share - level)
        for share, level in zip(mass["bnn"]["coverage"].values(), nominal, strict=True)
    ]
    by_sign = mass["bnn"]["percent_error_by_sign_of_M3"]
    return [
        Headline(
            f"Bayesian network, Higgs mass from 110 to 130 GeV over the pMSSM, "
            f"{mass['bnn']['n_training']} training points: mean error",
            f"{error(mass['bnn'])} (M3 > 0 {by_sign['positive']:.2f} %, M3 < 0 "
            f"{by_sign['negative']:.2f} %, where the program errs)",
            f"{theirs['m_higgs']['percent_error']:.2f} % (arXiv:2007.04506, "
            f"{theirs['m_higgs']['n_points']} points)",
            others(mass, error),
            met("0.3 %", mass["bnn"]["percent_error"] <= 0.3),
        ),
        Headline(
            "truths within 1, 2, 3 sd of it",
            inside(mass["bnn"]),
            f"3 sd: {100 * theirs['m_higgs']['coverage_3sd']:.1f} %",
            others(mass, inside),
            met("within 2 points of a Gaussian", max(gaps) <= 0.02),
        ),
        Headline(
            f"the same, total squark-pair cross-section over six parameters, "
            f"{section['bnn']['n_training']} points: mean error, within 3 sd",
            f"{error(section['bnn'])}, {100 * section['bnn']['coverage']['3 sd']:.1f} %",
            f"{theirs['cross_section']['percent_error']} %, 99 % (neutralino-chargino pairs, "
            f"{theirs['cross_section']['n_points']} points)",
            others(section, error),
            met("3 %", section["bnn"]["percent_error"] <= 3)
            + "; "
            + met("99 %", section["bnn"]["coverage"]["3 sd"] >= 0.99),
        ),
        Headline(
            f"the same, validity over the pMSSM, {validity['bnn']['n_training']} points: F1",
            f"{f1(validity['bnn'])}; best {best} {f1(validity[best])}",
            f"{theirs['validity']['f1_mean']} ({theirs['validity']['n_points']} points)",
            others(validity, f1),
            met("0.954", validity[best]["decisions"]["mean"]["f1"] >= 0.954),
        ),
        Headline(
            "a gate of it at mean + 3 sd: valid points lost, spectra not asked for",
            gate(validity["bnn"]),
            peers="; ".join(
                f"{label} {gate(each)}" for label, each in validity.items() if label != "bnn"
            ),
        ),
        Headline(
            "prediction of the Higgs mass, each of a batch, one alone",
            f"{us(mass['bnn']['predict_us'])}, {us(mass['bnn']['predict_alone_us'])}",
            f"{theirs['microseconds_per_prediction']} µs on a GPU",
            others(mass, lambda e: f"{us(e['predict_us'])}, {us(e['predict_alone_us'])}"),
        ),
    ]


def active(found: Content) -> list[Headline]:
    curves, posterior = found["contour"], found["posterior"]
    whole = curves["all"][-1]

    def at(label: str, row: int) -> str:
        entry = curves[label][row]
        return f"{entry['accuracy']:.3f} ± {entry['accuracy_error']:.3f}"

    def needed(label: str, wanted: float) -> str:
        """Points after which a curve stays within one error of what is wanted."""
        for entry in curves[label]:
            if entry["accuracy"] + entry["accuracy_error"] >= wanted:
                return f"{entry['asked']:.0f}"
        return f"more than {curves[label][-1]['asked']:.0f}"

    best, warm = "entropy_discs", "entropy_discs + cross-section"
    last = curves["random"][-1]
    asked = needed(best, last["accuracy"])
    rest = [name for name in curves if name not in (best, "all")]
    targeted, random = posterior["targeted"], posterior["random"]
    middle = 2
    long = found["fifth"][best]
    shares = [entry["asked"] / whole["asked"] for entry in long
              if entry["accuracy"] + entry["accuracy_error"]
              >= whole["accuracy"] - whole["accuracy_error"]]  # fmt: skip
    share = min(shares, default=1.0)
    last_long, last_random = long[-1], found["fifth"]["random"][-1]
    return [
        Headline(
            "right side of an exclusion contour over six parameters, "
            f"{curves[best][-1]['asked']:.0f} points chosen by entropy and discs, of "
            f"{whole['asked']:.0f}",
            f"{at(best, -1)}; all points {whole['accuracy']:.3f} ± {whole['accuracy_error']:.3f}",
            peers="; ".join(f"{name.replace('_', ' ')} {at(name, -1)}" for name in rest),
        ),
        Headline(
            f"the same, {last_long['asked']:.0f} points",
            f"{last_long['accuracy']:.3f} ± {last_long['accuracy_error']:.3f}",
            peers=f"random {last_random['accuracy']:.3f} ± {last_random['accuracy_error']:.3f}",
            target=met(
                "as good as all points with a fifth of them"
                + (f" ({share:.0%})" if shares else ""),
                share <= 0.205,
            ),
        ),
        Headline(
            f"points after which it is as good as {last['asked']:.0f} random ones",
            asked,
            peers=f"with a warm start {needed(warm, last['accuracy'])}; Latin hypercube "
            f"{needed('latin', last['accuracy'])}",
        ),
        Headline(
            f"Jensen-Shannon divergence of the reconstruction's posterior to that of all points, "
            f"with {targeted['n'][middle]} training points",
            f"{targeted['js_bits'][middle]:.4f} ± {targeted['js_bits_error'][middle]:.4f} bit",
            peers=f"random {random['js_bits'][middle]:.4f} ± {random['js_bits_error'][middle]:.4f}",
        ),
    ]


def targeted(found: Content) -> list[Headline]:
    asked, curves = found["asked"], found["js_bits"]
    at = asked.index(40)

    def bits(method: str, row: int) -> str:
        return f"{curves[method]['mean'][row]:.4f} ± {curves[method]['error'][row]:.4f}"

    return [
        Headline(
            "Jensen-Shannon divergence of the learned marginals of a Z' from the exact ones, with "
            f"{asked[at]} simulated points chosen for the posterior",
            f"{bits('posterior', at)} bit",
            peers=f"random {bits('random', at)}, with {asked[-1]} {bits('random', -1)}; Latin "
            f"hypercube {bits('latin', at)}, with {asked[-1]} {bits('latin', -1)}",
        ),
    ]
