"""Plugins are found by name, by module reference and by file, and refused in one line."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from fitplugin import plugins
from fitplugin.components import Component, component, validation_context
from fitplugin.errors import InputError
from fitplugin.options import Options
from fitplugin.surrogates.dgp import DistributedGP


def test_entry_point_module_reference_and_name_give_the_same_object():
    by_name = plugins.load("fitplugin.surrogates", "dgp")
    by_reference = plugins.load(
        "fitplugin.surrogates", "fitplugin.surrogates.dgp:DistributedGP", allow_code=True
    )
    assert by_name is by_reference is DistributedGP


def test_file_reference_is_relative_to_the_scan(tmp_path):
    (tmp_path / "mine.py").write_text("class Mine:\n    answer = 42\n")
    found = plugins.load("fitplugin.surrogates", "mine.py:Mine", tmp_path, allow_code=True)
    assert found.answer == 42


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "dpg",
            ["'dpg' is not a surrogate", "Known: bnn, deep_network", "Did you mean 'dgp'"],
        ),
        ("no.such.module:Thing", ["cannot be imported"]),
        ("fitplugin.surrogates.dgp:DistributdGP", ["Did you mean 'DistributedGP'"]),
        ("nowhere.py:Thing", ["is not a file"]),
    ],
)
def test_unknown_plugin_names_what_is_known(name, words, tmp_path):
    with pytest.raises(InputError) as caught:
        plugins.load("fitplugin.surrogates", name, tmp_path, allow_code=True)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n    pass\n", r"invalid syntax \(line 1\)"),
        ("import no_such_library\n", "No module named 'no_such_library'"),
        ("x = 1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_file_that_python_refuses_is_named_in_one_line(text, said, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError, match=rf"mine.py cannot be imported: .*{said}"):
        plugins.referred("mine.py:f", tmp_path, allow_code=True)


def installed(folder, package, entry_points, code):
    """Put a package where Python finds it, as an installer leaves it."""
    facts = folder / f"{package}-1.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(entry_points)
    (folder / f"{package}.py").write_text(code)


def fitplugin_with(folder, code):
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-c", f"from fitplugin import plugins\n{code}"],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "AttributeError: module 'broken' has no attribute 'Mine'"),
        ("import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def f(:\n", "SyntaxError: "),
    ],
)
def test_a_broken_guest_is_listed_as_such_and_refused_in_one_line(code, said, tmp_path):
    installed(tmp_path, "broken", "[fitplugin.constraints]\nmine = broken:Mine\n", code)
    listed = fitplugin_with(
        tmp_path, "print(*plugins.describe('fitplugin.constraints'), sep='\\n')"
    )
    assert f"cannot be imported: {said}" in listed.stdout
    assert "name='higgs_mass'" in listed.stdout
    refused = fitplugin_with(tmp_path, "plugins.load('fitplugin.constraints', 'mine')").stderr
    last = refused.splitlines()[-1]
    assert f"InputError: 'mine' of the package broken cannot be imported: {said}" in last


def test_a_name_that_two_packages_register_is_refused_and_not_chosen_by_chance(tmp_path):
    point = "[fitplugin.constraints]\nhiggs_mass = guest:Mine\n"
    installed(tmp_path, "guest", point, "class Mine:\n    'Another.'\n")
    refused = fitplugin_with(tmp_path, "plugins.load('fitplugin.constraints', 'higgs_mass')").stderr
    last = refused.splitlines()[-1]
    assert "'higgs_mass' is registered by " in last
    assert "guest" in last
    assert "uninstall all but one" in last
    fine = fitplugin_with(tmp_path, "print(plugins.load('fitplugin.constraints', 'interval'))")
    assert "Interval" in fine.stdout


class NoOptions:
    def log_likelihood(self, observables):
        return 0.0


class Silent(NoOptions):
    class Options(BaseModel):
        """None."""

    log_likelihood = None


@pytest.mark.parametrize(
    ("group", "name", "lacks"),
    [
        ("constraints", "NoOptions", r"'Options' \(a subclass of fitplugin.options.Options\)"),
        ("constraints", "Silent", "log_likelihood, which a constraint needs: see fitplugin.likeli"),
        ("samplers", "Silent", "require, run, which a sampler needs: see fitplugin.samplers.base"),
        ("surrogates", "Silent", "fit, from_arrays, to_arrays, which a surrogate needs"),
    ],
)
def test_what_a_class_lacks_is_named_with_its_contract(group, name, lacks):
    section = TypeAdapter(component(f"fitplugin.{group}"))
    context = validation_context(None, allow_code=True)
    with pytest.raises(ValidationError, match=f"'{__name__}:{name}' has no {lacks}"):
        section.validate_python(f"{__name__}:{name}", context=context)


@pytest.mark.parametrize("group", plugins.GROUPS)
def test_every_contract_is_written_where_errors_say(group):
    module, _, name = plugins.CONTRACTS[group][0].rpartition(".")
    contract = getattr(importlib.import_module(module), name)
    for method in plugins.CONTRACTS[group][1]:
        assert hasattr(contract, method) or f"`{method}(" in inspect.getsource(contract)


def test_code_of_a_guest_is_part_of_what_it_is_and_that_of_built_in_parts_is_not(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Mine:\n    citations = ['me']\n")
    plugin = plugins.referred(f"{path}:Mine", allow_code=True)
    mine = Component("mine.py:Mine", plugin, Options())
    before = mine.code
    path.write_text("class Mine:\n    citations = ['you']\n")
    assert before != mine.code
    assert mine.citations == ("me",)
    built_in = Component("dgp", DistributedGP, DistributedGP.Options())
    assert built_in.code == ""


@pytest.mark.parametrize(
    "reference", [":x", "..:x", "a b:x", ".py:", "\0.py:x", f"{'c' * 300}.py:f"]
)
def test_a_reference_to_nothing_that_could_be_is_refused(reference, tmp_path):
    with pytest.raises(InputError, match="must be package.module:object|is not a file"):
        plugins.referred(reference, tmp_path, allow_code=True)
