"""Checks of a story's fields, and of its dependencies on other stories.

An error about a field has the field in `subject` and its own `code`.
"""

from msgspec.structs import replace

from huskies_core.errors import HuskiesError, StoryError
from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import Superseded, reason_of
from huskies_core.sanitize import has_controls, is_text
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryDraft, StoryType, UnmetDependency

TITLE_LIMIT = 200
PRIORITY_LIMIT = 1_000_000


def tidy(draft: StoryDraft) -> StoryDraft:
    """Return the draft without repeated dependencies and labels. Raise as `check_words` does."""
    check_words(draft)
    dependencies, labels = dict.fromkeys(draft.depends_on), dict.fromkeys(draft.labels)
    return replace(draft, depends_on=tuple(dependencies), labels=tuple(labels))


def check_words(draft: StoryDraft) -> None:
    """Raise HuskiesError for values that are invalid in every project."""
    texts = [("title", draft.title), ("description", draft.description), ("agent", draft.agent or "")]
    texts += [("criteria", criterion.text) for criterion in draft.criteria]
    texts += [("labels", label) for label in draft.labels]
    for field, text in texts:
        check_text(field, text)
    _check_title(draft.title)
    _check_criteria(draft)
    if draft.agent is not None:
        _check_line("agent", draft.agent)
    for label in draft.labels:
        _check_line("labels", label)
        if "," in label or label != label.strip():
            fact = f"the label {label!r} has a comma, or white space at an end"
            raise _error("labels", "invalid_label", fact)
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
        raise _error(field, "invalid_text", f"the {field} {verb_of(field)} not text in UTF-8")


def verb_of(field: str) -> str:
    return "are" if field in ("criteria", "labels", "notes") else "is"


def refuse_unmet(db: Connection, story: Story) -> None:
    """Raise HuskiesError `unmet_dependency`, which names each unmet dependency with its stage."""
    unmet = stories.unmet_dependencies(db, story)
    if unmet:
        fact = f"waits for {', '.join(map(_describe, unmet))}"
        raise StoryError(story.id, fact, hint="Use --force to start it anyway.", code="unmet_dependency")


def refuse_cycle(db: Connection, story: StoryId) -> None:
    """Raise HuskiesError `dependency_cycle` if `story` waits for itself as it is now written."""
    path = _find_cycle(db, story)
    if path:
        fact = f"story {story} would wait for itself: {' → '.join(map(str, path))}"
        hint = "Remove one of these dependencies. An epic waits for its members."
        raise _error("depends_on", "dependency_cycle", fact, hint)


def _find_cycle(db: Connection, start: StoryId) -> tuple[StoryId, ...]:
    """Return the ids from `start` back to it, each waiting for the next; empty if there is no cycle."""
    paths: list[tuple[StoryId, ...]] = [(start,)]
    visited: set[StoryId] = set()
    while paths:
        path = paths.pop()
        for number in _waits_for(db, path[-1]):
            if number == start:
                return (*path, start)
            if number not in visited:
                visited.add(number)
                paths.append((*path, number))
    return ()


def _waits_for(db: Connection, number: StoryId) -> tuple[StoryId, ...]:
    story = stories.load(db, number)
    heir = (story.stage.by,) if isinstance(story.stage, Superseded) else ()
    is_epic = story.draft.type is StoryType.EPIC
    members = tuple(member.id for member in stories.members(db, number)) if is_epic else ()
    return (*story.draft.depends_on, *members, *heir)


def _describe(unmet: UnmetDependency) -> str:
    heir = unmet.heir
    state = heir.stage.name.value
    if heir.id != unmet.story:
        state = f"superseded by {heir.id}: {state}"
    if unmet.is_hopeless:
        state = f"{state}: {reason_of(heir.stage)}"
    return f"{unmet.story} ({state})"


def _check_title(title: str) -> None:
    if not title.strip():
        problem = "is empty"
    elif has_controls(title):
        problem = "has a line break or a control character"
    elif len(title) > TITLE_LIMIT:
        problem = f"has {len(title)} characters"
    else:
        return
    hint = f"A title is one line of at most {TITLE_LIMIT} characters without control characters."
    raise _error("title", "invalid_title", f"the title {problem}", hint)


def _check_criteria(draft: StoryDraft) -> None:
    if draft.type is StoryType.STORY and not draft.criteria:
        hint = "Give one with -c, or make it a bug, spike, refactor or task with --type."
        fact = "a story needs at least one acceptance criterion"
        raise _error("criteria", "missing_criterion", fact, hint)
    if not all(criterion.text.strip() for criterion in draft.criteria):
        raise _error("criteria", "invalid_criterion", "a criterion is empty")


def _check_line(field: str, text: str) -> None:
    if not text.strip() or has_controls(text):
        raise _error(field, f"invalid_{field.removesuffix('s')}", f"{text!r} is not one line of text")


def _error(field: str, code: str, fact: str, hint: str = "") -> HuskiesError:
    return HuskiesError(fact, hint=hint, code=code, subject=field)
