"""A merge that is killed at any step: its story still lands once, and no work is lost.

`HUSKIES_KILL_EVERYWHERE=1` in the environment of pytest kills at each effect of a merge instead of the telling ones.
"""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from system.killing import MortalPython, Ordered, OrphaningGit, assert_all_landed
from system.project import STORY, MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

EVERYWHERE = "HUSKIES_KILL_EVERYWHERE" in os.environ
SETTINGS = "max_coders = 3\n[watcher]\nreconcile_interval_secs = 1\nwatchdog_interval_secs = 1\n"
STEPS = {
    "squashing": "merge-tree",
    "the workspace is gone": "worktree add",
    "checking out": "read-tree -m -u HEAD",
    "the gate begins": "Popen sh -c",
    "the gates have passed": "state.db?mode=rw",
    "the landing is recorded": "huskies-landing.new",
    "taking the lock of the checkout": "os.link",
    "the checkout is locked": "index.huskies w",
    "the files are written": "update-ref -m huskies: land",
    "the base has moved": "os.rename {root}/.git/index.huskies",
    "the index is there": "os.remove {root}/.git/index.lock",
    "the result is there": "os.rename {root}/.huskies/runs/",
}
"""The effects before which a merge is killed, by words of their description."""


@pytest.fixture
def crowd(make_pipeline: MakePipeline) -> Pipeline:
    return make_pipeline(team=Team(coder=3), settings=SETTINGS)


@pytest.fixture
def mortal(crowd: Pipeline, tmp_path: Path) -> MortalPython:
    return MortalPython(tmp_path.resolve() / "python", crowd.root)


def test_a_merge_killed_at_any_step_is_merged_once(crowd: Pipeline, mortal: MortalPython) -> None:
    """Every other time the supervisor dies, too, so that only a tick detects it."""
    first = crowd.add()
    stories = {crowd.add(draft=replace(STORY, title=name)): words for name, words in STEPS.items()}
    orders = {
        words: mortal.order(
            f"process-{story}", before=words.format(root=crowd.root), with_parent=story % 2 == 0
        )
        for story, words in stories.items()
    }
    mortal.reconcile_and_tick(crowd, first, *stories)
    assert [
        words for words, order in orders.items() if not order.died_before(words.format(root=crowd.root))
    ] == []
    mortal.tick_until_tidy(crowd)
    assert_all_landed(crowd, first, *stories)


@pytest.mark.skipif(not EVERYWHERE, reason="HUSKIES_KILL_EVERYWHERE is not set: it takes minutes")
@pytest.mark.parametrize("with_parent", [False, True])
def test_a_merge_killed_at_every_effect_is_merged_once(
    crowd: Pipeline, mortal: MortalPython, *, with_parent: bool
) -> None:
    longest = len(dry_order(crowd, mortal).effects)
    stories = {crowd.add(): at for at in range(1, longest + 1)}
    orders = [
        mortal.order(f"process-{story}", at=at, with_parent=with_parent) for story, at in stories.items()
    ]
    mortal.reconcile_and_tick(crowd, *stories, timeout=800)
    assert [order for order in orders if not order.is_taken] == []
    mortal.tick_until_tidy(crowd)
    assert_all_landed(crowd, *crowd.stages())


def dry_order(pipeline: Pipeline, mortal: MortalPython) -> Ordered:
    """Run a merge without a kill on a base branch that has moved, so that the gates check a new tree."""
    stories = [pipeline.add(), pipeline.add()]
    orders = [mortal.order(f"process-{story}") for story in stories]
    mortal.reconcile_and_tick(pipeline, *stories)
    return max(orders, key=lambda order: len(order.effects))


@pytest.mark.parametrize("command", ['"worktree add"', '"read-tree -m -u "[0-9a-f]', '"update-ref -m"'])
def test_a_git_process_that_outlives_its_merge_changes_nothing(
    crowd: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    orphan = OrphaningGit(tmp_path / "orphaning", monkeypatch, command)
    stories = [crowd.add(), crowd.add()]
    with crowd.ticking():
        crowd.wait_for(*stories)
    assert orphan.has_struck
    assert_all_landed(crowd, *stories)
