"""The explanation of a story: the rules that apply to it, in order, their blockers, and the next step in a sentence.

The next step comes from the end of a run, a pass, a time or the reader.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec import Struct

from huskies_core.clock import from_iso, to_iso
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import NEEDS_PERSON, Blocked, Done, Frozen, StageName, reason_of
from huskies_core.pipeline.state_machine import transition
from huskies_core.runs.request import RunRequest
from huskies_core.runs.rules import UNATTENDED, Rule
from huskies_core.sanitize import one_line
from huskies_core.scheduler.blockers import (
    PERSON_COMMANDS,
    Blocker,
    all_blockers,
    choose_agent,
    matches_any_agent,
    may_be_promoted,
    sort_by_priority,
)
from huskies_core.scheduler.decisions import ApplyEvent, Decision, StartRun, Wait
from huskies_core.scheduler.retry_rules import last_failure
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import runs, stories
from huskies_core.store.runs import Run, RunKind, RunStatus
from huskies_core.store.stories import Story, StoryType
from huskies_core.supervisor.run_directory import RunDirectory, is_alive

_AT_NEXT = "at the next auto-assign"
_AGENT_RULES = (Rule.BUDGET_EXHAUSTED, Rule.PAUSED, Rule.NO_AGENT, Rule.AGENTS_BUSY)


class RuleCheck(Struct, frozen=True):
    """A checked rule. Without blockers the rule lets the story continue."""

    rule: Rule
    blockers: tuple[Blocker, ...]


class Explanation(Struct, frozen=True):
    """The checks of a story. `next` describes the step that moves it next; `notes` are other facts."""

    story: Story
    checks: tuple[RuleCheck, ...]
    next: str
    notes: tuple[str, ...]

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        return tuple(blocker for check in self.checks for blocker in check.blockers)


def explain(snapshot: Snapshot, story: Story, starts: Sequence[RunRequest]) -> Explanation:
    """Check every rule that applies to the story now. `starts` are the runs that auto-assign would start next."""
    decision = decision_of(snapshot, story)
    blockers = tuple(find_blockers(snapshot, story, decision, starts))
    rules = {*_rules_of(story, decision), *(blocker.rule.group for blocker in blockers)}
    if any(blocker.rule is Rule.NO_AGENT for blocker in blockers):
        rules.discard(Rule.AGENTS_BUSY)
    checks = tuple(
        RuleCheck(rule, tuple(blocker for blocker in blockers if blocker.rule.group is rule))
        for rule in Rule
        if rule in rules
    )
    next_step = _next_step(snapshot, story, decision, blockers)
    return Explanation(story, checks, next_step, tuple(_notes(snapshot, story)))


def decision_of(snapshot: Snapshot, story: Story) -> Decision | None:
    """Return the decision for the story; None while a run of it is live or a person must act."""
    if story.stage.name not in MOVING or snapshot.live_run(story.id) is not None:
        return None
    return snapshot.decision(story)


def find_blockers(
    snapshot: Snapshot, story: Story, decision: Decision | None, starts: Sequence[RunRequest]
) -> Iterable[Blocker]:
    """Yield all blockers of the decision for the story."""
    yield from _stage_blockers(snapshot, story)
    yield from all_blockers(snapshot, story, decision)
    if story.stage.name is StageName.BACKLOG and story.draft.type is not StoryType.EPIC:
        yield from _start_blocker(snapshot, story)
    if isinstance(decision, StartRun):
        yield from _rival_blocker(snapshot, story, decision, starts)


def merge_queue(snapshot: Snapshot) -> list[StoryId]:
    """Return the stories in the merge queue, first to merge first."""
    return [story.id for story in sort_by_priority(stories.in_stages(snapshot.db, {StageName.MERGE}))]


def is_starving(snapshot: Snapshot, story: Story) -> bool:
    """Return whether the story has waited in the merge queue for longer than merge.starvation_secs."""
    limit = timedelta(seconds=snapshot.config.project.merge.starvation_secs)
    return story.stage.name is StageName.MERGE and snapshot.now - from_iso(story.stage_entered_at) > limit


def _rules_of(story: Story, decision: Decision | None) -> Iterable[Rule]:
    """Yield the rules that apply to a story, whether or not they block it."""
    yield Rule.FINISHED
    if story.is_terminal:
        return
    yield from (Rule.PERSON, Rule.LIVE_RUN)
    if story.stage.name is StageName.BACKLOG:
        yield Rule.EPIC
        if story.draft.type is not StoryType.EPIC:
            yield from (Rule.UNMET_DEPENDENCY, Rule.NOT_STARTED)
    if isinstance(decision, StartRun):
        yield from (Rule.WAIT, *_rules_of_run(decision.kind))


def _rules_of_run(kind: RunKind) -> Iterable[Rule]:
    match kind:
        case RunKind.MERGE:
            return (Rule.BASE_BROKEN, Rule.BASE_DIRTY, Rule.MERGE_QUEUE, Rule.MAX_GATES)
        case RunKind.GATES:
            return (Rule.MAX_GATES,)
        case RunKind.CODER:
            return (*_AGENT_RULES, Rule.MAX_CODERS)
        case RunKind.QA | RunKind.MERGEMASTER | RunKind.OTHER:
            return _AGENT_RULES


def _stage_blockers(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    if story.is_terminal:
        reason = reason_of(story.stage)
        detail = f"the story is {story.stage.name.value}{f': {reason}' if reason else ''}"
        yield Blocker(Rule.FINISHED, detail, f"huskies reopen {story.id}")
    if story.draft.type is StoryType.EPIC and story.stage.name is StageName.BACKLOG:
        members = stories.members(snapshot.db, story.id)
        open_ids = [str(member.id) for member in members if not member.is_terminal]
        detail = (
            f"runs start for its members, not for the epic; open members: {', '.join(open_ids) or 'none'}"
        )
        yield Blocker(Rule.EPIC, detail, f"huskies explain {open_ids[0]}" if open_ids else "")


def _start_blocker(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    """Yield a blocker if the story needs a `start` by a person, even with met dependencies."""
    if not may_be_promoted(snapshot, story):
        returns = {"demote": "was demoted and ", "reopen": "was reopened and "}
        detail = f"{returns.get(story.returned_by or '', '')}waits to be started"
        yield Blocker(Rule.NOT_STARTED, detail, f"huskies start {story.id}")


def _rival_blocker(
    snapshot: Snapshot, story: Story, decision: StartRun, starts: Sequence[RunRequest]
) -> Iterable[Blocker]:
    """Yield a blocker if only stories that come first in the order prevent a start of this one."""
    is_next = any(request.story.id == story.id for request in starts)
    if is_next or any(all_blockers(snapshot, story, decision)):
        return
    kinds = UNATTENDED if decision.kind in UNATTENDED else (decision.kind,)
    rivals = [request for request in starts if request.kind in kinds]
    if not rivals:
        return
    rule = Rule.AGENTS_BUSY
    if decision.kind in UNATTENDED:
        is_merge = decision.kind is RunKind.MERGE and any(rival.kind is RunKind.MERGE for rival in rivals)
        rule = Rule.MERGE_QUEUE if is_merge else Rule.MAX_GATES
    ids = ", ".join(str(rival.story.id) for rival in rivals)
    names = f"story {ids}" if len(rivals) == 1 else f"stories {ids}"
    yield Blocker(rule, f"queued behind {names}", f"huskies explain {rivals[0].story.id}")


def _notes(snapshot: Snapshot, story: Story) -> Iterable[str]:
    settings = snapshot.config.project
    if story.stage.name is StageName.MERGE:
        yield from _queue_notes(snapshot, story)
    if is_starving(snapshot, story):
        since, limit = story.stage_entered_at, settings.merge.starvation_secs
        yield f"in the merge queue since {since}, longer than merge.starvation_secs ({limit})"
    if story.retries:
        yield f"{story.retries} of {settings.max_retries or 'unlimited'} retries are spent"
    if story.stage.name in NEEDS_PERSON:
        yield from _last_run_note(snapshot, story)
    if story.draft.agent and not matches_any_agent(snapshot.config, story.draft.agent):
        yield f"no agent has the name or model {story.draft.agent!r}: any agent of the stage may take the story"
    run = snapshot.live_run(story.id)
    if run is not None and run.visit != story.visit:
        yield f"run {run.id} belongs to an earlier stage; the watchdog ends it"


def _queue_notes(snapshot: Snapshot, story: Story) -> Iterable[str]:
    queue = merge_queue(snapshot)
    yield f"number {queue.index(story.id) + 1} of {len(queue)} in the merge queue"
    if not snapshot.gates:
        yield "the merge is not tested: project.toml has no gates, and script/test is not executable"
    if any(snapshot.is_obsolete(hold) for hold in snapshot.queue_holds_on(story)):
        yield "the reason for the queue hold no longer exists: the next reconcile releases the hold"


def _last_run_note(snapshot: Snapshot, story: Story) -> Iterable[str]:
    """Yield a note about the last run, if its end is the reason why a person must act."""
    history = runs.of_story(snapshot.db, story.id)
    run = last_failure(history) or (history[-1] if history else None)
    if run is not None:
        detail = f": {one_line(run.detail)[:200]}" if run.detail else ""
        fact = f"its last run, {run.kind.value} run {run.id}, ended as {run.outcome}{detail}"
        yield f"{fact}; 'huskies logs {story.id}' shows it"


def _next_step(
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
    if isinstance(stage, Frozen | Blocked):
        return f"you: huskies {PERSON_COMMANDS[stage.name]} {number} (back to {stage.resume_to.name.value})"
    if stage.name is StageName.REVIEW_HOLD:
        return f"you: huskies approve {number}, or huskies reject {number} --notes TEXT"
    by_hand = (
        f"huskies resolve {number} after you merged the base branch into the story's branch and committed"
    )
    return f"you: huskies retry {number}, {by_hand}, or huskies merged {number} --commit SHA"
