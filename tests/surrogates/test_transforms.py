"""Moments behind a transform against high-precision quadrature; domains are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp
from numpy.testing import assert_allclose
from pydantic import BaseModel, ValidationError
from scipy.integrate import quad
from scipy.stats import lognorm, ncx2, norm

from fitplugin.errors import InputError
from fitplugin.surrogates.transforms import Transform, TransformOptions, backward, forward

NONE = TransformOptions()
LOG = TransformOptions(kind="log", offset=0.25)
LOGIT = TransformOptions(kind="logit")
SQRT = TransformOptions(kind="sqrt", offset=0.25)
ALL = [NONE, LOG, LOGIT, SQRT]
INVERSE = {
    "none": lambda z: z,
    "log": lambda z: np.exp(z) - 0.25,
    "logit": lambda z: 1.0 / (1.0 + np.exp(-z)),
    "sqrt": lambda z: z * z - 0.25,
}
MEANS = st.floats(-5.0, 5.0)
STDS = st.floats(0.0, 3.0)


class Section(BaseModel):
    transform: Transform = TransformOptions()


def moments_by_quadrature(inverse, mean, std):
    """First moment and root of the second central one, over 14 standard deviations."""

    def integral(f):
        parts = [
            quad(lambda t: f(inverse(mean + std * t)) * norm.pdf(t), a, b, epsabs=0, epsrel=1e-12)
            for a, b in zip(range(-14, 14), range(-13, 15), strict=True)
        ]
        return sum(value for value, _ in parts)

    first = integral(lambda y: y)
    return first, np.sqrt(integral(lambda y: (y - first) ** 2))


@pytest.mark.parametrize("options", ALL, ids=lambda o: o.kind)
@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.2), (-1.5, 0.7), (2.0, 1.0), (0.4, 1.5)])
def test_moments_equal_quadrature(options, mean, std):
    expected = moments_by_quadrature(INVERSE[options.kind], mean, std)
    assert_allclose(backward(mean, std, options), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mean", [-30.0, -4.0, -1.0, 0.0, 0.3, 2.5, 7.0])
@pytest.mark.parametrize("std", [0.01, 0.5, 1.0, 2.0, 3.0])
def test_logit_moments_equal_high_precision(mean, std):
    with mp.workdps(25):

        def integral(f):
            ends = mp.linspace(-14, 14, 15)
            return mp.quad(lambda t: f(1 / (1 + mp.exp(-mean - std * t))) * mp.npdf(t), ends)

        first = integral(lambda y: y)
        expected = float(first), float(mp.sqrt(integral(lambda y: (y - first) ** 2)))
    assert_allclose(backward(mean, std, LOGIT), expected, atol=1e-8, rtol=0)


@given(MEANS, STDS)
def test_log_gives_the_lognormal_of_scipy(mean, std):
    found = backward(mean, std, TransformOptions(kind="log"))
    expected = np.exp(mean), np.exp(mean) * std  # where SciPy's own formula cancels
    if std > 1e-3:
        law = lognorm(std, scale=np.exp(mean))
        expected = law.mean(), law.std()
    assert_allclose(found, expected, rtol=1e-9 if std > 1e-3 else 1e-6, atol=1e-150)


@given(MEANS, st.floats(0.01, 3.0))
def test_sqrt_gives_the_noncentral_chi_square_of_scipy(mean, std):
    law = ncx2(1, (mean / std) ** 2, scale=std**2)
    found = backward(mean, std, TransformOptions(kind="sqrt"))
    assert_allclose(found, [law.mean(), law.std()], rtol=1e-9)


@given(MEANS, STDS)
def test_logit_of_the_opposite_is_the_complement(mean, std):
    (low, low_std), (high, high_std) = backward(mean, std, LOGIT), backward(-mean, std, LOGIT)
    assert_allclose(low + high, 1.0, rtol=1e-12)
    assert low_std == high_std


@given(st.floats(0.01, 0.99))
def test_certain_values_and_small_errors_come_back(value):
    for options in ALL:
        z, z_error = forward([value], [1e-6], options=options, name="y")
        mean, std = backward(z, z_error, options)
        assert_allclose(mean, value, rtol=1e-8)
        assert_allclose(std, 1e-6, rtol=1e-4)
        exact, none = backward(z, np.zeros(1), options)
        assert_allclose(exact, value, rtol=1e-12)
        assert none == 0


@given(st.floats(0.05, 0.95))
def test_errors_follow_the_slope(value):
    step = 1e-6
    for options in ALL:
        z, z_error = forward([value], [0.3], options=options, name="y")
        ends, _ = forward([value - step, value + step], options=options, name="y")
        assert_allclose(z_error / 0.3, np.diff(ends) / (2 * step), rtol=1e-6)
        inverse = INVERSE[options.kind](z)
        assert_allclose(inverse, value, rtol=1e-12)


@given(st.floats(-1e300, 1e300), st.floats(0.0, 1e300), st.sampled_from(ALL))
def test_moments_are_never_nan_infinite_or_negative(mean, std, options):
    mean_y, std_y = backward(mean, std, options)
    assert np.isfinite(mean_y)
    assert np.isfinite(std_y)
    assert std_y >= 0
    if options.kind == "logit":
        assert 0 <= mean_y <= 1
    if options.kind in ("log", "sqrt"):
        assert mean_y >= -options.offset


@pytest.mark.parametrize("mean", [-800.0, -2000.0])
def test_a_tiny_median_with_a_huge_spread_keeps_its_moments(mean):
    # exp(s^2) overflows here; the standard deviation does not
    std = np.sqrt(750.0)
    expected = np.exp(mean + 375.0), np.exp(mean + 750.0)
    assert_allclose(backward(mean, std, TransformOptions(kind="log")), expected, rtol=1e-9)


@pytest.mark.parametrize("options", ALL, ids=lambda o: o.kind)
@pytest.mark.parametrize("shape", [(), (3,), (4, 2), (2, 1, 3)])
def test_any_shape_is_taken_element_by_element(options, shape):
    rng = np.random.default_rng(0)
    values, error = rng.uniform(0.1, 0.9, shape), rng.uniform(0.1, 0.9, shape)
    z, z_error = forward(values, error, options=options, name="y")
    mean, std = backward(z, z_error, options)
    assert z.shape == z_error.shape == mean.shape == std.shape == shape
    for index in np.ndindex(shape):
        assert_allclose(mean[index], backward(z[index], z_error[index], options)[0], rtol=1e-13)


def test_a_scalar_error_broadcasts_over_the_means():
    for options in ALL:
        mean, std = backward(np.zeros((4, 2)), 0.5, options)
        assert mean.shape == std.shape == (4, 2)


def test_results_do_not_share_memory_with_what_came():
    values, error = np.ones(3), np.ones(3)
    z, _ = forward(values, error, options=NONE, name="y")
    mean, std = backward(values, error, NONE)
    assert not np.shares_memory(z, values)
    assert not np.shares_memory(mean, values)
    assert not np.shares_memory(std, error)


@pytest.mark.parametrize(
    ("options", "values", "message"),
    [
        (LOG, [1.0, -0.25], "r: -0.25 in row 1 is outside the domain; log needs values above"),
        (SQRT, [1.0, 1.0, -0.3], "r: -0.3 in row 2 is outside the domain; sqrt needs values of"),
        (LOGIT, [0.5, 1.0], "r: 1 in row 1 is outside the domain; logit needs values between"),
        (LOGIT, [0.0, 0.5], "r: 0 in row 0 is outside the domain; logit needs values between"),
        (NONE, [0.0, np.nan], "r: row 1 is nan; must be finite"),
    ],
)
def test_values_outside_the_domain_are_refused_by_name_and_row(options, values, message):
    with pytest.raises(InputError, match=message):
        forward(values, options=options, name="r")


def test_the_edge_of_sqrt_carries_no_error():
    z, none = forward([-0.25], options=SQRT, name="r")
    assert z == 0
    assert none is None
    with pytest.raises(InputError, match="r: 0 in row 1 has an error and lies where sqrt is too"):
        forward([1.0, 0.0], [0.1, 0.1], options=TransformOptions(kind="sqrt"), name="r")
    with pytest.raises(InputError, match="give a larger offset, of the size of the error there"):
        forward([1.0, 0.0], [0.1, 0.0], options=TransformOptions(kind="sqrt"), name="r")


def test_a_slope_that_overflows_is_refused():
    with pytest.raises(InputError, match="r: 1e-300 in row 0 has an error and lies where log"):
        forward([1e-300], [1e10], options=TransformOptions(kind="log"), name="r")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ([0.1, -0.1], "error of r: -0.1 in row 1 is negative"),
        ([0.1], "r: has errors of shape (1,) for values of shape (2,)"),
        ([0.1, np.inf], "error of r: row 1 is inf; must be finite"),
    ],
)
def test_bad_errors_are_refused(error, message):
    with pytest.raises(InputError) as refusal:
        forward([1.0, 2.0], error, options=LOG, name="r")
    assert message in str(refusal.value)


def test_a_word_stands_for_a_section():
    assert Section(transform="sqrt") == Section(transform={"kind": "sqrt", "offset": 0.0})
    assert Section(transform={"kind": "sqrt", "offset": 3e-4}).transform.offset == 3e-4
    assert Section().transform.kind == "none"
    again = Section.model_validate(Section(transform=SQRT).model_dump())
    assert again.transform == SQRT


@pytest.mark.parametrize(
    "section",
    ["cbrt", {"kind": "log", "offset": -1.0}, {"kind": "logit", "offset": 0.1}, {"offset": 0.1}],
)
def test_impossible_sections_are_refused(section):
    with pytest.raises(ValidationError):
        Section(transform=section)
