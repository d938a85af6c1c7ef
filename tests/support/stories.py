"""Stories added to a store and moved to the stage that a test needs."""

from datetime import UTC, datetime

from msgspec.structs import replace

from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Event
from huskies_core.pipeline.stages import Backlog, Stage
from huskies_core.store import stories, transitions
from huskies_core.store.connection import Store
from huskies_core.store.stories import Criterion, Story, StoryDraft
from huskies_core.store.transitions import Transition

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DRAFT = StoryDraft("A story", criteria=(Criterion("it works"),))


def add_story(
    store: Store, title: str = "A story", *, draft: StoryDraft = DRAFT, now: datetime = NOW
) -> Story:
    """Add a story in backlog."""
    with store.exclusive() as db:
        return stories.add(db, replace(draft, title=title), Backlog(), actor="user:test", now=now)


def import_story(store: Store, stage: Stage, *, number: StoryId | None = None, now: datetime = NOW) -> Story:
    """Import a story in `stage`."""
    with store.exclusive() as db:
        return stories.add(db, DRAFT, stage, actor="user:test", now=now, number=number, event="imported")


def apply_to_story(store: Store, story: int, event: Event, *, now: datetime = NOW) -> Transition:
    """Apply `event` to the story's present visit."""
    with store.exclusive() as db:
        visit = stories.load(db, StoryId(story)).visit
        return transitions.apply_event(db, StoryId(story), event, visit=visit, actor="user:test", now=now)


def apply_events(store: Store, *events: Event, now: datetime = NOW) -> None:
    """Apply the events to story 1, one after the other."""
    for event in events:
        apply_to_story(store, 1, event, now=now)


def load_story(store: Store, story: int) -> Story:
    with store.reading() as db:
        return stories.load(db, StoryId(story))
