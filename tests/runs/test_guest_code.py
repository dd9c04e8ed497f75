"""The code of a guest decides which stored model is its own."""

from __future__ import annotations

import importlib
import sys

from fitplugin.components import Component
from fitplugin.options import Options
from fitplugin.runs.models import Job


def job_of(folder, code, dataset, monkeypatch):
    """Return the job of a surrogate in a module of that code, imported from a folder."""
    folder.mkdir()
    (folder / "guest_of_a_test.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("guest_of_a_test", None)
    kind = "guest_of_a_test:Mine"
    plugin = importlib.import_module("guest_of_a_test").Mine
    return Job("efficiency", dataset, Component(kind, plugin, Options()))


def test_a_model_of_changed_code_is_not_taken_from_the_cache(tiny_dataset, tmp_path, monkeypatch):
    codes = {"a": "class Mine:\n    power = 1\n", "b": "class Mine:\n    power = 2\n"}
    found = {
        name: job_of(tmp_path / name, code, tiny_dataset, monkeypatch).digest(1)
        for name, code in {**codes, "c": codes["a"]}.items()
    }
    assert found["a"] == found["c"] != found["b"]
