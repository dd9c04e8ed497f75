"""What pool suits a likelihood: the time of a point decides."""

from __future__ import annotations

from fitplugin.pools.base import available_cores
from fitplugin.runs.config import ScanConfig

# Of a point in a batch: what a sampler does itself, and the way to a worker and back.
_OWN_S, _SENDING_S = 6e-5, 4e-5
_WORTHWHILE = 1.2  # gain below which processes are better used for something else
# Points slower than this should not wait for others of their task.
_SLOW_POINT_S = 0.1


def advise(config: ScanConfig, seconds_alone: float, seconds_in_batch: float) -> str:
    """Say, in one line, how many processes and what size of task a scan wants on this machine."""
    cores = available_cores()
    now = f"{config.processes} process{'es' if config.processes > 1 else ''}"
    if cores == 1:
        return f"serial: this machine has one core (the scan says {now})"
    if hasattr(config.sampler.plugin, "for_processes"):
        n_live = getattr(config.sampler.options, "n_live", 0)
        best = max(1, min(cores, n_live // 400))
        return (
            f"processes: {best}: independent runs, of which each should keep some 400 live points "
            f"(the scan says {now})"
        )
    if seconds_in_batch > _SLOW_POINT_S:
        return (
            f"processes: {cores} or a cluster, with pool: {{kind: processes, points_per_task: 1}}"
            f"{_no_look_ahead(config)}: a point takes {seconds_in_batch:.2g} s "
            f"(the scan says {now})"
        )
    shared = _OWN_S + _SENDING_S + seconds_in_batch / cores
    gain = (_OWN_S + seconds_in_batch) / shared
    if gain < _WORTHWHILE:
        return (
            f"serial: a point costs {1e6 * seconds_in_batch:.0f} us in a batch, about as much as "
            f"the way to a worker and back (the scan says {now})"
        )
    return (
        f"processes: {cores}; batches make a point {seconds_alone / seconds_in_batch:.0f} times "
        f"cheaper, workers make the run some {gain:.1f} times faster (the scan says {now})"
    )


def _no_look_ahead(config: ScanConfig) -> str:
    """What a sampler that evaluates ahead should be told, if it does."""
    ahead = getattr(config.sampler.options, "look_ahead", 1)
    return " and look_ahead: 1 under sampler" if ahead > 1 else ""
