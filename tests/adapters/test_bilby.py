"""bilby: the same numbers by name, and a real run of its own dynesty."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fitplugin.adapters.bilby import as_bilby, with_blobs

from .problems import X_POSTERIOR_MEAN

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:bilby"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dynesty"),
]
bilby = pytest.importorskip("bilby")
BENCHMARK = {"mu": 254.6, "mQ3": 1280.5, "mtR": 1333.6}


def run(half_normal, folder, sampler, finite=False, **options):
    likelihood, priors = as_bilby(half_normal, finite=finite)
    bilby.core.utils.setup_logger(log_level="ERROR")
    return bilby.run_sampler(
        likelihood,
        priors,
        sampler=sampler,
        outdir=str(folder),
        label="test",
        seed=1,
        conversion_function=with_blobs,
        **options,
    )


@pytest.fixture(scope="module")
def dynesty_result(half_normal, tmp_path_factory):
    return run(
        half_normal,
        tmp_path_factory.mktemp("bilby"),
        "dynesty",
        nlive=200,
        sample="unif",
        bound="multi",
        check_point_plot=False,
    )


def test_log_likelihood_is_that_of_the_joint_whatever_the_order_of_names(smoke_joint):
    likelihood, _ = as_bilby(smoke_joint)
    expected = smoke_joint.log_likelihood(list(BENCHMARK.values()))
    assert likelihood.log_likelihood(BENCHMARK) == expected
    assert likelihood.log_likelihood(dict(reversed(BENCHMARK.items()))) == expected


@pytest.mark.filterwarnings("ignore:Parameter attribute queried:FutureWarning")
def test_parameters_can_also_be_set_as_an_attribute(smoke_joint):
    likelihood, _ = as_bilby(smoke_joint)
    likelihood.parameters.update(reversed(BENCHMARK.items()))
    assert likelihood.log_likelihood() == likelihood.log_likelihood(BENCHMARK)


def test_priors_are_those_of_the_scan(smoke_joint):
    _, priors = as_bilby(smoke_joint)
    assert tuple(priors) == smoke_joint.names
    assert (priors["mu"].minimum, priors["mu"].maximum) == (-500.0, 500.0)
    assert (priors["mQ3"].latex_label, priors["mQ3"].unit) == ("$m_{Q_3}$", "GeV")
    unit_cube = np.random.default_rng(1).random(3)
    theta = priors.rescale(smoke_joint.names, unit_cube)
    assert_allclose(theta, smoke_joint.prior_transform(unit_cube), rtol=1e-15)


def test_digest_is_part_of_what_bilby_compares(smoke_joint):
    assert as_bilby(smoke_joint)[0].meta_data["digest"] == smoke_joint.digest()


def test_likelihood_travels_to_worker_processes(smoke_joint):
    likelihood, _ = as_bilby(smoke_joint)
    sent = pickle.dumps(likelihood)
    assert len(sent) < 20_000
    assert pickle.loads(sent).log_likelihood(BENCHMARK) == likelihood.log_likelihood(BENCHMARK)


def test_no_likelihood_is_minus_infinity_or_on_request_finite_and_without_plateau(half_normal):
    points = [{"x": x, "y": 2.0} for x in (-2.0, -1.0, 0.5)]
    plain, finite = (as_bilby(half_normal, finite=choice)[0] for choice in (False, True))
    assert [plain.log_likelihood(point) for point in points] == [-np.inf] * 3
    found = [finite.log_likelihood(point) for point in points]
    assert found == sorted(set(found))
    assert -2e100 < min(found) < max(found) <= -1e100
    assert finite.log_likelihood({"x": 2.0, "y": 2.0}) == half_normal.log_likelihood([2.0, 2.0])


def test_its_dynesty_gives_the_evidence_over_the_valid_prior(dynesty_result, half_normal):
    result = dynesty_result
    assert abs(result.log_evidence - half_normal.log_z) < 4 * result.log_evidence_err
    x = result.posterior["x"]
    assert (x > 1.0).all()
    assert abs(x.mean() - X_POSTERIOR_MEAN) < 4 * x.std() / np.sqrt(len(x))


def test_blobs_are_added_to_the_posterior(dynesty_result):
    posterior = dynesty_result.posterior
    assert_array_equal(posterior["sum"], posterior["x"] + posterior["y"])
    assert_array_equal(posterior["product[x-y]"], posterior["x"] * posterior["y"])


def test_blobs_of_a_single_point_are_numbers(half_normal):
    found = with_blobs({"y": 3.0, "x": 2.0}, as_bilby(half_normal)[0])
    assert found == {"y": 3.0, "x": 2.0, "sum": 5.0, "product[x-y]": 6.0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning:bilby")  # these leave bilby in version 3
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ultranest")
# bilby leaves the scratch folder of UltraNest to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("sampler", "n_live"), [("nestle", "nlive"), ("ultranest", "num_live_points")]
)
def test_samplers_without_plateaus_need_finite_numbers(half_normal, tmp_path, sampler, n_live):
    pytest.importorskip(sampler)
    result = run(half_normal, tmp_path, sampler, finite=True, **{n_live: 400})
    assert abs(result.log_evidence - half_normal.log_z_box) < 0.4
