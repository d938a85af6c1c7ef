"""Who waits for whom: dependencies, the members an epic waits for, and the story that replaces another."""

from huskies_core.errors import HuskiesError
from huskies_core.pipeline.stages import Superseded, reason_of
from huskies_core.scheduler.dependencies import UnmetDependency, unmet_dependencies
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryType


def refuse_unmet(db: Connection, story: Story) -> None:
    """Raises HuskiesError `unmet_dependency`, naming each and where it stands."""
    unmet = unmet_dependencies(db, story)
    if unmet:
        raise HuskiesError(
            f"story {story.id} waits for {', '.join(map(_describe, unmet))}",
            hint="Use --force to start it all the same.",
            code="unmet_dependency",
            subject=str(story.id),
        )


def refuse_cycle(db: Connection, story: int) -> None:
    """Raises HuskiesError `dependency_cycle` when `story`, as it is written now, waits for itself."""
    way = find_cycle(db, story)
    if way:
        raise HuskiesError(
            f"story {story} would wait for itself: {' → '.join(map(str, way))}",
            hint="Take one of these dependencies away. An epic waits for its members.",
            code="dependency_cycle",
            subject="depends_on",
        )


def find_cycle(db: Connection, start: int) -> tuple[int, ...]:
    """The ids from `start` back to it, each waiting for the next; empty when there is no way back."""
    came_from: dict[int, int] = {}
    ahead = [start]
    while ahead:
        here = ahead.pop()
        for there in _waits_for(db, here):
            if there == start:
                return _way(came_from, start, here)
            if there not in came_from:
                came_from[there] = here
                ahead.append(there)
    return ()


def _way(came_from: dict[int, int], start: int, last: int) -> tuple[int, ...]:
    way = [start]
    while last != start:
        way.append(last)
        last = came_from[last]
    return (start, *reversed(way))


def _waits_for(db: Connection, number: int) -> tuple[int, ...]:
    story = stories.load(db, number)
    heir = (story.stage.by,) if isinstance(story.stage, Superseded) else ()
    epic = story.draft.type is StoryType.EPIC
    members = tuple(member.id for member in stories.members(db, number)) if epic else ()
    return (*story.draft.depends_on, *members, *heir)


def _describe(unmet: UnmetDependency) -> str:
    heir = unmet.heir
    state = heir.stage.name.value
    if heir.id != unmet.story:
        state = f"superseded by {heir.id}: {state}"
    if unmet.is_hopeless:
        state = f"{state}: {reason_of(heir.stage)}"
    return f"{unmet.story} ({state})"
