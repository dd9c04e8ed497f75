"""A stored Bayesian network under another prior, without training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from fitplugin.errors import InputError
from fitplugin.options import named_values, problem_of
from fitplugin.surrogates import save
from fitplugin.surrogates.bnn import BayesianNetwork
from fitplugin.surrogates.bnn.prior import PriorOptions
from fitplugin.surrogates.store import inspect


class OtherPrior(NamedTuple):
    """How many networks there are, and how many count (Kish)."""

    n_networks: int
    effective: float
    has_collapsed: bool


def reweight_stored(
    path: Path, out: Path, changes: Sequence[str], force: bool = False, *, allow_code: bool = False
) -> OtherPrior:
    """Store the networks of a model with the weights of another prior.

    Parameters
    ----------
    path, out : path
    changes : sequence of str
        ``name=value`` of `PriorOptions`; the rest stays as it was trained with.
    force : bool
        Replace what is there.
    allow_code : bool
        Run the code that the model names as its kind, if it is no registered one.

    Raises
    ------
    InputError
        If the model is no Bayesian network, something is there, a name or value is not known, or
        fewer than two networks would count.
    """
    if out.exists() and not force:
        raise InputError(str(out), "exists; give --force to replace it")
    stored = inspect(path, allow_code=allow_code)
    model, card = stored.model, stored.card
    if not isinstance(model, BayesianNetwork):
        raise InputError(str(path), f"is a {card.kind}; only a bnn has a prior of its networks")
    values = {**model.options.prior.model_dump(), **named_values(changes, "--prior")}
    try:
        prior = PriorOptions.model_validate(values)
    except ValidationError as error:
        place, message = problem_of(error)
        raise InputError(f"--prior {place}", message) from error
    other = model.reweighted(prior)
    training = None if card.training is None else card.training.model_dump()
    save(
        other, card.kind, dict(card.options), out,
        training=training, calibration=other.calibration_facts(),
    )  # fmt: skip
    facts = other.calibration_facts()
    return OtherPrior(facts["n_networks"], other.effective_networks, other.has_collapsed)
