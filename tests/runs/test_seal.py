"""The seal of a run directory: nothing that was written may change unnoticed."""

from __future__ import annotations

import json

import pytest

from fitplugin.errors import InputError
from fitplugin.runs.seal import require_untouched, sealed


@pytest.fixture
def folder(tmp_path):
    for name in ("summary.json", "resolved.yaml", "chain.txt", "chain.paramnames", "chain.ranges"):
        (tmp_path / name).write_text(f"content of {name}\n")
    return tmp_path


def as_read(manifest):
    return json.loads(json.dumps(manifest))


def test_an_untouched_run_is_accepted_also_through_json(folder):
    require_untouched(folder, as_read(sealed(folder, {"schema": 2, "member": (1, 4), "x": None})))


@pytest.mark.parametrize("name", ["summary.json", "resolved.yaml", "chain.txt", "chain.ranges"])
def test_any_changed_byte_of_any_result_is_found(name, folder):
    manifest = as_read(sealed(folder, {}))
    content = bytearray((folder / name).read_bytes())
    content[3] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(InputError, match=f"{name}: has been changed"):
        require_untouched(folder, manifest)


@pytest.mark.parametrize("change", [{"seed": 2}, {"files": {}}, {"seal": None}, {"more": 1}])
def test_a_changed_manifest_is_found(change, folder):
    manifest = as_read(sealed(folder, {"seed": 1}))
    with pytest.raises(InputError, match=r"manifest\.json: has been changed"):
        require_untouched(folder, {**manifest, **change})


def test_a_missing_result_is_named(folder):
    manifest = as_read(sealed(folder, {}))
    (folder / "chain.ranges").unlink()
    with pytest.raises(InputError, match=r"is incomplete: chain\.ranges missing"):
        require_untouched(folder, manifest)


def test_what_is_made_later_is_not_sealed(folder):
    manifest = as_read(sealed(folder, {}))
    (folder / "report.html").write_text("<p>")
    (folder / "trust.json").write_text("{}")
    require_untouched(folder, manifest)


def test_sealing_again_replaces_the_seal(folder):
    first = sealed(folder, {"seed": 1})
    (folder / "chain.txt").write_text("merged\n")
    require_untouched(folder, as_read(sealed(folder, {**first, "seed": 2})))
