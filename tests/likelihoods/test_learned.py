"""A learned chi2 as a term: what it reads, what its error does, and where it may not be asked."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.testing import assert_allclose, assert_array_equal

import fitplugin
from fitplugin.cli import main
from fitplugin.data.tables import read_table, write_table
from fitplugin.errors import InputError, LikelihoodError
from fitplugin.likelihoods.learned import LearnedOptions, chi2_dataset, tables_of
from fitplugin.physics.theory import OUTSIDE
from fitplugin.stats.gaussian import log_mean_exp_half
from tests.conftest import SCANS

BOX = {"mu": [-500, 500], "mQ3": [100, 1600], "mtR": [100, 1600]}


def chi2(mu, mq3, mtr):
    return 30.0 * np.square((mq3 - 1200.0) / 700.0) + 10.0 * np.square(mu / 500.0) + mtr / 800.0


def write_chi2(path, box=BOX, n=600, change=None, **card):
    rng = np.random.default_rng(4)
    low, high = np.array(list(BOX.values()), dtype=float).T
    columns = dict(zip(BOX, rng.uniform(low, high, (n, 3)).T, strict=True))
    columns["chi2"] = chi2(*columns.values())
    if change is not None:
        change(columns)
    inputs = {name: {"range": ends} for name, ends in box.items()}
    write_table(path, columns, card or {"inputs": inputs}, force=True)


def write_scan(folder, term, **changes):
    content = yaml.safe_load((SCANS / "smoke.yaml").read_text())
    del content["regions"], content["mock"]
    content |= {"likelihoods": [{"kind": "learned", **term}], **changes}
    path = folder / "scan.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


# a small network of scikit-learn: what the term does is the same for any surrogate
QUICK = {"kind": "network", "hidden": [32], "epochs": 20}
TERM = {"dataset": "chi2.npz", "surrogate": QUICK}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    write_chi2(folder / "chi2.npz")
    return folder


@pytest.fixture(scope="module")
def joint(folder, model_cache, smoke_joint):
    return fitplugin.load(write_scan(folder, TERM), model_cache)


@pytest.fixture(scope="module")
def theta(joint):
    return joint.prior_transform(np.random.default_rng(6).random((300, 3)))


@pytest.fixture(scope="module")
def batch(joint, theta):
    return joint.evaluate(theta)


def test_likelihood_is_the_average_over_the_learned_chi2(joint, theta, batch):
    mean, std, _ = joint.terms[0]._surrogate.examine(theta)
    expected = log_mean_exp_half(mean[:, 0], std[:, 0])
    assert_allclose(batch.log_likelihood[batch.valid], expected[batch.valid])
    truth = chi2(*theta.T)
    assert np.abs(-2 * batch.log_likelihood - truth)[batch.valid].mean() < 3.0


def test_there_are_no_regions_and_the_parameters_are_no_blobs(joint, batch):
    assert joint.regions == ()
    assert joint.blob_names[-1] == "log_likelihood[learned]"
    assert set(joint.blob_names) | {"reason"} == set(batch.blobs)
    assert not set(joint.names) & set(batch.blobs)


def test_a_worker_builds_the_same(joint, theta, batch):
    again = pickle.loads(pickle.dumps(joint))
    assert_array_equal(again.evaluate(theta).log_likelihood, batch.log_likelihood)


@pytest.mark.parametrize("blind", [{"surrogate_error": 0.0}, {"error": False}])
def test_without_its_error_it_is_minus_half_the_learned_chi2(
    folder, model_cache, theta, batch, blind
):
    term = {**TERM, **{k: v for k, v in blind.items() if k == "error"}}
    rest = {k: v for k, v in blind.items() if k != "error"}
    joint = fitplugin.load(write_scan(folder, term, **rest), model_cache)
    mean = joint.terms[0]._surrogate.predict(theta).mean[:, 0]
    found = joint.evaluate(theta)
    assert_allclose(found.log_likelihood[found.valid], -0.5 * np.maximum(mean, 0)[found.valid])
    # knowing less never makes a good point better than perfect
    assert (batch.log_likelihood[batch.valid] <= 0).all()


def test_it_reads_observables_of_the_scan_too(folder, model_cache):
    def change(columns):
        columns["m_stop1"] = np.sqrt(columns["mQ3"] * columns["mtR"])

    write_chi2(folder / "masses.npz", change=change)
    term = {**TERM, "dataset": "masses.npz", "inputs": ["m_stop1", "mu"]}
    joint = fitplugin.load(write_scan(folder, term), model_cache)
    assert joint.terms[0].needs == ("m_stop1", "mu")
    assert np.isfinite(joint.log_likelihood([254.6, 1280.5, 1333.6]))


def test_a_stored_model_is_a_term_and_part_of_the_digest(folder, model_cache, joint, theta, batch):
    models = {}
    for seed in (1, 2):
        out = folder / f"model{seed}.npz"
        command = ["model", "train", str(out), str(folder / "chi2.npz"), "--kind", "network"]
        command += ["--option", "hidden=[32]", "--option", "epochs=20", "--seed", str(seed)]
        assert CliRunner().invoke(main, command, catch_exceptions=False).exit_code == 0
        models[seed] = fitplugin.load(write_scan(folder, {"model": out.name}), model_cache)
    assert_array_equal(models[1].evaluate(theta).log_likelihood, batch.log_likelihood)
    assert len({models[1].digest(), models[2].digest(), joint.digest()}) == 3


def test_several_tables_are_learned_together(folder):
    options = LearnedOptions(dataset=("chi2.npz", "more.csv"), within={"mu": (0, 500)})
    write_chi2(folder / "more.csv", change=lambda columns: columns.update(mu=columns["mu"] / 2))
    data = chi2_dataset(tables_of(options, folder), options)
    first, second = (read_table(name, folder) for name in options.dataset)
    mu = np.concatenate([first.columns["mu"], second.columns["mu"]])
    assert data.n_points == (mu >= 0).sum()
    assert_array_equal(data.ranges[0], [0, 500])
    expected = np.concatenate([first.columns["chi2"], second.columns["chi2"]])[mu >= 0]
    assert_array_equal(data.targets[:, 0], expected)


@pytest.fixture(scope="module")
def masses(folder):
    """A table whose box in one mass is narrower than what the scan reaches."""

    def change(columns):
        columns["m_stop1"] = 900.0 + 0.3 * columns["mQ3"]

    write_chi2(folder / "narrow.npz", change=change)
    return {**TERM, "dataset": "narrow.npz", "inputs": ["m_stop1", "mu"]}


@pytest.fixture(scope="module")
def inflated(folder, model_cache, masses):
    return fitplugin.load(write_scan(folder, masses), model_cache)


def test_inflate_counts_points_outside_and_widens_the_average(inflated, theta):
    batch = inflated.evaluate(theta)
    mass = batch.blobs["m_stop1"]
    low, high = inflated.terms[0].trained["m_stop1"]
    outside = (mass < low) | (mass > high)
    assert outside[batch.valid].any()
    assert_array_equal(batch.blobs[OUTSIDE][batch.valid] > 0, outside[batch.valid])
    term = inflated.terms[0]
    readable = {**batch.blobs, "mu": theta[:, 0]}
    mean, std, remoteness = term._surrogate.examine(
        np.stack([readable[name] for name in term.needs], axis=1)[batch.valid]
    )
    expected = log_mean_exp_half(mean[:, 0], std[:, 0] * np.maximum(1.0, remoteness))
    assert_allclose(batch.log_likelihood[batch.valid], expected)


def test_reject_makes_those_points_invalid(folder, model_cache, masses, inflated, theta):
    joint = fitplugin.load(write_scan(folder, masses, out_of_domain="reject"), model_cache)
    before, batch = inflated.evaluate(theta), joint.evaluate(theta)
    outside = before.blobs[OUTSIDE] > 0
    assert_array_equal(batch.valid, before.valid & ~outside)
    assert_array_equal(joint.is_valid(theta), batch.valid)
    assert (batch.blobs["reason"][before.valid & outside] == OUTSIDE).all()
    assert_array_equal(joint.evaluate_valid(theta).valid, batch.valid)


def test_error_stops_and_names_the_point(folder, model_cache, masses, theta):
    joint = fitplugin.load(write_scan(folder, masses, out_of_domain="error"), model_cache)
    with pytest.raises(LikelihoodError, match="a surrogate extrapolates at mu="):
        joint.evaluate(theta)


def negative(columns):
    columns["chi2"][3] = -1.0


@pytest.mark.parametrize(
    ("term", "changes", "message"),
    [
        ({"surrogate": QUICK}, {}, "give either 'dataset', a table to learn, or 'model'"),
        ({**TERM, "dataset": "no.npz"}, {}, r"likelihoods\[0\]: .*no\.npz: no such file"),
        ({**TERM, "target": "chi"}, {}, "'chi' is not a column. .*Did you mean 'chi2'"),
        ({**TERM, "inputs": ["mu", "m_top"]}, {}, "'m_top' is not a column"),
        ({**TERM, "dataset": "no_card.csv"}, {}, "inputs: name the columns of no_card.csv"),
        ({**TERM, "dataset": "negative.npz"}, {}, "chi2: is -1 in row 4; chi2 is a number >= 0"),
        ({**TERM, "within": {"mu": [600, 700]}}, {}, "within: leaves no row of chi2.npz"),
        ({**TERM, "within": {"mu": [0, 500]}}, {},
         r"parameters\.mu: \[-500, 500\] leaves the box \[0, 500\] in which the likelihood"),
        ({**TERM, "inputs": ["mu", "m_selectron"], "dataset": "other.npz"}, {},
         "learned: 'm_selectron' is not an observable of this scan"),
        (TERM, {"mock": {"benchmark": "natural_susy"}}, "mock: makes counts of regions, and there"),
        (TERM, {"likelihoods": []}, "regions: there is none, and no likelihoods either"),
        ({"model": "no_model.npz"}, {}, r"no_model\.npz: no such model file"),
    ],
    ids=["no source", "no table", "target", "input", "no card", "negative", "nothing within",
         "box", "not observable", "mock", "nothing", "no model"],
)  # fmt: skip
def test_bad_terms_are_refused_before_any_training(
    folder, model_cache, term, changes, message, tmp_path
):
    write_chi2(folder / "negative.npz", change=negative)
    write_chi2(folder / "no_card.csv")
    (folder / "no_card.json").unlink()
    write_chi2(folder / "other.npz", change=lambda c: c.update(m_selectron=c["mQ3"]))
    with pytest.raises(InputError, match=message):
        fitplugin.load(write_scan(folder, term, **changes), tmp_path)
    assert not list(tmp_path.iterdir())
