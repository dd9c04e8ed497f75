"""Words of the report of a run, and what its looks add to those of every page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CAPTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "marginals": (
            "Marginal posteriors over the prior",
            "Posterior of every scanned parameter (orange) over the constrained prior (grey); the "
            "dashed line, if there is one, is the benchmark of the mock data.",
        ),
        "corner": (
            "Posterior of every pair of parameters",
            "68 % and 95 % contours of every pair of scanned parameters, over the constrained "
            "prior.",
        ),
        "yields": (
            "Predicted and observed counts by signal region",
            "What the posterior predicts in every signal region, signal and background with their "
            "errors, beside the observed counts and the background alone.",
        ),
        "masses": (
            "Posteriors of the masses",
            "Posteriors of the predicted masses; shaded where the scan constrains one.",
        ),
        "run": (
            "Course of the sampling",
            "How the sampler came to its result: likelihood, posterior weight, live points and "
            "evidence against the prior volume, or the weights of an importance sampler.",
        ),
        "trace": (
            "Parameters in the course of the sampling",
            "Every scanned parameter in the course of the sampling; the colour is the posterior "
            "weight.",
        ),
    }
)
"""Of every figure: a title, which also stands for the picture where it is not seen; a caption."""

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "models": "surrogates loaded, or trained",
        "prior": "sample of the prior",
        "sampler": "sampling of the posterior",
        "files": "files written",
    }
)

SAMPLER: Mapping[str, str] = MappingProxyType(
    {
        "converged": "stopped because its own criterion was met, not at a limit of calls",
        "queue_size": "points that it proposes at a time",
        "n_eff": "effective samples by its own count",
        "n_eff_posterior": "effective samples by its own count",
        "n_shells": "shells of its importance sampling",
        "log_z_of_multinest": "ln Z by its own count",
        "log_z_error_of_multinest": "error of ln Z by its own count",
        "ultranest_log_z_error": "error of ln Z by its own count",
        "n_runs": "independent runs that were merged",
        "runs_log_z_p": "p-value of their agreement in ln Z",
        "runs_means_p": "p-value of their agreement in the means of the parameters",
    }
)
"""What the entries of ``manifest.json: sampler`` mean."""

EVIDENCE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "log_z": (
            "ln Z over the valid prior",
            "Mean likelihood over the part of the prior box that is valid: the one for "
            "comparing models whose priors are those points.",
        ),
        "log_z_box": (
            "ln Z over the whole prior box",
            "The same over the box as it stands, where points without a spectrum or outside the "
            "constraints count as zero; log_z_box = log_z + ln(valid_fraction).",
        ),
        "valid_fraction": (
            "valid fraction of the box",
            "Share of the prior box that has a spectrum and obeys the hard constraints.",
        ),
    }
)

POSTERIOR = (
    "Intervals are equal-tailed; thick and thin bars are those of 68 % and 95 % within the range "
    "of the prior, the upright line is the benchmark of the mock data, if there is one. All of it "
    "is in `summary.json`."
)
REGIONS = (
    "Signal: mean and standard deviation over the posterior. Excess: significance of the observed "
    "count over the background with its error, sqrt(q0) of the profile likelihood, in standard "
    "deviations; negative for a deficit. p: probability that the posterior, if the experiment were "
    "done again, gives a count at least as far out in its tail (two-sided); small values say that "
    "the model does not describe the region."
)
TRUST_ABSENT = (
    "Not measured yet: how much of the result depends on the errors of the surrogates. "
    "`fitplugin audit RUN` evaluates the posterior again with these errors switched off and "
    "doubled, and by a better likelihood if one is given; make the report again after it."
)
TRUST_SCALES = (
    "The posterior with the errors of all surrogates multiplied by a factor: 0 trusts them "
    "blindly, 1 takes them as they are. Shifts of the mean are in standard deviations of the run. "
    "Few effective samples say that the reweighting itself is not to be relied on."
)
TRUST_REGIONS = (
    "Relative errors of the expected signal: posterior medians of all errors together and of the "
    "part that comes from the surrogates, and the 95 % quantile of that part. The scatter is the "
    "relative standard deviation of the region's likelihood when its signal varies by the "
    "surrogates' error, averaged over the posterior."
)
SHARES: Mapping[str, str] = MappingProxyType(
    {
        "extrapolated_fraction": "outside the surrogates' training points",
        "unresolved_fraction": "where the surrogates' error of some signal exceeds half of it",
    }
)
AUDITS = (
    "The posterior with a better likelihood in place of this one, at points of this run or at "
    "simulated ones. Shifts of the mean are in standard deviations of this run."
)

STYLE = """
.errors { display: inline-flex; flex-direction: column; vertical-align: middle; font-size: 70%;
        line-height: 1.1; margin: 0 .1em 0 .15em; }
nav { font: 14px/1.8 Helvetica, Arial, sans-serif; margin: 1rem 0; }
nav a { margin-right: .9rem; white-space: nowrap; }
.subtitle { color: var(--soft); margin-top: -.5rem; }
.verdict { border-left: 4px solid #e69f00; background: var(--tint); padding: .6rem 1rem; }
.verdict p { margin: .3rem 0; }
.mind { border-left: 4px solid #d55e00; padding: .3rem 1rem; }
.mind p { margin: .3rem 0; color: var(--warn); }
.note { color: var(--soft); font-size: 90%; }
table.words td:last-child, table.words th:last-child { text-align: left; white-space: normal;
        min-width: 14rem; }
code.digest { font-size: 75%; overflow-wrap: anywhere; }
svg { vertical-align: middle; } .s95 { fill: #e69f00; opacity: .45; } .s68 { fill: #e69f00; }
.axis { fill: var(--line); } .truth { fill: var(--ink); }
#configuration pre { columns: 22rem; column-rule: 1px solid var(--line); }
ol li { margin: .4rem 0; } .need { color: var(--soft); font-size: 90%; }
@media (max-width: 30rem) { body { margin: 1rem auto; } h1 { font-size: 1.5rem; }
        table.facts th { width: 6.5rem; }
        table.words td, table.words th, table.words td:last-child, table.words th:last-child {
        white-space: normal; min-width: 5rem; } pre { font-size: 10.5px; } }
@media print { nav { display: none; } a { color: inherit; text-decoration: none; }
        #configuration { break-before: page; } }
"""
