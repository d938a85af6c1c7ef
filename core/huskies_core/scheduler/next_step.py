"""The next step of a story in one sentence. It comes from the end of a run, a pass, a time or the reader."""

from collections.abc import Sequence
from datetime import timedelta

from huskies_core.clock import from_iso, to_iso
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import Blocked, Done, Frozen, StageName
from huskies_core.pipeline.state_machine import transition
from huskies_core.runs.rules import UNATTENDED, Rule
from huskies_core.sanitize import one_line
from huskies_core.scheduler.blockers import Blocker, choose_agent
from huskies_core.scheduler.decisions import ApplyEvent, Decision, StartRun, Wait
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import stories
from huskies_core.store.runs import Run, RunKind, RunStatus
from huskies_core.store.stories import Story, StoryType
from huskies_core.supervisor.run_directory import RunDirectory, is_alive

_AT_NEXT = "at the next auto-assign"


def describe_next_step(
    snapshot: Snapshot, story: Story, decision: Decision | None, blockers: Sequence[Blocker]
) -> str:
    """Return a description of the next step of the story: `decision`, unless one of `blockers` applies."""
    run = snapshot.live_run(story.id)
    if story.is_terminal:
        return _after_end(snapshot, story)
    if story.stage.name is StageName.BACKLOG:
        return _from_backlog(snapshot, story, blockers)
    if run is not None and story.stage.name in MOVING:
        return _after_run(snapshot, run)
    return _decided_step(snapshot, story, decision, blockers)


def _decided_step(
    snapshot: Snapshot, story: Story, decision: Decision | None, blockers: Sequence[Blocker]
) -> str:
    match decision:
        case None:
            return _person_step(story)
        case ApplyEvent():
            return _event_step(story, decision)
        case StartRun():
            return _start_step(snapshot, story, decision.kind, blockers)
        case Wait():
            return decision.detail


def _start_step(snapshot: Snapshot, story: Story, kind: RunKind, blockers: Sequence[Blocker]) -> str:
    if blockers:
        step = _after_blocker(blockers[0])
        if kind is RunKind.MERGEMASTER and blockers[0].rule is Rule.NO_AGENT:
            return f"{step}, or resolve the conflict yourself, then {blockers[0].command}"
        return step
    if kind in UNATTENDED:
        return f"a {kind.value} run {_AT_NEXT}"
    agent = choose_agent(snapshot, story, kind)
    return f"a {kind.value} run by {agent.name if agent else 'a free agent'} {_AT_NEXT}"


def _after_end(snapshot: Snapshot, story: Story) -> str:
    if not isinstance(story.stage, Done):
        return f"nothing: the story is closed; huskies reopen {story.id} puts it back into the backlog"
    kept = timedelta(seconds=snapshot.config.project.watcher.done_retention_secs)
    return f"archive-done archives it after {to_iso(from_iso(story.stage.merged_at) + kept)}"


def _after_run(snapshot: Snapshot, run: Run) -> str:
    if not is_alive(RunDirectory(snapshot.project.run_dir(run.id))):
        return f"the next tick: {run.kind.value} run {run.id} is dead, and the tick records its end"
    by = f" by {run.agent}" if run.agent else ""
    ending = ", which is being stopped" if run.status is RunStatus.ENDING else ""
    return f"the end of the {run.kind.value} run{by} (run {run.id}){ending}"


def _from_backlog(snapshot: Snapshot, story: Story, blockers: Sequence[Blocker]) -> str:
    if story.draft.type is StoryType.EPIC:
        return _after_members(snapshot, story)
    unmet = stories.unmet_dependencies(snapshot.db, story)
    if any(dependency.is_hopeless for dependency in unmet):
        other = f"huskies update {story.id} --depends-on ..., or huskies start {story.id} --force"
        return f"you: a dependency is abandoned; {other}"
    waits_for_start = any(blocker.rule is Rule.NOT_STARTED for blocker in blockers)
    start = f"you: huskies start {story.id}" if waits_for_start else f"it is promoted {_AT_NEXT}"
    numbers = ", ".join(str(dependency.story) for dependency in unmet)
    return f"the end of {numbers}; then {start}" if unmet else start


def _after_members(snapshot: Snapshot, story: Story) -> str:
    members = stories.members(snapshot.db, story.id)
    open_ids = ", ".join(str(member.id) for member in members if not member.is_terminal)
    if open_ids:
        return f"it closes by itself when these members are finished: {open_ids}"
    if members:
        return "the next archive-done closes it: all its members are finished"
    return f"you: give it members (huskies add TITLE --epic {story.id}), or huskies close {story.id} --reason TEXT"


def _event_step(story: Story, decision: ApplyEvent) -> str:
    event = decision.event
    by = "merge-recovery" if story.stage.name is StageName.MERGE_FAILURE else "auto-assign"
    if isinstance(event, Block):
        return f"the next {by} blocks it: {one_line(event.reason)[:200]}"
    return f"the next {by} moves it to {transition(story.stage, event).name.value} ({event.name})"


def _after_blocker(blocker: Blocker) -> str:
    """Return how a blocker ends: at its time, with another run, or by a command of the reader."""
    command = f"you: {blocker.command}" if blocker.command else ""
    if blocker.until is not None:
        return f"{to_iso(blocker.until)}, or {command}" if command else to_iso(blocker.until)
    return blocker.rule.ended_by or command or blocker.detail


def _person_step(story: Story) -> str:
    number, stage = story.id, story.stage
    if isinstance(stage, Frozen):
        return f"you: huskies unfreeze {number} (back to {stage.resume_to.name.value})"
    if isinstance(stage, Blocked):
        return f"you: huskies unblock {number} (back to {stage.resume_to.name.value})"
    if stage.name is StageName.REVIEW_HOLD:
        return f"you: huskies approve {number}, or huskies reject {number} --notes TEXT"
    by_hand = (
        f"huskies resolve {number} after you merged the base branch into the story's branch and committed"
    )
    return f"you: huskies retry {number}, {by_hand}, or huskies merged {number} --commit SHA"
