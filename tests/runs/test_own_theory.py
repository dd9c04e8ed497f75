"""Scan files with a theory of one's own: what they say, what is refused, how things are written."""

from __future__ import annotations

import copy
import shutil

import pytest
import yaml

from fitplugin.errors import InputError
from fitplugin.plots import style
from fitplugin.plots.runs.panel import parameter
from fitplugin.runs.build import plan
from fitplugin.runs.config import ScanConfig, read_scan
from fitplugin.runs.own_theory import OwnTheory
from fitplugin.runs.summary import symbols_of
from tests.conftest import SCANS

RESONANCE = SCANS.parent / "resonance"


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(RESONANCE, tmp_path, dirs_exist_ok=True)
    return tmp_path


def scan_with(folder, *place, value):
    """Write the scan with one entry changed; with none, if the value is None."""
    content = yaml.safe_load((RESONANCE / "zprime.yaml").read_text())
    section = content
    for key in place[:-1]:
        section = section[key]
    if value is None:
        del section[place[-1]]
    else:
        section[place[-1]] = value
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


REFUSED = {
    "spectrum": (("spectrum",), {"kind": "learned"}, "spectrum: has no place beside 'theory'"),
    "processes": (("cross_section",), {"processes": ["stop1"]}, "cross_section: has no place"),
    "string": (("theory",), "zprime.csv", "theory: should be a section .*, not 'zprime.csv'"),
    "typo": (("theory",), {"datset": "zprime.csv"}, "theory.datset: .*Did you mean 'dataset'"),
    "dollars": (("parameters", "mass", "label"), "$m$", "must be LaTeX without dollars"),
    "braces": (("parameters", "mass", "label"), "m_{Z", "every brace closed"),
}


@pytest.mark.parametrize(("place", "value", "message"), REFUSED.values(), ids=REFUSED)
def test_a_scan_that_cannot_be_meant_is_refused(place, value, message, folder):
    with pytest.raises(InputError, match=message):
        read_scan(scan_with(folder, *place, value=value))


def test_without_a_theory_a_spectrum_is_needed():
    with pytest.raises(ValueError, match="spectrum: is empty|is empty; leave it out"):
        ScanConfig.model_validate(
            {"fitplugin": 1, "parameters": {"mu": {"prior": {"uniform": [0, 1]}}}, "seed": 1,
             "luminosity": 1, "spectrum": None}
        )  # fmt: skip


def test_everything_is_learned_from_the_parameters(folder):
    jobs = plan(read_scan(folder / "zprime.yaml"), folder)
    learned = {job.name: job.dataset.target_names for job in jobs}
    assert learned == {
        "cross_section": ("cross_section", "cross_section_error"),
        **{f"efficiency-{n}": (f"efficiency[{n}]",) for n in ("low", "middle", "high")},
    }
    assert {job.dataset.input_names for job in jobs} == {("mass", "coupling")}


def test_a_region_may_learn_the_column_of_another_name(folder):
    path = scan_with(folder, "regions", 0, "efficiency", value={"region": "high"})
    jobs = {job.name: job.dataset for job in plan(read_scan(path), folder)}
    assert jobs["efficiency-low"].target_names == ("efficiency[high]",)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("parameters", "mass", "prior", "uniform"), [1.0, 3.5],
         r"parameters.mass: \[1, 3.5\] leaves the box \[1.50\d+, 3.5\].*zprime.csv"),
        (("parameters", "width"), 3.0, "theory.dataset: zprime.csv: 'width' is not a column"),
        (("regions", 1, "name"), "centre", r"regions\[1\].efficiency: .*'efficiency\[centre\]'"),
        (("regions", 1, "efficiency"), {"inputs": "process"},
         r"regions\[1\].efficiency.inputs: must be 'parameters'"),
    ],
)  # fmt: skip
def test_a_scan_that_does_not_fit_its_table_is_refused(place, value, message, folder):
    path = scan_with(folder, *place, value=value)
    if place[:2] == ("regions", 1) and place[2] == "name":
        path.write_text(path.read_text().replace("  middle: 48", "  centre: 48"))
    with pytest.raises(InputError, match=message):
        plan(read_scan(path), folder)


def test_efficiencies_without_errors_need_a_surrogate_that_finds_them(folder):
    table = folder / "zprime.csv"
    table.write_text(table.read_text().replace("efficiency_error[low]", "comment"))
    with pytest.raises(InputError, match=r"no column efficiency_error\[low\]; add it, or"):
        plan(read_scan(folder / "zprime.yaml"), folder)
    path = scan_with(folder, "regions", 0, "surrogate", value={"kind": "dgp", "noise": "fitted"})
    assert plan(read_scan(path), folder)


def test_the_resolved_scan_is_the_same_scan(folder):
    config = read_scan(folder / "zprime.yaml")
    (folder / "resolved.yaml").write_text(config.to_yaml())
    again = read_scan(folder / "resolved.yaml")
    assert again.model_dump(mode="json") == config.model_dump(mode="json")


def test_symbols_of_an_own_theory_are_its_own(folder):
    path = scan_with(folder, "parameters", "coupling", "label", value=None)
    symbols = read_scan(path).symbols
    assert style.label("mass", symbols) == "$m_{Z'}$ [TeV]"
    assert style.label("coupling", symbols) == "coupling"


def test_mu_of_another_theory_has_a_sign_and_no_unit():
    entries = {"mu": {"prior": {"uniform": [-1.0, 1.0]}}}
    rest = {"fitplugin": 1, "seed": 1, "luminosity": 1, "parameters": entries, "observed": {"R": 1},
            "regions": [{"name": "R", "background": 1.0, "background_error": 0.1}]}  # fmt: skip
    config = ScanConfig.model_validate({**rest, "theory": {"dataset": "mine.csv"}})
    assert isinstance(config.theory, OwnTheory)
    summary = {"parameters": {n: {"label": s.latex, "unit": s.unit}
                              for n, s in config.symbols.items()}}  # fmt: skip
    mine = symbols_of(summary)
    assert style.label("mu", mine) == "mu"
    assert parameter("mu", (-1.0, 1.0), mine).low == -1.0
    natural = symbols_of({"parameters": {"mu": {}}})
    assert style.label("mu", natural) == r"$\mu$ [GeV]"
    assert parameter("mu", (-1.0, 1.0), natural).low == 0.0


def test_a_parameter_of_natural_susy_may_have_another_label():
    config = read_scan(SCANS / "smoke.yaml")
    assert config.symbols == {}
    content = copy.deepcopy(yaml.safe_load((SCANS / "smoke.yaml").read_text()))
    content["parameters"]["mu"]["label"] = r"\mu_h"
    found = ScanConfig.model_validate(content).symbols
    assert {name: symbol[:2] for name, symbol in found.items()} == {"mu": (r"\mu_h", "GeV")}


def test_a_label_that_no_figure_can_show_is_refused_before_the_run(folder):
    path = scan_with(folder, "parameters", "mass", "label", value=r"\nonsense_")
    with pytest.raises(InputError, match="parameters.mass.label: .*matplotlib can show"):
        style.require_drawable(read_scan(path).symbols)
