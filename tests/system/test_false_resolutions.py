"""False reports of a resolution are refused at once, and the story does not return to the merge queue."""

import pytest

from huskies_core.pipeline.stages import MergeFailureFinal, StageName
from huskies_core.store.runs import Run, RunKind
from system.facts import squash_commits
from system.project import RESOLUTION, MakePipeline, Pipeline, Team

pytestmark = pytest.mark.system

MERGE = "run=git merge --quiet --no-edit $HUSKIES_BASE_BRANCH"
CLAIM = "run=huskies resolve $HUSKIES_STORY_ID"
UNMERGED = (MERGE, CLAIM)
WITHOUT_THE_BASE = ("write=other.txt:x", "commit=look, resolved", CLAIM)
UNCOMMITTED = (*RESOLUTION[:-1], "write=shared.txt:more", CLAIM)
MARKERS = ("write=shared.txt:<<<<<<< mine", "commit=resolve", CLAIM)
BROKEN_LATER = (*RESOLUTION, "write=shared.txt:<<<<<<< mine", "commit=one more thing")


def in_conflict(make_pipeline: MakePipeline, *attempts: tuple[str, ...]) -> tuple[Pipeline, int]:
    """Add a story in conflict with the base branch, with the steps of its mergemasters."""
    team = Team(coder=1, mergemaster=1)
    pipeline = make_pipeline(team=team, settings=f"[merge]\nmergemaster_attempts = {len(attempts)}")
    landed = pipeline.scripts / "landed"
    story = pipeline.add((f"wait={landed}", "write=shared.txt:theirs", "commit=theirs"))
    pipeline.script(story, *attempts, kind="mergemaster")
    pipeline.huskies("auto-assign")
    pipeline.wait_until_live(story, RunKind.CODER)
    pipeline.repository.commit_file("shared.txt", "ours\n")
    landed.touch()
    return pipeline, story


def attempts_at(pipeline: Pipeline, story: int) -> list[Run]:
    return [run for run in pipeline.runs(story) if run.kind is RunKind.MERGEMASTER]


def output(pipeline: Pipeline, run: Run) -> str:
    with open(pipeline.directory(run.id).output, encoding="utf-8") as log:
        return log.read()


def test_false_reports_are_refused_during_the_run(make_pipeline: MakePipeline) -> None:
    pipeline, story = in_conflict(make_pipeline, WITHOUT_THE_BASE, UNMERGED, UNCOMMITTED, MARKERS)
    pipeline.wait_for(story, stage=StageName.MERGE_FAILURE_FINAL)
    runs = attempts_at(pipeline, story)
    reminders = (
        "is not merged into feature/story-1",
        "files are still in conflict: shared.txt",
        "the worktree has changes that are not committed",
        "conflict markers are left in shared.txt",
    )
    assert [word in output(pipeline, run) for run, word in zip(runs, reminders, strict=True)] == [True] * 4
    assert [run.verdict for run in runs] == [None] * 4
    assert pipeline.story(story).stage == MergeFailureFinal(
        "4 attempts did not resolve the conflict in shared.txt"
    )
    assert squash_commits(pipeline) == {}


def test_a_resolution_that_is_broken_after_its_report_does_not_count(
    make_pipeline: MakePipeline,
) -> None:
    asked = "run=sh -c 'cp $HUSKIES_PROMPT_FILE $HUSKIES_PROJECT/.huskies/asked'"
    fixed = ("write=shared.txt:both", "commit=fix", CLAIM)
    pipeline, story = in_conflict(make_pipeline, BROKEN_LATER, (asked, *fixed))
    pipeline.wait_for(story)
    first, second = attempts_at(pipeline, story)
    why = "conflict markers are left in shared.txt"
    assert (first.evidence.unresolved, second.evidence.unresolved) == (why, "")
    assert f"did not resolve the conflict: {why}." in (pipeline.project.state_dir / "asked").read_text()
    assert squash_commits(pipeline) == {story: 1}
