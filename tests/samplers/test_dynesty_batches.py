"""Points for dynesty's queue are drawn one by one, evaluated ahead in batches, and never lost."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from dynesty.bounding import MultiEllipsoid
from numpy.random import SeedSequence
from scipy import stats

from fitplugin.pools.serial import SerialPool
from fitplugin.samplers.dynesty_batches import BatchedProposals, draw_from_union

from .problems import Batch


class Slope:
    """A likelihood whose logarithm is its only parameter, in [0, 1]."""

    names = ("x",)
    blob_names = ()

    def prior_transform(self, unit_cube):
        return np.array(unit_cube)

    def evaluate(self, theta):
        return Batch(theta[:, 0], np.ones(len(theta), dtype=bool), {})


class Host(NamedTuple):
    """What proposals read of dynesty."""

    ndim: int = 1
    nbound: int = 1


def draw(host: Any, n_points: int, rng: np.random.Generator) -> np.ndarray:
    return rng.random((n_points, host.ndim))


@pytest.fixture
def proposals():
    return BatchedProposals(Slope(), SerialPool(), draw)


def fill(proposals, contour, n_places=10, seed=0, nbound=1):
    seeds = SeedSequence(seed).spawn(n_places)
    return proposals.prepare_sampler(contour, seeds=seeds, nested_sampler=Host(1, nbound))


def test_every_place_is_filled_above_the_contour(proposals):
    found = fill(proposals, 0.5)
    assert len(found) == 10
    assert min(one.logl.val for one in found) > 0.5
    assert all(one.logl.val == one.v[0] for one in found)


def test_batches_never_shrink_and_what_is_left_over_comes_first(proposals):
    first = fill(proposals, 0.9)
    assert proposals.n_like % 10 == 0
    looked_at = sum(one.ncalls for one in first)
    assert proposals.n_like - 10 < looked_at <= proposals.n_like
    before, left = proposals.n_like, proposals.n_like - looked_at
    second = fill(proposals, 0.0, seed=1)
    # below everything: the points left over, and one batch more
    assert [one.ncalls for one in second] == [1] * 10
    assert proposals.n_like == before + (10 if left < 10 else 0)


def test_points_of_an_old_bound_are_thrown_away(proposals):
    fill(proposals, 0.9)
    before = proposals.n_like
    fill(proposals, 0.0, seed=1, nbound=2)
    assert proposals.n_like == before + 10


def test_draws_are_uniform_above_a_rising_contour(proposals):
    """Points left over from a lower contour follow the law of fresh ones."""
    places = []
    for step in range(200):
        contour = 0.002 * step
        found = fill(proposals, contour, n_places=7, seed=step)
        places += [(one.u[0] - contour) / (1.0 - contour) for one in found]
    assert stats.kstest(places, stats.uniform.cdf).pvalue > 1e-3


def test_draws_are_uniform_in_a_union_of_ellipsoids():
    """Two discs of radius 1 whose centres are 1 apart: shares of lens and moons, in closed form."""
    bound = MultiEllipsoid(
        2, ctrs=np.array([[0.0, 0.0], [1.0, 0.0]]), covs=np.array([np.eye(2)] * 2)
    )
    points = draw_from_union(bound, 40_000, np.random.default_rng(3))
    distance = np.hypot(points[:, 0, np.newaxis] - [0.0, 1.0], points[:, 1, np.newaxis])
    assert (distance.min(axis=1) <= 1.0 + 1e-12).all()
    lens = 2.0 * np.pi / 3.0 - np.sqrt(3.0) / 2.0
    share = lens / (2.0 * np.pi - lens)
    found = (distance < 1.0).all(axis=1).sum()
    assert stats.binomtest(int(found), len(points), share).pvalue > 1e-3
    # one draw in two is kept where both overlap
    kept = 1.0 - 0.5 * lens / np.pi
    assert stats.binomtest(len(points), 40_000, kept).pvalue > 1e-3


def test_draws_fill_an_ellipsoid_evenly():
    covariance = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    bound = MultiEllipsoid(3, ctrs=np.array([[1.0, 2.0, 3.0]]), covs=covariance[np.newaxis])
    points = draw_from_union(bound, 5000, np.random.default_rng(4)) - [1.0, 2.0, 3.0]
    chi2 = np.einsum("ni,ij,nj->n", points, np.linalg.inv(covariance), points)
    # the volume inside a scaled ellipsoid grows with the cube of the scale
    assert stats.kstest(chi2**1.5, stats.uniform.cdf).pvalue > 1e-3
    found = points.T @ points / len(points)
    assert np.allclose(found, covariance / 5.0, atol=5 * 0.8 / np.sqrt(5000))
