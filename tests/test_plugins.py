"""Plugins are found by name, by module reference and by file, and refused in one line."""

from __future__ import annotations

import pytest

from fitplugin import plugins
from fitplugin.errors import InputError
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
