"""auto-assign: ready stories leave the backlog, and what each story needs next is started or fired."""

from dataclasses import dataclass, replace
from datetime import datetime

from huskies_core.config.records import Agent, AutoPromote
from huskies_core.context import Context
from huskies_core.ids import RunId, Seq
from huskies_core.passes.actions import Move, PlannedStep, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.planning import move_of
from huskies_core.pipeline.events import DepsMet
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.request import RunRequest
from huskies_core.runs.rules import UNATTENDED
from huskies_core.runs.start import start_run
from huskies_core.scheduler.blockers import (
    Blocker,
    choose_agent,
    first_blocker,
    may_be_promoted,
    sort_by_priority,
)
from huskies_core.scheduler.decisions import ApplyEvent, Decision, StartRun, Wait
from huskies_core.scheduler.dependencies import unmet_dependencies
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import stories
from huskies_core.store.evidence import Evidence
from huskies_core.store.runs import Run, RunKind, RunStatus
from huskies_core.store.stories import Story

_STAGE_ORDER = (StageName.CODING, StageName.QA, StageName.MERGE_FAILURE, StageName.MERGE)


@dataclass(frozen=True)
class Standing:
    """A story, what was decided for it, and what holds it back from that."""

    story: Story
    decision: Decision
    held: Blocker | None


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    """Promotions first, then the stages in their order. Each start is counted before the next is looked at."""
    actions = [*_promotions(snapshot)]
    for standing_story in _moving(snapshot):
        standing = stand(snapshot, standing_story)
        if standing.held is not None or isinstance(standing.decision, Wait):
            continue
        action = _action(snapshot, standing)
        if action is not None:
            actions.append(action)
            snapshot = _with_start(snapshot, action)
    return tuple(actions)


def stand(snapshot: Snapshot, story: Story) -> Standing:
    decision = snapshot.decision(story)
    return Standing(story, decision, first_blocker(snapshot, story, decision))


def wake(snapshot: Snapshot) -> datetime | None:
    """When the first wait ends that nothing but time will end."""
    held = (stand(snapshot, story).held for story in _moving(snapshot))
    times = [one.until for one in held if one is not None and one.until is not None]
    return min(times, default=None)


def apply(context: Context, action: PlannedStep) -> str:
    if action.order is None:
        return move_story(context, action)
    run = start_run(context, action.order, context.now())
    return f"{action.detail} as run {run.id}"


def _promotions(snapshot: Snapshot) -> list[PlannedStep]:
    everything = snapshot.config.project.auto_promote is AutoPromote.ALL
    backlog = stories.in_stages(snapshot.db, {StageName.BACKLOG})
    ready = [
        story
        for story in backlog
        if may_be_promoted(story, everything=everything) and not unmet_dependencies(snapshot.db, story)
    ]
    return [
        PlannedStep(Verb.PROMOTE_STORY, one.id, "its dependencies are met", Move(DepsMet(), one.visit))
        for one in sort_by_priority(ready)
    ]


def _moving(snapshot: Snapshot) -> list[Story]:
    found = stories.in_stages(snapshot.db, MOVING)
    waiting = [story for story in found if snapshot.live_run(story.id) is None]
    return [
        story
        for name in _STAGE_ORDER
        for story in sort_by_priority(s for s in waiting if s.stage.name is name)
    ]


def _action(snapshot: Snapshot, standing: Standing) -> PlannedStep | None:
    """What is due now; what follows a merge failure is left to merge-recovery, but for starting a mergemaster."""
    story, decision = standing.story, standing.decision
    if isinstance(decision, ApplyEvent):
        return None if story.stage.name is StageName.MERGE_FAILURE else move_of(story, decision)
    assert isinstance(decision, StartRun)
    agent = None if decision.kind in UNATTENDED else choose_agent(snapshot, story, decision.kind)
    verb = Verb.START_MERGE if decision.kind is RunKind.MERGE else Verb.START_RUN
    detail = decision.kind.value if agent is None else f"{decision.kind.value} {agent.name}"
    return PlannedStep(verb, story.id, detail, order=RunRequest(story, decision.kind, agent, decision.note))


def _with_start(snapshot: Snapshot, action: PlannedStep) -> Snapshot:
    """The same world with the planned run live in it, so that nobody is given away twice."""
    if action.order is None:
        return snapshot
    return replace(snapshot, live=(*snapshot.live, _planned_run(action.order)))


def _planned_run(order: RunRequest) -> Run:
    agent: Agent | None = order.agent
    return Run(
        id=RunId(0),
        story=order.story.id,
        kind=order.kind,
        agent=None if agent is None else agent.name,
        runtime=None,
        model=None,
        visit=order.story.visit,
        seq=Seq(0),
        status=RunStatus.STARTING,
        outcome=None,
        detail="",
        verdict=None,
        notes="",
        evidence=Evidence(),
        landing=None,
        started_at="",
        ended_at=None,
        turns=0,
        tool_turns=0,
        cost_usd=0.0,
    )


AUTO_ASSIGN = Pass("auto-assign", plan, one_by_one(apply), follows=True, wake=wake)
