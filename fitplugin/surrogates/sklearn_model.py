"""Any regressor or classifier of scikit-learn as a surrogate, stored without pickle."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from fitplugin.arrays import FloatArray, as_points
from fitplugin.errors import InputError, one_of
from fitplugin.options import Options, located_error
from fitplugin.surrogates.base import Examined
from fitplugin.surrogates.card import one_line
from fitplugin.surrogates.dataset import Dataset
from fitplugin.surrogates.features import FeatureNames
from fitplugin.surrogates.frame import (
    SMALLEST_STD,
    Frame,
    class_std,
    constant_std,
    is_class,
    split_share,
)
from fitplugin.surrogates.framed import FramedSurrogate
from fitplugin.surrogates.sklearn_estimators import (
    find_estimator,
    is_process,
    load_estimator,
    require_kernel_names,
    require_same_version,
    summed_kernel,
)


class SklearnOptions(Options):
    """Options of a scikit-learn model."""

    estimator: str = Field(
        "neighbors.KNeighborsRegressor",
        description="Path of a regressor or classifier below sklearn.",
    )
    parameters: dict[str, Any] = Field(
        {},
        description="Its parameters, as scikit-learn names them. The kernel of a Gaussian "
        "process is a list of names that are summed, e.g. [RBF, WhiteKernel].",
    )
    features: FeatureNames = None
    held_out: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Share of the points that is kept from training for the error, unless the "
        "estimator predicts its own.",
    )

    @field_validator("estimator")
    @classmethod
    def _is_estimator(cls, value: str) -> str:
        find_estimator(value)
        return value

    @field_validator("parameters")
    @classmethod
    def _are_parameters(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "estimator" not in info.data:  # refused already
            return value
        estimator = find_estimator(info.data["estimator"])
        known = estimator().get_params(deep=False)
        for name, setting in value.items():
            if name not in known:
                message = one_of(name, known, f"a parameter of {estimator.__name__}")
                raise located_error((name,), setting, message)
            if name == "kernel" and is_process(estimator):
                require_kernel_names(setting)
        return value


class _Fitted(NamedTuple):
    frame: Frame
    estimators: tuple[Any, ...]
    std: FloatArray | None = None  # none: predicted, or that of a class


class SklearnModel(FramedSurrogate[SklearnOptions, _Fitted]):
    """Any scikit-learn regressor or classifier, one for each target.

    Regressors that predict their own standard deviation (Gaussian processes, Bayesian linear
    models) are believed and learn from all points. For all others the error is split-conformal
    (arXiv:1604.04173): a constant per target, the distance that covers 68.27 % of the held-out
    residuals. A classifier learns a single target of 0 and 1: the mean is the probability p of
    1, the error sqrt(p (1 - p)).
    """

    Options: ClassVar[type[BaseModel]] = SklearnOptions
    citations: ClassVar[tuple[str, ...]] = (
        "F. Pedregosa et al., Scikit-learn: Machine Learning in Python, arXiv:1201.0490",
        "J. Lei et al., Distribution-Free Predictive Inference for Regression, arXiv:1604.04173",
    )

    def fit(self, dataset: Dataset, rng: np.random.Generator) -> SklearnModel:
        """Return a fitted model; ``rng`` chooses the held-out points and seeds estimators.

        A ``random_state`` among the parameters is kept.

        Raises
        ------
        InputError
            If a column is constant, a feature is unknown, the targets do not suit the estimator,
            fewer than 20 points are held out, or scikit-learn refuses a parameter.
        """
        self.check(dataset)
        try:
            return SklearnModel(self.options, _learn(dataset, self.options, rng))
        except InputError:
            raise
        except (ValueError, TypeError) as error:
            raise InputError("parameters", one_line(error)) from error

    def examine(self, inputs: ArrayLike) -> Examined:
        """Predict at (n_points, n_inputs) inputs; remote is what leaves the box."""
        values = as_points(inputs, self.input_names, "inputs")
        frame, estimators, constant = self._fitted
        points, remoteness = frame.points(values), frame.schema.remoteness(values)
        if _is_classifier(type(estimators[0])):
            probability = estimators[0].predict_proba(points)[:, 1:].astype(float)
            return Examined(probability, class_std(probability), remoteness)
        if constant is not None:
            mean = frame.targets.restore(_means(estimators, points))
            return Examined(mean, np.tile(constant, (len(points), 1)), remoteness)
        pairs = [estimator.predict(points, return_std=True) for estimator in estimators]
        mean, std = (np.stack(columns, axis=1) for columns in zip(*pairs, strict=True))
        std = np.maximum(std, SMALLEST_STD) * frame.targets.scale
        return Examined(frame.targets.restore(mean), std, remoteness)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return scalings and errors as arrays, estimators as bytes (skops: no code in them)."""
        import sklearn
        from skops import io

        frame, estimators, std = self._fitted
        arrays = {**frame.to_arrays(), "sklearn_version": np.array(sklearn.__version__)}
        for index, estimator in enumerate(estimators):
            arrays[f"estimator_{index}"] = np.frombuffer(io.dumps(estimator), dtype=np.uint8)
        return arrays if std is None else {**arrays, "std": std}

    @classmethod
    def from_arrays(cls, options: SklearnOptions, arrays: Mapping[str, np.ndarray]) -> SklearnModel:
        """Rebuild the fitted model that `to_arrays` came from.

        Raises
        ------
        InputError
            If another minor version of scikit-learn stored it, or if the stored estimators are
            damaged or contain anything that is not scikit-learn's own.
        """
        require_same_version(str(arrays["sklearn_version"]))
        frame, expected = (
            Frame.from_arrays(arrays, options.features),
            find_estimator(options.estimator),
        )
        estimators = tuple(
            load_estimator(arrays[f"estimator_{index}"].tobytes(), expected)
            for index in range(len(frame.schema.target_names))
        )
        return cls(options, _Fitted(frame, estimators, arrays.get("std")))


def _make(options: SklearnOptions, n_features: int, rng: np.random.Generator) -> Any:
    estimator = find_estimator(options.estimator)
    settings = dict(options.parameters)
    if "kernel" in settings and is_process(estimator):
        settings["kernel"] = summed_kernel(settings["kernel"], n_features)
    made = estimator(**settings)
    if "random_state" in made.get_params(deep=False) and "random_state" not in settings:
        made.set_params(random_state=int(rng.integers(2**31)))
    return made


def _learn(dataset: Dataset, options: SklearnOptions, rng: np.random.Generator) -> _Fitted:
    estimator, held_out = find_estimator(options.estimator), None
    binary = _is_classifier(estimator)
    if binary and not is_class(dataset):
        raise InputError("estimator", f"{options.estimator} needs a target of 0 and 1")
    if not binary and not _predicts_its_error(estimator):
        dataset, held_out = split_share(dataset, options.held_out, rng)
    frame = Frame.of(dataset, options.features, binary)
    points, targets = frame.points(dataset.inputs), frame.targets(dataset.targets)
    estimators = tuple(
        _make(options, points.shape[1], rng).fit(points, target.astype(int) if binary else target)
        for target in targets.T
    )
    if binary and not hasattr(estimators[0], "predict_proba"):
        raise InputError("estimator", f"{options.estimator} predicts no probability; use another")
    if held_out is None:
        return _Fitted(frame, estimators)
    output = _means(estimators, frame.points(held_out.inputs))
    return _Fitted(frame, estimators, constant_std(output, held_out, frame, "conformal"))


def _means(estimators: tuple[Any, ...], points: FloatArray) -> FloatArray:
    return np.stack([np.ravel(estimator.predict(points)) for estimator in estimators], axis=1)


def _is_classifier(estimator: Any) -> bool:
    from sklearn.base import ClassifierMixin

    return issubclass(estimator, ClassifierMixin)


def _predicts_its_error(estimator: Any) -> bool:
    # a dummy takes return_std as well, and answers 0
    takes = "return_std" in inspect.signature(estimator.predict).parameters
    return takes and not estimator.__module__.startswith("sklearn.dummy")
