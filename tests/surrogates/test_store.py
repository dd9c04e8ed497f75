"""Stored models come back exactly, and damaged ones are refused, never half believed."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fitplugin.errors import InputError
from fitplugin.surrogates import load, save
from fitplugin.surrogates.dgp import DgpOptions, DistributedGP
from fitplugin.surrogates.store import SCHEMA_VERSION, read_card


@pytest.fixture(scope="module")
def stored(tiny_dataset, tmp_path_factory):
    options = DgpOptions(mode="local", expert_size=40)
    model = DistributedGP(options).fit(tiny_dataset, np.random.default_rng(0))
    path = tmp_path_factory.mktemp("store") / "model.npz"
    save(model, "dgp", options.model_dump(mode="json"), path)
    return model, path


def test_round_trip_is_exact(stored, tiny_dataset):
    model, path = stored
    for before, after in zip(
        model.predict(tiny_dataset.inputs), load(path).predict(tiny_dataset.inputs), strict=True
    ):
        assert_array_equal(before, after)


def test_card_says_what_the_model_is(stored):
    card = read_card(stored[1])
    assert card["kind"] == "dgp"
    assert card["inputs"]["x"]["range"] == [-2.0, 2.0]
    assert card["targets"] == ["wave", "kink"]


def test_any_damage_is_refused(stored, tmp_path):
    """200 random flips, cuts and insertions: InputError or an equal model, nothing else."""
    content = bytearray(stored[1].read_bytes())
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(200):
        damaged = bytearray(content)
        place = int(rng.integers(len(damaged)))
        if trial % 3 == 0:
            damaged[place] ^= 1 << int(rng.integers(8))
        elif trial % 3 == 1:
            del damaged[place:]
        else:
            damaged[place:place] = rng.bytes(5)
        path = tmp_path / "damaged.npz"
        path.write_bytes(damaged)
        try:
            load(path)
        except InputError:
            refused += 1
    # a flip in the padding or the time stamp of the archive is harmless
    assert refused > 150


def test_wrong_prediction_is_refused(stored, tmp_path):
    path = edited(stored[1], tmp_path, lambda card: card["check"]["mean"][0].__setitem__(0, 9.0))
    with pytest.raises(InputError, match="no longer predicts its check vector"):
        load(path)


def test_other_schema_version_is_refused(stored, tmp_path):
    path = edited(stored[1], tmp_path, lambda card: card.update(schema=SCHEMA_VERSION + 1))
    with pytest.raises(InputError, match="schema version"):
        load(path)


def test_unknown_kind_is_refused(stored, tmp_path):
    path = edited(stored[1], tmp_path, lambda card: card.update(kind="dpg"))
    with pytest.raises(InputError, match="'dpg' is not a surrogate"):
        load(path)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such model file"):
        load(tmp_path / "none.npz")


def edited(source, folder, change):
    with np.load(source) as archive:
        arrays = {name: archive[name] for name in archive.files}
    card = json.loads(str(arrays["card.json"]))
    change(card)
    arrays["card.json"] = np.array(json.dumps(card))
    np.savez(folder / "edited.npz", **arrays)
    assert zipfile.is_zipfile(folder / "edited.npz")
    return folder / "edited.npz"
