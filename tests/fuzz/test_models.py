"""Stored models after accidents: refused in one line, or the same predictions as before."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fitplugin import plugins
from fitplugin.surrogates import load, save, store
from tests.fuzz.damage import (
    STRANGE,
    archive_damaged,
    array_damaged,
    bytes_damaged,
    members,
    npy,
    packed,
    quietly,
)
from tests.fuzz.documents import changed
from tests.fuzz.law import examples, refused_and_untouched
from tests.surrogates.plane import CARD, arrays_of, sealed

KINDS = {
    "dgp": {},
    "multitask_gp": {},
    "network": {"hidden": [8]},
    "sklearn": {
        "estimator": "ensemble.RandomForestRegressor",
        "parameters": {"n_estimators": 3, "max_depth": 3},
    },
}
THETA = np.random.default_rng(8).uniform([-2.0, 0.0], [2.0, 5.0], (20, 2))
_ENTRY = f"{CARD}.npy"


@pytest.fixture(scope="module")
def stored(tiny_dataset, tmp_path_factory):
    """One small file of every kind, by kind."""
    folder, found = tmp_path_factory.mktemp("models"), {}
    for kind, options in KINDS.items():
        plugin = plugins.load("fitplugin.surrogates", kind)
        blank = plugin(plugin.Options.model_validate(options))
        n_points = 60 if kind == "multitask_gp" else 400
        model = blank.fit(tiny_dataset.take(np.arange(n_points)), np.random.default_rng(0))
        save(model, kind, options, folder / f"{kind}.npz")
        found[kind] = (folder / f"{kind}.npz").read_bytes()
    return found


@st.composite
def forged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return a model with another card or other numbers, and checksums that fit them."""
    entries = members(content)
    card = json.loads(str(arrays_of(content)[CARD]))
    if draw(st.booleans()):
        card = draw(changed((card,)))
    else:
        name = draw(st.sampled_from(sorted(set(entries) - {_ENTRY})))
        odd = array_damaged(entries[name]) | STRANGE
        entries[name] = draw(odd)
        if not draw(st.integers(0, 9)):
            del entries[name]
    try:
        arrays = {
            entry.removesuffix(".npy"): np.load(io.BytesIO(data), allow_pickle=False)
            for entry, data in entries.items()
            if entry != _ENTRY
        }
        card["arrays_sha256"] = store._digest(arrays)
        entries[_ENTRY] = npy(sealed(card))
    except Exception:  # such a card or array has no checksum: it stays as it was
        pass
    return packed(entries)


@pytest.mark.parametrize("number", [60, pytest.param(2050, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_model_is_refused_or_predicts_what_it_did(kind, number, stored, tmp_path):
    path, content = tmp_path / "model.npz", stored[kind]
    path.write_bytes(content)
    expected = load(path).predict(THETA)

    @examples(number)
    @given(quietly(bytes_damaged(content) | archive_damaged(content)))
    def law(damaged):
        path.write_bytes(damaged)
        if not refused_and_untouched(lambda: load(path), "model.npz", tmp_path):
            found = load(path).predict(THETA)
            assert_array_equal(found.mean, expected.mean)
            assert_array_equal(found.std, expected.std)

    law()


@pytest.mark.parametrize("number", [60, pytest.param(2050, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_model_is_refused_in_one_line_or_predicts(kind, number, stored, tmp_path):
    path = tmp_path / "model.npz"

    @examples(number)
    @given(quietly(forged(stored[kind])))
    def law(damaged):
        path.write_bytes(damaged)
        if not refused_and_untouched(lambda: load(path), "model.npz", tmp_path):
            model = load(path)
            assert model.predict(THETA).mean.shape == (len(THETA), len(model.target_names))

    law()
