"""The unmet dependencies of a story."""

from dataclasses import dataclass

from huskies_core.ids import StoryId
from huskies_core.pipeline.stages import Abandoned, Archived, Done, Stage
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.stories import Story


@dataclass(frozen=True)
class UnmetDependency:
    """A dependency that is not done. `heir` is the last story that supersedes it, or the dependency itself."""

    story: StoryId
    heir: Story

    @property
    def is_hopeless(self) -> bool:
        """Return whether a person must reopen or drop the dependency before it can be met."""
        return isinstance(self.heir.stage, Abandoned)


def unmet_dependencies(db: Connection, story: Story) -> tuple[UnmetDependency, ...]:
    stages = stories.stages_of(db, story.draft.depends_on)
    heirs = ((number, stories.heir_of(db, number)) for number, stage in stages.items() if not _is_done(stage))
    return tuple(UnmetDependency(StoryId(number), heir) for number, heir in heirs if not _is_done(heir.stage))


def _is_done(stage: Stage) -> bool:
    return isinstance(stage, Done | Archived)
