"""Hamiltonian Monte Carlo of any density with a gradient, by numpyro, in blocks that can resume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates.bnn.agreement import Agreement, agreement
from fitplugin.surrogates.bnn.density import require_jax
from fitplugin.surrogates.bnn.options import SamplingOptions
from fitplugin.surrogates.networks.checkpoint import Keep

_MOST_DIVERGENT = 0.1  # share of the draws of a chain beyond which it is not to be believed
_LEAST_ACCEPTED = 0.3


class Chains(NamedTuple):
    """What was drawn.

    Attributes
    ----------
    draws : (n_chains, n_draws, n_dim) array
    accepted : (n_chains,) array
        Mean acceptance probability.
    n_divergent : (n_chains,) array of int
    step_size : (n_chains,) array
    n_leapfrog : (n_chains,) array
        Mean steps of a path.
    agreement : Agreement
        Of what was watched.
    """

    draws: FloatArray
    accepted: FloatArray
    n_divergent: np.ndarray
    step_size: FloatArray
    n_leapfrog: FloatArray
    agreement: Agreement


def sample(
    log_density: Callable[[Any], Any],
    starts: FloatArray,
    options: SamplingOptions,
    seed: int,
    watch: Callable[[FloatArray], FloatArray],
    state: Mapping[str, np.ndarray],
    keep: Keep,
    progress: Callable[[int], None],
) -> Chains:
    """Draw from a density until what is watched agrees between chains, or ``n_draws`` are reached.

    Step size by dual averaging and diagonal masses, both in the warm-up only.

    Parameters
    ----------
    log_density : callable
        From a (n_dim,) jax array to a number, with a gradient.
    starts : (n_chains, n_dim) array
    options : SamplingOptions
    seed : int
    watch : callable
        From (n, n_dim) draws to (n, n_predictions): what the stop rule looks at.
    state : mapping
        Empty, or what ``keep`` was given by an interrupted run: the draws are the same.
    keep : callable
        Offered, after every block, a function that makes the state.
    progress : callable
        Called with the number of draws that are new, warm-up included.

    Raises
    ------
    InputError
        If the density is not finite at a start, a tenth of the draws of a chain diverge, or it
        accepts too few: such draws are not the posterior.

    Source: R. Neal, arXiv:1206.1901; M. Hoffman and A. Gelman, arXiv:1111.4246 (NUTS, dual
    averaging).
    """
    kernel = _Kernel(log_density, options)
    chains = [
        _Chain(kernel, start, [seed, index], index, state) for index, start in enumerate(starts)
    ]
    watched = [
        [watch(np.asarray(chain.draws, dtype=float))] if len(chain.draws) else []
        for chain in chains
    ]
    progress(sum(chain.n_done for chain in chains))
    while True:
        for chain, seen in zip(chains, watched, strict=True):
            if len(chain.draws) > min(len(other.draws) for other in chains):
                continue  # an interruption left it ahead
            n_before = chain.n_done
            new = chain.advance()
            if len(new):
                seen.append(watch(np.asarray(new, dtype=float)))
            chain.refuse_bad()
            progress(chain.n_done - n_before)
            keep(lambda: {k: v for each in chains for k, v in each.to_arrays().items()})
        n_draws = [len(chain.draws) for chain in chains]
        if min(n_draws) >= 4 and min(n_draws) == max(n_draws):
            found = agreement(np.stack([np.concatenate(seen) for seen in watched]))
            if found.is_enough(options) or min(n_draws) >= options.n_draws:
                return Chains(
                    np.stack([chain.draws for chain in chains]),
                    np.array([chain.accepted.mean() for chain in chains]),
                    np.array([int(chain.divergent.sum()) for chain in chains]),
                    np.array([chain.step_size for chain in chains]),
                    np.array([chain.n_leapfrog.mean() for chain in chains]),
                    found,
                )


class _Kernel:
    """numpyro's sampler of one density, compiled once for all chains."""

    def __init__(self, log_density: Callable[[Any], Any], options: SamplingOptions) -> None:
        self._jax, self._jnp = require_jax()
        from numpyro.infer import HMC, NUTS

        self.options = options
        shared: dict[str, Any] = {
            "potential_fn": lambda z: -log_density(z),
            "target_accept_prob": options.target_accept,
            "dense_mass": False,
            "find_heuristic_step_size": True,
        }
        if options.algorithm == "nuts":
            self._kernel = NUTS(max_tree_depth=options.max_tree_depth, **shared)
        else:
            self._kernel = HMC(num_steps=options.n_leapfrog, trajectory_length=None, **shared)
        self._value_and_gradient = self._jax.jit(self._jax.value_and_grad(log_density))
        self.run = self._jax.jit(self._scan, static_argnums=1)

    def start(self, position: FloatArray, seed: list[int], place: str) -> Any:
        """Return the state of a chain that begins at a (n_dim,) position."""
        first = self._jnp.asarray(position, dtype=self._jnp.float32)
        value, gradient = self._value_and_gradient(first)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise InputError("sampling", f"the posterior is not finite where {place} starts")
        key = self._jax.random.PRNGKey(int(np.random.default_rng(seed).integers(2**31)))
        return self._kernel.init(key, self.options.n_warmup, first, model_args=(), model_kwargs={})

    def leaves(self, state: Any) -> list[np.ndarray]:
        """Return a state as arrays."""
        return [np.asarray(leaf) for leaf in self._jax.tree.leaves(state)]

    def restored(self, like: Any, leaves: list[np.ndarray]) -> Any:
        """Undo `leaves`, for a state like another one."""
        tree = self._jax.tree.structure(like)
        return self._jax.tree.unflatten(tree, [self._jnp.asarray(leaf) for leaf in leaves])

    def _scan(self, state: Any, n: int) -> Any:
        def step(state: Any, _: Any) -> Any:
            state = self._kernel.sample(state, (), {})
            return state, (state.z, state.accept_prob, state.diverging, state.num_steps)

        return self._jax.lax.scan(step, state, None, length=n)


class _Chain:
    """One chain: its draws so far, and numpyro's state, as plain arrays."""

    def __init__(
        self,
        kernel: _Kernel,
        start: FloatArray,
        seed: list[int],
        index: int,
        kept: Mapping[str, np.ndarray],
    ) -> None:
        self._kernel, self._options, self._index = kernel, kernel.options, index
        self._state = kernel.start(start, seed, f"chain {index + 1}")
        self.draws: np.ndarray = np.zeros((0, len(start)), dtype=np.float32)
        self.accepted, self.divergent, self.n_leapfrog = np.zeros(0), np.zeros(0), np.zeros(0)
        self._restore(kept)

    @property
    def n_done(self) -> int:
        """Draws so far, warm-up included."""
        return int(self._state.i)

    @property
    def step_size(self) -> float:
        """Of the leapfrog steps, as adapted so far."""
        return float(self._state.adapt_state.step_size)

    def advance(self) -> np.ndarray:
        """Draw one block, and return what of it is kept; the warm-up has blocks of its own."""
        options = self._options
        is_warm = self.n_done >= options.n_warmup
        left = options.n_draws - len(self.draws) if is_warm else options.n_warmup - self.n_done
        self._state, found = self._kernel.run(self._state, min(options.block, left))
        if not is_warm:
            return self.draws[:0]
        new, accepted, divergent, n_leapfrog = (np.asarray(values) for values in found)
        self.draws = np.concatenate([self.draws, new])
        self.accepted = np.append(self.accepted, accepted)
        self.divergent = np.append(self.divergent, divergent)
        self.n_leapfrog = np.append(self.n_leapfrog, n_leapfrog)
        return new

    def refuse_bad(self) -> None:
        """Refuse a chain that does not follow its density."""
        if not len(self.draws):
            return
        place, n_draws = f"chain {self._index + 1}", len(self.draws)
        if self.divergent.mean() > _MOST_DIVERGENT:
            raise InputError(
                "sampling",
                f"{place} diverged in {int(self.divergent.sum())} of {n_draws} draws (steps of "
                f"{self.step_size:.2g}); raise target_accept or n_warmup, or use a smaller network",
            )
        if not np.isfinite(self.draws[-1]).all() or self.accepted.mean() < _LEAST_ACCEPTED:
            raise InputError(
                "sampling",
                f"{place} accepted {self.accepted.mean():.0%} of {n_draws} draws (steps of "
                f"{self.step_size:.2g}); raise n_warmup or target_accept",
            )

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all of it; `_restore` undoes it."""
        arrays = {
            "draws": self.draws, "accepted": self.accepted, "divergent": self.divergent,
            "n_leapfrog": self.n_leapfrog,
            **{f"state{i}": leaf for i, leaf in enumerate(self._kernel.leaves(self._state))},
        }  # fmt: skip
        return {f"chain{self._index}_{name}": array for name, array in arrays.items()}

    def _restore(self, kept: Mapping[str, np.ndarray]) -> None:
        prefix = f"chain{self._index}_"
        if f"{prefix}draws" not in kept:
            return
        self.draws, self.accepted, self.divergent, self.n_leapfrog = (
            kept[f"{prefix}{name}"] for name in ("draws", "accepted", "divergent", "n_leapfrog")
        )
        n_leaves = len(self._kernel.leaves(self._state))
        leaves = [kept[f"{prefix}state{i}"] for i in range(n_leaves)]
        self._state = self._kernel.restored(self._state, leaves)
