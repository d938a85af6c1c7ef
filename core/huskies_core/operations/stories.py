"""Adding stories and changing what is said of them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.operations.authorization import own_run
from huskies_core.operations.drafts import check_references, check_written, tidy
from huskies_core.operations.moves import refuse_start
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Backlog
from huskies_core.qa_mode import QaMode
from huskies_core.runs.authorization import refuse_inside_run
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Criterion, Draft, Story, StoryType
from huskies_core.store.transitions import apply_event


class Clearable(StrEnum):
    """The fields that can be emptied."""

    DEPENDS_ON = "depends_on"
    EPIC = "epic"
    AGENT = "agent"
    QA = "qa"
    LABELS = "labels"


@dataclass(frozen=True)
class Change:
    """Fields to set; None leaves one as it is. Criteria are counted from 1, those added here included."""

    title: str | None = None
    type: StoryType | None = None
    description: str | None = None
    depends_on: tuple[int, ...] | None = None
    epic: int | None = None
    agent: str | None = None
    qa: QaMode | None = None
    priority: int | None = None
    labels: tuple[str, ...] | None = None
    add_criteria: tuple[str, ...] = ()
    check: tuple[int, ...] = ()
    uncheck: tuple[int, ...] = ()
    clear: tuple[Clearable, ...] = ()


@dataclass(frozen=True)
class Updated:
    """A story after a change; `changed` is false when it said so already."""

    story: Story
    changed: bool


def create(context: Context, draft: Draft, *, start: bool = False) -> Story:
    """Adds a story to the backlog; with `start` it goes on to coding at once, or nothing is added."""
    refuse_inside_run(context)
    wanted, now = tidy(draft), context.now()
    with context.store.exclusive() as db:
        check_references(db, wanted)
        added = stories.add(db, wanted, Backlog(), actor=context.actor, now=now)
        check_written(db, added)
        if start:
            refuse_start(db, added)
            apply_event(db, added.id, Start(), visit=added.visit, actor=context.actor, now=now)
        return stories.load(db, added.id)


def update(context: Context, story: int, change: Change) -> Updated:
    """Sets single fields. From inside a run only of its own story, and neither `qa` nor `type`."""
    with context.store.exclusive() as db:
        if own_run(context, db, story) is not None:
            _refuse_rules(change)
        before = stories.load(db, story)
        return _write(context, db, before, applied(before.draft, change))


def replace_draft(context: Context, story: int, draft: Draft, *, expected: Draft) -> Updated:
    """Sets all that a person says of a story, as an editor does.

    Raises HuskiesError `edited_meanwhile` when the story does not say `expected` any more.
    """
    refuse_inside_run(context)
    with context.store.exclusive() as db:
        before = stories.load(db, story)
        if before.draft != expected:
            fact = f"story {story} was changed by somebody else meanwhile"
            raise HuskiesError(fact, hint="Edit it again.", code="edited_meanwhile", subject=str(story))
        return _write(context, db, before, draft)


def applied(draft: Draft, change: Change) -> Draft:
    """`draft` after `change`. Raises HuskiesError `unknown_criterion`."""
    names = ("title", "type", "description", "depends_on", "epic", "agent", "qa", "priority", "labels")
    wanted = {name: getattr(change, name) for name in names if getattr(change, name) is not None}
    emptied = {field.value: _EMPTY[field] for field in change.clear}
    criteria = (*draft.criteria, *(Criterion(text) for text in change.add_criteria))
    criteria = _marked(criteria, change.check, checked=True)
    criteria = _marked(criteria, change.uncheck, checked=False)
    return replace(draft, **{**wanted, **emptied, "criteria": criteria})


_EMPTY: dict[Clearable, object] = {
    Clearable.DEPENDS_ON: (),
    Clearable.EPIC: None,
    Clearable.AGENT: None,
    Clearable.QA: None,
    Clearable.LABELS: (),
}


def _write(context: Context, db: Connection, before: Story, draft: Draft) -> Updated:
    wanted = tidy(draft)
    check_references(db, wanted)
    _refuse_epic_under_way(before, wanted)
    changed = stories.edit(db, before.id, wanted, actor=context.actor, now=context.now())
    after = stories.load(db, before.id)
    check_written(db, after)
    return Updated(after, changed)


def _refuse_epic_under_way(before: Story, wanted: Draft) -> None:
    """An epic is never worked on, so what is worked on never becomes one."""
    turned = wanted.type is StoryType.EPIC and before.draft.type is not StoryType.EPIC
    if turned and not isinstance(before.stage, Backlog):
        place = before.stage.name.value
        fact = f"story {before.id} is in {place}: only a story in backlog can become an epic"
        raise HuskiesError(fact, code="invalid_type", subject="type")


def _refuse_rules(change: Change) -> None:
    """What decides how a run's work is judged is not for the run to change."""
    if change.qa is not None or change.type is not None or Clearable.QA in change.clear:
        fact = "an agent cannot change the type or the QA mode of its own story"
        raise HuskiesError(fact, code="inside_a_run", subject="qa" if change.type is None else "type")


def _marked(
    criteria: tuple[Criterion, ...], numbers: Collection[int], *, checked: bool
) -> tuple[Criterion, ...]:
    for number in numbers:
        if not 1 <= number <= len(criteria):
            fact = f"there is no criterion {number}: the story has {len(criteria)}"
            hint = "They are counted from 1."
            raise HuskiesError(fact, hint=hint, code="unknown_criterion", subject="criteria")
    return tuple(
        replace(criterion, checked=checked) if number in numbers else criterion
        for number, criterion in enumerate(criteria, start=1)
    )
