"""Events that a caller applies to a story, each for the visit in which it was decided."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.dependencies import refuse_cycle, refuse_unmet
from huskies_core.operations.drafts import check_text
from huskies_core.pipeline.events import Event, Reopen, Start, Supersede
from huskies_core.pipeline.stages import Backlog, StageName
from huskies_core.store import branches, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryType
from huskies_core.store.transitions import Transition, apply_event

Decide = Callable[[Connection, Story], Event]


@dataclass(frozen=True)
class Moved:
    """A story that an event moved. `event` is the applied event, which can be a block instead of the requested one.

    `open_criteria` has the numbers of the criteria that were open when a person approved.
    """

    story: int
    event: str
    before: StageName
    after: StageName
    open_criteria: tuple[int, ...] = ()


def start(context: Context, story: int, *, force: bool = False) -> Moved:
    """Start a story. Raise HuskiesError `epic`, and `unmet_dependency` unless `force`."""

    def decide(db: Connection, current: Story) -> Event:
        if isinstance(current.stage, Backlog):
            refuse_epic(current) if force else refuse_start(db, current)
        return Start()

    return apply_now(context, story, decide)


def reopen(context: Context, story: int) -> Moved:
    """Put a story back into the backlog, and rescue and remove what is left of its branch.

    After a crash in between, the pass worktrees removes it.
    """
    moved = apply_now(context, story, lambda _db, _story: Reopen())
    with context.store.reading() as db:
        current, is_live = stories.load(db, story), runs.live_of_story(db, story) is not None
        has_branch = branches.base_commit(db, story) is not None
    if has_branch and not is_live and current.returned_by == Reopen.name:
        from huskies_core.runs.story_worktrees import unmake_worktree

        unmake_worktree(context, current, context.now())
    return moved


def supersede(context: Context, story: int, by: int) -> Moved:
    """Replace a story by another. Raise HuskiesError `dependency_cycle` if `by` waits for the story."""
    now = context.now()
    with context.store.exclusive() as db:
        current = stories.load(db, story)
        stories.load(db, by)
        moved = apply_event(
            db, story, Supersede(StoryId(by)), visit=current.visit, actor=context.actor, now=now
        )
        refuse_cycle(db, story)
    return settle(context, moved)


def apply_now(context: Context, story: int, decide: Decide) -> Moved:
    """Decide on an event and apply it in one transaction."""
    now = context.now()
    with context.store.exclusive() as db:
        current = stories.load(db, story)
        moved = apply_event(db, story, decide(db, current), visit=current.visit, actor=context.actor, now=now)
    return settle(context, moved)


def apply_decided(
    context: Context,
    story: Story,
    event: Event,
    also: Callable[[Connection, datetime], None] = lambda _db, _now: None,
) -> Moved:
    """Apply an event that was decided for `story` as it was read, and do `also` in the same transaction.

    Raise Stale if the story has moved since.
    """
    now = context.now()
    with context.store.exclusive() as db:
        moved = apply_event(db, story.id, event, visit=story.visit, actor=context.actor, now=now)
        also(db, now)
    return settle(context, moved)


def settle(context: Context, moved: Transition) -> Moved:
    """End the run of the visit that was left. After a crash before, a pass finds that run."""
    if moved.left_run is not None:
        from huskies_core.runs.stop import end_left_run

        end_left_run(context, moved.left_run)
    return Moved(moved.story, moved.event, moved.before.name, moved.after.name)


def load_story(context: Context, story: int) -> Story:
    """Return a story. Raise HuskiesError `not_found`."""
    with context.store.reading() as db:
        return stories.load(db, story)


def refuse_start(db: Connection, story: Story) -> None:
    """Raise HuskiesError `epic` or `unmet_dependency` if the story cannot start."""
    refuse_epic(story)
    refuse_unmet(db, story)


def refuse_epic(story: Story) -> None:
    """Raise HuskiesError `epic` for an epic."""
    if story.draft.type is StoryType.EPIC:
        fact = f"story {story.id} is an epic: agents work on its members, not on the epic"
        raise HuskiesError(fact, hint="Start its members.", code="epic", subject=str(story.id))


def require_text(field: str, text: str) -> str:
    """Return the text. Raise HuskiesError if it is empty, or is no text in UTF-8."""
    if not text.strip():
        hint = f"Give it with --{field}."
        raise HuskiesError(f"the {field} is empty", hint=hint, code=f"missing_{field}", subject=field)
    check_text(field, text)
    return text
