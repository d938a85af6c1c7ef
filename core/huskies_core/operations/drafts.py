"""Checks of a story's fields. Each error has the field in `subject` and its own `code`."""

from collections.abc import Iterator
from dataclasses import replace

from huskies_core.errors import HuskiesError
from huskies_core.operations.dependencies import refuse_cycle
from huskies_core.sanitize import has_controls, is_text
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryDraft, StoryType

TITLE_LIMIT = 200
PRIORITY_LIMIT = 1_000_000


def tidy(draft: StoryDraft) -> StoryDraft:
    """Return the draft without repeated dependencies and labels. Raise as `check_words` does."""
    check_words(draft)
    dependencies, labels = dict.fromkeys(draft.depends_on), dict.fromkeys(draft.labels)
    return replace(draft, depends_on=tuple(dependencies), labels=tuple(labels))


def check_words(draft: StoryDraft) -> None:
    """Raise HuskiesError for values that are invalid in every project."""
    for field, text in _texts(draft):
        check_text(field, text)
    _check_title(draft.title)
    _check_criteria(draft)
    if draft.agent is not None:
        _check_line("agent", draft.agent)
    for label in draft.labels:
        _check_label(label)
    if abs(draft.priority) > PRIORITY_LIMIT:
        raise _error("priority", "invalid_priority", f"priority {draft.priority} is out of range")


def check_references(db: Connection, draft: StoryDraft) -> None:
    """Raise HuskiesError if the draft names a story that does not exist, or an epic that is not one."""
    stages = stories.stages_of(db, draft.depends_on)
    for number in draft.depends_on:
        if number not in stages:
            raise _error("depends_on", "unknown_dependency", f"there is no story {number} to depend on")
    if draft.epic is None:
        return
    epic = stories.find(db, draft.epic)
    if epic is None:
        raise _error("epic", "unknown_epic", f"there is no epic {draft.epic}")
    if epic.draft.type is not StoryType.EPIC:
        raise _error("epic", "not_an_epic", f"story {epic.id} is a {epic.draft.type.value}, not an epic")


def check_written(db: Connection, story: Story) -> None:
    """Raise HuskiesError if a story waits for itself as the running transaction has written it."""
    members = {member.id for member in stories.members(db, story.id)}
    if members and story.draft.type is not StoryType.EPIC:
        raise _error("type", "epic_with_members", f"story {story.id} has members, so it stays an epic")
    own = sorted(members.intersection(story.draft.depends_on))
    if own:
        fact = f"epic {story.id} cannot depend on its own member {own[0]}"
        raise _error("depends_on", "dependency_cycle", fact, "An epic waits for its members anyway.")
    refuse_cycle(db, story.id)


def check_text(field: str, text: str) -> None:
    """Raise HuskiesError `invalid_text` if `text` is not text in UTF-8."""
    if not is_text(text):
        raise _error(field, "invalid_text", f"the {field} is not text in UTF-8")


def _texts(draft: StoryDraft) -> Iterator[tuple[str, str]]:
    yield from (("title", draft.title), ("description", draft.description), ("agent", draft.agent or ""))
    yield from (("criteria", criterion.text) for criterion in draft.criteria)
    yield from (("labels", label) for label in draft.labels)


def _check_title(title: str) -> None:
    hint = f"A title is one line of at most {TITLE_LIMIT} characters without control characters."
    if not title.strip():
        raise _error("title", "invalid_title", "the title is empty", hint)
    if has_controls(title):
        raise _error("title", "invalid_title", "the title has a line break or a control character", hint)
    if len(title) > TITLE_LIMIT:
        raise _error("title", "invalid_title", f"the title has {len(title)} characters", hint)


def _check_criteria(draft: StoryDraft) -> None:
    if draft.type is StoryType.STORY and not draft.criteria:
        hint = "Give one with -c, or make it a bug, spike, refactor or task with --type."
        fact = "a story needs at least one acceptance criterion"
        raise _error("criteria", "missing_criterion", fact, hint)
    if not all(criterion.text.strip() for criterion in draft.criteria):
        raise _error("criteria", "invalid_criterion", "a criterion is empty")


def _check_label(label: str) -> None:
    _check_line("labels", label)
    if "," in label or label != label.strip():
        fact = f"the label {label!r} has a comma, or white space at an end"
        raise _error("labels", "invalid_label", fact)


def _check_line(field: str, text: str) -> None:
    if not text.strip() or has_controls(text):
        raise _error(field, f"invalid_{field.removesuffix('s')}", f"{text!r} is not one line of text")


def _error(field: str, code: str, fact: str, hint: str = "") -> HuskiesError:
    return HuskiesError(fact, hint=hint, code=code, subject=field)
