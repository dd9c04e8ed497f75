"""Training of one deep network by PyTorch: early stopping, falling rate, exact resuming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from fitplugin.arrays import FloatArray
from fitplugin.errors import InputError
from fitplugin.surrogates.frame import Split
from fitplugin.surrogates.networks.checkpoint import Keep
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions
from fitplugin.surrogates.networks.dense import DenseNetwork
from fitplugin.surrogates.networks.torch_parts import (
    make_network,
    make_optimiser,
    numbered,
    one_thread,
    require_torch,
    restore,
    state_of,
)

# an error is better if it is smaller by this share; less is noise of the last digits
_BETTER = 1e-3
_SATURATED = 1.0 - 1e-5
_BEST = "best"


class Epoch(NamedTuple):
    """Where a training is: for its progress bar."""

    number: int
    error: float
    rate: float


def train_deep(
    split: Split,
    options: DeepNetworkOptions,
    seed: int,
    state: Mapping[str, np.ndarray],
    keep: Keep,
    progress: Callable[[Epoch], None],
) -> DenseNetwork:
    """Train one network; the weights of the epoch with the smallest validation error are kept.

    The cost is the mean squared error plus lambda / (2 n) times the sum of squared weights (eq. 1
    of arXiv:1703.01309); weights start as N(0, 1/sqrt(n_in)), biases as N(0, 1) (section 3.1
    there), or as He et al., arXiv:1502.01852, for relu units. The validation error is the mean
    absolute one (eq. 2).

    Parameters
    ----------
    split : Split
    options : DeepNetworkOptions
    seed : int
        Decides everything: the same seed gives the same weights on the same machine.
    state : mapping
        Empty, or what ``keep`` was given by an interrupted training: the result is the same.
    keep : callable
        Offered a function that makes the state after each epoch.
    progress : callable

    Returns
    -------
    DenseNetwork
        In single precision.

    Raises
    ------
    InputError
        If the cost is not finite, with the epoch and the cause, or a tanh output is saturated.
    """
    torch = require_torch()
    rotation = _eigenvectors(split.points) if options.decorrelate else None
    with one_thread(torch):
        torch.manual_seed(seed)
        net = make_network(torch, split, options)
        optimiser = make_optimiser(torch, net, options)
        course = _Course(options)
        if state:
            restore(torch, net, optimiser, state)
            course.restore(state)

        def tensor(values: FloatArray) -> Any:
            return torch.tensor(values, dtype=torch.float32)

        def seen(points: FloatArray) -> Any:
            return tensor(points if rotation is None else points @ rotation)

        points, targets = seen(split.points), tensor(split.targets)
        validation = seen(split.validation_points), split.validation_targets
        while not course.is_over:
            for group in optimiser.param_groups:
                group["lr"] = course.rate
            # everything random follows from seed and epoch: nothing of it needs to be kept
            torch.manual_seed(_mixed(seed, course.epoch))
            order = np.random.default_rng([seed, course.epoch]).permutation(len(points))
            _pass(torch, net, optimiser, points, targets, order, options, course.epoch)
            error = _validation_error(torch, net, *validation)
            course.note(error, [p.detach().numpy().copy() for p in net.parameters()])
            progress(Epoch(course.epoch, course.error, course.rate))
            keep(lambda: {**state_of(net, optimiser), **course.to_arrays()})
    network = _dense(course.best, options, rotation)
    _refuse_saturated(network, split.validation_points, options)
    return network


class _Course:
    """Epochs so far, the best weights, and what follows for the rate and the end."""

    def __init__(self, options: DeepNetworkOptions) -> None:
        self._options = options
        self.epoch = 0
        self.rate = options.learning_rate
        self.error = np.inf
        self.best: list[np.ndarray] = []
        self._since_best = self._since_change = 0

    @property
    def is_over(self) -> bool:
        return self.epoch >= self._options.epochs or self._since_best >= self._options.patience

    def note(self, error: float, weights: list[np.ndarray]) -> None:
        self.epoch += 1
        if error < self.error * (1.0 - _BETTER) or not self.best:
            self.error, self.best = error, weights
            self._since_best = self._since_change = 0
            return
        self._since_best += 1
        self._since_change += 1
        if self._since_change >= self._options.plateau:
            self.rate, self._since_change = 0.5 * self.rate, 0

    def to_arrays(self) -> dict[str, np.ndarray]:
        counts = [self.epoch, self._since_best, self._since_change]
        return {
            "counts": np.array(counts),
            "numbers": np.array([self.rate, self.error]),
            **{f"{_BEST}_{index}": weight for index, weight in enumerate(self.best)},
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.epoch, self._since_best, self._since_change = map(int, state["counts"])
        self.rate, self.error = map(float, state["numbers"])
        self.best = list(numbered(state, _BEST))


def _pass(
    torch: Any,
    net: Any,
    optimiser: Any,
    points: Any,
    targets: Any,
    order: np.ndarray,
    options: DeepNetworkOptions,
    epoch: int,
) -> None:
    weights = [parameter for parameter in net.parameters() if parameter.ndim == 2]
    net.train()
    for start in range(0, len(order), options.batch_size):
        rows = torch.from_numpy(order[start : start + options.batch_size])
        cost = torch.square(net(points[rows]) - targets[rows]).mean()
        if options.l2:
            squares = sum(torch.square(weight).sum() for weight in weights)
            cost = cost + 0.5 * options.l2 / len(order) * squares
        optimiser.zero_grad()
        cost.backward()
        if not torch.isfinite(cost):
            raise _diverged(
                torch, weights, cost.item(), epoch, start // options.batch_size, options
            )
        optimiser.step()


def _diverged(
    torch: Any, weights: list[Any], cost: float, epoch: int, step: int, options: DeepNetworkOptions
) -> InputError:
    largest = max(torch.abs(weight).max().item() for weight in weights)
    cause = (
        f"the weights have grown to {largest:.3g}"
        if np.isfinite(largest)
        else "the step before made the weights infinite"
    )
    return InputError(
        "learning_rate",
        f"the cost is {cost} in epoch {epoch + 1}, step {step + 1}: {cause}; "
        f"try a smaller rate than {options.learning_rate:g}",
    )


def _refuse_saturated(
    network: DenseNetwork, points: FloatArray, options: DeepNetworkOptions
) -> None:
    if options.output == "tanh" and (np.abs(network(points)) > _SATURATED).all():
        raise InputError(
            "learning_rate",
            "the outputs went to the ends of their range and stayed there (tanh units without a "
            f"slope); try a smaller rate than {options.learning_rate:g}, or output: linear",
        )


def _validation_error(torch: Any, net: Any, points: Any, targets: FloatArray) -> float:
    net.eval()
    with torch.no_grad():
        return float(np.abs(net(points).numpy() - targets).mean())


def _dense(
    weights: list[np.ndarray], options: DeepNetworkOptions, rotation: FloatArray | None
) -> DenseNetwork:
    matrices = [np.ascontiguousarray(weight.T) for weight in weights[::2]]
    if rotation is not None:
        # the projection is a layer without units: part of the first one
        matrices[0] = (rotation @ matrices[0]).astype(np.float32)
    return DenseNetwork(tuple(matrices), tuple(weights[1::2]), options.activation, options.output)


def _eigenvectors(points: FloatArray) -> FloatArray:
    covariance = np.atleast_2d(np.cov(points, rowvar=False))
    return np.asarray(np.linalg.eigh(covariance)[1])


def _mixed(seed: int, epoch: int) -> int:
    return int(np.random.default_rng([seed, epoch, 1]).integers(2**63))
