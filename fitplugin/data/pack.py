"""Turn the raw tables of a simulation campaign into the compact form that is shipped.

    python -m fitplugin.data.pack RAW_FOLDER [--to FOLDER]

Every column becomes one array of a compressed `.npz` file: single precision for physical
quantities (relative rounding 6e-8, far below the scatter of any spectrum program), integers
for identifiers and counts, fixed-width text for names. Run it again when the tables grow; the
number of rows and the checksum in the cards follow.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from fitplugin.data.json_files import read_object
from fitplugin.data.tables import write_card, write_table

INPUTS = ("mu", "tan_beta", "M3", "mQ3", "mtR", "At")
# what a process-level efficiency is learned from
KINEMATICS = (
    "m_stop1", "m_stop2", "m_sbottom1", "m_neutralino1",
    "br_stop1_top", "br_stop1_bottom",
    "br_stop2_top", "br_stop2_bottom", "br_stop2_W_squark", "br_stop2_Zh_squark",
    "br_sbottom1_top", "br_sbottom1_bottom", "br_sbottom1_W_squark",
)  # fmt: skip
INTEGERS = {"id", "valid", "n_generated"}
TEXT = {"process"}


def read_raw(path: Path) -> dict[str, np.ndarray]:
    """Read a gzipped CSV with a header line; empty fields become NaN."""
    with gzip.open(path, "rt", newline="") as stream:
        header, *rows = csv.reader(stream)
    return {
        name: _typed(name, values)
        for name, values in zip(header, zip(*rows, strict=True), strict=True)
    }


def _typed(name: str, values: tuple[str, ...]) -> np.ndarray:
    if name in TEXT:
        return np.array(values, dtype=np.str_)
    if name in INTEGERS:
        return np.array(values, dtype=np.int32)
    return np.array([float(v) if v else np.nan for v in values], dtype=np.float32)


def with_spectrum(
    rows: dict[str, np.ndarray], points: dict[str, np.ndarray], names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Join columns of each point's spectrum to its rows by ``id``: the table stands alone."""
    order = np.argsort(points["id"])
    found = order[np.searchsorted(points["id"], rows["id"], sorter=order)]
    if not np.array_equal(points["id"][found], rows["id"]):
        raise click.ClickException("an efficiency row names a point that has no spectrum row")
    return {"id": rows["id"], **{name: points[name][found] for name in names}, **rows}


def card_of(table: Path) -> dict[str, Any]:
    """Read the card beside a table, to be written again with it."""
    return read_object(table.with_suffix(".json"), "write what the table is, by hand")


def pack_cross_sections(raw: Path, target: Path) -> None:
    """Put the source of the numbers, taken from the card, at the head of the table itself."""
    card = card_of(target)
    header = "".join(f"# {key}: {card[key]}\n" for key in ("title", "source", "units", "licence"))
    rows = raw.read_text()
    target.write_text(header + rows)
    write_card(target, card, n_rows=len(rows.splitlines()) - 1)


def pack_features(made: Path, ranges: Mapping[str, Any], target: Path) -> None:
    """Pack a table of `fitplugin dataset features`, in single precision, named by point number."""
    with np.load(made, allow_pickle=False) as archive:
        columns = {name: archive[name] for name in archive.files}
    ids = columns.pop("name").astype(np.int64)
    order = np.argsort(ids)
    packed = {name: column[order].astype(np.float32) for name, column in columns.items()}
    card = card_of(made) | {
        "title": "Model-independent features of natural supersymmetry, with spectra",
        "what": "One row per point of the spectra with 119 < m_higgs < 131 GeV, m_chargino1 > 95 "
        "GeV and a neutral lightest sparticle; the 56 features are columns n_... and energy_...",
        "inputs": ranges,
        "source": "features of arXiv:1703.01309, section 4, of spectra by SPheno 4.0.5 "
        "(arXiv:hep-ph/0301101, arXiv:1104.1573), run for this project",
        "units": "masses, soft parameters and energies in GeV; the others dimensionless",
        "licence": "CC0-1.0",
    }
    write_table(target, {"id": ids[order], **packed}, card, force=True)


@click.command()
@click.option("--features", "made", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A table of `fitplugin dataset features`.")  # fmt: skip
@click.argument("raw", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--to", "folder", default=Path(__file__).parent / "natural_susy", type=Path)
def main(made: Path | None, raw: Path, folder: Path) -> None:
    """Pack RAW/spectra.csv.gz, RAW/efficiencies.csv.gz and the cross-section table."""
    spectra = read_raw(raw / "spectra.csv.gz")
    efficiencies = with_spectrum(
        read_raw(raw / "efficiencies.csv.gz"), spectra, INPUTS + KINEMATICS
    )
    for name, columns in (("spectra.npz", spectra), ("efficiencies.npz", efficiencies)):
        write_table(folder / name, columns, card_of(folder / name), force=True)
    table = "cross_sections_14TeV.csv"
    pack_cross_sections(raw / table, folder / table)
    if made is not None:
        pack_features(made, card_of(folder / "spectra.npz")["inputs"], folder / "features.npz")


if __name__ == "__main__":
    main()
