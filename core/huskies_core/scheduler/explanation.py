"""Why a story stands where it stands: each rule that is asked, in order, and what of it holds the story back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from huskies_core.clock import from_iso
from huskies_core.config.records import AutoPromote
from huskies_core.pipeline.stages import NEEDS_PERSON, StageName, reason_of
from huskies_core.runs.request import RunRequest
from huskies_core.sanitize import one_line
from huskies_core.scheduler.blockers import (
    UNATTENDED,
    Blocker,
    all_blockers,
    in_order,
    is_known,
    may_be_promoted,
)
from huskies_core.scheduler.decisions import Decision, StartRun, Wait
from huskies_core.scheduler.next_step import prospect
from huskies_core.scheduler.retry_rules import last_failure
from huskies_core.scheduler.snapshot import MOVING, Snapshot
from huskies_core.store import runs, stories
from huskies_core.store.queue_holds import QUEUE
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story, StoryType

FINISHED = "finished"
"""The rule that says that a story is over: it holds, and nothing is wrong."""

PASSED = {
    FINISHED: "it is not over",
    "person": "nobody has to look at it",
    "epic": "it is no epic",
    "unmet_dependency": "what it depends on is done",
    "not_started": "it needs no 'huskies start'",
    "live_run": "no run of it is live",
    "wait": "no crash, rate limit or failed merge makes it wait",
    "budget_exhausted": "its budget and the day's are not used up",
    "paused": "starting agents is not paused",
    "no_agent": "agents.toml has an agent for it",
    "max_coders": "fewer than max_coders coders are at work",
    "agents_busy": "an agent for it is free",
    "base_broken": "the gates pass on the base branch",
    "base_dirty": "nothing of yours is in the way on the base branch",
    "merge_queue": "nothing is merged before it",
    "max_gates": "fewer than max_gates gate and merge runs are live",
}
"""The rules, in the order in which they are asked, with what is so when one does not hold the story back."""
NOTHING = Wait("", "")
_OF_AGENTS = ("budget_exhausted", "paused", "no_agent", "max_coders", "agents_busy")
_OF_MERGES = ("base_broken", "base_dirty", "merge_queue", "max_gates")
_GROUPS = {
    **dict.fromkeys((*(name.value for name in NEEDS_PERSON), StageName.FROZEN.value), "person"),
    **dict.fromkeys(("crash_wait", "rate_limited", "merge_retry"), "wait"),
}


@dataclass(frozen=True)
class Check:
    """A rule that was asked; without `holds` it lets the story go on, and `passed` says so."""

    rule: str
    passed: str
    holds: tuple[Blocker, ...]


@dataclass(frozen=True)
class Explanation:
    """`next` is what will move the story; `notes` are facts beside the rules, worth knowing."""

    story: Story
    checks: tuple[Check, ...]
    next: str
    notes: tuple[str, ...]

    @property
    def holds(self) -> tuple[Blocker, ...]:
        return tuple(held for check in self.checks for held in check.holds)


def explain(snapshot: Snapshot, story: Story, starts: Sequence[RunRequest]) -> Explanation:
    """Asks every rule that concerns the story now. `starts` are the runs that auto-assign would start next."""
    decision = decision_of(snapshot, story)
    holds = tuple(holds_on(snapshot, story, decision, starts))
    moot = _moot(holds)
    asked = [*(rule for rule in _rules(story, decision) if rule not in moot), *map(_rule_of, holds)]
    order = (*PASSED, *asked)
    checks = tuple(
        Check(rule, PASSED.get(rule, ""), tuple(held for held in holds if _rule_of(held) == rule))
        for rule in sorted(set(asked), key=order.index)
    )
    return Explanation(
        story, checks, prospect(snapshot, story, decision, holds), tuple(_notes(snapshot, story))
    )


def decision_of(snapshot: Snapshot, story: Story) -> Decision:
    """What follows for the story by itself; while a run of it is live, and where a person decides, NOTHING."""
    if story.stage.name not in MOVING or snapshot.live_run(story.id) is not None:
        return NOTHING
    return snapshot.decision(story)


def holds_on(
    snapshot: Snapshot, story: Story, decision: Decision, starts: Sequence[RunRequest]
) -> Iterable[Blocker]:
    """All that holds the story back from what was decided for it, in the order in which it is asked."""
    yield from _of_end(story)
    yield from _of_epic(snapshot, story)
    yield from (held for held in all_blockers(snapshot, story, decision) if held.rule)
    yield from _of_start(snapshot, story)
    if isinstance(decision, StartRun):
        yield from _of_others(snapshot, story, decision, starts)


def queue_of(snapshot: Snapshot) -> list[int]:
    """The merge queue: the stories in it, in the order in which they are merged."""
    return [story.id for story in in_order(stories.in_stages(snapshot.db, {StageName.MERGE}))]


def is_starving(snapshot: Snapshot, story: Story) -> bool:
    """Whether the story has been in the merge queue for longer than merge.starvation_secs."""
    limit = timedelta(seconds=snapshot.config.project.merge.starvation_secs)
    return story.stage.name is StageName.MERGE and snapshot.now - from_iso(story.stage_entered_at) > limit


def _rules(story: Story, decision: Decision) -> Iterable[str]:
    """The rules that are asked for a story, whatever they say."""
    yield FINISHED
    if story.is_terminal:
        return
    yield "person"
    if story.stage.name is StageName.BACKLOG:
        yield "epic"
    if story.stage.name is StageName.BACKLOG and story.draft.type is not StoryType.EPIC:
        yield from ("unmet_dependency", "not_started")
    yield "live_run"
    if not isinstance(decision, StartRun):
        return
    yield "wait"
    match decision.kind:
        case RunKind.MERGE:
            yield from _OF_MERGES
        case RunKind.GATES:
            yield "max_gates"
        case RunKind.CODER:
            yield from _OF_AGENTS
        case _:
            yield from (rule for rule in _OF_AGENTS if rule != "max_coders")


def _moot(holds: Sequence[Blocker]) -> tuple[str, ...]:
    """The rules that make no sense beside those that hold the story back."""
    return ("agents_busy",) if any(held.rule == "no_agent" for held in holds) else ()


def _rule_of(held: Blocker) -> str:
    return _GROUPS.get(held.rule, held.rule)


def _of_end(story: Story) -> Iterable[Blocker]:
    if story.is_terminal:
        why = reason_of(story.stage)
        told = f"it is {story.stage.name.value}{f': {why}' if why else ''}"
        yield Blocker(FINISHED, told, f"huskies reopen {story.id}")


def _of_epic(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    if story.draft.type is StoryType.EPIC and story.stage.name is StageName.BACKLOG:
        left = [str(member.id) for member in stories.members(snapshot.db, story.id) if not member.is_terminal]
        told = f"its members are worked on, not itself; open: {', '.join(left) or 'none'}"
        yield Blocker("epic", told, f"huskies explain {left[0]}" if left else "")


def _of_start(snapshot: Snapshot, story: Story) -> Iterable[Blocker]:
    """A backlog story that does not go on by itself, whether its dependencies are met or not."""
    if story.stage.name is not StageName.BACKLOG or story.draft.type is StoryType.EPIC:
        return
    everything = snapshot.config.project.auto_promote is AutoPromote.ALL
    if not may_be_promoted(story, everything=everything):
        back = {"demote": "was put back and ", "reopen": "was opened again and "}
        told = f"{back.get(story.returned_by or '', '')}waits to be started"
        yield Blocker("not_started", told, f"huskies start {story.id}")


def _of_others(
    snapshot: Snapshot, story: Story, decision: StartRun, starts: Sequence[RunRequest]
) -> Iterable[Blocker]:
    """Those that go first, when nothing but them keeps the story from being started next."""
    if any(order.story.id == story.id for order in starts) or list(all_blockers(snapshot, story, decision)):
        return
    rivals = [order for order in starts if _is_rival(order.kind, decision.kind)]
    names = ", ".join(str(order.story.id) for order in rivals)
    if rivals:
        rule = _contested(decision.kind, [order.kind for order in rivals])
        yield Blocker(rule, f"first come: {names}", f"huskies explain {rivals[0].story.id}")


def _is_rival(other: RunKind, kind: RunKind) -> bool:
    return other is kind or (other in UNATTENDED and kind in UNATTENDED)


def _contested(kind: RunKind, rivals: Sequence[RunKind]) -> str:
    """The rule that leaves no place for a run of that kind beside those."""
    if kind not in UNATTENDED:
        return "agents_busy"
    return "merge_queue" if kind is RunKind.MERGE and kind in rivals else "max_gates"


def _notes(snapshot: Snapshot, story: Story) -> Iterable[str]:
    settings = snapshot.config.project
    if story.stage.name is StageName.MERGE:
        queue = queue_of(snapshot)
        yield f"place {queue.index(story.id) + 1} of {len(queue)} in the merge queue"
        if not snapshot.gates:
            yield "nothing is checked before it is merged: project.toml has no gate, and script/test cannot be run"
        if any(hold.story in (QUEUE, story.id) and snapshot.is_over(hold) for hold in snapshot.holds):
            yield "what held it back is out of the way: the next reconcile lets it go on"
    if is_starving(snapshot, story):
        since, limit = story.stage_entered_at, settings.merge.starvation_secs
        yield f"in the merge queue since {since}, longer than merge.starvation_secs ({limit})"
    if story.retries:
        yield f"{story.retries} of {settings.max_retries or 'unlimited'} retries are used"
    yield from _of_last_run(snapshot, story)
    if story.draft.agent and not is_known(snapshot.config, story.draft.agent):
        yield f"no agent has the name or the model {story.draft.agent!r}: any of the stage may take it"
    run = snapshot.live_run(story.id)
    if run is not None and run.visit != story.visit:
        yield f"run {run.id} belongs to an earlier stage and is to be ended"


def _of_last_run(snapshot: Snapshot, story: Story) -> Iterable[str]:
    """What led to a person: the run that failed, or else the last one."""
    if story.stage.name not in NEEDS_PERSON:
        return
    had = runs.of_story(snapshot.db, story.id)
    run = last_failure(had) or (had[-1] if had else None)
    if run is not None:
        told = f": {one_line(run.detail)[:200]}" if run.detail else ""
        fact = f"its last run, {run.kind.value} run {run.id}, ended as {run.outcome}{told}"
        yield f"{fact}; huskies logs {story.id} shows it"
