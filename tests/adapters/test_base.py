"""What adapters share: words on missing libraries, names that every host takes."""

import sys

import pytest

from fitplugin.adapters.base import chosen_blobs, identifiers, symbol_of
from fitplugin.adapters.bilby import as_bilby
from fitplugin.adapters.cobaya import get_cobaya_class
from fitplugin.adapters.results import to_arviz
from fitplugin.errors import InputError, MissingExtraError
from fitplugin.extras import require
from fitplugin.physics.symbols import Symbol


@pytest.mark.parametrize(
    ("library", "use"),
    [
        ("bilby", lambda: as_bilby("scan.yaml")),
        ("cobaya.likelihood", get_cobaya_class.__wrapped__),
        ("arviz", lambda: to_arviz(None)),
    ],
)
def test_a_missing_host_is_named_with_its_remedy(library, use, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"Install: pip install 'fitplugin\[hosts\]'"):
        use()


def test_what_a_library_itself_lacks_is_not_called_missing_library(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        require("half_installed", "a test", "pip install it")


def test_unknown_blob_is_refused_with_a_suggestion(half_normal):
    with pytest.raises(InputError, match="Did you mean 'sum'"):
        chosen_blobs(half_normal, ["summ"])


def test_blobs_of_the_shipped_scan_have_distinct_identifiers(smoke_joint):
    found = identifiers(smoke_joint.blob_names)
    assert list(found.values()) == list(smoke_joint.blob_names)
    assert all(name.isidentifier() for name in found)


def test_names_that_become_one_identifier_are_refused():
    with pytest.raises(InputError, match="are both 'a_b'"):
        identifiers(["a[b]", "a-b"])


def test_labels_and_units_are_those_of_the_physics():
    assert symbol_of("tan_beta", {})[:2] == (r"\tan\beta", "")
    assert symbol_of("mQ3", {})[:2] == ("m_{Q_3}", "GeV")
    assert symbol_of("n_x", {})[:2] == (r"\mathrm{n\_x}", "")
    assert symbol_of("mQ3", {"mQ3": Symbol("M", "TeV")})[:2] == ("M", "TeV")
