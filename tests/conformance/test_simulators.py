"""What every simulator plugin must do, guests included."""

from __future__ import annotations

import pytest

from fitplugin import plugins
from fitplugin.errors import MissingExtraError
from fitplugin.simulation.base import Request
from tests.simulation.slha import BENCHMARK

NAMES = [*plugins.names("fitplugin.simulators"), "tests.simulation.toy:Toy"]


@pytest.fixture(params=NAMES)
def simulator(request):
    plugin = plugins.load("fitplugin.simulators", request.param, allow_code=True)
    built = plugin(plugin.Options())
    try:
        assert built.versions()
    except MissingExtraError as error:
        pytest.skip(str(error))
    return built


def test_counts_are_complete_possible_and_those_of_the_request(simulator):
    request = Request("p1", BENCHMARK, ("stop1", "sbottom1"), 40, 5)
    counts = simulator.simulate(request)
    assert set(counts) == {"stop1", "sbottom1"}
    for found in counts.values():
        assert set(found.passed) == set(found.variance) == set(simulator.regions)
        assert found.n_generated >= 40
        assert found.problem() is None
        for region in simulator.regions:
            efficiency, error = found.efficiency(region)
            assert 0 <= efficiency <= 1
            assert error > 0
    assert simulator.simulate(request) == counts


def test_name_of_a_point_changes_nothing_and_the_seed_does(simulator):
    events = 200
    counts = simulator.simulate(Request("p1", BENCHMARK, ("stop1",), events, 5))
    assert simulator.simulate(Request("other", BENCHMARK, ("stop1",), events, 5)) == counts
    assert simulator.simulate(Request("p1", BENCHMARK, ("stop1",), events, 6)) != counts
