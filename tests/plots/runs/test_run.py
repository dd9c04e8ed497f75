"""Every figure of a run is drawn in its formats at its width; what cannot be drawn is refused."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib.image
import pytest

from fitplugin.errors import InputError
from fitplugin.plots import style
from fitplugin.plots.runs.figures import FIGURES, plot_run, plot_runs
from fitplugin.plots.runs.views import labels_of, views_of
from tests.plots.written_runs import write_run


@pytest.fixture(scope="module")
def nested(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("nested") / "run")


@pytest.fixture(scope="module")
def weighted(tmp_path_factory):
    """One parameter, no births, no prior, no benchmark, counts of very different size."""
    folder = tmp_path_factory.mktemp("weighted") / "other"
    return write_run(
        folder, names=("mQ3",), births=False, prior=False, truth=False, seed=2,
        backgrounds=(0.4, 900.0), title="another run",
    )  # fmt: skip


def test_every_figure_is_drawn_as_pdf_and_png(nested):
    paths = plot_run(nested)
    expected = [f"{name}.{suffix}" for name in FIGURES for suffix in style.FORMATS]
    assert [path.name for path in paths] == expected
    assert {path.parent for path in paths} == {nested.path / "plots"}
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.parametrize("width", list(style.WIDTHS))
def test_pixels_are_those_of_the_width(width, weighted, tmp_path):
    for path in plot_runs([weighted], tmp_path, formats=["png"], width=width):
        n_pixels = matplotlib.image.imread(path).shape[1]
        assert n_pixels == round(style.WIDTHS[width] * style.DPI), path.name


def test_pdfs_of_one_run_are_the_same_to_the_byte(nested, tmp_path):
    for part in ("a", "b"):
        plot_runs([nested], tmp_path / part, names=["yields", "trace"], formats=["pdf"])
    for name in ("yields.pdf", "trace.pdf"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_several_runs_share_the_figures_that_make_sense(nested, weighted, tmp_path):
    paths = plot_runs([nested, weighted], tmp_path, formats=["png"])
    # other backgrounds: no common yields; run and trace are of one run
    assert [path.stem for path in paths] == ["marginals", "corner", "masses"]


def test_drawing_leaves_no_trace_in_matplotlib_or_logging(nested, tmp_path):
    import logging

    import matplotlib as mpl

    before = dict(mpl.rcParams), list(logging.root.handlers), logging.root.manager.disable
    plot_runs([nested], tmp_path, names=["marginals"], formats=["png"], width="column")
    after = dict(mpl.rcParams), list(logging.root.handlers), logging.root.manager.disable
    assert before == after


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": ["marginal"]}, "'marginal' is not a figure. Known: corner, marginals, "),
        ({"formats": ["jpg"]}, "'jpg' is not a format of figures. Known: pdf, png, svg."),
        ({"width": "poster"}, "'poster' is not a width of figures. Known: column, page."),
        ({"labels": ["a", "a"]}, "labels: 2 came, 1 different, for 2 runs"),
        ({"names": ["trace"]}, "the figure 'trace' shows one run, and several are given"),
        ({"names": ["yields"]}, "the figure 'yields' needs the same regions"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(options, words, nested, weighted, tmp_path):
    with pytest.raises(InputError) as caught:
        plot_runs([nested, weighted], tmp_path / "new", **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_runs_without_a_common_parameter_are_refused(nested, tmp_path):
    other = write_run(tmp_path / "other", names=("At", "M3"))
    with pytest.raises(InputError, match="have no scanned parameter in common") as caught:
        plot_runs([nested, other], tmp_path / "figures")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("n_rows", [1, 5])
def test_too_few_effective_samples_are_refused(n_rows, tmp_path):
    run = write_run(tmp_path / "thin", keep=n_rows)
    with pytest.raises(InputError) as caught:
        plot_run(run)
    assert str(caught.value).startswith(f"{run.path}: has {n_rows} effective samples; figures need")
    assert "\n" not in str(caught.value)


def test_a_damaged_resolved_scan_is_refused(nested, tmp_path):
    (tmp_path / "resolved.yaml").write_text("regions: 3\n")
    with pytest.raises(InputError, match="is not the resolved scan that a run writes"):
        plot_run(nested._replace(path=tmp_path))


def named(title, folder, tmp_path):
    return SimpleNamespace(summary={"title": title}, path=tmp_path / folder)


def test_labels_are_titles_or_folders_and_always_distinct(tmp_path):
    def labels(*pairs):
        return labels_of([named(title, folder, tmp_path) for title, folder in pairs])

    assert labels(("one", "a"), ("two", "b")) == ["one", "two"]
    assert labels(("one", "a"), ("one", "b")) == ["a", "b"]
    assert labels(("one", "a"), ("", "b")) == ["a", "b"]
    assert labels(("long " * 20, "a"), ("two", "b")) == ["a", "b"]
    assert labels(("one", "a"), ("one", "x/a")) == ["a (1)", "a (2)"]


def test_runs_differ_in_colour_and_in_dashes(nested):
    views = views_of([nested] * 4, labels=list("abcd"))
    assert len({view.line.colour for view in views}) == 4
    assert len({view.line.dashes for view in views}) == 4
