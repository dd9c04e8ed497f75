"""Partitions deal every point, and evenly."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.surrogates.dgp.partition import kdtree_blocks, neighbourhoods, random_blocks


@pytest.mark.parametrize("n_blocks", [1, 2, 7, 13])
def test_blocks_hold_every_point_once(tiny_dataset, n_blocks):
    for rows in (
        random_blocks(400, n_blocks, np.random.default_rng(0)),
        kdtree_blocks(tiny_dataset.inputs, n_blocks),
    ):
        assert_array_equal(np.sort(rows[rows >= 0]), np.arange(400))
        sizes = (rows >= 0).sum(axis=1)
        assert len(rows) == n_blocks
        assert sizes.max() - sizes.min() <= 2


def test_neighbourhoods_overlap_and_reach_everything(tiny_dataset):
    rows = neighbourhoods(tiny_dataset.inputs, 40, 30)
    assert rows.shape == (40, 30)
    assert len(np.unique(rows)) == 400
