"""What lies beside a run and was edited is refused; what belongs to another run is left out."""

from __future__ import annotations

import json

import pytest

from fitplugin.errors import InputError
from fitplugin.runs.directory import Posterior, Run
from fitplugin.runs.seal import with_seal
from fitplugin.studies.trust.records import read_audits, read_trust


@pytest.fixture
def run(tmp_path):
    nothing = Posterior({}, [], [])
    return Run(tmp_path, {"seal": "of this run"}, {}, nothing, {}, {})


CONTENT = {"of": "of this run", "n_points": 50}


def test_what_was_written_of_this_run_is_read(run):
    (run.path / "trust.json").write_text(json.dumps(with_seal(CONTENT)))
    assert read_trust(run)["n_points"] == 50


def test_what_was_written_of_another_run_is_left_out(run):
    (run.path / "trust.json").write_text(json.dumps(with_seal({**CONTENT, "of": "another"})))
    assert read_trust(run) is None


@pytest.mark.parametrize("text", [
    json.dumps({**with_seal(CONTENT), "n_points": "many"}), json.dumps(CONTENT), "[]", "{", "",
])  # fmt: skip
def test_what_was_edited_is_refused_by_name(text, run):
    (run.path / "trust.json").write_text(text)
    with pytest.raises(InputError, match=r"trust\.json: .*remove it, and make it again"):
        read_trust(run)
    (run.path / "audits").mkdir()
    (run.path / "audits" / "exact.json").write_text(text)
    with pytest.raises(InputError, match=r"exact\.json: .*remove it, and make it again"):
        read_audits(run)
