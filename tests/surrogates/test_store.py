"""Stored models come back exactly, and damaged ones are refused, never half believed."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal

from fitplugin import plugins
from fitplugin.cli import main
from fitplugin.errors import InputError
from fitplugin.surrogates import card as cards
from fitplugin.surrogates import load, save, store
from fitplugin.surrogates.store import inspect, read_card
from tests.surrogates.plane import (
    CARD,
    arrays_of,
    fitted_plane,
    plane_kind,
    recarded,
    repacked,
    store_plane,
    with_entry,
)

THETA = np.random.default_rng(8).uniform([-2.0, 0.0], [2.0, 5.0], (50, 2))


@pytest.fixture(scope="module")
def kind(tmp_path_factory):
    return plane_kind(tmp_path_factory.mktemp("guest"))


@pytest.fixture(scope="module")
def plane(kind, tiny_dataset):
    return fitted_plane(kind, tiny_dataset)


@pytest.fixture(scope="module")
def stored(kind, plane, tmp_path_factory):
    return store_plane(plane, kind, tmp_path_factory.mktemp("store"))


@pytest.fixture
def refused(tmp_path):
    """Loading these bytes must be refused, in one line that says this."""

    def check(content, message):
        path = tmp_path / "refused.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            load(path, allow_code=True)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)

    return check


def test_round_trip_is_exact(stored, plane):
    for before, after in zip(
        plane.predict(THETA), load(stored, allow_code=True).predict(THETA), strict=True
    ):
        assert_array_equal(before, after)


def test_round_trip_of_a_gaussian_process_is_exact(tiny_dataset, tmp_path):
    plugin = plugins.load("fitplugin.surrogates", "dgp")
    model = plugin(plugin.Options()).fit(tiny_dataset, np.random.default_rng(0))
    path = tmp_path / "m.npz"
    save(model, "dgp", plugin.Options().model_dump(mode="json"), path)
    for before, after in zip(model.predict(THETA), load(path).predict(THETA), strict=True):
        assert_array_equal(before, after)


def test_card_says_what_the_model_is(stored, kind):
    card = read_card(stored)
    assert card.kind == kind
    assert list(card.inputs) == ["x", "y"]
    assert card.inputs["y"].model_dump() == {"range": (0.0, 5.0), "unit": "GeV"}
    assert card.targets == ("wave", "kink")
    assert card.training.sha256 == 64 * "a"
    assert card == inspect(stored, allow_code=True).card


def test_same_model_gives_the_same_file(stored, plane, kind, tmp_path):
    for name in ("a.npz", "b.npz"):
        save(plane, kind, {}, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_caller_may_bring_the_class_of_a_kind_that_is_elsewhere(plane, tmp_path):
    save(plane, "elsewhere.py:Plane", {}, tmp_path / "m.npz")
    with pytest.raises(InputError, match="m.npz: kind: 'elsewhere.py:Plane' names code"):
        load(tmp_path / "m.npz")
    with pytest.raises(InputError, match="m.npz: kind: .*elsewhere.py is not a file"):
        load(tmp_path / "m.npz", allow_code=True)
    model = load(tmp_path / "m.npz", plugin=type(plane))
    assert_array_equal(model.predict(THETA).mean, plane.predict(THETA).mean)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": np.array([-0.1, 0.1])}, r"predicted std: is -0.1 .*negative or vanishing"),
        ({"file": np.array([0.0, 0.1])}, "predicted std: is 0 at the check vector"),
        ({"file": np.array([np.nan, 0.1])}, "file: holds NaN or infinity"),
        ({"slopes": np.full((3, 2), 1e308)}, "predicted mean: is not finite at the check vector"),
        ({"slopes": np.full((3, 2), None)}, "slopes: holds object values"),
        ({CARD: np.zeros(1)}, "card.json: is a name that the store needs itself"),
    ],
)
def test_nonsense_is_not_stored(plane, kind, tmp_path, change, message):
    broken = type(plane)(plane.options, plane.schema, {**plane.plane, **change})
    with pytest.raises(InputError, match=message):
        save(broken, kind, {}, tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"units": {"z": "GeV"}}, "units: no such input: z"),
        ({"training": {"name": "m"}}, "card: 'training.seed' is required and missing"),
        ({"calibration": {"at": np.zeros(1)}}, "card: is not plain JSON"),
        ({"calibration": {"at": float("nan")}}, "card: is not plain JSON"),
    ],
)
def test_facts_that_no_card_holds_are_not_stored(plane, kind, tmp_path, facts, message):
    with pytest.raises(InputError, match=message):
        save(plane, kind, {}, tmp_path / "m.npz", **facts)
    assert not list(tmp_path.iterdir())


# --- refusals -----------------------------------------------------------------------------


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="none.npz: no such model file"):
        load(tmp_path / "none.npz")


def test_what_is_no_archive_is_refused(refused):
    refused(b"", "is not a model file")
    refused(b"scan: 1\n", r"is not a model file \(not a zip archive\)")


def test_truncated_file_is_refused(stored, refused):
    refused(stored.read_bytes()[:-10], "is cut short or damaged .*copy it again")


def test_flipped_bit_in_an_array_is_refused(stored, refused):
    content = bytearray(stored.read_bytes())
    content[content.index(b"slopes.npy") + 60] ^= 1
    refused(bytes(content), "is cut short or damaged")


def test_changed_numbers_are_refused(stored, refused):
    def change(arrays, rng):
        arrays["slopes"] = 1.5 * arrays["slopes"]

    refused(repacked(stored.read_bytes(), change, None), "numbers do not match their checksum")
    refused(
        repacked(stored.read_bytes(), change, None, seal=True),
        "no longer predicts its check vector; train it again",
    )


def test_numbers_that_are_not_finite_are_refused(stored, refused):
    def change(arrays, rng):
        arrays["slopes"] = np.full((3, 2), np.inf)

    refused(repacked(stored.read_bytes(), change, None, seal=True), "slopes: holds NaN or infinity")


def test_missing_array_is_refused(stored, refused):
    content = stored.read_bytes()
    lost = repacked(content, lambda arrays, rng: arrays.pop("slopes"), None, seal=True)
    refused(lost, r"is not a complete model \('slopes' is missing\)")
    refused(repacked(content, lambda arrays, rng: arrays.pop(CARD), None), "has no card")


def test_arrays_that_name_other_inputs_are_refused(stored, refused):
    def change(arrays, rng):
        arrays["input_names"] = np.array(["y", "x"])

    refused(
        repacked(stored.read_bytes(), change, None, seal=True),
        "input_names: the card says x, y, the model y, x",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.update(schema_version=3), "schema version 3; .* reads 2: train it"),
        (lambda card: (card.clear(), card.update(schema=1)), "has schema version 1"),
        (
            lambda card: card.update(kind="dpg"),
            "kind: 'dpg' is not a surrogate. Known: bnn",
        ),
        (lambda card: card.update(kind="os:path"), "is not a complete model .*Options"),
        (lambda card: card["options"].update(scale="big"), "options: scale: "),
        (lambda card: card.pop("citations"), "card: 'citations' is required and missing"),
        (lambda card: card.update(author="me"), "card: 'author' is not part of a card"),
        (lambda card: card.update(kind=7), "card: kind: Input should be a valid string, not 7"),
        (lambda card: card["check"]["std"][0].__setitem__(0, -0.1), "std of wave is -0.1; must"),
        (lambda card: card["check"]["mean"].pop(), "check.mean must be 8 rows of 2 numbers"),
        (lambda card: card["check"]["mean"][0].__setitem__(0, 9.0), "no longer predicts"),
        (lambda card: card["inputs"].pop("x"), "card: check.inputs must be 8 rows of 1 numbers"),
        (lambda card: card["inputs"].update(z=card["inputs"].pop("y")), "the card says x, z, the"),
        (lambda card: card["targets"].reverse(), "target_names: the card says kink, wave"),
        (lambda card: card["inputs"]["x"].update(range=[2, 2]), "range .* must ascend"),
        (lambda card: card["inputs"]["x"].update(range=[-3, 2]), "ranges: card and model disagree"),
    ],
)
def test_wrong_card_is_refused_even_with_its_checksum_made_again(stored, refused, change, message):
    refused(recarded(stored.read_bytes(), change), message)


def test_changed_card_is_refused(stored, refused):
    changed = recarded(
        stored.read_bytes(), lambda card: card["training"].update(seed=4), seal=False
    )
    refused(changed, "card: does not match its own checksum")


def test_card_that_is_written_otherwise_is_refused(stored, refused):
    arrays = arrays_of(stored.read_bytes())
    arrays[CARD] = np.array(f"{arrays[CARD]} ")
    refused(store._pack(arrays), "card: does not match its own checksum")


def test_pickles_are_refused(stored, refused):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.array([{}], dtype=object))
    pickled = with_entry(stored.read_bytes(), "extra.npy", buffer.getvalue())
    refused(pickled, "extra: holds object values; a model holds plain numbers")


def test_complex_numbers_where_real_ones_belong_are_refused(stored, refused):
    def turn(arrays, _):
        arrays["slopes"] = arrays["slopes"].astype(complex)

    refused(
        repacked(stored.read_bytes(), turn, None, seal=True),
        "predicted mean: is complex128, not real",
    )


def test_a_header_of_another_python_is_refused_and_not_warned_of(stored, refused):
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (2L,), }\n"
    entry = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(16)
    refused(with_entry(stored.read_bytes(), "old.npy", entry), "is cut short or damaged")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_foreign_entries_are_refused(stored, refused):
    content = stored.read_bytes()
    refused(with_entry(content, "setup.py", b"1"), "holds 'setup.py', which is not an array")
    refused(with_entry(content, "slopes.npy", b"1"), "holds 'slopes.npy' 2 times")
    refused(with_entry(content, "a.npy", b"1", zipfile.ZIP_LZMA), "packed by a method")


def test_entry_that_announces_more_than_it_has_is_refused(stored, refused):
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(header, shape)
    refused(
        with_entry(stored.read_bytes(), "a.npy", header.getvalue() + bytes(8)),
        "a: announces 8000000000000 bytes and has 8",
    )


def test_zip_bombs_are_refused_without_unpacking_them(stored, refused):
    content = stored.read_bytes()
    refused(with_entry(content, "a.npy", b"1", size=5 * 2**30), "unpack to more than 4 GiB")
    bomb = with_entry(content, "a.npy", bytes(2**26), size=100)  # lies about its size
    tracemalloc.start()
    refused(bomb, "is cut short or damaged")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24


def test_model_show_proves_and_prints_the_model(stored):
    done = CliRunner().invoke(
        main, ["model", "show", str(stored), "--allow-code"], env={"COLUMNS": "120"}
    )
    assert done.exit_code == 0
    for words in (
        *("wave, kink", "[0, 5] GeV", "scale 1", "400 points, seed 3", "C. F. Gauss"),
        *(
            "reproduced (8 points)",
            inspect(stored, allow_code=True).sha256,
            "wave: chi2_per_point 1.02",
        ),
    ):
        assert words in done.output
    printed = CliRunner().invoke(main, ["model", "show", "--json", str(stored), "--allow-code"])
    assert cards.read_card_text(cards._canonical(json.loads(printed.output))) == read_card(stored)


def test_model_show_of_a_damaged_file_is_one_line_and_status_2(stored, tmp_path):
    (tmp_path / "cut.npz").write_bytes(stored.read_bytes()[:-10])
    done = CliRunner().invoke(main, ["model", "show", str(tmp_path / "cut.npz")])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert "cut.npz: is cut short or damaged" in done.output
