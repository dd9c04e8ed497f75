"""A small guest surrogate, its stored file, and hands that change what is in there."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from fitplugin import plugins
from fitplugin.surrogates import card as cards
from fitplugin.surrogates import save, store

CARD = "card.json"
PLANE = '''
import numpy as np
from fitplugin.arrays import as_points
from fitplugin.options import Options
from fitplugin.surrogates.base import Examined, Surrogate
from fitplugin.surrogates.dataset import Schema

class PlaneOptions(Options):
    scale: float = 1.0

class Plane(Surrogate):
    """A least-squares plane with a constant error."""
    Options = PlaneOptions
    citations = ("C. F. Gauss, Theoria motus, 1809",)

    def __init__(self, options, schema=None, plane=None):
        self.options, self._schema, self.plane = options, schema, plane

    @property
    def schema(self):
        return self._schema

    def fit(self, dataset, rng):
        design = np.column_stack([np.ones(dataset.n_points), dataset.inputs])
        slopes = np.linalg.lstsq(design, dataset.targets, rcond=None)[0]
        std = (dataset.targets - design @ slopes).std(axis=0)
        return Plane(self.options, dataset.schema, {"slopes": slopes, "file": std})

    def examine(self, inputs):
        points = as_points(inputs, self.input_names, "inputs")
        mean = self.options.scale * (self.plane["slopes"][0] + points @ self.plane["slopes"][1:])
        return Examined(
            mean, np.tile(self.plane["file"], (len(points), 1)), self.schema.remoteness(points)
        )

    def to_arrays(self):
        return {**self.schema.to_arrays(), **self.plane}

    @classmethod
    def from_arrays(cls, options, arrays):
        plane = {name: arrays[name] for name in ("slopes", "file")}
        return cls(options, Schema.from_arrays(arrays), plane)
'''


def plane_kind(folder):
    """Write the guest to a folder and return the kind that a scan file would name."""
    (folder / "plane.py").write_text(PLANE)
    return f"{folder / 'plane.py'}:Plane"


def fitted_plane(kind, dataset):
    plugin = plugins.load("fitplugin.surrogates", kind, allow_code=True)
    return plugin(plugin.Options()).fit(dataset, np.random.default_rng(0))


def store_plane(plane, kind, folder):
    save(
        plane,
        kind,
        {"scale": 1.0},
        folder / "model.npz",
        units={"y": "GeV"},
        training={"name": "plane", "seed": 3, "n_points": 400, "sha256": 64 * "a"},
        calibration={"wave": {"chi2_per_point": 1.02, "n_points": 40}},
    )
    return folder / "model.npz"


def arrays_of(content):
    with np.load(io.BytesIO(content)) as archive:
        return {name: archive[name] for name in archive.files}


def repacked(content, change, rng, seal=False):
    arrays = arrays_of(content)
    change(arrays, rng)
    if seal:
        card = json.loads(str(arrays.pop(CARD)))
        arrays[CARD] = sealed({**card, "arrays_sha256": store._digest(arrays)})
    return store._pack(arrays)


def with_entry(content, name, data, method=zipfile.ZIP_DEFLATED, size=None):
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, data, method)
        if size is not None:
            archive.infolist()[-1].file_size = size
    return buffer.getvalue()


def recarded(content, change, rng=None, seal=True):
    arrays = arrays_of(content)
    card = json.loads(str(arrays[CARD]))
    change(card, rng) if rng else change(card)
    arrays[CARD] = sealed(card) if seal else np.array(cards._canonical(card))
    return store._pack(arrays)


def sealed(card):
    card.pop("card_sha256", None)
    return np.array(
        cards._canonical({**card, "card_sha256": cards._sha256(cards._canonical(card))})
    )
