"""Datasets refuse what cannot be learned, and split the same way for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.errors import InputError


def test_split_is_a_partition_and_reproducible(tiny_dataset):
    first, second = (tiny_dataset.split(90, np.random.default_rng(4)) for _ in range(2))
    assert_array_equal(first[1].inputs, second[1].inputs)
    joined = np.concatenate([part.inputs for part in first])
    assert_array_equal(np.sort(joined[:, 0]), np.sort(tiny_dataset.inputs[:, 0]))


def test_digest_sees_every_number(tiny_dataset):
    changed = tiny_dataset.targets.copy()
    changed[17, 1] = np.nextafter(changed[17, 1], 9.0)
    assert replace(tiny_dataset, targets=changed).digest() != tiny_dataset.digest()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_targets_must_be_finite(tiny_dataset, value):
    targets = tiny_dataset.targets.copy()
    targets[3, 1] = value
    with pytest.raises(InputError, match="targets: row 3, kink"):
        replace(tiny_dataset, targets=targets)


def test_points_outside_their_box_are_refused(tiny_dataset):
    with pytest.raises(InputError, match="y: .* is outside"):
        replace(tiny_dataset, ranges=np.array([[-2.0, 2.0], [0.0, 3.0]]))
