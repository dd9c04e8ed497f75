"""Citations are those of the run, each with the parts that ask for it."""

from __future__ import annotations

import pytest

from fitplugin.runs.citing import citations_of, citations_text
from fitplugin.runs.config import read_scan
from fitplugin.runs.directory import Posterior, Run
from fitplugin.runs.summary import citations
from tests.conftest import SCANS


@pytest.fixture
def run(tmp_path):
    """A run of the shipped smoke scan, as far as citing asks for it."""
    config = read_scan(SCANS / "smoke.yaml")
    (tmp_path / "resolved.yaml").write_text(config.to_yaml())
    manifest = {"citations": citations(config), "fitplugin": "0.1.0"}
    return Run(tmp_path, manifest, {}, Posterior({}, None, None), {}, {})


def test_every_recorded_citation_comes_first_and_has_a_reason(run):
    found = citations_of(run)
    recorded = run.manifest["citations"]
    assert [citation.reference for citation in found[: len(recorded)]] == recorded
    assert all(citation.needed_by for citation in found)


def test_a_part_is_named_once_for_each_of_its_citations(run):
    by_reference = {citation.reference: citation.needed_by for citation in citations_of(run)}
    assert len(by_reference) == len(citations_of(run))
    (higgs,) = (needed for text, needed in by_reference.items() if "1503.07589" in text)
    assert higgs == ("the constraint higgs_mass",)
    (dgp,) = (needed for text, needed in by_reference.items() if "1502.02843" in text)
    assert len(set(dgp)) == len(dgp) == 3
    # the networks within the spectrum calculator are no part of the manifest's list
    (adam,) = (needed for text, needed in by_reference.items() if "1412.6980" in text)
    assert "spectrum's branching" in adam[0]


def test_references_stand_alone_where_a_part_is_gone(run):
    path = run.path / "resolved.yaml"
    path.write_text(path.read_text().replace("kind: higgs_mass", "kind: gone_mass"))
    found = citations_of(run)
    assert [citation.reference for citation in found] == run.manifest["citations"]
    assert {citation.needed_by for citation in found} == {()}


def test_text_keeps_references_whole(run):
    lines = citations_text(run, 60).splitlines()
    assert max(map(len, lines)) <= 60
    text = " ".join(line.strip() for line in lines)
    for reference in run.manifest["citations"]:
        assert reference in text


def test_the_package_that_made_the_run_comes_first(run):
    old = run._replace(manifest={**run.manifest, "fitplugin": "0.0.7"})
    first, *_ = citations_text(old).splitlines()
    assert first == "The fitplugin developers, fitplugin 0.0.7 (CITATION.cff)"


def test_nothing_to_cite_is_said(run):
    path = run.path / "resolved.yaml"
    path.unlink()
    nothing = run._replace(manifest={"fitplugin": "0.1.0"})
    assert citations_text(nothing).splitlines()[1].startswith("nothing else")
