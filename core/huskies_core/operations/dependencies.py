"""Who waits for whom: dependencies, the members an epic waits for, and the story that replaces another."""

from dataclasses import dataclass

from huskies_core.errors import HuskiesError
from huskies_core.pipeline.stages import Abandoned, Archived, Done, Superseded, reason_of
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story, StoryType


@dataclass(frozen=True)
class Unmet:
    """A dependency that is not met; `end` is where it stands, or the story that replaced it."""

    story: int
    end: Story

    @property
    def is_hopeless(self) -> bool:
        """Whether only a reopening can meet it."""
        return isinstance(self.end.stage, Abandoned)


def unmet(db: Connection, story: Story) -> tuple[Unmet, ...]:
    """What `story` still waits for."""
    ends = ((number, stories.heir_of(db, number)) for number in story.draft.depends_on)
    return tuple(Unmet(number, end) for number, end in ends if not isinstance(end.stage, Done | Archived))


def refuse_unmet(db: Connection, story: Story) -> None:
    """Raises HuskiesError `unmet_dependency`, naming each and where it stands."""
    waits = unmet(db, story)
    if waits:
        raise HuskiesError(
            f"story {story.id} waits for {', '.join(map(_told, waits))}",
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


def _told(wait: Unmet) -> str:
    place = wait.end.stage.name.value
    if wait.end.id != wait.story:
        place = f"replaced by {wait.end.id}: {place}"
    if wait.is_hopeless:
        place = f"{place}, so it never will be met: {reason_of(wait.end.stage)}"
    return f"{wait.story} ({place})"
