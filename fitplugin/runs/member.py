"""One of several independent runs of a scan: its share of the points, and its seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fitplugin.errors import InputError
from fitplugin.runs.config import ScanConfig
from fitplugin.samplers.base import even_shares


class Member(NamedTuple):
    """One of several independent runs of a scan that will be merged."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def parse(cls, text: str) -> Member:
        """Read ``3/8``.

        >>> Member.parse("3/8")
        Member(number=3, of=8)
        """
        words = text.split("/")
        if len(words) == 2 and all(word.isdecimal() for word in words):
            member = cls(int(words[0]), int(words[1]))
            if 1 <= member.number <= member.of:
                return member
        raise InputError("--member", f"must be I/K with 1 <= I <= K, such as 3/8, not {text!r}")


class Share(NamedTuple):
    """What one run does of a scan."""

    config: ScanConfig
    """The scan file with its share of the live points and of the prior sample."""
    prior_seed: np.random.SeedSequence
    sampler_seed: np.random.SeedSequence


def share_of(config: ScanConfig, member: Member | None) -> Share:
    """Return the share of a member, or the whole scan if it is none of several.

    Raises
    ------
    InputError
        If the sampler has no live points to divide, or too few for so many members.
    """
    prior_seed, sampler_seed = np.random.SeedSequence(config.seed).spawn(2)
    if member is None:
        return Share(config, prior_seed, sampler_seed)
    sampler, index = config.sampler, member.number - 1
    n_live = getattr(sampler.options, "n_live", None)
    if n_live is None:
        raise InputError("--member", f"{sampler.kind} has no live points to divide; run it whole")
    options = sampler.options.model_copy(update={"n_live": even_shares(n_live, member.of)[index]})
    sampler.plugin().require(options, len(config.free))
    changes = {
        "sampler": replace(sampler, options=options),
        "prior_sample": even_shares(config.prior_sample, member.of)[index],
    }
    return Share(
        config.model_copy(update=changes),
        prior_seed.spawn(member.of)[index],
        sampler_seed.spawn(member.of)[index],
    )
