"""What every surrogate plugin must do, guests included."""

from __future__ import annotations

import pytest

from fitplugin import plugins
from fitplugin.conformance import check_surrogate

# defaults, but for what takes minutes with them
OPTIONS = {
    "bnn": {
        "hidden": (12,),
        "pretraining": {"min_steps": 1000},
        "sampling": {"n_warmup": 100, "n_draws": 20, "block": 20, "max_tree_depth": 4},
    }
}


@pytest.mark.parametrize("kind", plugins.names("fitplugin.surrogates"))
def test_surrogate_keeps_its_contract(kind, tiny_dataset):
    plugin = plugins.load("fitplugin.surrogates", kind)
    check_surrogate(plugin, plugin.Options.model_validate(OPTIONS.get(kind, {})), tiny_dataset)
