"""auto-assign: promote ready stories, then start the run or apply the event that each story needs next."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from huskies_core.context import Context
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import Verb
from huskies_core.passes.story_steps import (
    BeginRun,
    MoveStory,
    begin_run,
    move_story,
    plan_decision,
    plan_move,
)
from huskies_core.pipeline.events import DepsMet
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.rules import UNATTENDED
from huskies_core.scheduler.blockers import (
    choose_agent,
    first_blocker,
    may_be_promoted,
    sort_by_priority,
)
from huskies_core.scheduler.decisions import ApplyEvent, StartRun, Wait
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import stories
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story

_STAGE_ORDER = (StageName.CODING, StageName.QA, StageName.MERGE_FAILURE, StageName.MERGE)


def plan(snapshot: Snapshot) -> Iterator[MoveStory | BeginRun]:
    """Yield promotions, then the steps of the stages in order. A planned start counts as live for later stories."""
    for story in sort_by_priority(stories.in_stages(snapshot.db, {StageName.BACKLOG})):
        if may_be_promoted(snapshot, story) and not stories.unmet_dependencies(snapshot.db, story):
            yield plan_move(Verb.PROMOTE_STORY, story, DepsMet(), "its dependencies are met")
    for story in _moving(snapshot):
        step = _step(snapshot, story)
        if step is not None:
            yield step
        if isinstance(step, BeginRun):
            snapshot = replace(snapshot, planned=(*snapshot.planned, step.request.claim))


def wake(snapshot: Snapshot) -> datetime | None:
    """Return the earliest time at which a wait ends without an event."""
    blockers = (first_blocker(snapshot, story, snapshot.decision(story)) for story in _moving(snapshot))
    return min((blocker.until for blocker in blockers if blocker and blocker.until), default=None)


def apply(context: Context, step: MoveStory | BeginRun) -> str:
    match step:
        case MoveStory():
            return move_story(context, step)
        case BeginRun():
            return begin_run(context, step)


def _moving(snapshot: Snapshot) -> list[Story]:
    """Return the stories without a live run that can move on without a person, in the order of their turns."""
    moving = sort_by_priority(stories.in_stages(snapshot.db, MOVING))
    moving.sort(key=lambda story: _STAGE_ORDER.index(story.stage.name))
    return [story for story in moving if snapshot.live_run(story.id) is None]


def _step(snapshot: Snapshot, story: Story) -> MoveStory | BeginRun | None:
    """Return the step that is due now, or None. merge-recovery applies the events that follow a merge failure."""
    decision = snapshot.decision(story)
    if first_blocker(snapshot, story, decision) is not None:
        return None
    match decision:
        case Wait():
            return None
        case ApplyEvent():
            return None if story.stage.name is StageName.MERGE_FAILURE else plan_decision(story, decision)
        case StartRun(kind=kind, note=note):
            agent = None if kind in UNATTENDED else choose_agent(snapshot, story, kind)
            verb = Verb.START_MERGE if kind is RunKind.MERGE else Verb.START_RUN
            detail = kind.value if agent is None else f"{kind.value} {agent.name}"
            return BeginRun(verb, story.id, detail, request=RunRequest(story, kind, agent, note))


AUTO_ASSIGN = Pass("auto-assign", plan, one_by_one(apply), follows=True, wake=wake)
