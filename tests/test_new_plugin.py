"""`fitplugin new plugin` writes packages that install, pass their tests and scan as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fitplugin import plugins
from fitplugin.cli import main
from fitplugin.cli.new import KINDS
from fitplugin.conformance import check_constraint

README = Path(__file__).parents[1] / "README.md"
NAME = {kind: f"guest_{kind}" for kind in KINDS}


def new(*words):
    return CliRunner().invoke(main, ["new", "plugin", *words])


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with one package of each kind."""
    folder = tmp_path_factory.mktemp("guests")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for kind, name in NAME.items():
            done = new(name, "--kind", kind)
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def environment(packages, model_cache, tmp_path_factory):
    """The environment in which the packages are installed."""
    site, cache = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("cache") / "fitplugin"
    for name in NAME.values():
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
             "--no-build-isolation", "--target", str(site / name), str(packages / name)],
            check=True,
        )  # fmt: skip
    cache.mkdir()
    model_cache.mkdir(exist_ok=True)
    (cache / "models").symlink_to(model_cache)
    paths = [*(str(site / name) for name in NAME.values()), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "XDG_CACHE_HOME": str(cache.parent),
    }


def python(words, environment, folder):
    return subprocess.run(
        [sys.executable, "-m", *words], env=environment, cwd=folder, capture_output=True, text=True
    )


@pytest.mark.parametrize("kind", KINDS)
def test_written_package_passes_its_own_tests_when_installed(kind, packages, environment):
    done = python(["pytest", "-q", "-W", "error"], environment, packages / NAME[kind])
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_installed_guests_are_listed_with_their_packages(packages, environment):
    listed = python(["fitplugin.cli", "plugins"], environment, packages).stdout.splitlines()
    for kind, name in NAME.items():
        assert [KINDS[kind], name, name] in [line.split()[:3] for line in listed]


def test_name_of_an_installed_guest_is_taken(packages, environment, tmp_path):
    name = NAME["sampler"]
    for kind, said in (("sampler", "is a sampler already"), ("likelihood", "Python module")):
        words = ["fitplugin.cli", "new", "plugin", name, "--kind", kind]
        done = python(words, environment, tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_template_word_is_replaced(kind, packages):
    for path in (packages / NAME[kind]).rglob("*.*"):
        text = path.read_text() if path.is_file() else ""
        assert "your_" not in text, path
        assert "YourPlugin" not in text, path
        assert "templates" not in text, path


def test_what_is_printed_is_what_to_type(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = new("heavy_stops").output
    assert "heavy_stops/ is a constraint that works" in told
    typed = [line.strip() for line in told.splitlines() if line.startswith("  ")]
    assert typed == [
        "cd heavy_stops", "pip install --editable '.[test]'", "python -m pytest",
        "fitplugin run scan.yaml",
    ]  # fmt: skip
    readme = Path("heavy_stops/README.md").read_text()
    assert all(line in readme for line in typed[1:])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["heavy", "--kind", "constrain"], "Did you mean 'constraint'?"),
        (["Heavy-Stops"], "'Heavy-Stops' must be a lower-case Python name, .*heavy_stops for exam"),
        (["class"], "'class' must be a lower-case Python name"),
        (["heavy.stops"], "heavy_stops for example"),
        (["../heavy"], "must be a lower-case Python name"),
        (["_heavy"], "must be a lower-case Python name"),
        (["heavy_"], "must be a lower-case Python name"),
        ([""], "must be a lower-case Python name"),
        (["interval"], "'interval' is a constraint already"),
        (["dynesty", "--kind", "sampler"], "'dynesty' is a sampler already"),
        (["numpy"], "'numpy' is an installed Python module"),
        (["json"], "'json' is an installed Python module"),
    ],
)
def test_bad_name_or_kind_is_refused_and_nothing_written(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = new(*words)
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert re.search(said, done.output)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda p: p.symlink_to("nowhere")])
def test_what_is_there_is_not_touched(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(Path("heavy"))
    done = new("heavy")
    assert done.exit_code == 2
    assert "heavy: exists; choose another name, or move it away" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["heavy"]
    assert Path("heavy").is_symlink() or list(Path("heavy").glob("*")) == []


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = new("heavy")
    assert done.exit_code == 2
    assert "heavy: cannot be written: No such file or directory" in done.output


def test_smallest_plugin_of_the_readme_keeps_its_contract(packages):
    section = README.read_text().partition("## Plugins\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    code, registered = (
        next(text for kind, text in blocks if kind == k) for k in ("python", "toml")
    )
    module = {}
    exec(code, module)
    plugin = module["HeavyStops"]
    check_constraint(plugin, plugin.Options(low=600), {"m_stop1": np.linspace(0.0, 2000.0, 11)})
    written = (packages / NAME["constraint"] / "pyproject.toml").read_text()
    assert (
        registered.replace("heavy_stops", NAME["constraint"]).replace(
            "HeavyStops", "GuestConstraint"
        )
        in written
    )


def test_readme_says_where_every_contract_is_written():
    section = README.read_text().partition("## Plugins\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    for group, (contract, _) in plugins.CONTRACTS.items():
        row = next(row for row in rows if group.removeprefix("fitplugin") in row)
        assert contract.rpartition(".")[0].replace(".", "/") + ".py" in row
