"""New stories and changes to their fields. The arguments follow from the fields of a draft."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, get_type_hints

from msgspec import Struct
from msgspec.structs import fields, replace

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import HuskiesError, StoryError
from huskies_core.ids import StoryId
from huskies_core.operations.authorization import own_run, refuse_inside_run
from huskies_core.operations.common_arguments import StoryArgument, story_parameter
from huskies_core.operations.drafts import check_references, check_words, check_written, tidy
from huskies_core.operations.operation import (
    ANY_RUN,
    REQUIRED,
    STORIES,
    Command,
    Parameter,
    described,
    operation,
)
from huskies_core.operations.record_json import criteria_json, story_json
from huskies_core.operations.story_events import refuse_start
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Backlog
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Criterion, Story, StoryDraft, StoryType
from huskies_core.store.transitions import apply_event

_DEFAULTS = {item.name: item.default for item in fields(StoryDraft)}
CLEARABLE = tuple(name for name, default in _DEFAULTS.items() if default in (None, ()) and name != "criteria")
"""The fields that `update` can clear."""


class Updated(Struct, frozen=True):
    """A story after an update; `changed` is False if it had these fields before."""

    story: Story
    changed: bool


def updated_json(updated: Updated) -> dict[str, object]:
    return {**story_json(updated.story), "changed": updated.changed}


def _draft_fields() -> Iterator[Parameter]:
    """Yield the fields of a draft; a criterion is given as its text."""
    hints = get_type_hints(StoryDraft, include_extras=True)
    for name, default in _DEFAULTS.items():
        field = described(name, hints[name], REQUIRED if name == "title" else default)
        yield replace(field, type=tuple[str, ...]) if name == "criteria" else field


def _changed_fields() -> Iterator[Parameter]:
    """Yield the fields that an update sets; None keeps the value."""
    for item in _draft_fields():
        if item.name != "criteria":
            text = f"{item.about.help} Replaces the list." if item.is_repeated else item.about.help
            about = replace(item.about, help=text, positional=False)
            yield replace(item, type=item.type | None, default=None, about=about)


def _draft(values: Mapping[str, Any]) -> StoryDraft:
    """Return the draft that the arguments of `create_story` describe."""
    own = {name: value for name, value in values.items() if name != "start"}
    return StoryDraft(**{**own, "criteria": tuple(map(Criterion, values.get("criteria", ())))})


@operation(
    "create_story",
    Command("add", STORIES, note="Put -- before a title that begins with a dash."),
    json=lambda story: {"id": story.id, "stage": story.stage.name},
    writes=True,
    check=lambda **values: check_words(_draft(values)),
    arguments=tuple(_draft_fields()),
)
def create_story(
    context: Context,
    /,
    *,
    start: Annotated[bool, Argument("Start the story at once.")] = False,
    **values: Any,
) -> Story:
    """Add a story.

    The story waits in the backlog until you start it or, if it has dependencies, until all of them are done. A story of
    type story requires a criterion.
    """
    return create(context, _draft(values), start=start)


@operation(
    "update_story",
    Command("update", STORIES),
    json=updated_json,
    writes=True,
    runs=ANY_RUN,
    arguments=(story_parameter("stories", "ID"), *_changed_fields()),
)
def update_story(
    context: Context,
    /,
    story: StoryId,
    *,
    add_criteria: Annotated[
        tuple[str, ...], Argument("An additional criterion.", flags=("--add-criterion", "-c"), metavar="TEXT")
    ] = (),
    check: Annotated[
        tuple[int, ...], Argument("The number, from 1, of a criterion that is met.", least=1, metavar="N")
    ] = (),
    uncheck: Annotated[
        tuple[int, ...], Argument("The number of a criterion that is open.", least=1, metavar="N")
    ] = (),
    clear: Annotated[tuple[str, ...], Argument("A field to clear.", words=CLEARABLE, metavar="FIELD")] = (),
    **values: Any,
) -> Updated:
    """Change fields of a story.

    Fields that you do not name are kept. From inside a run, an agent can change its own story, for example to check off
    criteria, but not the type and the QA mode.
    """
    changes = {name: value for name, value in values.items() if value is not None}
    with context.store.exclusive() as db:
        if own_run(context, db, story) is not None:
            _refuse_rules({*changes, *clear})
        before = stories.load(db, story)
        criteria = _marked((*before.draft.criteria, *map(Criterion, add_criteria)), check, uncheck)
        cleared = {name: _DEFAULTS[name] for name in clear}
        draft = replace(before.draft, **{**changes, **cleared, "criteria": criteria})
        return _write(context, db, before, draft)


@operation(
    "check_criterion",
    json=lambda updated: {
        "id": updated.story.id,
        "criteria": criteria_json(updated.story.draft),
        "changed": updated.changed,
    },
    writes=True,
    runs=ANY_RUN,
)
def check_criterion(
    context: Context,
    story: StoryArgument,
    number: Annotated[int, Argument("The number of the criterion, counted from 1.", least=1)],
    *,
    checked: Annotated[bool, Argument("True if the criterion is met.")] = True,
) -> Updated:
    """Mark an acceptance criterion of a story as met, or as open again."""
    if checked:
        return update_story(context, story, check=(number,))
    return update_story(context, story, uncheck=(number,))


def create(context: Context, draft: StoryDraft, *, start: bool = False) -> Story:
    """Add a story to the backlog. With `start`, start it in the same transaction, or add nothing."""
    refuse_inside_run(context)
    draft, now = tidy(draft), context.now()
    with context.store.exclusive() as db:
        check_references(db, draft)
        added = stories.add(db, draft, Backlog(), actor=context.actor, now=now)
        check_written(db, added)
        if start:
            refuse_start(db, added)
            apply_event(db, added.id, Start(), visit=added.visit, actor=context.actor, now=now)
        return stories.load(db, added.id)


def replace_draft(context: Context, story: StoryId, draft: StoryDraft, *, expected: StoryDraft) -> Updated:
    """Set all fields of a story, as an editor does.

    Raise HuskiesError `edited_meanwhile` if the fields are not `expected` any more.
    """
    refuse_inside_run(context)
    with context.store.exclusive() as db:
        before = stories.load(db, story)
        if before.draft != expected:
            fact = "was changed while you edited it"
            raise StoryError(story, fact, hint="Edit it again.", code="edited_meanwhile")
        return _write(context, db, before, draft)


def _write(context: Context, db: Connection, before: Story, draft: StoryDraft) -> Updated:
    draft = tidy(draft)
    check_references(db, draft)
    becomes_epic = draft.type is StoryType.EPIC and before.draft.type is not StoryType.EPIC
    if becomes_epic and not isinstance(before.stage, Backlog):
        # Agents never work on epics.
        stage = before.stage.name.value
        fact = f"story {before.id} is in {stage}: only a story in backlog can become an epic"
        raise HuskiesError(fact, code="invalid_type", subject="type")
    changed = stories.edit(db, before.id, draft, actor=context.actor, now=context.now())
    after = stories.load(db, before.id)
    check_written(db, after)
    return Updated(after, changed)


def _refuse_rules(names: Collection[str]) -> None:
    """Raise HuskiesError if a run changes the rules by which its own work is judged."""
    if "qa" in names or "type" in names:
        fact = "an agent cannot change the type or the QA mode of its own story"
        raise HuskiesError(fact, code="inside_a_run", subject="type" if "type" in names else "qa")


def _marked(
    criteria: tuple[Criterion, ...], check: Collection[int], uncheck: Collection[int]
) -> tuple[Criterion, ...]:
    for number in (*check, *uncheck):
        if not 1 <= number <= len(criteria):
            fact = f"there is no criterion {number}: the story has {len(criteria)}"
            hint = "They are counted from 1."
            raise HuskiesError(fact, hint=hint, code="unknown_criterion", subject="criteria")
    return tuple(
        replace(item, checked=(item.checked or number in check) and number not in uncheck)
        for number, item in enumerate(criteria, start=1)
    )
