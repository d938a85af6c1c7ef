"""worktrees: create the worktree of every coding story, and remove those of terminal stories without losing work."""

from collections.abc import Iterator

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.create import BRANCH_EXISTS, CreatedWorktree
from huskies_core.git.worktrees import is_made, made_worktrees, present_worktrees
from huskies_core.ids import Visit
from huskies_core.passes.pass_runner import Pass
from huskies_core.passes.steps import StepOutcome, StepResult, StoryStep, Verb, attempt
from huskies_core.passes.story_steps import BeginRun, MoveStory, begin_run, move_story
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.story_worktrees import make_worktrees, unmake_worktree
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import branches, runs, stories
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story


class CreateWorktree(StoryStep, frozen=True, kw_only=True):
    """A worktree to create. `visit` is the story's visit to coding, for the event that may block the story."""

    visit: Visit


class RemoveWorktree(StoryStep, frozen=True):
    """Remove the worktree and the branch of a terminal or reopened story."""


WorktreeStep = CreateWorktree | BeginRun | RemoveWorktree


def plan(snapshot: Snapshot) -> Iterator[WorktreeStep]:
    """Yield the creations, then the removals for terminal stories, and for reopened ones, which begin anew.

    At most max_gates teardowns are live at once. The end of a teardown runs this pass again for the next one.
    """
    made, live = made_worktrees(snapshot.project), {run.story for run in snapshot.live}
    for number, visit in sorted(stories.visits_in(snapshot.db, StageName.CODING).items()):
        if number not in made and number not in live:
            yield CreateWorktree(Verb.CREATE_WORKTREE, story=number, visit=visit)
    candidates = present_worktrees(snapshot.project) | branches.all_stories(snapshot.db)
    free = snapshot.config.project.max_gates - sum(map(_is_teardown, snapshot.live))
    for number in stories.finished_among(snapshot.db, candidates):
        if snapshot.live_run(number) is None:
            step = _removal(snapshot, stories.load(snapshot.db, number))
            free -= isinstance(step, BeginRun)
            if free >= 0 or isinstance(step, RemoveWorktree):
                yield step


def apply(context: Context, steps: tuple[WorktreeStep, ...]) -> Iterator[StepResult]:
    """Create all missing worktrees at once, because git checks them out in parallel, then remove one at a time."""
    yield from _create(context, [step for step in steps if isinstance(step, CreateWorktree)])
    for step in steps:
        if not isinstance(step, CreateWorktree):
            with attempt() as attempted:
                attempted.message = _remove(context, step)
            yield StepResult.of(step, attempted)


def _removal(snapshot: Snapshot, story: Story) -> BeginRun | RemoveWorktree:
    """Return the removal, or the teardown run before it. A failed teardown does not prevent the removal."""
    parts = [part.name for part in snapshot.config.project.components if part.teardown]
    last = runs.of_story(snapshot.db, story.id)[-1:]
    is_torn_down = any(_is_teardown(run) and run.visit == story.visit for run in last)
    if not parts or is_torn_down or not is_made(snapshot.project, story.id):
        return RemoveWorktree(Verb.REMOVE_WORKTREE, story=story.id)
    request = RunRequest(story, RunKind.OTHER, None)
    return BeginRun(Verb.START_RUN, story.id, f"teardown of {', '.join(parts)}", request=request)


def _is_teardown(run: Run) -> bool:
    return run.kind is RunKind.OTHER and run.agent is None


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
        if isinstance(result, CreatedWorktree):
            yield StepResult(step, StepOutcome.DONE, result.branch)
            continue
        if result.reason == BRANCH_EXISTS:
            with attempt():
                block = Block(BRANCH_EXISTS)
                block_story = MoveStory(Verb.BLOCK_STORY, story=step.story, event=block, visit=step.visit)
                move_story(context, block_story)
        yield StepResult(step, StepOutcome.FAILED, result.detail or result.reason, "no_worktree")


def _remove(context: Context, step: BeginRun | RemoveWorktree) -> str:
    match step:
        case BeginRun():
            return begin_run(context, step)
        case RemoveWorktree():
            with context.store.reading() as db:
                story = stories.load(db, step.story)
                is_terminal = bool(stories.finished_among(db, [story.id]))
            if not is_terminal:
                raise Overtaken(f"story {story.id} is in {story.stage.name.value} now", code="stale")
            removed = unmake_worktree(context, story, context.now())
            return f"kept as {removed.rescue}" if removed.rescue else ""


WORKTREES = Pass("worktrees", plan, apply)
