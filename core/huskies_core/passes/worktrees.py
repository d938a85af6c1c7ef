"""worktrees: create the worktree of every coding story, and remove those of terminal stories without losing work."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.worktrees import is_made, made_worktrees, present_worktrees
from huskies_core.ids import StoryId
from huskies_core.passes.attempt import StepOutcome, attempt
from huskies_core.passes.pass_runner import Pass
from huskies_core.passes.steps import PlannedStep, StepResult, Verb
from huskies_core.passes.story_moves import MoveStory, move_story
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.start import start_run
from huskies_core.runs.story_worktrees import BRANCH_EXISTS, NotMade, make_worktrees, unmake_worktree
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import branches, runs, stories
from huskies_core.store.runs import RunKind


@dataclass(frozen=True, kw_only=True)
class CreateWorktree(PlannedStep):
    """A worktree to create. `visit` is the story's visit to coding, for the event that may block the story."""

    story: StoryId
    visit: int


@dataclass(frozen=True, kw_only=True)
class StartTeardown(PlannedStep):
    story: StoryId
    request: RunRequest


@dataclass(frozen=True, kw_only=True)
class RemoveWorktree(PlannedStep):
    story: StoryId


Removal = StartTeardown | RemoveWorktree
WorktreeStep = CreateWorktree | Removal


def plan(snapshot: Snapshot) -> tuple[WorktreeStep, ...]:
    return (*_creations(snapshot), *_removals(snapshot))


def apply(context: Context, steps: tuple[WorktreeStep, ...]) -> Iterator[StepResult]:
    """Create all missing worktrees at once, because git checks them out in parallel, then remove one at a time."""
    yield from _create(context, [step for step in steps if isinstance(step, CreateWorktree)])
    for step in steps:
        if not isinstance(step, CreateWorktree):
            with attempt() as attempted:
                attempted.message = _remove(context, step)
            yield StepResult.of(step, attempted)


def _creations(snapshot: Snapshot) -> list[CreateWorktree]:
    made, live = made_worktrees(snapshot.project), {run.story for run in snapshot.live}
    visits = stories.visits_in(snapshot.db, StageName.CODING)
    return [
        CreateWorktree(Verb.CREATE_WORKTREE, story=story, visit=visit)
        for story, visit in sorted(visits.items())
        if story not in made and story not in live
    ]


def _removals(snapshot: Snapshot) -> list[Removal]:
    """Return the removals for terminal stories, and for reopened ones, which start again without a worktree.

    At most max_gates teardowns are live at once. The end of a teardown runs this pass again for the next one.
    """
    candidates = present_worktrees(snapshot.project) | branches.all_stories(snapshot.db)
    terminal = (
        stories.load(snapshot.db, number) for number in stories.finished_among(snapshot.db, candidates)
    )
    removals = [_removal(snapshot, story) for story in terminal if snapshot.live_run(story.id) is None]
    live = sum(run.kind is RunKind.OTHER and run.agent is None for run in snapshot.live)
    starts = [step for step in removals if isinstance(step, StartTeardown)]
    waiting = starts[max(snapshot.config.project.max_gates - live, 0) :]
    return [step for step in removals if step not in waiting]


def _removal(snapshot: Snapshot, story: stories.Story) -> Removal:
    """Return the removal, or the teardown run before it. A failed teardown does not prevent the removal."""
    parts = [part.name for part in snapshot.config.project.components if part.teardown]
    if parts and is_made(snapshot.project, story.id) and not _is_torn_down(snapshot, story):
        detail = f"teardown of {', '.join(parts)}"
        request = RunRequest(story, RunKind.OTHER, None)
        return StartTeardown(Verb.START_RUN, detail, story=story.id, request=request)
    return RemoveWorktree(Verb.REMOVE_WORKTREE, story=story.id)


def _is_torn_down(snapshot: Snapshot, story: stories.Story) -> bool:
    last = runs.of_story(snapshot.db, story.id)[-1:]
    return any(run.kind is RunKind.OTHER and run.agent is None and run.visit == story.visit for run in last)


def _create(context: Context, steps: list[CreateWorktree]) -> Iterator[StepResult]:
    """Create the worktrees. Block a story if a branch of its name exists that Huskies did not create."""
    if not steps:
        return
    try:
        made = make_worktrees(context, [step.story for step in steps], context.now())
    except HuskiesError as error:
        yield from (StepResult(step, StepOutcome.FAILED, error.message, error.code) for step in steps)
        return
    for step in steps:
        result = made[step.story]
        if not isinstance(result, NotMade):
            yield StepResult(step, StepOutcome.DONE, result.branch)
            continue
        if not result.adoptable:
            with attempt():
                block = Block(BRANCH_EXISTS)
                move_story(
                    context, MoveStory(Verb.BLOCK_STORY, story=step.story, event=block, visit=step.visit)
                )
        yield StepResult(step, StepOutcome.FAILED, result.reason, "no_worktree")


def _remove(context: Context, step: Removal) -> str:
    match step:
        case StartTeardown():
            return f"{step.detail} as run {start_run(context, step.request, context.now()).id}"
        case RemoveWorktree():
            with context.store.reading() as db:
                story = stories.load(db, step.story)
                is_terminal = bool(stories.finished_among(db, [story.id]))
            if not is_terminal:
                raise Overtaken(f"story {story.id} is in {story.stage.name.value} now", code="stale")
            removed = unmake_worktree(context, story, context.now())
            return f"kept as {removed.rescue}" if removed.rescue else ""
        case _:
            assert_never(step)


WORKTREES = Pass("worktrees", plan, apply)
