"""The built-in chain: reproducible, independent of what is around, true to the shipped table."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fitplugin.data.tables import read_table
from fitplugin.errors import InputError
from fitplugin.simulation.base import Request, SimulationError
from fitplugin.simulation.chain.pythia import PythiaChain, PythiaOptions
from fitplugin.simulation.chain.regions import REGIONS
from tests.simulation.slha import BENCHMARK, with_mass

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")

POINTS = Path(__file__).parents[3] / "benchmarks/points.tar.xz"


def request(processes=("stop1",), events=60, seed=1, slha=BENCHMARK):
    return Request("p1", slha, processes, events, seed)


def test_same_request_gives_the_same_counts_and_another_seed_others():
    chain = PythiaChain()
    first = chain.simulate(request(events=150))
    assert chain.simulate(request(events=150)) == first
    assert PythiaChain().simulate(request(events=150, seed=2)) != first


def test_a_process_does_not_depend_on_those_around_it():
    both = PythiaChain().simulate(request(("sbottom1", "stop1")))
    assert PythiaChain().simulate(request(("stop1",)))["stop1"] == both["stop1"]


def test_counts_are_those_of_replicated_events():
    counts = PythiaChain().simulate(request(events=200))["stop1"]
    assert set(counts.passed) == set(counts.variance) == set(REGIONS)
    assert counts.passed["0l_stop500"] + counts.passed["1l_stop500"] > 0
    for region in REGIONS:
        # in fifths of an event, and weights are at most 1
        assert (5 * counts.passed[region]) == pytest.approx(round(5 * counts.passed[region]))
        assert counts.variance[region] <= counts.passed[region] + 1e-9
    # tighter regions of one kind have no more events
    assert counts.passed["0l_stop1200"] <= counts.passed["0l_stop500"]
    assert counts.passed["1l_stop1200"] <= counts.passed["1l_stop500"]


def test_vetoed_events_are_counted():
    without = PythiaChain(PythiaOptions(met_veto=0)).simulate(request())["stop1"]
    vetoed = PythiaChain().simulate(request())["stop1"]
    assert vetoed.n_generated >= without.n_generated >= 60
    # soft decays hardly ever pass the veto: the number of tries has an end
    soft = with_mass(1000006, "258.")
    counts = PythiaChain(PythiaOptions(max_generated=700)).simulate(request(slha=soft))["stop1"]
    assert counts.n_generated == 700
    assert sum(counts.passed.values()) < 5
    assert counts.efficiency("0l_stop1100")[1] > 0


def test_failure_of_pythia_is_told_with_its_own_words():
    with pytest.raises(SimulationError, match=r"stop1: .*vanishing cross sections"):
        PythiaChain().simulate(request(slha=with_mass(1000006, "7100.")))
    with pytest.raises(SimulationError, match="no process switched on"):
        PythiaChain().simulate(request(slha=BENCHMARK.replace("Block MODSEL", "Block other")))


def test_unknown_process_and_unusable_spectrum_are_refused():
    with pytest.raises(InputError, match="'stop' is not a process"):
        PythiaChain().simulate(request(("stop",)))
    with pytest.raises(InputError, match="lightest sparticle is chargino1"):
        PythiaChain().simulate(request(slha=with_mass(1000024, "200.")))


def test_nothing_reaches_the_terminal(capfd):
    PythiaChain().simulate(request())
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.slow
def test_shipped_efficiencies_are_reproduced():
    """Eight points, three processes, fifteen regions; and totals, which are more precise."""
    table = read_table("natural_susy/efficiencies")
    row_of = {
        (int(number), str(process)): row
        for row, (number, process) in enumerate(
            zip(table.columns["id"], table.columns["process"], strict=True)
        )
    }
    ours, shipped, errors = [], [], []
    with tarfile.open(POINTS) as archive:
        for member in archive.getmembers()[:8]:
            text = io.TextIOWrapper(archive.extractfile(member)).read()
            number = int(Path(member.name).stem)
            asked = Request(str(number), text, ("stop1", "stop2", "sbottom1"), 700, 3)
            for process, counts in PythiaChain().simulate(asked).items():
                row = row_of[number, process]
                n = float(table.columns["n_generated"][row])
                for region in REGIONS:
                    passed, variance = (
                        float(table.columns[f"{kind}_{region}"][row])
                        for kind in ("passed", "variance")
                    )
                    ours.append(counts.passed[region] / counts.n_generated)
                    shipped.append(passed / n)
                    here = counts.variance[region] / counts.n_generated**2
                    errors.append(np.sqrt(here + variance / n**2))
    ours, shipped, errors = map(np.array, (ours, shipped, errors))
    # where a Gaussian describes the counts: five events or more
    known = errors > 0
    known &= (ours + shipped) > 5 * errors
    pulls = (ours - shipped)[known] / errors[known]
    assert len(pulls) > 50
    # regions of one process share events: the effective number of pulls is that of processes
    assert abs(pulls.mean()) < 5 / np.sqrt(24)
    assert 0.6 < pulls.std() < 1.4
    for kind in ("0l_stop500", "1l_stop500"):
        index = REGIONS.index(kind)
        difference = (ours - shipped)[index :: len(REGIONS)].sum()
        assert abs(difference) < 5 * np.sqrt(np.square(errors[index :: len(REGIONS)]).sum())
