"""The events that a person fires, each for the visit that was seen when it was decided."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.dependencies import refuse_cycle, refuse_unmet
from huskies_core.operations.drafts import check_text
from huskies_core.pipeline.events import (
    Abandon,
    Block,
    Close,
    Demote,
    Event,
    Freeze,
    Reopen,
    Start,
    Supersede,
    Unblock,
    Unfreeze,
)
from huskies_core.pipeline.stages import Backlog, StageName
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store import branches, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryType
from huskies_core.store.transitions import Transition, apply_event

Decide = Callable[[Connection, Story], Event]


@dataclass(frozen=True)
class Moved:
    """A story that an event has moved. `event` is what was fired: it may be the block in its place.

    `open_criteria` are those that a person let pass with an approval.
    """

    story: int
    event: str
    before: StageName
    after: StageName
    open_criteria: tuple[int, ...] = ()


def start(context: Context, story: int, *, force: bool = False) -> Moved:
    """Raises HuskiesError `unmet_dependency` unless `force`, and `epic` for what is never worked on."""

    def decide(db: Connection, seen: Story) -> Event:
        if isinstance(seen.stage, Backlog):
            _refuse_epic(seen) if force else refuse_start(db, seen)
        return Start()

    return fire_now(context, story, decide)


def block(context: Context, story: int, *, reason: str) -> Moved:
    return _fire_plain(context, story, Block(said("reason", reason)))


def unblock(context: Context, story: int) -> Moved:
    return _fire_plain(context, story, Unblock())


def freeze(context: Context, story: int) -> Moved:
    return _fire_plain(context, story, Freeze())


def unfreeze(context: Context, story: int) -> Moved:
    return _fire_plain(context, story, Unfreeze())


def demote(context: Context, story: int) -> Moved:
    return _fire_plain(context, story, Demote())


def close(context: Context, story: int, *, reason: str) -> Moved:
    return _fire_plain(context, story, Close(said("reason", reason), to_iso(context.now())))


def abandon(context: Context, story: int, *, reason: str) -> Moved:
    return _fire_plain(context, story, Abandon(said("reason", reason)))


def reopen(context: Context, story: int) -> Moved:
    """Back into the backlog, to begin anew: what is left of its branch is rescued and goes. If we die before, the
    worktrees pass does that."""
    moved = _fire_plain(context, story, Reopen())
    with context.store.reading() as db:
        seen, is_worked_in = stories.load(db, story), runs.live_of_story(db, story) is not None
        has_branch = branches.base_commit(db, story) is not None
    if has_branch and not is_worked_in and seen.returned_by == Reopen.name:
        from huskies_core.runs.story_worktrees import unmake_worktree

        unmake_worktree(context, seen, context.now())
    return moved


def supersede(context: Context, story: int, *, by: int) -> Moved:
    """Raises HuskiesError `dependency_cycle` when `by` itself waits for the story, in the end."""
    refuse_inside_run(context)
    now = context.now()
    with context.store.exclusive() as db:
        seen = stories.load(db, story)
        stories.load(db, by)
        fired = apply_event(db, story, Supersede(StoryId(by)), visit=seen.visit, actor=context.actor, now=now)
        refuse_cycle(db, story)
    return settled(context, fired)


def fire_now(context: Context, story: int, decide: Decide) -> Moved:
    """Decides and fires in one transaction: for what needs nothing but the store."""
    refuse_inside_run(context)
    now = context.now()
    with context.store.exclusive() as db:
        seen = stories.load(db, story)
        fired = apply_event(db, story, decide(db, seen), visit=seen.visit, actor=context.actor, now=now)
    return settled(context, fired)


def fire_seen(
    context: Context,
    seen: Story,
    event: Event,
    also: Callable[[Connection, datetime], None] = lambda _db, _now: None,
) -> Moved:
    """Fires what was decided on `seen`, and does `also` in that transaction. Raises Stale if it moved on."""
    now = context.now()
    with context.store.exclusive() as db:
        fired = apply_event(db, seen.id, event, visit=seen.visit, actor=context.actor, now=now)
        also(db, now)
    return settled(context, fired)


def settled(context: Context, fired: Transition) -> Moved:
    """Ends the run of the visit that was left. If we die before, a pass finds the run that was left."""
    if fired.left_run is not None:
        from huskies_core.runs.stop import end_left_run

        end_left_run(context, fired.left_run)
    return Moved(fired.story, fired.event, fired.before.name, fired.after.name)


def seen_story(context: Context, story: int) -> Story:
    with context.store.reading() as db:
        return stories.load(db, story)


def refuse_start(db: Connection, story: Story) -> None:
    _refuse_epic(story)
    refuse_unmet(db, story)


def said(field: str, text: str) -> str:
    """`text` that a person gave as a reason. Raises HuskiesError when it says nothing or is no text."""
    if not text.strip():
        hint = f"Say it with --{field}."
        raise HuskiesError(f"the {field} is empty", hint=hint, code=f"missing_{field}", subject=field)
    check_text(field, text)
    return text


def _refuse_epic(story: Story) -> None:
    if story.draft.type is StoryType.EPIC:
        fact = f"story {story.id} is an epic: its members are worked on, not itself"
        raise HuskiesError(fact, hint="Start its members.", code="epic", subject=str(story.id))


def _fire_plain(context: Context, story: int, event: Event) -> Moved:
    return fire_now(context, story, lambda _db, _seen: event)
