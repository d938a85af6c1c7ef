"""auto-assign: promote ready stories, then start the run or apply the event that each story needs next."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from huskies_core.config.records import AutoPromote
from huskies_core.context import Context
from huskies_core.ids import RunId, Seq
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.passes.story_moves import MoveStory, move_for, move_story
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


@dataclass(frozen=True, kw_only=True)
class BeginRun(PlannedStep):
    request: RunRequest


AssignStep = MoveStory | BeginRun


@dataclass(frozen=True)
class Candidate:
    """A story, the decision for it, and the rule that blocks the decision."""

    story: Story
    decision: Decision
    blocker: Blocker | None


def plan(snapshot: Snapshot) -> tuple[AssignStep, ...]:
    """Plan promotions first, then the stages in order. Each planned start counts as live for the stories after it."""
    steps: list[AssignStep] = [*_promotions(snapshot)]
    for story in _moving(snapshot):
        step = _step(snapshot, candidate_for(snapshot, story))
        if step is not None:
            steps.append(step)
        if isinstance(step, BeginRun):
            snapshot = replace(snapshot, live=(*snapshot.live, _planned_run(step.request)))
    return tuple(steps)


def candidate_for(snapshot: Snapshot, story: Story) -> Candidate:
    decision = snapshot.decision(story)
    return Candidate(story, decision, first_blocker(snapshot, story, decision))


def wake(snapshot: Snapshot) -> datetime | None:
    """Return the earliest time at which a wait ends without an event."""
    blockers = (candidate_for(snapshot, story).blocker for story in _moving(snapshot))
    times = [blocker.until for blocker in blockers if blocker is not None and blocker.until is not None]
    return min(times, default=None)


def apply(context: Context, step: AssignStep) -> str:
    match step:
        case MoveStory():
            return move_story(context, step)
        case BeginRun():
            return f"{step.detail} as run {start_run(context, step.request, context.now()).id}"
        case _:
            assert_never(step)


def _promotions(snapshot: Snapshot) -> list[MoveStory]:
    everything = snapshot.config.project.auto_promote is AutoPromote.ALL
    backlog = stories.in_stages(snapshot.db, {StageName.BACKLOG})
    ready = [
        story
        for story in backlog
        if may_be_promoted(story, everything=everything) and not unmet_dependencies(snapshot.db, story)
    ]
    why = "its dependencies are met"
    return [
        MoveStory(Verb.PROMOTE_STORY, why, story=story.id, event=DepsMet(), visit=story.visit)
        for story in sort_by_priority(ready)
    ]


def _moving(snapshot: Snapshot) -> list[Story]:
    moving = stories.in_stages(snapshot.db, MOVING)
    waiting = [story for story in moving if snapshot.live_run(story.id) is None]
    return [
        story
        for name in _STAGE_ORDER
        for story in sort_by_priority(s for s in waiting if s.stage.name is name)
    ]


def _step(snapshot: Snapshot, candidate: Candidate) -> AssignStep | None:
    """Return the step that is due now, or None. merge-recovery applies the events that follow a merge failure."""
    story, decision = candidate.story, candidate.decision
    if candidate.blocker is not None:
        return None
    match decision:
        case Wait():
            return None
        case ApplyEvent():
            return None if story.stage.name is StageName.MERGE_FAILURE else move_for(story, decision)
        case StartRun():
            agent = None if decision.kind in UNATTENDED else choose_agent(snapshot, story, decision.kind)
            verb = Verb.START_MERGE if decision.kind is RunKind.MERGE else Verb.START_RUN
            detail = decision.kind.value if agent is None else f"{decision.kind.value} {agent.name}"
            request = RunRequest(story, decision.kind, agent, decision.note)
            return BeginRun(verb, story.id, detail, request=request)
        case _:
            assert_never(decision)


def _planned_run(request: RunRequest) -> Run:
    """Return the planned run as a live one, so that its agent and its slot count as taken."""
    return Run(
        id=RunId(0),
        story=request.story.id,
        kind=request.kind,
        agent=None if request.agent is None else request.agent.name,
        runtime=None,
        model=None,
        visit=request.story.visit,
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
