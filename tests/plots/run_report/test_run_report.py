"""A report holds what the run holds, whatever the names in it, and depends on nothing outside."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml

from fitplugin.errors import InputError
from fitplugin.plots.html import Markup, cells, page, table
from fitplugin.plots.run_report import page as run_report
from fitplugin.plots.run_report.page import Figures, figures_of, report_page, write_report
from fitplugin.plots.run_report.results import excess, remarks
from fitplugin.plots.run_report.sources import models_of
from fitplugin.plots.run_report.typesetting import number
from fitplugin.plots.runs.asked import Region
from fitplugin.runs import directory
from fitplugin.samplers.chain import Chain
from fitplugin.samplers.evidence import Evidence, ValidFraction
from fitplugin.stats.weighted import effective_size, summarise
from fitplugin.surrogates.sklearn_model import SklearnModel
from fitplugin.surrogates.store import save

EVIL = """<script>alert("1")</script>'&amp;"""
DIGEST = "ab" * 32
MINUS = "\N{MINUS SIGN}"
PNG = b"\x89PNG no picture"
TRUST = {
    "n_points": 400,
    "scales": [
        {"factor": f, "n_eff": 300.0, "log_z_change": 0.01 * f, "parameters": {
            "mu": {"mean": 1.5, "std": 0.25, "interval68": [1.25, 1.75], "shift": shift}}}
        for f, shift in ((0.0, -0.625), (1.0, 0.0), (2.0, 0.125))
    ],
    "regions": {EVIL: {"relative_error": 0.125, "surrogate_relative_error": 0.0625}},
    "masses": {"m_higgs": {"error": 0.21875}},
    "extrapolated_fraction": 0.012,
    "verdict": f"the posterior holds {EVIL}",
}  # fmt: skip
AUDIT = {"truth": f"/home/somebody/{EVIL.replace('/', '')}.yaml", "kind": "scan", "n_points": 40,
         "delta_log_likelihood": {"mean": 0.015625, "std": 0.5, "max_abs": 1.0},
         "verdict": "the posterior changes"}  # fmt: skip


class Reader(HTMLParser):
    """Collects elements, attributes and text; complains if elements do not nest."""

    VOID = ("meta", "img", "link", "br")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data


def make_run(
    folder: Path, title: str = "A run", region: str = "0-lepton", **changes: object
) -> directory.Run:
    rng = np.random.default_rng(5)
    n = 400
    theta = rng.uniform([-500.0, 100.0], [500.0, 1600.0], (n, 2))
    blobs = {
        f"n_signal[{region}]": 20.0 + 0.01 * theta[:, 1],
        f"n_signal_error[{region}]": np.full(n, 2.0),
        "m_higgs": 125.0 + rng.standard_normal(n),
    }
    log_l = -0.5 * np.square((theta[:, 1] - 900.0) / 200.0)
    log_weight = log_l - np.logaddexp.reduce(log_l)
    evidence = Evidence(-3.25, 0.0625, False, ValidFraction(0.25, 0.015625))
    chain = Chain(("mu", "mQ3"), theta, log_l, log_weight, None, blobs, evidence, 1234, 50, "toy")
    ranges = {"mu": (-500.0, 500.0), "mQ3": (100.0, 1600.0)}
    weights = chain.weights
    columns = {"mu": theta[:, 0], "mQ3": theta[:, 1]}
    parameters = {name: summarise(x, weights)._asdict() for name, x in columns.items()}
    parameters["mQ3"]["truth"] = 912.5
    summary = {
        "title": title, "sampler": "toy", "log_z": -3.25, "log_z_error": 0.0625,
        "log_z_box": evidence.log_z_box, "log_z_box_error": evidence.log_z_box_error,
        "valid_fraction": 0.25, "valid_fraction_error": 0.015625, "n_like": 1234, "n_live": 50,
        "n_eff": effective_size(weights), "max_log_likelihood": float(log_l.max()),
        "wall_time_s": 12.5, "n_observed": {region: 33.5}, "parameters": parameters,
        "out_of_domain": {"policy": "inflate", "n_points": 0, "posterior_fraction": 0.0},
        "derived": {name: summarise(x, weights)._asdict() for name, x in blobs.items()},
    }  # fmt: skip
    resolved = {
        "parameters": {name: {"prior": {"uniform": list(r)}} for name, r in ranges.items()},
        "spectrum": {"kind": "learned", "dataset": "natural_susy/spectra"},
        "cross_section": {"table": "gone.csv"}, "out_of_domain": "inflate", "constraints": [],
        "regions": [{"name": region, "background": 12.0, "background_error": 4.0, "mode": "mean",
                     "efficiency": {"dataset": "natural_susy/efficiencies"}}],
    }  # fmt: skip
    manifest = {
        "schema": directory.SCHEMA_VERSION, "fitplugin": "0.0", "digest": DIGEST, "seed": 77,
        "models": {"spectrum": DIGEST}, "seconds": {"models": 2.5, "sampler": 10.0},
        "sampler": {"name": "toy", "converged": 1.0}, "scan_file": "/home/somebody/scan.yaml",
        "citations": ["A. Author, arXiv:1611.02704", f"B. Author {EVIL}"], **changes,
    }  # fmt: skip
    folder.mkdir()
    directory.write_chain(folder, chain, ranges)
    directory.write_json(folder / "summary.json", summary)
    (folder / "resolved.yaml").write_text(yaml.safe_dump(resolved))
    directory.write_manifest(folder, manifest)
    return directory.read_run(folder)


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch):
    """Figures are tested elsewhere; here they are bytes."""

    def draw(run, names):
        (run.path / "plots").mkdir(exist_ok=True)
        for name in names:
            (run.path / "plots" / f"{name}.png").write_bytes(PNG)

    monkeypatch.setattr(run_report, "plot_run", draw)


def written(run, tmp_path, **options) -> str:
    path = write_report(run, tmp_path / "out.html", cache=tmp_path / "cache", **options)
    return path.read_text(encoding="utf-8")


def test_every_number_of_the_summary_stands_in_the_report(run, tmp_path):
    text = Reader(written(run, tmp_path)).text
    for entries in (run.summary["parameters"], run.summary["derived"]):
        for name, entry in entries.items():
            assert name in text
            values = [entry[key] for key in ("mean", "std", "median")]
            values += [*entry["interval68"], *entry["interval95"], entry.get("truth", 0.0)]
            for value in values:
                assert number(value) in text, name
    for shown in (f"{MINUS}3.250 ± 0.062", "0.250 ± 0.016", "1234", "12.50", "33.5", "A run"):
        assert shown in text


def test_nothing_is_loaded_from_outside_and_nothing_is_run(tmp_path):
    run = make_run(tmp_path / "run", EVIL, EVIL)
    reader = Reader(written(run, tmp_path, trust=TRUST, audits=[AUDIT]))
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "video"}
    for tag, attributes in reader.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        href = attributes.get("href", "#")
        assert href.startswith("#") or (tag == "a" and href.startswith("https://arxiv.org/abs/"))
    style = reader.text
    assert "url(" not in style
    assert "@import" not in style


def test_names_with_markup_come_out_as_text(tmp_path):
    run = make_run(tmp_path / "run", EVIL, EVIL)
    html = written(run, tmp_path, trust=TRUST, audits=[AUDIT])
    reader = Reader(html)
    assert "<script" not in html
    # title and heading, table of regions, trust, verdict, citation, scan file
    assert reader.text.count(EVIL) >= 7


def test_every_link_within_the_page_has_its_target_and_every_picture_its_words(run, tmp_path):
    elements = Reader(written(run, tmp_path)).elements
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(set(ids)) == len(ids)
    assert {a["href"][1:] for _, a in elements if a.get("href", "").startswith("#")} <= set(ids)
    pictures = [a for tag, a in elements if tag == "img"]
    assert len(pictures) == len(list((run.path / "plots").glob("*.png"))) > 0
    assert all(a["alt"] for a in pictures)


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    first = written(run, tmp_path, trust=TRUST)
    assert written(directory.read_run(run.path), tmp_path, trust=TRUST, force=True) == first


def test_no_folder_of_this_machine_is_told(run, tmp_path):
    html = written(run, tmp_path, trust=TRUST, audits=[AUDIT])
    assert "somebody" not in html
    assert str(tmp_path) not in html


def test_trust_is_told_or_how_to_get_it(run, tmp_path):
    assert "fitplugin audit RUN" in Reader(written(run, tmp_path)).text
    text = Reader(written(run, tmp_path, trust=TRUST, audits=[AUDIT], force=True)).text
    assert "fitplugin audit RUN" not in text
    for shown in (
        f"{MINUS}0.62",
        "12.5 %",
        "6.25 %",
        "1.2 %",
        "0.22",
        "0.0156",
        "posterior changes.",
    ):
        assert shown in text


def test_a_report_is_not_overwritten_unasked_and_nothing_else_ever(run, tmp_path):
    target = tmp_path / "report.html"
    write_report(run, target, cache=tmp_path)
    with pytest.raises(InputError, match="give --force to replace it"):
        write_report(run, target, cache=tmp_path)
    write_report(run, target, cache=tmp_path, force=True)
    target.write_text("<html>something else</html>")
    with pytest.raises(InputError, match="no report of a run"):
        write_report(run, target, cache=tmp_path, force=True)
    assert target.read_text() == "<html>something else</html>"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "run"]


def test_the_run_stays_sealed_with_its_report(run, tmp_path):
    path = write_report(run, cache=tmp_path)
    assert path == run.path / "report.html"
    directory.read_run(run.path)


def test_figures_are_drawn_when_missing_or_older_than_the_run(run):
    names = list(figures_of(run).images)
    assert names[:2] == ["marginals", "corner"]
    old, new = (run.path / "plots" / f"{name}.png" for name in names[:2])
    for path in (old, new):
        path.write_bytes(b"mine")
    os.utime(old, (0, 0))
    images = figures_of(run).images
    assert images[names[0]] == PNG
    assert images[names[1]] == b"mine"


def test_a_run_too_small_for_figures_has_a_report_that_says_so(run, tmp_path):
    few = run._replace(posterior=run.posterior._replace(weights=np.eye(400)[0]))
    figures = figures_of(few)
    assert figures.images == {}
    page = report_page(few, figures, models_of(few, tmp_path))
    assert "There are no figures: the run has 1 effective samples" in Reader(page).text


def test_models_are_shown_if_they_are_there_and_missed_if_not(run, tiny_dataset, tmp_path):
    def told() -> tuple[str, str]:
        models = models_of(run, tmp_path)
        return models[0].problem, Reader(report_page(run, Figures({}), models)).text

    problem, text = told()
    assert problem == "no longer in the cache of models"
    assert problem in text
    path = tmp_path / f"spectrum-{DIGEST[:16]}.npz"
    path.write_bytes(b"PK, but no model")
    problem, text = told()
    assert "damaged" in problem
    assert problem in text
    model = SklearnModel(SklearnModel.Options(estimator="linear_model.LinearRegression"))
    fitted = model.fit(tiny_dataset, np.random.default_rng(1))
    options = {"estimator": "linear_model.LinearRegression"}
    training = {"name": "spectrum", "seed": 1, "n_points": 400, "sha256": "0" * 64}
    save(fitted, "sklearn", options, path, training=training, calibration={"method": "split"})
    problem, text = told()
    assert problem == ""
    assert "trained on    spectrum: 400 points, seed 1" in text
    assert "calibration   method: split" in text


def test_tables_that_are_gone_are_missed(run, tmp_path):
    text = Reader(written(run, tmp_path)).text
    assert re.search(r"gone\.csv\s*used for\s*cross-sections\s*content\s*no longer there", text)
    assert "9b7a216a7da768c845a4c620296271b66df2688ca3458ad3c6828f9c51f59469" in text


def test_what_a_reader_should_mind_is_said(run, tmp_path):
    assert remarks(run) == []
    changes = {
        "sampler": {"name": "toy", "converged": 0.0, "runs_means_p": 1e-5},
        "resumed_with_changes": ["seed was 1, is 2"],
    }
    worse = make_run(tmp_path / "worse", **changes)
    outside = {"policy": "inflate", "n_points": 9, "posterior_fraction": 0.25}
    worse = worse._replace(summary={**worse.summary, "n_eff": 12.0, "out_of_domain": outside})
    said = " ".join(remarks(worse))
    for part in ("own criterion", "12 effective", "25 %", "1e-05", "seed was 1, is 2"):
        assert part in said


def test_excess_is_that_of_poisson_counts_without_background_error():
    # Asimov: Z^2 = 2 (n ln(n/b) - (n - b)), Cowan et al., arXiv:1007.1727, eq. 97
    for n, b in ((33.0, 12.0), (150.0, 100.0), (5.0, 12.0)):
        expected = np.sign(n - b) * np.sqrt(2 * (n * np.log(n / b) - (n - b)))
        assert excess(Region("R", b, 1e-7, "mean"), n) == pytest.approx(expected, rel=1e-5)


def test_markup_passes_and_everything_else_is_escaped():
    html = page("<t>", table(["<h>"], [cells(["<c>", Markup("<b>1</b>")])]))
    reader = Reader(html)
    assert {"t", "h", "c"}.isdisjoint(tag for tag, _ in reader.elements)
    assert ("b", {}) in reader.elements
