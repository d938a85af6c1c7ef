"""worktrees: every coding story has its worktree, and no story that is over keeps one. Never loses work."""

from collections.abc import Iterator
from functools import partial

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, Overtaken
from huskies_core.git.worktrees import is_made, made_worktrees, present_worktrees
from huskies_core.passes.actions import Move, Outcome, PlannedStep, StepResult, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, isolated
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.start import start_run
from huskies_core.runs.story_worktrees import BRANCH_EXISTS, NotMade, make_worktrees, unmake_worktree
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import branches, runs, stories
from huskies_core.store.runs import RunKind


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    return (*_missing(snapshot), *_left_over(snapshot))


def apply(context: Context, actions: tuple[PlannedStep, ...]) -> Iterator[StepResult]:
    """Makes all missing worktrees in one go, since their checkouts run side by side, then removes one by one."""
    yield from _create(context, [one for one in actions if one.verb is Verb.CREATE_WORKTREE])
    for action in actions:
        if action.verb is not Verb.CREATE_WORKTREE:
            yield isolated(action, partial(_clear_one, context, action))


def _missing(snapshot: Snapshot) -> list[PlannedStep]:
    made, live = made_worktrees(snapshot.project), {run.story for run in snapshot.live}
    visits = stories.visits_in(snapshot.db, StageName.CODING)
    return [
        PlannedStep(Verb.CREATE_WORKTREE, story, move=Move(Block(BRANCH_EXISTS), visit))
        for story, visit in sorted(visits.items())
        if story not in made and story not in live
    ]


def _left_over(snapshot: Snapshot) -> list[PlannedStep]:
    """What stories that ended still have, and those that were reopened and are to begin anew."""
    suspects = present_worktrees(snapshot.project) | branches.all_stories(snapshot.db)
    over = (stories.load(snapshot.db, number) for number in stories.over_among(snapshot.db, suspects))
    return _bounded(
        snapshot, [_clear(snapshot, story) for story in over if snapshot.live_run(story.id) is None]
    )


def _bounded(snapshot: Snapshot, actions: list[PlannedStep]) -> list[PlannedStep]:
    """At most max_gates teardowns live at once; the end of one runs this pass again, for the next."""
    live = sum(run.kind is RunKind.OTHER and run.agent is None for run in snapshot.live)
    starts = [action.story for action in actions if action.order is not None]
    waiting = frozenset(starts[max(snapshot.config.project.max_gates - live, 0) :])
    return [action for action in actions if action.story not in waiting]


def _clear(snapshot: Snapshot, story: stories.Story) -> PlannedStep:
    """The removal, after a run of the components' teardown where they have any; one that fails holds nothing up."""
    parts = [part.name for part in snapshot.config.project.components if part.teardown]
    if parts and is_made(snapshot.project, story.id) and not _is_torn_down(snapshot, story):
        return PlannedStep(
            Verb.START_RUN,
            story.id,
            f"teardown of {', '.join(parts)}",
            order=RunRequest(story, RunKind.OTHER, None),
        )
    return PlannedStep(Verb.REMOVE_WORKTREE, story.id)


def _is_torn_down(snapshot: Snapshot, story: stories.Story) -> bool:
    last = runs.of_story(snapshot.db, story.id)[-1:]
    return any(run.kind is RunKind.OTHER and run.agent is None and run.visit == story.visit for run in last)


def _create(context: Context, actions: list[PlannedStep]) -> Iterator[StepResult]:
    if not actions:
        return
    try:
        made = make_worktrees(context, [one.story for one in actions if one.story is not None], context.now())
    except HuskiesError as error:
        yield from (StepResult(one, Outcome.FAILED, error.message, error.code) for one in actions)
        return
    for action in actions:
        assert action.story is not None
        result = made[action.story]
        if not isinstance(result, NotMade):
            yield StepResult(action, Outcome.DONE, result.branch)
            continue
        if not result.adoptable:
            isolated(action, partial(move_story, context, action))
        yield StepResult(action, Outcome.FAILED, result.reason, "no_worktree")


def _clear_one(context: Context, action: PlannedStep) -> str:
    if action.order is not None:
        return f"{action.detail} as run {start_run(context, action.order, context.now()).id}"
    assert action.story is not None
    with context.store.reading() as db:
        story = stories.load(db, action.story)
        is_over = bool(stories.over_among(db, [story.id]))
    if not is_over:
        raise Overtaken(f"story {story.id} has moved on to {story.stage.name.value}", code="stale")
    removed = unmake_worktree(context, story, context.now())
    return f"kept as {removed.rescue}" if removed.rescue else ""


WORKTREES = Pass("worktrees", plan, apply)
