"""What will move a story next, in one sentence: a run's end, a pass, a time, or the reader."""

from collections.abc import Sequence
from datetime import timedelta

from huskies_core.clock import from_iso, to_iso
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import Abandoned, Blocked, Done, Frozen, StageName
from huskies_core.pipeline.state_machine import transition
from huskies_core.sanitize import one_line
from huskies_core.scheduler.blockers import UNATTENDED, Blocker, choose_agent
from huskies_core.scheduler.decisions import ApplyEvent, Decision, StartRun
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import stories
from huskies_core.store.runs import Run, RunKind, RunStatus
from huskies_core.store.stories import Story, StoryType
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.run_directory import RunDirectory

_AT_NEXT = "at the next auto-assign"
_ENDS = {RunKind.GATES: "the gates' end", RunKind.MERGE: "the merge's end"}
_AFTER_HOLD = {
    "no_agent": "you: give agents.toml an agent for it",
    "paused": "you: huskies resume",
    "max_coders": "the end of a coder's run",
    "agents_busy": "an agent that becomes free",
    "base_broken": "you: a commit that mends the base branch",
    "base_dirty": "you: your changes out of the way",
    "merge_queue": "the end of the merge before it",
    "max_gates": "the end of a gate or merge run",
}


def prospect(snapshot: Snapshot, story: Story, decision: Decision, holds: Sequence[Blocker]) -> str:
    """`decision` is what follows by itself, `holds` all that is in its way, the first that applies first."""
    run = snapshot.live_run(story.id)
    if story.is_terminal:
        return _of_finished(snapshot, story)
    if story.stage.name is StageName.BACKLOG:
        return _of_backlog(snapshot, story, holds)
    if run is not None and story.stage.name in MOVING:
        return _of_run(snapshot, run)
    return _of_decision(snapshot, story, decision, holds)


def is_hopeless(snapshot: Snapshot, story: Story) -> bool:
    """Whether only a reopening can meet a dependency: it was abandoned, or what replaced it was."""
    return any(
        isinstance(stories.heir_of(snapshot.db, number).stage, Abandoned) for number in snapshot.unmet(story)
    )


def _of_decision(snapshot: Snapshot, story: Story, decision: Decision, holds: Sequence[Blocker]) -> str:
    match decision:
        case ApplyEvent():
            return _of_event(story, decision)
        case StartRun(kind=RunKind.MERGEMASTER) if holds and holds[0].rule == "no_agent":
            return f"{_of_hold(holds[0])}, or resolve the conflict by hand, then {holds[0].command}"
        case StartRun() if holds:
            return _of_hold(holds[0])
        case StartRun():
            return _of_start(snapshot, story, decision.kind)
        case _:
            return decision.detail or _of_person(story)


def _of_finished(snapshot: Snapshot, story: Story) -> str:
    if not isinstance(story.stage, Done):
        return f"nothing, it is over; huskies reopen {story.id} puts it back into the backlog"
    kept = timedelta(seconds=snapshot.config.project.watcher.done_retention_secs)
    return f"archive-done archives it after {to_iso(from_iso(story.stage.merged_at) + kept)}"


def _of_run(snapshot: Snapshot, run: Run) -> str:
    if not is_alive(RunDirectory(snapshot.project.run_dir(run.id))):
        return f"the next tick: {run.kind.value} run {run.id} is dead, and its end will be recorded"
    by = f" by {run.agent}" if run.agent else ""
    end = _ENDS.get(run.kind, f"the end of the {run.kind.value} run{by}")
    ending = ", which is being ended" if run.status is RunStatus.ENDING else ""
    return f"{end} (run {run.id}){ending}"


def _of_backlog(snapshot: Snapshot, story: Story, holds: Sequence[Blocker]) -> str:
    rules = {held.rule for held in holds}
    if story.draft.type is StoryType.EPIC:
        return _of_epic(snapshot, story)
    unmet = snapshot.unmet(story)
    if is_hopeless(snapshot, story):
        other = f"huskies update {story.id} --depends-on ..., or huskies start {story.id} --force"
        return f"you: an abandoned dependency never will be met; {other}"
    then = f"you: huskies start {story.id}" if "not_started" in rules else f"it is promoted {_AT_NEXT}"
    return f"the end of {', '.join(map(str, unmet))}; then {then}" if unmet else then


def _of_epic(snapshot: Snapshot, story: Story) -> str:
    members = stories.members(snapshot.db, story.id)
    left = ", ".join(str(member.id) for member in members if not member.is_terminal)
    if left:
        return f"it closes by itself when its members are over: {left}"
    if members:
        return "the next archive-done closes it: all its members are over"
    return f"you: give it members (huskies add TITLE --epic {story.id}), or huskies close {story.id} --reason TEXT"


def _of_event(story: Story, decision: ApplyEvent) -> str:
    event, by = decision.event, "auto-assign"
    if story.stage.name is StageName.MERGE_FAILURE:
        by = "merge-recovery"
    if isinstance(event, Block):
        return f"the next {by} blocks it: {one_line(event.reason)[:200]}"
    return f"the next {by} moves it on to {transition(story.stage, event).name.value} ({event.name})"


def _of_hold(held: Blocker) -> str:
    if held.until is not None:
        return f"{to_iso(held.until)}, or you: {held.command}" if held.command else to_iso(held.until)
    return _AFTER_HOLD.get(held.rule, f"you: {held.command}" if held.command else held.detail)


def _of_start(snapshot: Snapshot, story: Story, kind: RunKind) -> str:
    if kind in UNATTENDED:
        return f"a {kind.value} run {_AT_NEXT}"
    agent = choose_agent(snapshot, story, kind)
    return f"a {kind.value} run by {agent.name if agent else 'a free agent'} {_AT_NEXT}"


def _of_person(story: Story) -> str:
    number, stage = story.id, story.stage
    if isinstance(stage, Frozen):
        return f"you: huskies unfreeze {number} (back to {stage.resume_to.name.value})"
    if isinstance(stage, Blocked):
        return f"you: huskies unblock {number} (back to {stage.resume_to.name.value})"
    if stage.name is StageName.REVIEW_HOLD:
        return f"you: huskies approve {number}, or huskies reject {number} --notes TEXT"
    by_hand = f"huskies resolve {number} once the base branch is merged into the story's and committed"
    return f"you: huskies retry {number}, {by_hand}, or huskies merged {number} --commit SHA"
