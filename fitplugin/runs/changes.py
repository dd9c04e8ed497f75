"""What differs between two scan files, or between the facts that two runs were started with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a resumed run may have differently: nothing that decides which points are evaluated.
_FREE = ("title", "pool", "processes")


def differences(before: Any, now: Any, place: str = "") -> list[str]:
    """Name what differs between two complete scan files.

    >>> differences({"seed": 1, "sampler": {"n_live": 5}}, {"seed": 1, "sampler": {"n_live": 6}})
    ['sampler.n_live was 5, is 6']
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = dict.fromkeys([*before, *now])
        return [
            text
            for key in keys
            for text in differences(
                before.get(key), now.get(key), f"{place}.{key}" if place else str(key)
            )
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            text
            for index, pair in enumerate(zip(before, now, strict=True))
            for text in differences(*pair, f"{place}[{index}]")
        ]
    return [] if before == now else [f"{place} was {before}, is {now}"]


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what has changed between the facts with which two runs were started."""
    configs = [
        {key: value for key, value in facts["config"].items() if key not in _FREE}
        for facts in (before, now)
    ]
    found = differences(configs[0], configs[1])
    points = [_points_per_task(facts["config"]) for facts in (before, now)]
    found += differences(points[0], points[1], "pool.points_per_task")
    if not found:  # a digest of the scan file would say the same again
        digests = {**before["digests"], **now["digests"]}
        found = [
            f"{name} changed"
            for name in digests
            if before["digests"].get(name) != now["digests"].get(name)
        ]
    return tuple(found)


def _points_per_task(config: Mapping[str, Any]) -> Any:
    pool = config.get("pool")
    asked = pool if isinstance(pool, Mapping) else {}
    return asked.get("points_per_task", "the default")
