"""A surrogate from a file of the user's, with nothing but the methods of the contract."""

from __future__ import annotations

import textwrap

import numpy as np
import yaml

from fitplugin.runs.loading import load_scan
from tests.conftest import SCANS

GUEST = '''
import numpy as np
from fitplugin.options import Options


class Constant:
    """The mean of the training targets."""

    class Options(Options):
        """None."""

    citations = ()

    def __init__(self, options, arrays=None):
        self._arrays = arrays

    def fit(self, dataset, rng):
        return Constant(None, {
            "mean": dataset.targets.mean(axis=0), "std": dataset.targets.std(axis=0),
            "ranges": dataset.ranges, "inputs": np.array(dataset.input_names),
            "targets": np.array(dataset.target_names),
        })

    def predict(self, inputs):
        n = len(np.atleast_2d(inputs))
        return np.tile(self._arrays["mean"], (n, 1)), np.tile(self._arrays["std"], (n, 1))

    def to_arrays(self):
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, options, arrays):
        return cls(options, arrays)

    input_names = property(lambda self: tuple(map(str, self._arrays["inputs"])))
    target_names = property(lambda self: tuple(map(str, self._arrays["targets"])))
    ranges = property(lambda self: self._arrays["ranges"])
'''


def test_a_guest_that_only_predicts_takes_part_in_a_scan(tmp_path, model_cache):
    (tmp_path / "guest.py").write_text(textwrap.dedent(GUEST))
    scan = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    scan["regions"][0]["surrogate"] = {"kind": "guest.py:Constant"}
    path = tmp_path / "scan.yaml"
    path.write_text(yaml.safe_dump(scan))
    joint = load_scan(path, model_cache, allow_code=True).joint
    batch = joint.evaluate(np.array([[254.6, 1280.5, 1333.6], [300.0, 900.0, 900.0]]))
    assert np.ptp(batch.blobs["efficiency[0-lepton]"]) < 1e-12
    assert np.ptp(batch.blobs["efficiency[1-lepton]"]) > 1e-5
