"""What pool suits a likelihood: the time of a point decides."""

from __future__ import annotations

import os

from fitplugin.pools.base import POINTS_PER_TASK
from fitplugin.runs.config import ScanConfig

# A task costs about a millisecond on its way to a worker and back, so it should hold more work.
_WORTH_SENDING_S = 3e-3
# Points slower than this should not wait for others of their task.
_SLOW_POINT_S = 0.1


def advise(config: ScanConfig, seconds_alone: float, seconds_in_batch: float) -> str:
    """Say, in one line, how many processes and what size of task a scan wants on this machine."""
    cores = os.cpu_count() or 1
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
            f"processes: {cores} or a cluster, with pool: {{kind: processes, points_per_task: 1}}: "
            f"a point takes {seconds_in_batch:.2g} s (the scan says {now})"
        )
    if seconds_in_batch * POINTS_PER_TASK < _WORTH_SENDING_S:
        return (
            "serial: batches in one process; sending them to workers costs more than they do "
            f"(the scan says {now})"
        )
    return (
        f"processes: {cores}; batches make a point {seconds_alone / seconds_in_batch:.0f} times "
        f"cheaper, workers share them (the scan says {now})"
    )
