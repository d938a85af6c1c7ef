"""Without tick and watch, the end of each run starts the next step."""

from itertools import pairwise

import pytest

from huskies_core.clock import from_iso
from huskies_core.pipeline.stages import ReviewHold, StageName
from huskies_core.store.runs import Run
from huskies_core.supervisor.records import Exit
from system.facts import NOTHING, no_leftovers, squash_commits
from system.project import APPROVAL, MakePipeline, Pipeline, Team

pytestmark = pytest.mark.system

PROMPTLY_SECS = 15.0
"""A generous limit for a busy machine: without the event no step would follow."""


def test_a_story_goes_from_coding_to_done_without_a_tick(pipeline: Pipeline) -> None:
    story = pipeline.add()
    assert pipeline.huskies("auto-assign").exit_code == 0
    pipeline.wait_for(story)
    assert no_leftovers(pipeline) == NOTHING
    moves = [(entry.event, entry.actor) for entry in pipeline.journal(story) if entry.kind == "transition"]
    assert (kinds(pipeline), moves, squash_commits(pipeline)) == (
        ["coder", "gates", "merge"],
        [("start", "user:test"), ("qa_skipped", "pass:auto-assign"), ("merge_succeeded", "run:3")],
        {story: 1},
    )


def test_each_run_starts_soon_after_the_end_of_the_run_before(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=Team(coder=1, qa=1), settings='default_qa = "agent"')
    story = pipeline.add()
    pipeline.huskies("auto-assign")
    pipeline.wait_for(story)
    runs = pipeline.runs()
    gaps = [
        from_iso(after.started_at).timestamp() - exit_of(pipeline, before).at
        for before, after in pairwise(runs)
    ]
    assert ([run.kind.value for run in runs], [0 <= gap < PROMPTLY_SECS for gap in gaps]) == (
        ["coder", "gates", "qa", "merge"],
        [True, True, True],
    )


def test_a_story_starts_when_its_dependency_is_done(pipeline: Pipeline) -> None:
    first = pipeline.add()
    second = pipeline.add(depends_on=[first])
    third = pipeline.add(depends_on=[first, second])
    pipeline.huskies("auto-assign")
    pipeline.wait_for(first, second, third)
    assert (no_leftovers(pipeline), landed_in_order(pipeline)) == (NOTHING, [first, second, third])


def test_a_failed_gate_and_a_rejection_start_the_coder_again(make_pipeline: MakePipeline) -> None:
    """The second coder run gets the output of the gate, the third the notes of QA."""
    pipeline = make_pipeline(team=Team(coder=1, qa=1), settings='default_qa = "agent"')
    prompts = [pipeline.scripts / f"prompt-{number}" for number in (1, 2, 3)]
    keep_prompt = [f"run=cp $HUSKIES_PROMPT_FILE {prompt}" for prompt in prompts]
    story = pipeline.add(
        (keep_prompt[0], "write=work.txt:BROKEN", "commit=first"),
        (keep_prompt[1], "write=work.txt:good", "commit=second"),
        (keep_prompt[2], "write=more.txt:good", "commit=third"),
    )
    reject = "run=huskies reject $HUSKIES_STORY_ID --notes 'more is missing'"
    pipeline.script(story, [reject], APPROVAL, kind="qa")
    pipeline.huskies("auto-assign")
    pipeline.wait_for(story)
    has_feedback = [
        [word in prompt.read_text() for word in ("work.txt", "more is missing")] for prompt in prompts
    ]
    assert (kinds(pipeline), has_feedback) == (
        ["coder", "gates", "coder", "gates", "qa", "coder", "gates", "qa", "merge"],
        [[False, False], [True, False], [False, True]],
    )


def test_a_reviewer_without_a_verdict_runs_once_more_then_a_person_is_needed(
    make_pipeline: MakePipeline,
) -> None:
    """The second reviewer approves without checking the criteria, which is refused and no verdict."""
    pipeline = make_pipeline(team=Team(coder=1, qa=1), settings='default_qa = "agent"')
    asked = pipeline.scripts / "asked-again"
    story = pipeline.add()
    unchecked = (f"run=cp $HUSKIES_PROMPT_FILE {asked}", "run=huskies approve $HUSKIES_STORY_ID")
    pipeline.script(story, ["say=looks fine"], unchecked, kind="qa")
    pipeline.huskies("auto-assign")
    pipeline.wait_for(story, stage=StageName.REVIEW_HOLD)
    pipeline.wait_until_idle()
    blocker = pipeline.story(story).stage
    assert (kinds(pipeline), blocker) == (
        ["coder", "gates", "qa", "qa"],
        ReviewHold("QA ended 2 times without a valid verdict"),
    )
    assert "ended without a verdict" in asked.read_text()


def test_a_criterion_added_after_the_approval_needs_another_review(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=Team(coder=1, qa=1), settings='default_qa = "agent"')
    asked = pipeline.scripts / "asked-again"
    by_a_person = "run=env -u HUSKIES_RUN_ID huskies update $HUSKIES_STORY_ID --add-criterion 'and fast'"
    check_second = "run=huskies update $HUSKIES_STORY_ID --check 2"
    story = pipeline.add()
    again = (f"run=cp $HUSKIES_PROMPT_FILE {asked}", check_second, *APPROVAL)
    pipeline.script(story, (*APPROVAL, by_a_person), again, kind="qa")
    pipeline.huskies("auto-assign")
    pipeline.wait_for(story)
    assert kinds(pipeline) == ["coder", "gates", "qa", "qa", "merge"]
    has_feedback = asked.read_text()
    assert ("2. [ ] and fast" in has_feedback, "these criteria are not checked: 2" in has_feedback) == (
        True,
        True,
    )


def kinds(pipeline: Pipeline) -> list[str]:
    return [run.kind.value for run in pipeline.runs()]


def exit_of(pipeline: Pipeline, run: Run) -> Exit:
    ended = pipeline.directory(run.id).read_exit()
    assert ended is not None
    return ended


def landed_in_order(pipeline: Pipeline) -> list[int]:
    return [
        entry.story
        for entry in pipeline.journal()
        if entry.event == "merge_succeeded" and entry.story is not None
    ]
