"""PyTorch's part of a deep network: layers, optimiser, their state as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from fitplugin.extras import require
from fitplugin.surrogates.frame import Split
from fitplugin.surrogates.networks.deep_options import DeepNetworkOptions

_STEP = "step"


def require_torch() -> Any:
    """Return the torch module.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    return require("torch", "training of a deep_network", "pip install 'fitplugin[nn]'", "PyTorch")


def make_network(torch: Any, split: Split, options: DeepNetworkOptions) -> Any:
    """Return layers with their first weights."""
    layers: list[Any] = []
    n_before, is_relu = split.points.shape[1], options.activation == "relu"
    for n_units in (*options.hidden, split.targets.shape[1]):
        layer = torch.nn.Linear(n_before, n_units)
        torch.nn.init.normal_(layer.weight, std=((2.0 if is_relu else 1.0) / n_before) ** 0.5)
        (torch.nn.init.zeros_ if is_relu else torch.nn.init.normal_)(layer.bias)
        layers += [layer, torch.nn.ReLU() if is_relu else torch.nn.Tanh()]
        if options.dropout:
            layers.append(torch.nn.Dropout(options.dropout))
        n_before = n_units
    # the output layer has a unit of its own, and nothing is left out of it
    del layers[-2 if options.dropout else -1 :]
    torch.nn.init.zeros_(layers[-1].bias)
    if options.output == "tanh":
        layers.append(torch.nn.Tanh())
    return torch.nn.Sequential(*layers)


def make_optimiser(torch: Any, net: Any, options: DeepNetworkOptions) -> Any:
    """Return the optimiser of a network."""
    if options.optimiser == "nadam":
        return torch.optim.NAdam(net.parameters(), lr=options.learning_rate)
    return torch.optim.Adam(
        net.parameters(), lr=options.learning_rate, amsgrad=options.optimiser == "amsgrad"
    )


@contextmanager
def one_thread(torch: Any) -> Iterator[None]:
    """One thread, for the same digits anywhere, and the caller's random numbers left alone."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def state_of(net: Any, optimiser: Any) -> dict[str, np.ndarray]:
    """Return weights and moments as plain arrays."""
    arrays = {
        f"weight_{index}": parameter.detach().numpy().copy()
        for index, parameter in enumerate(net.parameters())
    }
    for index, moments in optimiser.state_dict()["state"].items():
        for name, value in moments.items():
            arrays[f"{_STEP}_{index}_{name}"] = value.detach().numpy().copy()
    return arrays


def restore(torch: Any, net: Any, optimiser: Any, state: Mapping[str, np.ndarray]) -> None:
    """Undo `state_of`."""
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), numbered(state, "weight"), strict=True):
            parameter.copy_(torch.from_numpy(np.array(value)))
    moments: dict[int, dict[str, Any]] = {}
    for name, value in state.items():
        kind, _, rest = name.partition("_")
        if kind == _STEP:
            index, _, what = rest.partition("_")
            moments.setdefault(int(index), {})[what] = torch.from_numpy(np.array(value))
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def numbered(state: Mapping[str, np.ndarray], prefix: str) -> Iterator[np.ndarray]:
    """Give the arrays ``<prefix>_0``, ``<prefix>_1``, ... as far as they go."""
    index = 0
    while f"{prefix}_{index}" in state:
        yield state[f"{prefix}_{index}"]
        index += 1
