"""Bad scan files: one line with the place, what came, what is known; before any computing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from fitplugin.cli import main
from fitplugin.data.tables import write_table
from fitplugin.errors import InputError
from fitplugin.runs.build import plan
from fitplugin.runs.config import ScanConfig, read_scan
from fitplugin.samplers.multinest_library import find_library
from tests.conftest import SCANS


def scan_with(path, value) -> dict:
    """Return the smoke scan with one entry replaced; a path such as 'regions.1.name'."""
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = content
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


BAD = {
    "unknown key": ("luminsity", 1, ["luminsity: 'luminsity' is not", "Did you mean 'luminosity'"]),
    "unknown nested key": ("regions.1.backgroud", 1, ["regions[1].backgroud", "'background'"]),
    "unknown option of a plugin": ("sampler.nlive", 9, ["sampler.nlive", "Did you mean 'n_live'"]),
    "wrong type": ("luminosity", "lots", ["luminosity: should be a valid number", "'lots'"]),
    "number as text": ("parameters.tan_beta", "20", ["parameters.tan_beta", "'20'"]),
    "boolean as number": ("parameters.tan_beta", True, ["parameters.tan_beta", "True"]),
    "inverted range": ("parameters.mu", {"prior": {"uniform": [5, -5]}},
                       ["parameters.mu.prior.uniform", "[5, -5] is inverted"]),
    "three ends": ("parameters.mu", {"prior": {"uniform": [1, 2, 3]}},
                   ["parameters.mu.prior.uniform"]),
    "infinite range": ("parameters.mu", {"prior": {"uniform": [0, float("inf")]}},
                       ["parameters.mu.prior.uniform[1]", "finite"]),
    "unknown prior": ("parameters.mu", {"prior": {"unifrom": [0, 1]}},
                      ["parameters.mu.prior.unifrom", "Did you mean 'uniform'"]),
    "no free parameter": ("parameters", {"mu": 200.0}, ["parameters: none of them has a prior"]),
    "unknown surrogate": ("regions.1.surrogate.kind", "dpg",
                          ["regions[1].surrogate.kind: 'dpg' is not a surrogate. Known: bnn",
                           "Did you mean 'dgp'?"]),
    "unknown sampler": ("sampler.kind", "dinesty", ["sampler.kind", "Did you mean 'dynesty'"]),
    "unknown constraint": ("constraints.0.kind", "higs_mass", ["constraints[0].kind",
                                                               "'higgs_mass'"]),
    "plugin without kind": ("sampler", {"n_live": 10}, ["sampler: must be a section with a 'kin"]),
    "too few live points": ("sampler.n_live", 5, ["sampler", "3 parameters need at least 6"]),
    "plugin from a file": ("sampler.kind", "mine.py:Mine",
                           ["sampler.kind: 'mine.py:Mine' names code", "--allow-code"]),
    "zero luminosity": ("luminosity", 0, ["luminosity: should be greater than 0, not 0"]),
    "negative luminosity": ("luminosity", -3, ["luminosity", "not -3"]),
    "zero background error": ("regions.0.background_error", 0, ["regions[0].background_error",
                                                                "greater than 0, not 0"]),
    "negative background error": ("regions.0.background_error", -1.5, ["not -1.5"]),
    "negative background": ("regions.0.background", -12, ["regions[0].background", "not -12"]),
    "unknown mode": ("regions.0.mode", "medain", ["regions[0].mode", "median"]),
    "no counts": ("mock", None, ["give either 'observed' or 'mock'"]),
    "unknown benchmark": ("mock.benchmark", "natural_suzy", ["mock.benchmark",
                                                             "Did you mean 'natural_susy'"]),
    "benchmark outside": ("mock.benchmark", {"mu": 900.0, "mQ3": 1e3, "mtR": 1e3, "tan_beta": 20,
                                             "M3": 2e3, "At": -2e3},
                          ["mock.benchmark.mu: 900 leaves the box [-500, 500]"]),
    "incomplete benchmark": ("mock.benchmark", {"mu": 200.0}, ["mock.benchmark", "no value here"]),
    "range outside training box": ("parameters.mQ3", {"prior": {"uniform": [100, 1700]}},
                                   ["parameters.mQ3: [100, 1700] leaves the box [100, 1600]"]),
    "value outside training box": ("parameters.tan_beta", 70.0, ["70 leaves the box [2, 60]"]),
    "untrained parameter": ("parameters.mQ33", 500.0, ["parameters.mQ33", "Did you mean 'mQ3'"]),
    "missing parameter": ("parameters.At", None, ["parameters: At, an input of"]),
    "missing dataset": ("regions.0.efficiency.dataset", "natural_susy/eficiencies",
                        ["regions[0]", "Did you mean 'natural_susy/efficiencies'"]),
    "missing data file": ("regions.0.efficiency.dataset", "mine.npz", ["mine.npz: no such file"]),
    "unknown region column": ("regions.0.efficiency.region", "0l_stop1000",
                              ["regions[0]", "'0l_stop1000' is not a region", "Did you mean"]),
    "unknown process": ("cross_section.processes", ["stop1", "sotp2"], ["cross_section",
                                                                        "Did you mean 'stop2'"]),
    "region twice": ("regions.1.name", "0-lepton", ["regions[1].name: '0-lepton' appears twice"]),
    "constraint without ends": ("constraints.0", {"kind": "interval", "observable": "m_higgs"},
                                ["constraints[0]", "needs 'low', 'high' or both"]),
    "constraint inverted": ("constraints.0", {"kind": "higgs_mass", "low": 130},
                            ["constraints[0]", "low 130 must be below high 129"]),
    "unknown observable": ("constraints.0", {"kind": "interval", "observable": "m_higs", "low": 1},
                           ["m_higs", "Did you mean 'm_higgs'"]),
    "too few workers": ("processes", 0, ["processes", "greater than or equal to 1, not 0"]),
    "unknown combination": ("combination", {"kind": "produkt"}, ["combination.kind", "'product'"]),
    "asymmetric overlap": ("combination", {"kind": "best_expected", "overlap": [[1, 1], [0, 1]]},
                           ["combination.overlap: is not symmetric: '0-lepton' with '1-lepton'"]),
    "overlap of other size": ("combination", {"kind": "best_set", "overlap": [[1]]},
                              ["combination.overlap: must be 2 x 2"]),
    "group of unknown": ("combination", {"kind": "best_expected", "groups": [["2-lepton"]]},
                         ["combination.groups[0]: '2-lepton' is not a region"]),
    "region in two groups": ("combination", {"kind": "best_expected",
                                             "groups": [["0-lepton"], ["0-lepton"]]},
                             ["combination.groups[1]: '0-lepton' appears twice"]),
    "limit of zero": ("combination", {"kind": "best_set", "s95_expected": {"0-lepton": 0}},
                      ["combination.s95_expected.0-lepton: must be > 0, not 0"]),
    "covariance not positive": ("nuisances", {"background_covariance": [[1, 2], [2, 1]]},
                                ["nuisances.background_covariance: is not positive definite"]),
    "covariance not symmetric": ("nuisances", {"background_covariance": [[9, 2], [1, 9]]},
                                 ["nuisances.background_covariance: is not symmetric"]),
    "two factors of one name": ("constraints", [{"kind": "higgs_mass", "theory_error": 2},
                                                {"kind": "gaussian", "observable": "m_higgs",
                                                 "value": 125, "theory_error": 2}],
                                ["m_higgs: names two factors"]),
    "unknown nuisance": ("nuisances", {"cross_sections": "shared"},
                         ["nuisances.cross_sections", "Did you mean 'cross_section'"]),
    "hard with error": ("constraints.0", {"kind": "higgs_mass", "hard": True, "theory_error": 2},
                        ["constraints[0]: is hard and has an error"]),
    "gaussian without error": ("constraints.0", {"kind": "gaussian", "observable": "m_higgs",
                                                 "value": 125.09}, ["constraints[0]: needs 'exp"]),
    "negative error": ("constraints.0", {"kind": "higgs_mass", "theory_error": -2},
                       ["constraints[0].theory_error", "not -2"]),
    "missing workspace": ("regions.0.workspace", {"file": "none.json", "channel": "SR"},
                          ["regions[0].workspace", "none.json"]),
    "no regions": ("regions", [], ["regions: there is none, and no likelihoods either"]),
    "regions not a list": ("regions", {"name": "a"}, ["regions: should be a valid list"]),
    "parameters not a section": ("parameters", [1], ["parameters: should be a valid section"]),
    "count not finite": ("mock", {"benchmark": {"mu": float("nan")}}, ["mock.benchmark.mu", "nan"]),
    "more points than any machine": ("sampler.n_live", 10**19, ["at most 10000000 are"]),
    "a prior beyond any disk": ("prior_sample", 10**19, ["prior_sample", "less than or equal to"]),
    "a section where a name belongs": ("regions.0.surrogate.mode", {}, ["regions[0].surrogate.mode",
                                                                        "not {}"]),
    "format version": ("fitplugin", 2, ["fitplugin: should be 1, not 2"]),
    "a loop": ("oracle", {"kind": "folder"}, ["scan.yaml: is a loop", "`fitplugin learn` runs it"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_scan_is_refused_in_one_line_and_nothing_is_written(case, tmp_path, monkeypatch):
    path, value, words = BAD[case]
    scan = tmp_path / "scan.yaml"
    scan.write_text(yaml.safe_dump(scan_with(path, value)))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run", "scan.yaml", "--cache", str(tmp_path / "cache")])
    assert done.exit_code == 2
    assert done.stderr.startswith("fitplugin: error: scan.yaml: ")
    assert len(done.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["scan.yaml"]


@pytest.mark.skipif(find_library() is not None, reason="the MultiNest library is installed")
def test_a_sampler_without_its_library_is_refused_with_the_install_command(tmp_path):
    (tmp_path / "scan.yaml").write_text(yaml.safe_dump(scan_with("sampler", {"kind": "multinest"})))
    done = CliRunner().invoke(main, ["run", str(tmp_path / "scan.yaml")])
    assert done.exit_code == 2
    assert "which is not installed. Install: " in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2", "not valid YAML"),
        ("seed: 1\nseed: 2\n", "line 2: not valid YAML: key 'seed' appears twice"),
        ("- 1\n- 2\n", "must be a mapping"),
        ("", "must be a mapping"),
        ("a: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("\x00\x01", "not valid YAML"),
    ],
)
def test_unreadable_yaml_is_refused(text, words, tmp_path):
    (tmp_path / "scan.yaml").write_text(text)
    done = CliRunner().invoke(main, ["check", str(tmp_path / "scan.yaml")])
    assert done.exit_code == 2
    assert words in done.stderr


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_missing_file_is_refused(name, tmp_path):
    done = CliRunner().invoke(main, ["run", str(tmp_path / name)])
    assert done.exit_code == 2
    assert "cannot be read" in done.stderr


def test_observed_counts_must_match_the_regions(tmp_path):
    content = scan_with("mock", None)
    cases = {
        "observed: no count for the region '1-lepton'": {"0-lepton": 3},
        "observed.2-lepton: '2-lepton' is not a region": {
            "0-lepton": 3, "1-lepton": 3, "2-lepton": 3
        },
        "observed.0-lepton: must be >= 0, not -3": {"0-lepton": -3.0, "1-lepton": 3},
    }  # fmt: skip
    for words, observed in cases.items():
        (tmp_path / "scan.yaml").write_text(yaml.safe_dump({**content, "observed": observed}))
        done = CliRunner().invoke(main, ["check", str(tmp_path / "scan.yaml")])
        assert done.exit_code == 2
        assert words in done.stderr


@pytest.mark.parametrize("path", sorted(SCANS.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_scans_are_valid_and_complete_when_resolved(path, tmp_path):
    config, folder = read_scan(path), path.parent
    for term in config.likelihoods:
        # its table is made by the command that the scan file names
        columns = np.random.default_rng(0).uniform(0, 1, (300, len(term.options.inputs) + 1)).T
        names = (*term.options.inputs, term.options.target)
        write_table(tmp_path / term.options.dataset, dict(zip(names, columns, strict=True)), {})
        folder = tmp_path
    assert plan(config, folder)
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(config.to_yaml())
    assert read_scan(resolved) == config


def test_plugin_from_a_file_beside_the_scan(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from fitplugin.likelihoods.constraints import Interval, IntervalOptions\n"
        "class Heavy(Interval):\n"
        "    '''Heavy stops.'''\n"
        "    class Options(IntervalOptions):\n"
        "        observable: str = 'm_stop1'\n"
        "        low: float | None = 500.0\n"
    )
    content = scan_with("constraints.1", {"kind": "mine.py:Heavy", "low": 600})
    (tmp_path / "scan.yaml").write_text(yaml.safe_dump(content))
    config = read_scan(tmp_path / "scan.yaml", allow_code=True)
    assert config.constraints[1].options.low == 600
    assert plan(config, tmp_path)


def test_configuration_is_immutable():
    config = read_scan(SCANS / "smoke.yaml")
    assert isinstance(config, ScanConfig)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 3


def test_relative_files_start_at_the_scan_file(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    content = scan_with("regions.0.efficiency.dataset", "mine.csv")
    (folder / "scan.yaml").write_text(yaml.safe_dump(content))
    done = CliRunner().invoke(main, ["check", "deep/folder/scan.yaml"])
    assert str(Path("deep/folder/mine.csv")) in done.stderr


def test_multinest_makes_one_run_per_process_unless_told_otherwise(tmp_path):
    def runs(**sampler):
        content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
        content.update(processes=3, sampler={"kind": "multinest", **sampler})
        (tmp_path / "scan.yaml").write_text(yaml.safe_dump(content))
        return read_scan(tmp_path / "scan.yaml").sampler.options.runs

    assert runs() == 3
    assert runs(runs=2) == 2


def test_changes_enter_sections_and_leave_the_rest():
    before = read_scan(SCANS / "smoke.yaml")
    changes = {"mock": {"counts": "poisson", "seed": 7}, "sampler": {"n_live": 99}, "seed": 3}
    after = read_scan(SCANS / "smoke.yaml", changes)
    assert (after.mock.counts, after.mock.seed) == ("poisson", 7)
    assert after.mock.point == before.mock.point
    assert after.sampler.options.n_live == 99
    assert after.sampler.options.tolerance == before.sampler.options.tolerance
    assert after.seed == 3
    assert after.regions == before.regions


def test_a_changed_scan_is_validated_as_any():
    with pytest.raises(InputError, match="mock.counts"):
        read_scan(SCANS / "smoke.yaml", {"mock": {"counts": "poison"}})
    with pytest.raises(InputError, match="surrogate_error.*not -1"):
        read_scan(SCANS / "smoke.yaml", {"surrogate_error": -1})
