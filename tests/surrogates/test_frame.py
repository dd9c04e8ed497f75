"""Frames: what they store, and targets as they are learned."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.errors import InputError
from fitplugin.surrogates import Dataset
from fitplugin.surrogates.frame import Frame, transformed
from fitplugin.surrogates.transforms import TransformOptions

LOG = TransformOptions(kind="log")


def counts(error=None, dtype=float):
    inputs = np.linspace(0.0, 1.0, 6)[:, np.newaxis]
    targets = np.array([[1, 8], [2, 7], [3, 6], [4, 5], [5, 4], [6, 3]], dtype=dtype)
    return Dataset(inputs, targets, ("x",), ("n", "m"), np.array([[0.0, 1.0]]), error)


def test_whole_numbers_keep_the_digits_of_their_logarithms():
    found = transformed(counts(dtype=np.int64), LOG)
    assert_array_equal(found.targets, np.log(counts().targets))


def test_errors_follow_the_slope_and_only_if_asked_for():
    data = counts(error=np.full((6, 2), 0.5))
    assert transformed(data, LOG).target_error is None
    found = transformed(data, LOG, with_errors=True)
    assert_array_equal(found.target_error, 0.5 / data.targets)


def test_targets_outside_the_domain_are_refused_by_name():
    with pytest.raises(InputError, match="^n: 1 in row 0 is outside the domain"):
        transformed(counts(), TransformOptions(kind="logit"))


def test_a_frame_is_the_same_after_its_arrays():
    data = counts()
    frame = Frame.of(data, ("abs(x)",), binary=False)
    again = Frame.from_arrays(frame.to_arrays(), ("abs(x)",))
    assert_array_equal(again.points(data.inputs), frame.points(data.inputs))
    assert_array_equal(again.targets(data.targets), frame.targets(data.targets))
    assert again.schema.target_names == ("n", "m")
