"""The sampler against closed forms, and the density against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from fitplugin.errors import InputError
from fitplugin.surrogates.bnn.agreement import agreement
from fitplugin.surrogates.bnn.density import Shape, log_posterior
from fitplugin.surrogates.bnn.hmc import sample
from fitplugin.surrogates.bnn.options import BayesianNetworkOptions, SamplingOptions
from fitplugin.surrogates.bnn.prior import PriorOptions, log_prior

pytest.importorskip("numpyro")


def draw(log_density, starts, **options):
    asked = SamplingOptions.model_validate({"n_warmup": 300, "block": 500, **options})
    return sample(
        log_density, np.asarray(starts, dtype=float), asked, 5,
        watch=lambda draws: draws, state={}, keep=lambda make: None, progress=lambda n: None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "algorithm", [{"algorithm": "nuts"}, {"algorithm": "hmc", "n_leapfrog": 12}], ids=str
)
def test_a_conjugate_linear_model_is_recovered(algorithm):
    import jax.numpy as jnp

    rng = np.random.default_rng(2)
    X, sigma, tau = rng.standard_normal((40, 3)), 0.7, 2.0
    y = X @ [1.0, -2.0, 0.5] + sigma * rng.standard_normal(40)
    covariance = np.linalg.inv(X.T @ X / sigma**2 + np.eye(3) / tau**2)
    mean = covariance @ X.T @ y / sigma**2
    rows, targets = jnp.asarray(X, dtype=jnp.float32), jnp.asarray(y, dtype=jnp.float32)

    def log_density(beta):
        misfit = jnp.square(targets - rows @ beta).sum() / sigma**2
        return -0.5 * (misfit + jnp.square(beta).sum() / tau**2)

    chains = draw(log_density, [[3.0, 3.0, 3.0], [-3.0, 0.0, 2.0]], n_draws=2000, effective=10**6,
                  **algorithm)  # fmt: skip
    flat = chains.draws.reshape(-1, 3)
    effective = chains.agreement.effective
    assert (effective > 500).all()
    # four standard errors of a mean, and of a variance
    of_squares = agreement(np.square(chains.draws - mean)).effective
    std = np.sqrt(np.diag(covariance))
    assert (np.abs(flat.mean(axis=0) - mean) < 4 * std / np.sqrt(effective)).all()
    assert (np.abs(flat.var(axis=0) / std**2 - 1) < 4 * np.sqrt(2 / of_squares)).all()
    assert_allclose(np.corrcoef(flat.T), covariance / np.outer(std, std), atol=0.12)
    # chains from different starts agree
    assert (chains.agreement.r_hat < 1.02).all()


def test_the_stop_rule_ends_early_where_chains_agree():
    chains = draw(lambda z: -0.5 * (z**2).sum(), [[2.0, 1.0], [-2.0, 0.0]], n_draws=5000, block=200)
    assert chains.draws.shape[1] < 5000
    assert np.quantile(chains.agreement.r_hat, 0.9) < 1.05
    assert np.quantile(chains.agreement.effective, 0.1) > 100


def test_the_density_is_that_of_scipy():
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    options = BayesianNetworkOptions(hidden=(3,), noise="constant")
    shape = Shape.of(2, 1, False, options)
    vector = 0.5 * rng.standard_normal(shape.size)
    x, t = rng.standard_normal((7, 2)), rng.standard_normal((7, 1))
    (w0, w1), (b0, b1) = shape.layers(vector)
    scales, noise = np.exp(shape.log_scales(vector)), np.exp(shape.log_noise(vector))
    expected = stats.norm.logpdf(t, np.tanh(x @ w0 + b0) @ w1 + b1, noise).sum()
    widths = [(2**-0.5, 1.0), (3**-0.5, 1.0)]
    for layer, parts in enumerate([(w0, b0), (w1, b1)]):
        for part, scale, width in zip(parts, scales[layer], widths[layer], strict=True):
            expected += stats.cauchy.logpdf(part, scale=scale).sum()
            expected += stats.halfcauchy.logpdf(scale, scale=width) + np.log(scale)
    expected += stats.halfcauchy.logpdf(noise).sum() + np.log(noise).sum()
    found = log_posterior(shape, jnp.asarray(vector), jnp.asarray(x), jnp.asarray(t), options)
    assert_allclose(found, expected, rtol=2e-6)


def test_a_class_has_a_bernoulli_likelihood():
    import jax.numpy as jnp

    rng = np.random.default_rng(1)
    options = BayesianNetworkOptions(hidden=(2,), prior={"family": "normal"})
    shape = Shape.of(1, 1, True, options)
    vector = rng.standard_normal(shape.size)
    x, t = rng.standard_normal((9, 1)), rng.integers(0, 2, (9, 1)).astype(float)
    (w0, w1), (b0, b1) = shape.layers(vector)
    p = 1.0 / (1.0 + np.exp(-(np.tanh(x @ w0 + b0) @ w1 + b1)))
    expected = stats.bernoulli.logpmf(t, p).sum()
    scales = np.exp(shape.log_scales(vector))
    for layer, parts in enumerate([(w0, b0), (w1, b1)]):
        n_in = parts[0].shape[0]
        for part, scale, width in zip(parts, scales[layer], (n_in**-0.5, 1.0), strict=True):
            expected += stats.norm.logpdf(part, scale=scale).sum()
            expected += stats.halfcauchy.logpdf(scale, scale=width) + np.log(scale)
    found = log_posterior(shape, jnp.asarray(vector), jnp.asarray(x), jnp.asarray(t), options)
    assert_allclose(found, expected, rtol=2e-6)


def test_many_networks_at_once_have_the_prior_of_each():
    rng = np.random.default_rng(3)
    shape = Shape((2, 4, 1), 1)
    vectors = rng.standard_normal((5, shape.size))
    prior = PriorOptions(weight_scale=0.3)
    together = log_prior(*shape.layers(vectors), shape.log_scales(vectors), prior)
    alone = [log_prior(*shape.layers(v), shape.log_scales(v), prior) for v in vectors]
    assert_allclose(together, alone)


def test_chains_that_disagree_are_seen():
    rng = np.random.default_rng(0)
    same = rng.standard_normal((2, 500, 1))
    assert agreement(same).r_hat[0] < 1.02
    apart = same + np.array([0.0, 3.0])[:, np.newaxis, np.newaxis]
    assert agreement(apart).r_hat[0] > 1.5


def test_a_start_where_the_density_is_not_finite():
    import jax.numpy as jnp

    with pytest.raises(InputError, match="the posterior is not finite where chain 2 starts"):
        draw(lambda z: jnp.log(z).sum(), [[1.0], [-1.0]])


def test_chains_that_do_not_follow_their_density_are_refused():
    import jax.numpy as jnp

    # a funnel whose neck no step size fits, and hardly any time to adapt
    def funnel(z):
        return -0.5 * z[0] ** 2 / 9 - 0.5 * (z[1:] ** 2).sum() * jnp.exp(-z[0]) - 4.5 * z[0]

    with pytest.raises(InputError, match="chain 1 (diverged in|accepted)"):
        draw(funnel, [np.full(10, -9.0)], n_warmup=2, n_draws=200, block=100)


@pytest.mark.slow
def test_ranks_of_true_outputs_are_uniform():
    """Simulation-based calibration (Talts et al., arXiv:1804.06788) of a 1-2-1 network.

    Scales and noise are given: with free ones the density has necks where the sampler, rightly,
    refuses its own chains; their density is held against SciPy's above.
    """
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(11)
    options = BayesianNetworkOptions(hidden=(2,), noise="constant", prior={"family": "normal"})
    shape = Shape.of(1, 1, False, options)
    x = np.linspace(-1.5, 1.5, 12)[:, np.newaxis]
    asked = np.array([[-0.8], [0.1], [2.0]])
    noise = 0.3
    given = jnp.asarray([0.0] * 4 + [np.log(noise)], dtype=jnp.float32)  # scales of 1
    n_batches, n_together, n_kept, n_draws = 4, 40, 31, 1550

    def f(vectors, points):
        (w0, w1), (b0, b1) = shape.layers(
            np.concatenate([vectors, np.tile(given, (len(vectors), 1))], axis=1)
        )
        return (np.tanh(points @ w0 + b0[:, np.newaxis]) @ w1 + b1[:, np.newaxis])[:, :, 0]

    ranks = []
    for _ in range(n_batches):  # simulations of a batch are independent blocks of one density
        truth = rng.standard_normal((n_together, shape.n_weights))
        y = f(truth, x) + noise * rng.standard_normal((n_together, 12))
        points = jnp.asarray(x, dtype=jnp.float32)
        targets = jnp.asarray(y[:, :, np.newaxis], dtype=jnp.float32)

        def one(weights, seen, points=points):
            return log_posterior(shape, jnp.concatenate([weights, given]), points, seen, options)

        def log_density(vector, targets=targets, one=one):
            return jax.vmap(one)(vector.reshape(n_together, -1), targets).sum()

        start = rng.standard_normal(truth.size)
        chains = draw(log_density, [start], n_draws=n_draws, block=n_draws, target_accept=0.9,
                      effective=10**6)  # fmt: skip
        draws = chains.draws[0, :: n_draws // n_kept][:n_kept].astype(float)
        found = np.stack([f(v.reshape(n_together, -1), asked) for v in draws])
        ranks.extend((found < f(truth, asked)).sum(axis=0))
    counts = np.stack(ranks) // 8  # four bins of eight ranks
    for column in counts.T:
        p = stats.chisquare(np.bincount(column, minlength=4)).pvalue
        assert p > 0.001
