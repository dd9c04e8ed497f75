"""Estimators of scikit-learn: found by name, and read back without running foreign code."""

from __future__ import annotations

import functools
import importlib
import inspect
import operator
import pkgutil
from collections.abc import Sequence
from typing import Any

import numpy as np

from fitplugin.errors import InputError, one_of
from fitplugin.options import located_error
from fitplugin.surrogates.card import one_line

# kernels that a list of names can ask for
_SIGNALS = ("RBF", "Matern", "RationalQuadratic", "DotProduct", "ExpSineSquared")
_KERNELS = (*_SIGNALS, "WhiteKernel", "ConstantKernel")
_ANISOTROPIC = ("RBF", "Matern")


def find_estimator(path: str) -> Any:
    """Return the public regressor or classifier class that ``path`` names below ``sklearn``.

    Raises
    ------
    InputError
        If there is no such module or estimator, saying what there is.

    >>> find_estimator("linear_model.Ridge").__name__
    'Ridge'
    """
    from sklearn.base import ClassifierMixin, RegressorMixin

    module_name, _, name = path.removeprefix("sklearn.").rpartition(".")
    # only what scikit-learn itself lists is imported: a scan file must not reach further
    modules = _public_modules()
    if not module_name:
        raise InputError("", f"{path!r} is not the path of an estimator; e.g. linear_model.Ridge")
    if module_name not in modules:
        raise InputError("", one_of(module_name, modules, "a module of scikit-learn"))
    module = importlib.import_module(f"sklearn.{module_name}")
    things = {each: getattr(module, each) for each in getattr(module, "__all__", ())}
    found = {
        each: thing
        for each, thing in things.items()
        if isinstance(thing, type)
        and issubclass(thing, (ClassifierMixin, RegressorMixin))
        and not _needed_arguments(thing)
    }
    if name not in found:
        raise InputError("", one_of(name, found, f"an estimator of sklearn.{module_name}"))
    return found[name]


def _public_modules() -> list[str]:
    import sklearn

    packaged = {module.name for module in pkgutil.iter_modules(sklearn.__path__)}
    return sorted(packaged & set(sklearn.__all__) - {"externals", "experimental"})


def _needed_arguments(estimator: type) -> list[str]:
    # estimators that are made of other estimators cannot be written in a scan file
    parameters = inspect.signature(estimator).parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.kind < 2]


def summed_kernel(names: Sequence[str], n_features: int) -> Any:
    """Sum of scikit-learn kernels, each with default parameters to start from.

    Signals are multiplied by an amplitude of their own; RBF and Matern have a length scale per
    feature. White noise and constants stand alone.

    >>> summed_kernel(["RBF", "WhiteKernel"], 2)
    1**2 * RBF(length_scale=[1, 1]) + WhiteKernel(noise_level=1)
    """
    from sklearn.gaussian_process import kernels

    terms = []
    for name in names:
        settings = {"length_scale": np.ones(n_features)} if name in _ANISOTROPIC else {}
        term = getattr(kernels, name)(**settings)
        terms.append(kernels.ConstantKernel() * term if name in _SIGNALS else term)
    return functools.reduce(operator.add, terms)


def is_process(estimator: Any) -> bool:
    """Whether an estimator is a Gaussian process, whose kernel may be a list of names."""
    return str(estimator.__module__).startswith("sklearn.gaussian_process")


def require_kernel_names(setting: Any) -> None:
    """Refuse what is not a list of known kernels."""
    problem = None
    if not isinstance(setting, list) or not setting:
        problem = f"must be a list of names, not {setting!r}. Known: {', '.join(_KERNELS)}"
    else:
        problem = next(
            (one_of(str(k), _KERNELS, "a kernel") for k in setting if k not in _KERNELS), None
        )
    if problem:
        raise located_error(("kernel",), setting, problem)


def load_estimator(stored: bytes, expected: type) -> Any:
    """Read an estimator back; only classes of scikit-learn itself are made from what is stored.

    Raises
    ------
    InputError
        If the bytes name anything else, are damaged, or hold another estimator.
    """
    from skops import io

    try:
        names = io.get_untrusted_types(data=stored)
    except Exception as error:  # whatever a parser says of damaged bytes, it is bad input
        raise InputError(
            "estimator", f"is not readable ({one_line(error)}); train it again"
        ) from error
    for name in names:
        if not _is_from_sklearn(name):
            raise InputError("estimator", f"contains {name}, which is not of scikit-learn; refused")
    try:
        estimator = io.loads(stored, trusted=names)
    except Exception as error:
        raise InputError(
            "estimator", f"is not readable ({one_line(error)}); train it again"
        ) from error
    if not isinstance(estimator, expected):
        raise InputError("estimator", f"is a {type(estimator).__name__}; train it again")
    return estimator


def _is_from_sklearn(name: str) -> bool:
    # the name alone is not enough: sklearn.base.warnings is a way out of scikit-learn
    if not name.startswith("sklearn."):
        return False
    module, _, attribute = name.rpartition(".")
    try:
        thing = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    return isinstance(thing, type) and thing.__module__.startswith("sklearn.")


def require_same_version(trained: str) -> None:
    """Refuse an estimator that another minor version of scikit-learn has trained."""
    import sklearn

    if trained.split(".")[:2] != sklearn.__version__.split(".")[:2]:
        raise InputError(
            "estimator",
            f"was trained with scikit-learn {trained}, {sklearn.__version__} is installed; "
            "train it again",
        )
