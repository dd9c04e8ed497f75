"""An unfinished run is kept, continued if nothing has changed, and never lost by accident."""

import json

import numpy as np
import pytest

from fitplugin.errors import FitpluginError, InputError
from fitplugin.runs.changes import changed, differences
from fitplugin.runs.member import Member
from fitplugin.runs.unfinished import How, standing, working
from tests.samplers.problems import Gaussian

FACTS = {
    "config": {"seed": 1, "processes": 2, "pool": None, "regions": [{"background": 12.2}]},
    "digests": {"the model spectrum": "a", "the evaluation code": "b"},
}


def begin(target, facts=FACTS, **how):
    return working(target, facts, How(**how))


def interrupt(target, error=KeyboardInterrupt, n_points=3, **how):
    def run():
        with begin(target, **how) as work:
            recorded = work.recorded(Gaussian(), "sampler")
            for x in range(n_points):
                recorded.evaluate(np.array([[float(x), 0.0]]))
            recorded.close()
            raise error

    with pytest.raises(error):
        run()


def test_an_interrupted_run_is_continued(tmp_path):
    target = tmp_path / "run"
    interrupt(target)
    assert not target.exists()
    with begin(target, resume=True) as work:
        assert work.attempts == 2
        assert work.recorded(Gaussian(), "sampler").journal.next() is not None
        (work.folder / "manifest.json").write_text("{}")
    assert [path.name for path in target.iterdir()] == ["manifest.json"]
    assert not (tmp_path / "run.part").exists()


def test_it_is_not_overwritten_unless_told_to(tmp_path):
    target = tmp_path / "run"
    interrupt(target)
    with pytest.raises(InputError, match=r"run\.part: is an interrupted run.*--resume.*--force"):
        interrupt(target)
    interrupt(target, n_points=0, force=True)
    assert not (tmp_path / "run.part").exists()


def test_nothing_is_left_of_a_run_that_had_evaluated_nothing(tmp_path):
    interrupt(tmp_path / "run", n_points=0)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_never_touched(tmp_path):
    (tmp_path / "run.part").mkdir()
    (tmp_path / "run.part" / "thesis.tex").write_text("years of work")
    for how in ({}, {"force": True}, {"resume": True}):
        with pytest.raises(InputError, match="is not an unfinished run"):
            interrupt(tmp_path / "run", **how)
    assert (tmp_path / "run.part" / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({**FACTS, "config": {**FACTS["config"], "seed": 2}}, "seed was 1, is 2"),
        (
            {**FACTS, "config": {**FACTS["config"], "regions": [{"background": 13.0}]}},
            r"regions\[0\]\.background was 12\.2, is 13\.0",
        ),
        (
            {**FACTS, "digests": {**FACTS["digests"], "the evaluation code": "c"}},
            "the evaluation code changed",
        ),
    ],
)
def test_a_change_is_named_and_refused_unless_allowed(facts, words, tmp_path):
    target = tmp_path / "run"
    interrupt(target)
    with pytest.raises(InputError, match=words), begin(target, facts, resume=True):
        pass
    with begin(target, facts, resume=True, allow_changes=True) as work:
        assert len(work.changes) == 1


def test_the_number_of_processes_is_free_and_the_size_of_tasks_is_not():
    other = {**FACTS, "config": {**FACTS["config"], "processes": 3}}
    assert changed(FACTS, other) == ()
    tasks = {**FACTS, "config": {**FACTS["config"], "pool": {"points_per_task": 1}}}
    assert changed(FACTS, tasks) == ("pool.points_per_task was the default, is 1",)


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    with begin(tmp_path / "run") as work:
        work.recorded(Gaussian(), "sampler").evaluate(np.zeros((1, 2)))
        assert standing(tmp_path / "run").is_running
        with (
            pytest.raises(InputError, match="is in use by another process"),
            begin(tmp_path / "run", resume=True),
        ):
            pass


def test_progress_is_read_from_outside(tmp_path):
    with begin(tmp_path / "run") as work:
        work.report({"stage": "sampler", "done": 5})
        found = standing(tmp_path / "run")
        assert found.progress["done"] == 5
    assert standing(tmp_path / "run") is None


def test_a_disk_error_keeps_the_run_and_says_so(tmp_path):
    target = tmp_path / "run"

    def run():
        with begin(target) as work:
            work.recorded(Gaussian(), "sampler").evaluate(np.zeros((1, 2)))
            raise OSError(28, "No space left on device")

    with pytest.raises(FitpluginError, match=r"No space.*--resume"):
        run()
    assert (tmp_path / "run.part" / "sampler.journal").exists()


def test_a_damaged_beginning_is_named(tmp_path):
    interrupt(tmp_path / "run")
    (tmp_path / "run.part" / "started.json").write_text("{")
    with pytest.raises(InputError, match=r"started\.json: is damaged"):
        interrupt(tmp_path / "run", resume=True)


def test_differences_are_named_by_their_place():
    before = json.loads('{"a": {"b": [1, {"c": 2}]}, "d": [1]}')
    now = json.loads('{"a": {"b": [1, {"c": 3}]}, "d": [1, 2]}')
    assert differences(before, now) == ["a.b[1].c was 2, is 3", "d was [1], is [1, 2]"]


@pytest.mark.parametrize("text", ["", "3", "0/2", "3/2", "1/2/3", "a/b", "-1/2", "²/2"])
def test_a_member_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="must be I/K"):
        Member.parse(text)


@pytest.mark.parametrize("content", [
    "[]", "3", "[" * 9999, "{}", '{"config": {}, "digests": {}, "attempts": "x", "changes": []}',
    '{"config": [], "digests": {}, "attempts": 1, "changes": []}',
])  # fmt: skip
def test_a_beginning_of_another_form_is_named(content, tmp_path):
    interrupt(tmp_path / "run")
    (tmp_path / "run.part" / "started.json").write_text(content)
    for read in (lambda: interrupt(tmp_path / "run", resume=True),
                 lambda: standing(tmp_path / "run")):  # fmt: skip
        with pytest.raises(InputError, match=r"started\.json: is damaged.*--force"):
            read()


def test_progress_of_another_form_is_named(tmp_path):
    interrupt(tmp_path / "run")
    (tmp_path / "run.part" / "progress.json").write_text('{"time": "noon", "host": "here"}')
    with pytest.raises(InputError, match=r"progress\.json: is damaged: time"):
        standing(tmp_path / "run")


def test_a_pool_of_another_form_is_a_change(tmp_path):
    assert changed({**FACTS, "config": {**FACTS["config"], "pool": 3}}, FACTS) == ()


@pytest.mark.parametrize("name", ["lock", "sampler.journal"])
def test_a_folder_in_the_place_of_a_file_is_named_and_kept(name, tmp_path):
    interrupt(tmp_path / "run")
    path = tmp_path / "run.part" / name
    path.unlink()
    path.mkdir()
    with pytest.raises(FitpluginError, match="Is a directory"):
        interrupt(tmp_path / "run", resume=True)
    assert path.is_dir()


def test_a_look_at_a_run_leaves_nothing_behind(tmp_path):
    interrupt(tmp_path / "run")
    (tmp_path / "run.part" / "lock").unlink()
    before = sorted(path.name for path in (tmp_path / "run.part").iterdir())
    assert not standing(tmp_path / "run").is_running
    assert sorted(path.name for path in (tmp_path / "run.part").iterdir()) == before
