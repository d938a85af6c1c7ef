"""Apply an event to a story, or record the verdict of the agent that works on it."""

from collections.abc import Callable

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, StoryError
from huskies_core.ids import RunId, StoryId, Visit
from huskies_core.operations.authorization import own_run
from huskies_core.operations.drafts import check_text, refuse_unmet, verb_of
from huskies_core.pipeline.events import Event, Start
from huskies_core.pipeline.stages import Backlog, StageName
from huskies_core.store import journal, runs, stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import RunKind, Verdict
from huskies_core.store.stories import Story, StoryType
from huskies_core.store.transitions import apply_event


class Moved(Struct, frozen=True):
    """A story that an event moved. `event` is the applied event, which can be a block instead of the requested one.

    `open_criteria` has the numbers of the criteria that were open when a person approved.
    """

    story: StoryId
    event: str
    before: StageName
    after: StageName
    open_criteria: tuple[int, ...] = ()


class Reported(Struct, frozen=True):
    """An agent's verdict, recorded with its run; it takes effect when the run has ended."""

    story: StoryId
    run: RunId
    verdict: Verdict


def move_story(
    context: Context,
    story: StoryId,
    event: Event,
    *,
    visit: Visit | None = None,
    check: Callable[[Connection, Story], object] | None = None,
    also: Callable[[Connection], object] | None = None,
) -> Moved:
    """Apply an event in one transaction, then end the run of the visit that was left.

    `check` is called before the event, `also` after it, both in the transaction. Raise Stale if the story has left
    `visit`, for which the event was decided. After a crash before the run's end, a pass finds that run.
    """
    now = context.now()
    with context.store.exclusive() as db:
        current = stories.load(db, story)
        if check is not None:
            check(db, current)
        decided_for = current.visit if visit is None else visit
        moved = apply_event(db, story, event, visit=decided_for, actor=context.actor, now=now)
        if also is not None:
            also(db)
    if moved.left_run is not None:
        from huskies_core.runs.end import end_left_run

        end_left_run(context, moved.left_run)
    return Moved(moved.story, moved.event, moved.before.name, moved.after.name)


def start(context: Context, story: StoryId, *, force: bool = False) -> Moved:
    """Start a story. Raise HuskiesError `epic`, and `unmet_dependency` unless `force`."""

    def check(db: Connection, current: Story) -> None:
        if isinstance(current.stage, Backlog):
            refuse_epic(current) if force else refuse_start(db, current)

    return move_story(context, story, Start(), check=check)


def report(context: Context, story: StoryId, kind: RunKind, verdict: Verdict, notes: str = "") -> Reported:
    """Record the verdict of the calling run. Raise HuskiesError `unchecked_criteria` if it approves open criteria."""
    with context.store.exclusive() as db:
        run = own_run(context, db, story, kind)
        assert run is not None
        if verdict is Verdict.APPROVED:
            _refuse_open_criteria(stories.load(db, story))
        runs.record_verdict(db, run.id, verdict, notes)
        detail = {"run": run.id, "verdict": verdict.value, "notes": notes}
        event, now = "verdict_given", context.now()
        journal.append(
            db, journal.JournalKind.RUN, event, actor=context.actor, now=now, story=story, detail=detail
        )
    return Reported(story, run.id, verdict)


def load_story(context: Context, story: StoryId) -> Story:
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
        fact = "is an epic: agents work on its members, not on the epic"
        raise StoryError(story.id, fact, hint="Start its members.", code="epic")


def require_text(field: str, text: str) -> str:
    """Return the text. Raise HuskiesError if it is empty, or is no text in UTF-8."""
    if not text.strip():
        hint = f"Give it with --{field}."
        raise HuskiesError(
            f"the {field} {verb_of(field)} empty", hint=hint, code=f"missing_{field}", subject=field
        )
    check_text(field, text)
    return text


def _refuse_open_criteria(story: Story) -> None:
    numbers = story.draft.open_criteria
    if numbers:
        checks = " ".join(f"--check {number}" for number in numbers)
        hint = f"'huskies update {story.id} {checks}' for met criteria, or reject it with --notes."
        fact = f"has criteria that are not checked: {', '.join(map(str, numbers))}"
        raise StoryError(story.id, fact, hint=hint, code="unchecked_criteria")
