"""Decisions about a story (apply an event, start a run or wait), and the facts on which the policy bases them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from huskies_core.config.records import ProjectConfig
from huskies_core.pipeline.events import Event
from huskies_core.qa_mode import QaMode
from huskies_core.runs.rules import Rule
from huskies_core.store.runs import Run, RunKind
from huskies_core.store.stories import Story


class ApplyEvent(Struct, frozen=True):
    """Apply `event`, and store `content` with it for the next run of the story."""

    event: Event
    content: tuple[tuple[str, str], ...] = ()


class StartRun(Struct, frozen=True):
    """Start a run. `note` explains to the agent why it runs again."""

    kind: RunKind
    note: str = ""


class Wait(Struct, frozen=True):
    """Do nothing before `until`, or, if that is None, before a person acts."""

    rule: Rule
    detail: str
    until: datetime | None = None


Decision = ApplyEvent | StartRun | Wait


class Policy(Struct, frozen=True):
    """Settings of the project. `passed` returns whether a tree has passed the current gates before."""

    settings: ProjectConfig
    has_gates: bool
    passed: Callable[[str], bool]


class Case(Struct, frozen=True):
    """A story and its ended runs, oldest first, without cancelled runs and runs of kind other.

    `runs` are all of them, `history` those since the story's counts were reset, and `visit_runs` those of the current
    visit.
    """

    story: Story
    runs: Sequence[Run]
    history: Sequence[Run]
    visit_runs: Sequence[Run]
    policy: Policy
    now: datetime

    @property
    def last(self) -> Run | None:
        return self.visit_runs[-1] if self.visit_runs else None

    @property
    def qa_mode(self) -> QaMode:
        return self.story.draft.qa or self.policy.settings.default_qa
