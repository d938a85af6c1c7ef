"""Dependencies between stories, the members of epics, and stories that replace others."""

from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import Superseded, reason_of
from huskies_core.scheduler.dependencies import UnmetDependency, unmet_dependencies
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryType


def refuse_unmet(db: Connection, story: Story) -> None:
    """Raise HuskiesError `unmet_dependency`, which names each with its stage."""
    unmet = unmet_dependencies(db, story)
    if unmet:
        raise HuskiesError(
            f"story {story.id} waits for {', '.join(map(_describe, unmet))}",
            hint="Use --force to start it anyway.",
            code="unmet_dependency",
            subject=str(story.id),
        )


def refuse_cycle(db: Connection, story: StoryId) -> None:
    """Raise HuskiesError `dependency_cycle` if `story` waits for itself as it is now written."""
    path = find_cycle(db, story)
    if path:
        raise HuskiesError(
            f"story {story} would wait for itself: {' → '.join(map(str, path))}",
            hint="Remove one of these dependencies. An epic waits for its members.",
            code="dependency_cycle",
            subject="depends_on",
        )


def find_cycle(db: Connection, start: StoryId) -> tuple[StoryId, ...]:
    """Return the ids from `start` back to it, each waiting for the next; empty if there is no cycle."""
    came_from: dict[StoryId, StoryId] = {}
    ahead = [start]
    while ahead:
        here = ahead.pop()
        for there in _waits_for(db, here):
            if there == start:
                return _path(came_from, start, here)
            if there not in came_from:
                came_from[there] = here
                ahead.append(there)
    return ()


def _path(came_from: dict[StoryId, StoryId], start: StoryId, last: StoryId) -> tuple[StoryId, ...]:
    path = [start]
    while last != start:
        path.append(last)
        last = came_from[last]
    return (start, *reversed(path))


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
