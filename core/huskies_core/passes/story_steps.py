"""The steps that move a story or start a run for it, and the passes that plan little else.

archive-done archives stories done_retention_secs after their merge and closes finished epics. merge-recovery applies
the event that follows a merge failure. merge-block blocks a story that fails to merge repeatedly.
"""

from collections.abc import Iterator
from datetime import timedelta

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import Visit
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, StoryStep, Verb
from huskies_core.pipeline.events import Accept, Block, Close, Event
from huskies_core.pipeline.stages import StageName
from huskies_core.runs.end import end_left_run
from huskies_core.runs.request import RunRequest
from huskies_core.runs.start import start_run
from huskies_core.sanitize import one_line
from huskies_core.scheduler.decisions import ApplyEvent
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import content, journal, queue_holds, stories, transitions
from huskies_core.store.queue_holds import QueueHoldKind
from huskies_core.store.stories import Story


class MoveStory(StoryStep, frozen=True, kw_only=True):
    """An event to apply for a visit. `content` is written in the same transaction for the next run."""

    event: Event
    visit: Visit
    content: tuple[tuple[str, str], ...] = ()


class BeginRun(PlannedStep, frozen=True, kw_only=True):
    request: RunRequest


class ReleaseHold(PlannedStep, frozen=True, kw_only=True):
    kind: QueueHoldKind


def plan_move(
    verb: Verb, story: Story, event: Event, detail: str = "", content: tuple[tuple[str, str], ...] = ()
) -> MoveStory:
    return MoveStory(verb, detail, story=story.id, event=event, visit=story.visit, content=content)


def plan_decision(story: Story, decision: ApplyEvent) -> MoveStory:
    """Return the step that applies a decision."""
    event = decision.event
    verb = Verb.BLOCK_STORY if isinstance(event, Block) else Verb.MOVE_STORY
    reason = one_line(getattr(event, "reason", "") or getattr(event, "notes", ""))[:200]
    return plan_move(
        verb, story, event, f"{event.name}: {reason}" if reason else event.name, decision.content
    )


def move_story(context: Context, step: MoveStory) -> str:
    """Apply the event if the story is still in the planned visit, then end the live run of that visit."""
    now = context.now()
    with context.store.exclusive() as db:
        transition = transitions.apply_event(
            db, step.story, step.event, visit=step.visit, actor=context.actor, now=now
        )
        if not transitions.is_terminal(transition):
            for key, value in step.content:
                content.put(db, step.story, key, value, now=now)
    if transition.left_run is not None:
        end_left_run(context, transition.left_run)
    return step.detail


def begin_run(context: Context, step: BeginRun) -> str:
    return f"{step.detail} as run {start_run(context, step.request, context.now()).id}"


def _plan_archive(snapshot: Snapshot) -> Iterator[MoveStory]:
    now = to_iso(snapshot.now)
    cutoff = snapshot.now - timedelta(seconds=snapshot.config.project.watcher.done_retention_secs)
    for number in stories.done_before(snapshot.db, cutoff):
        yield plan_move(Verb.ARCHIVE_STORY, stories.load(snapshot.db, number), Accept(now))
    close = Close("all its members are finished", now)
    for epic in stories.open_epics(snapshot.db):
        members = stories.members(snapshot.db, epic.id)
        if epic.stage.name is StageName.BACKLOG and members and all(member.is_terminal for member in members):
            yield plan_move(Verb.CLOSE_STORY, epic, close, close.reason)


def _plan_recovery(snapshot: Snapshot) -> Iterator[ReleaseHold | MoveStory]:
    """Yield releases of obsolete queue holds, which need git to check them, then the events after merge failures."""
    for hold in snapshot.queue_holds:
        if snapshot.is_obsolete(hold):
            yield ReleaseHold(Verb.RELEASE_HOLD, hold.story or None, hold.kind.value, kind=hold.kind)
    for story in stories.in_stages(snapshot.db, {StageName.MERGE_FAILURE}):
        if snapshot.live_run(story.id) is None:
            decision = snapshot.decision(story)
            if isinstance(decision, ApplyEvent):
                yield plan_decision(story, decision)


def _recover(context: Context, step: ReleaseHold | MoveStory) -> str:
    match step:
        case MoveStory():
            return move_story(context, step)
        case ReleaseHold(kind=kind, story=story):
            with context.store.exclusive() as db:
                queue_holds.release_story(
                    db, story or queue_holds.QUEUE, kind=kind, actor=context.actor, now=context.now()
                )
            return ""


def _plan_blocks(snapshot: Snapshot) -> Iterator[MoveStory]:
    """Yield a block for each story with too many failures. The journal counts them, so a restart keeps the count.

    Conflicts do not count: mergemaster_attempts limits them.
    """
    counts = journal.merge_failures(snapshot.db, least=snapshot.config.project.merge.block_after_failures)
    for number, failures in counts.items():
        reason = f"merging failed {failures} times since the story was last started"
        yield plan_move(Verb.BLOCK_STORY, stories.load(snapshot.db, number), Block(reason), reason)


ARCHIVE_DONE = Pass("archive-done", _plan_archive, one_by_one(move_story))
MERGE_RECOVERY = Pass("merge-recovery", _plan_recovery, one_by_one(_recover))
MERGE_BLOCK = Pass("merge-block", _plan_blocks, one_by_one(move_story))
