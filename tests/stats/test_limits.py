"""Upper limits on the signal strength: against pyhf, in closed limits, and how they move."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtr, ndtri

from fitplugin.errors import InputError
from fitplugin.stats.limits import UpperLimits, expected_limit, upper_limits

CELLS = [  # n, S, relative error of S, B, error of B
    (21, 10.0, 0.1, 21.1, 3.4),
    (90, 30.0, 0.2, 80.0, 8.0),
    (3, 4.0, 0.15, 5.0, 1.5),
    (140, 60.0, 0.05, 120.0, 20.0),
    (8, 12.0, 0.3, 15.0, 2.0),
]


def of_pyhf(n, s, relative, b, db):
    """Limits of a counting model whose lognormal widths are ln(1 + ratio)."""
    pyhf = pytest.importorskip("pyhf")
    from pyhf.infer.intervals.upper_limits import toms748_scan

    def factor(ratio):
        return {"hi": 1 + ratio, "lo": 1 / (1 + ratio)}

    model = pyhf.Model(
        {"channels": [{"name": "c", "samples": [
            {"name": "s", "data": [s], "modifiers": [
                {"name": "mu", "type": "normfactor", "data": None},
                {"name": "ds", "type": "normsys", "data": factor(relative)}]},
            {"name": "b", "data": [b], "modifiers": [
                {"name": "db", "type": "normsys", "data": factor(db / b)}]},
        ]}]},
        poi_name="mu", modifier_settings={"normsys": {"interpcode": "code1"}},
    )  # fmt: skip
    data = [float(n), *model.config.auxdata]
    observed, expected = toms748_scan(data, model, 0.05, 10.0, rtol=1e-6)
    return UpperLimits(*(np.array(x) for x in (observed, *(expected[i] for i in (2, 1, 3)))))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning:pyhf")
@pytest.mark.parametrize("cell", CELLS)
def test_limits_are_those_of_pyhf(cell):
    n, s, relative, b, db = cell
    found = upper_limits(n, s, relative * s, b, db, mode="histfactory")
    for ours, theirs in zip(found, of_pyhf(*cell), strict=True):
        assert_allclose(ours, theirs, rtol=2e-3)


def test_many_events_without_errors_have_the_limit_of_a_gaussian():
    b, s = 1e8, 1e4
    found = upper_limits(b, s, 0.0, b, 1e-3)
    for n_sd, ours in ((0, found.expected), (-1, found.minus_1sd), (1, found.plus_1sd)):
        assert_allclose(ours * s, (ndtri(1 - 0.05 * ndtr(n_sd)) + n_sd) * np.sqrt(b), rtol=1e-3)
    assert_allclose(found.observed, found.expected, rtol=1e-6)


def test_no_events_and_a_known_background_exclude_three():
    # CLs = e^-S when nothing is seen; asymptotics are rough at so few
    assert_allclose(upper_limits(0, 1.0, 0.0, 3.0, 1e-6).observed, 3.0, rtol=0.55)


def test_events_of_the_limit_are_those_of_expected_limit():
    b, db = np.array([12.2, 129.0]), np.array([3.3, 20.0])
    found = upper_limits(b, 7.0, 0.0, b, db, mode="scynet")
    assert_allclose(7.0 * found.expected, expected_limit(b, db, mode="scynet"), rtol=1e-6)


def test_limits_scale_and_order():
    n = np.arange(5.0, 60.0, 5.0)
    found = upper_limits(n, 10.0, 1.0, 25.0, 4.0)
    twice = upper_limits(n, 20.0, 2.0, 25.0, 4.0)
    assert (np.diff(found.observed) > 0).all()
    for one, other in zip(found, twice, strict=True):
        assert_allclose(one, 2 * other, rtol=1e-9)
    assert (found.minus_1sd < found.expected).all()
    assert (found.expected < found.plus_1sd).all()
    alone = upper_limits(25, 10.0, 1.0, 25.0, 4.0).observed
    assert_allclose(alone, found.observed[4], rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "where"),
    [({"n_signal": 0.0}, "n_signal"), ({"n_background": 0.0}, "n_background"),
     ({"mode": "gamma"}, "mode")],
)  # fmt: skip
def test_what_has_no_limit_is_refused_by_name(changes, where):
    given = {"n_observed": 10, "n_signal": 5.0, "signal_error": 1.0, "n_background": 10.0,
             "background_error": 2.0, **changes}  # fmt: skip
    with pytest.raises(InputError) as caught:
        upper_limits(**given)
    assert caught.value.where == where
