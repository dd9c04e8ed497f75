"""Files from somebody else run no code unless the user says so: every command, every file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click
import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import fitplugin
from fitplugin.active.base import Setting
from fitplugin.active.loop import Loop
from fitplugin.active.options import read_loop
from fitplugin.adapters.cobaya import cobaya_info, params
from fitplugin.adapters.gambit import gambit_info, gambit_light
from fitplugin.cli import main
from fitplugin.errors import InputError
from fitplugin.pools.processes import ProcessPool
from fitplugin.runs.config import read_scan
from fitplugin.runs.directory import write_manifest
from fitplugin.runs.loading import load_scan
from fitplugin.runs.models import model_path
from fitplugin.simulation.settings import settings_of
from fitplugin.studies.coverage import mocks
from fitplugin.surrogates import load, save
from tests.conftest import SCANS
from tests.surrogates.plane import PLANE

# it leaves a mark as soon as it is imported, and goes no further
FOREIGN = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
raise RuntimeError("enough")
"""

# how each command is given a foreign file
COMMANDS = {
    "run": "scan.yaml -o out",
    "check": "scan.yaml",
    "train": "scan.yaml",
    "reconstruct": "scan.yaml -o out",
    "coverage": "scan.yaml --mocks 1 -o out",
    "bench": "scan.yaml -o out",
    "dataset truth": "out.csv simulated.jsonl --scan scan.yaml",
    "dataset chi2": "out.npz --scan scan.yaml --draw 2",
    "audit": "run",
    "merge": "run run -o out",
    "report": "run -o out.html --no-trust",
    "cite": "run",
    "learn": "loop.yaml -o out",
    "simulate": "--import requests -o out.jsonl",
    "model show": "model.npz",
    "model test": "model.npz natural_susy/efficiencies",
    "model reweight": "model.npz out.npz --prior weight_scale=2",
}
MORE = [
    "run clean.yaml -o run --resume",
    "train scan.yaml --search 1 -o out",
    "train scan.yaml --report out",
    "audit run --draw 2 -o out.csv",
    "audit run --suggest 2 -o out.csv",
    "audit run --with clean.yaml",
    "audit clean --with scan.yaml",
    "bench clean.yaml --against scan.yaml -o out",
    "check names_model.yaml",
]
CALLS = [*(f"{name} {rest}" for name, rest in COMMANDS.items()), *MORE]
# they leave out what only the code could tell
GRACEFUL = ("report", "cite")
WITHOUT_CODE = {
    "status", "plot", "doctor", "plugins", "counts", "model train", "dataset build",
    "dataset show", "dataset features", "dataset rare", "new plugin",
}  # fmt: skip


def commands(command: click.Command, name: str = "") -> dict[str, click.Command]:
    if not isinstance(command, click.Group):
        return {name.strip(): command}
    found = {}
    for part, inner in command.commands.items():
        found |= commands(inner, f"{name} {part}")
    return found


def smoke() -> dict:
    return yaml.safe_load((SCANS / "smoke.yaml").read_text())


def write(path: Path, content: dict) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture
def folder(tmp_path, smoke_run, model_cache, tiny_dataset, monkeypatch) -> Path:
    """A folder with files of every kind that name ``foreign.py``; the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fitplugin.runs.loading.default_cache", lambda: model_cache)
    (tmp_path / "foreign.py").write_text(FOREIGN)
    named = {"kind": "foreign.py:Guest"}
    scan = smoke()
    write(tmp_path / "clean.yaml", scan)
    write(tmp_path / "scan.yaml", {**scan, "constraints": [named]})
    write(tmp_path / "loop.yaml", LOOP)
    for name in ("clean", "run"):
        shutil.copytree(smoke_run, tmp_path / name)
    resolved = yaml.safe_load((tmp_path / "run" / "resolved.yaml").read_text())
    write(tmp_path / "run" / "resolved.yaml", {**resolved, "constraints": [named]})
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    write_manifest(tmp_path / "run", {**manifest, "scan_file": str(tmp_path / "scan.yaml")})
    model = plane().fit(tiny_dataset, np.random.default_rng(0))
    save(model, "foreign.py:Guest", {}, tmp_path / "model.npz")
    learned = {"kind": "learned", "model": "model.npz", "target": "wave"}
    write(tmp_path / "names_model.yaml", {**scan, "likelihoods": [learned]})
    (tmp_path / "requests").mkdir()
    header = {
        "simulator": {"kind": "imported"}, "versions": {}, "events": 1, "seed": 1,
        "processes": ["stop1"], "regions": ["a"], "cross_section": "foreign.py:sigma",
        "cross_section_sha256": 64 * "0", "machine": {},
    }  # fmt: skip
    (tmp_path / "requests" / "campaign.json").write_text(
        json.dumps({"header": header, "parameters": {}})
    )
    return tmp_path


LOOP = {
    "fitplugin": 1,
    "parameters": {"x": [0.0, 1.0]},
    "oracle": {"kind": "function", "function": "foreign.py:ask"},
    "target": {"names": ["y"]},
}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def plane():
    space: dict = {}
    exec(PLANE, space)
    return space["Plane"](space["PlaneOptions"]())


def test_every_command_has_the_flag_or_reads_nothing_that_names_code():
    found = commands(main)
    with_flag = {
        name for name, each in found.items() if "allow_code" in [p.name for p in each.params]
    }
    assert with_flag == set(COMMANDS)
    assert set(found) - with_flag <= WITHOUT_CODE


@pytest.mark.parametrize("call", CALLS)
def test_a_foreign_file_runs_nothing(call, folder):
    before = files(folder)
    done = CliRunner().invoke(main, call.split())
    assert not (folder / "ran").exists()
    if call.startswith(GRACEFUL):
        assert done.exit_code == 0, done.output
        return
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert "foreign.py:" in line
    assert "--allow-code (in Python allow_code=True), only for files that you trust" in line
    assert "fitplugin plugins" in line
    # the place: a file, and what stands there
    assert line.split(": ")[2].startswith(("scan", "run/", "loop", "model", "names_", "requests"))
    assert files(folder) == before


@pytest.mark.parametrize("call", CALLS)
def test_with_the_word_of_the_user_it_runs(call, folder):
    CliRunner().invoke(main, [*call.split(), "--allow-code"])
    assert (folder / "ran").exists()


@pytest.mark.parametrize("call", ["status run", "plot run -o out"])
def test_what_needs_no_code_goes_on_without_the_flag(call, folder):
    done = CliRunner().invoke(main, call.split())
    assert done.exit_code == 0, done.output
    assert not (folder / "ran").exists()


CODE = {"kind": "foreign.py:Guest"}
PLACES = {
    "surrogate": {"regions": [{**smoke()["regions"][0], "surrogate": CODE}]},
    "spectrum": {"spectrum": CODE},
    "surrogate of the spectrum": {"spectrum": {"kind": "learned", "surrogate": CODE}},
    "validity of the spectrum": {"spectrum": {"kind": "learned", "validity": CODE}},
    "gate": {"gate": {"dataset": "natural_susy/spectra", "surrogate": CODE}},
    "surrogate of a theory": {
        "theory": {"dataset": "x.csv", "surrogate": CODE},
        "cross_section": None,
        "spectrum": None,
        "gate": None,
    },
    "likelihood": {"likelihoods": [CODE]},
    "surrogate of a likelihood": {
        "likelihoods": [{"kind": "learned", "dataset": "x.npz", "surrogate": CODE}]
    },
    "combination": {"combination": CODE},
    "constraint": {"constraints": [CODE]},
    "sampler": {"sampler": CODE},
    "pool": {"pool": CODE},
    "short form": {"pool": "foreign.py:Guest"},
    "module": {"pool": "foreign:Guest"},
    "absolute path": {"pool": "{folder}/foreign.py:Guest"},
}


@pytest.mark.parametrize("place", PLACES)
def test_no_place_of_a_scan_file_runs_code(place, folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    text = yaml.safe_dump({**smoke(), **PLACES[place]}).replace("{folder}", str(folder))
    (folder / "scan.yaml").write_text(text)
    with pytest.raises(InputError, match="names code to run"):
        read_scan("scan.yaml")
    assert not (folder / "ran").exists()
    with pytest.raises((InputError, RuntimeError), match="enough"):
        read_scan("scan.yaml", allow_code=True)
    assert (folder / "ran").exists()


SIMULATION = {
    "kind": "simulation",
    "spectrum": "fine.py:slha",
    "simulator": "tests.simulation.toy:Toy",
}
ORACLES = [
    CODE,
    {"kind": "function", "function": "foreign.py:ask"},
    {**SIMULATION, "spectrum": "foreign.py:slha"},
    {**SIMULATION, "simulator": "foreign.py:Guest"},
    {**SIMULATION, "cross_sections": "foreign.py:sigma"},
]


@pytest.mark.parametrize("oracle", ORACLES)
def test_no_place_of_a_loop_file_runs_code(oracle, folder):
    (folder / "fine.py").write_text("def slha(x):\n    return ''\n")
    write(folder / "loop.yaml", {**LOOP, "oracle": oracle})
    path = Path("loop.yaml")
    with pytest.raises(InputError, match=r"oracle.*names code to run"):
        Loop(read_loop(path), Path(), folder / "state")
    assert not (folder / "ran").exists()
    with pytest.raises(InputError, match="enough"):
        Loop(read_loop(path, allow_code=True), Path(), folder / "state", allow_code=True)
    assert (folder / "ran").exists()


@pytest.mark.parametrize(
    "opened",
    [fitplugin.load, load_scan, cobaya_info, params, gambit_light,
     lambda scan, **word: gambit_info(scan, "lib.py", **word)],
)  # fmt: skip
def test_python_asks_as_the_command_line_does(opened, folder):
    with pytest.raises(InputError, match=r"constraints\[0\].kind: .* allow_code=True"):
        opened("scan.yaml")
    assert not (folder / "ran").exists()
    with pytest.raises(InputError, match="enough"):
        opened("scan.yaml", allow_code=True)


def test_bilby_asks_too(folder):
    pytest.importorskip("bilby")
    from fitplugin.adapters.bilby import as_bilby

    with pytest.raises(InputError, match="names code to run"):
        as_bilby("scan.yaml")
    with pytest.raises(InputError, match="enough"):
        as_bilby("scan.yaml", allow_code=True)


def test_cobaya_takes_the_word_as_an_option(folder):
    pytest.importorskip("cobaya")
    likelihood = fitplugin.get_cobaya_class()
    with pytest.raises(InputError, match="names code to run"):
        likelihood.get_class_options({"scan": "scan.yaml"})
    assert not (folder / "ran").exists()
    with pytest.raises(InputError, match="enough"):
        likelihood.get_class_options({"scan": "scan.yaml", "allow_code": True})


def test_what_is_typed_is_the_word_of_the_user(folder):
    for call in (
        "simulate x.slha --simulator foreign.py:Guest",
        "simulate x.slha --cross-sections foreign.py:sigma",
        "dataset features out.npz x.slha --cross-sections foreign.py:sigma",
        "model train out.npz natural_susy/efficiencies --kind foreign.py:Guest",
        "bench clean.yaml --against foreign.py:log_likelihood -o out",
        "audit clean --with foreign.py:log_likelihood",
    ):
        done = CliRunner().invoke(main, call.split())
        assert "enough" in done.output, call
        assert (folder / "ran").exists(), call
        (folder / "ran").unlink()


def test_a_function_of_python_has_to_be_told(folder):
    for settings in ({"kind": "foreign.py:Guest"}, {"cross_section": "foreign.py:sigma"}):
        with pytest.raises(InputError, match="names code to run"):
            settings_of(**settings)
    assert not (folder / "ran").exists()


def test_an_oracle_is_told_whether_code_is_allowed():
    assert not Setting(("x",), np.array([[0.0, 1.0]]), Path(), Path(), 1).allow_code


GOOD = """
from fitplugin.likelihoods.constraints import Interval, IntervalOptions
class Heavy(Interval):
    class Options(IntervalOptions):
        observable: str = "m_stop1"
        low: float | None = 300.0
"""


def at_the_middle(joint):
    return float(joint.log_likelihood(joint.prior_transform(np.full(joint.n_dim, 0.5))))


def test_workers_have_the_word_of_their_parent_and_no_other(folder, model_cache):
    (folder / "good.py").write_text(GOOD)
    write(folder / "scan.yaml", {**smoke(), "constraints": [{"kind": "good.py:Heavy"}]})
    scan = load_scan("scan.yaml", model_cache, allow_code=True)
    with ProcessPool(1) as pool:
        assert pool.map(at_the_middle, [scan.joint]) == [at_the_middle(scan.joint)]
    text = scan.config.model_dump_json()
    assert mocks._config(text, str(folder), True) == scan.config
    with pytest.raises(ValueError, match="names code to run"):
        mocks._config(text, str(folder), False)


def test_a_model_in_a_scan_needs_the_word_for_its_kind(folder):
    with pytest.raises(InputError, match="model.npz: kind: 'foreign.py:Guest' names code to run"):
        load("model.npz")
    config = read_scan("names_model.yaml")  # naming it is no harm
    assert yaml.safe_load(config.to_yaml())["likelihoods"][0]["model"] == "model.npz"


@pytest.mark.parametrize("name", ["../../out", "/etc/out", "a/../b", "..\\out", "nul\0"])
def test_no_name_in_a_file_leads_out_of_the_folder_of_models(name, tmp_path):
    path = model_path(tmp_path / "models", f"efficiency-{name}", 64 * "0")
    assert path.parent == tmp_path / "models"
    assert "\0" not in path.name
