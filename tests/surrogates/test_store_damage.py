"""A thousand accidents to a stored model: none ever changes a prediction unseen."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_array_equal

from fitplugin.errors import InputError
from fitplugin.surrogates import load
from tests.surrogates.plane import CARD, fitted_plane, plane_kind, recarded, repacked, store_plane

THETA = np.random.default_rng(8).uniform([-2.0, 0.0], [2.0, 5.0], (50, 2))
N_EACH = 90


def test_a_thousand_corruptions_never_change_a_prediction(tiny_dataset, tmp_path):
    """Each is refused with InputError, or the model that comes back predicts the same bits."""
    kind = plane_kind(tmp_path)
    plane = fitted_plane(kind, tiny_dataset)
    stored = store_plane(plane, kind, tmp_path)
    rng = np.random.default_rng(0)
    content, expected = stored.read_bytes(), plane.predict(THETA)
    path = tmp_path / "damaged.npz"
    n_refused, messages = dict.fromkeys(CORRUPTIONS, 0), set()
    for trial in range(N_EACH * len(CORRUPTIONS)):
        name = list(CORRUPTIONS)[trial % len(CORRUPTIONS)]
        path.write_bytes(CORRUPTIONS[name](content, rng))
        try:
            found = load(path, allow_code=True).predict(THETA)
        except InputError as error:
            n_refused[name] += 1
            messages.add(str(error))
        else:
            assert_array_equal(found.mean, expected.mean, err_msg=name)
            assert_array_equal(found.std, expected.std, err_msg=name)
    assert not any("\n" in message for message in messages)
    assert min(n_refused.values()) >= 1, n_refused  # time stamps and facts may change freely
    for name in ("cut", "value", "drop", "rename", "dtype", "card", "forged value"):
        assert n_refused[name] == N_EACH, name


def flip(content, rng):
    damaged = bytearray(content)
    damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def insert(content, rng):
    place = int(rng.integers(len(content)))
    return content[:place] + rng.bytes(5) + content[place:]


def zero(content, rng):
    place = int(rng.integers(len(content)))
    return content[:place] + bytes(len(content[place : place + 16])) + content[place + 16 :]


def swap(content, rng):
    a, b, c = np.sort(rng.integers(len(content), size=3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def change_value(arrays, rng):
    name = str(rng.choice(["slopes", "file", "ranges"]))
    arrays[name] = arrays[name].copy()
    place = rng.integers(arrays[name].size)
    arrays[name].flat[place] = 1.0 + arrays[name].flat[place] * rng.choice(
        [-1, 1.25, 1e200, np.nan]
    )


def change_dtype(arrays, rng):
    name = str(rng.choice(["slopes", "file", "ranges"]))
    arrays[name] = arrays[name].astype(str(rng.choice([">f8", "f4", "c16", "i8", "U30"])))


def rename(arrays, rng):
    name = str(rng.choice([name for name in arrays if name != CARD]))
    arrays[f"{name}_"] = arrays.pop(name)


def drop(arrays, rng):
    del arrays[str(rng.choice(list(arrays)))]


def change_card(card, rng):
    """Change one leaf, wherever it lies, or leave a key out."""
    place = card
    while True:
        key = rng.choice(list(place)) if isinstance(place, dict) else int(rng.integers(len(place)))
        value = place[key]
        if isinstance(value, dict | list) and value and rng.random() < 0.9:
            place = value
            continue
        if isinstance(value, float | int):
            place[key] = value * 1.25 + 1
        elif isinstance(value, str):
            place[key] = f"{value}x"
        else:
            del place[key]
        return


CORRUPTIONS = {
    "flip": flip,
    "cut": lambda content, rng: content[: rng.integers(len(content))],
    "insert": insert,
    "zero": zero,
    "swap": swap,
    "value": lambda content, rng: repacked(content, change_value, rng),
    "dtype": lambda content, rng: repacked(content, change_dtype, rng),
    "rename": lambda content, rng: repacked(content, rename, rng),
    "drop": lambda content, rng: repacked(content, drop, rng),
    "card": lambda content, rng: recarded(content, change_card, rng, seal=False),
    "forged card": lambda content, rng: recarded(content, change_card, rng),
    "forged value": lambda content, rng: repacked(content, change_value, rng, seal=True),
}
