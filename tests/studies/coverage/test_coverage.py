"""A coverage study does not depend on how it was made, refuses what it cannot judge, and judges."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from fitplugin.errors import InputError
from fitplugin.studies.coverage.judgement import judge
from fitplugin.studies.coverage.mock_file import NAME
from fitplugin.studies.coverage.mocks import Mock
from fitplugin.studies.coverage.study import coverage_text, study
from tests.conftest import SCANS

FEW = {"n_live": 40, "n_draws": 4}
# what is tested here does not need a posterior that has converged
HASTY = {"kind": "dynesty", "bootstrap": 0, "tolerance": 5.0}


def write_scan(folder, **changes):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text()) | {"sampler": HASTY} | changes
    path = folder / "scan.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The smoke scan with a hasty sampler."""
    return write_scan(tmp_path_factory.mktemp("coverage"))


@pytest.fixture(scope="module")
def whole(base, smoke_joint, model_cache):
    """Three mocks made in one go, in this process."""
    return study(base, 3, base.parent / "whole", **FEW, processes=1, cache=model_cache)


@pytest.fixture
def again(base, whole, model_cache):
    """Return a function that asks for the same study once more, or for another one there."""

    def ask(n_mocks, path=base, **changes):
        arguments = {**FEW, "cache": model_cache, "resume": True, **changes}
        return study(path, n_mocks, whole.folder, **arguments)

    return ask


def test_interrupted_and_extended_it_is_the_same(base, whole, model_cache, tmp_path):
    arguments = {"output": tmp_path / "parts", **FEW, "processes": 1, "cache": model_cache}
    study(base, 1, **arguments)
    with (tmp_path / "parts" / NAME).open("ab") as file:
        file.write(b'{"number": 1, "coun')  # killed while writing
    found = study(base, 3, **arguments, resume=True)
    assert (tmp_path / "parts" / NAME).read_bytes() == (whole.folder / NAME).read_bytes()
    assert found.mocks == whole.mocks


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(base, whole, model_cache, tmp_path):
    study(base, 3, tmp_path / "two", **FEW, processes=2, cache=model_cache)
    assert (tmp_path / "two" / NAME).read_bytes() == (whole.folder / NAME).read_bytes()


def test_a_shorter_study_is_the_beginning_of_a_longer_one(whole, again):
    before = (whole.folder / NAME).read_bytes()
    assert again(2).mocks == whole.mocks[:2]
    assert (whole.folder / NAME).read_bytes() == before


def test_counts_and_title_of_the_scan_play_no_part(whole, again, tmp_path):
    observed = {"0-lepton": 3, "1-lepton": 4}
    other = write_scan(tmp_path, mock=None, observed=observed, title="another", prior_sample=7)
    assert again(3, other).mocks == whole.mocks


def test_what_decides_the_mocks_must_not_change(again, tmp_path):
    with pytest.raises(InputError, match=r"coverage\.n_draws was 4, is 5"):
        again(3, n_draws=5)
    other = write_scan(tmp_path, luminosity=300, sampler={**HASTY, "tolerance": 4.0})
    with pytest.raises(InputError, match=r"luminosity was 3000\.0, is 300\.0; sampler\.tolerance"):
        again(3, other)


def test_the_truth_is_a_valid_point_and_its_counts_are_whole(whole, smoke_joint):
    for mock in whole.mocks:
        theta = [mock.truth[name] for name in smoke_joint.names]
        assert smoke_joint.is_valid([theta])[0]
        assert all(float(count).is_integer() for count in mock.counts.values())
        assert set(mock.rank) == {"mu", "mQ3", "mtR", "m_stop1", "log_likelihood"}


def test_the_files_say_what_the_study_found(again):
    whole = again(3)
    content = json.loads((whole.folder / "coverage.json").read_text())
    assert content["n_mocks"] == 3
    assert content["quantities"]["mu"]["p_value"] is None
    text = (whole.folder / "coverage.txt").read_text()
    assert text == coverage_text(whole) + "\n"
    assert "no verdict: chi2 means nothing for 3 mocks; make 20 at least" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"combination": {"kind": "best_expected"}},
            "combination: 'best_expected' selects regions and is no model",
        ),
        ({"sampler": {"kind": "prior"}}, "sampler: 'prior' gives no posterior"),
        ({}, "sampler.n_live: is 4; 3 parameters need at least 6"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_one_line(changes, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        study(write_scan(tmp_path, **changes), 5, tmp_path / "out", n_live=4)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("n_mocks", [0, -3])
def test_no_mocks_are_no_study(n_mocks, tmp_path):
    with pytest.raises(InputError, match=f"--mocks: must be at least 1, not {n_mocks}"):
        study(write_scan(tmp_path), n_mocks, tmp_path / "out")


def made_up(position):
    return [Mock(i, {}, {}, {}, {"x": x, "y": y}, 1, 1.0) for i, (x, y) in enumerate(position)]


def test_one_bad_quantity_of_several_is_named():
    rng = np.random.default_rng(1)
    judged = judge(made_up(np.column_stack([rng.random(200), rng.beta(4, 4, 200)])))
    assert judged.is_calibrated is False
    assert judged.verdict == f"NOT calibrated: y p = {judged.found['y'].p_value:.1g} (of 2)"


def test_no_evidence_is_said_as_such():
    judged = judge(made_up(np.random.default_rng(2).random((200, 2))))
    least = min(one.p_value for one in judged.found.values())
    assert judged.verdict == f"calibrated: no evidence against (smallest p = {least:.2g} of 2)"


@pytest.mark.slow
def test_the_shipped_scan_is_calibrated(smoke_joint, model_cache, tmp_path):
    found = study(
        SCANS / "smoke.yaml", 60, tmp_path / "out", n_live=200, processes=2, cache=model_cache
    )
    assert found.judgement.is_calibrated, found.judgement.verdict
