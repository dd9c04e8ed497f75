"""Files of campaigns as `fitplugin simulate` writes them, made by hand."""

from __future__ import annotations

from fitplugin.simulation.campaign_file import recording
from fitplugin.simulation.records import Header, PointRecord, ProcessRecord, RegionCounts

REGIONS = ("0l_stop1100", "1l_stop1100")


def counts(efficiency, error, n=1000):
    return RegionCounts(
        passed=efficiency * n, variance=(error * n) ** 2, efficiency=efficiency,
        efficiency_error=error,
    )  # fmt: skip


def point(name, parameters, efficiencies, sigma=(0.8, 0.2), seconds=4.0, masses=None):
    """Efficiencies by process, one pair for the two regions each; errors are a tenth of them."""
    processes = {
        process: ProcessRecord(
            cross_section_fb=value,
            cross_section_rel_error=0.1,
            n_generated=1000,
            regions={r: counts(e, e / 10) for r, e in zip(REGIONS, pair, strict=True)},
        )
        for (process, pair), value in zip(efficiencies.items(), sigma, strict=True)
    }
    return PointRecord(
        name=name, sha256=name, seed=1, parameters=parameters, masses=masses or {},
        branching={}, processes=processes, seconds=seconds, time="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def write(path, points, processes=("stop1", "stop2"), processor="a processor"):
    header = Header(
        simulator={"kind": "toy"}, versions={"toy": "1.0"}, events=700, seed=1,
        processes=processes, regions=REGIONS, cross_section="natural_susy/cross_sections_14TeV",
        machine={"processor": processor},
    )  # fmt: skip
    with recording(path, header) as records:
        for record in points:
            records.append(record)
    return path
