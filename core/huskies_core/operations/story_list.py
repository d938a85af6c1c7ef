"""Looking at stories: many in a line each, or one with all that belongs to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from huskies_core.context import Context
from huskies_core.git.worktrees import branch_of, is_made
from huskies_core.operations.history import transitions
from huskies_core.pipeline.events import MergeSucceeded, Reopen
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.store import branches, content, runs, stories, usage
from huskies_core.store.journal import Entry
from huskies_core.store.runs import Run
from huskies_core.store.stories import Story, StoryType
from huskies_core.suggest import nearest


@dataclass(frozen=True)
class Page:
    """A story and all that belongs to it. `spent_usd` is the cost of all its runs; `content` are keys.

    `members` are those of an epic, `merge_commit` what brought a story that is done onto the base.
    """

    story: Story
    members: tuple[Story, ...]
    merge_commit: str | None
    history: tuple[Entry, ...]
    runs: tuple[Run, ...]
    spent_usd: float
    worktree: Path | None
    branch: str | None
    content: tuple[str, ...]


def list_stories(
    context: Context,
    *,
    stages: Collection[StageName] = (),
    kind: StoryType | None = None,
    label: str | None = None,
    finished: bool = False,
) -> tuple[Story, ...]:
    """By id: those in `stages`, or all that are not terminal, or with `finished` those too."""
    wanted = frozenset(stages) or frozenset(StageName) - (frozenset() if finished else TERMINAL)
    with context.store.reading() as db:
        found = stories.in_stages(db, wanted)
    return tuple(
        story
        for story in found
        if kind in (None, story.draft.type) and (label is None or label in story.draft.labels)
    )


def at_work(context: Context) -> frozenset[int]:
    """The stories with a live run, by the records."""
    with context.store.reading() as db:
        return frozenset(run.story for run in runs.live(db))


def label_advice(context: Context, label: str) -> str:
    """What to say when no story was found by that label: "" where there are some that are not shown."""
    with context.store.reading() as db:
        known = {one for story in stories.in_stages(db, set(StageName)) for one in story.draft.labels}
    if label in known:
        return ""
    meant = nearest(label, sorted(known))
    return f"No story has the label {label}.{f' Did you mean {meant}?' if meant else ''}"


def show(context: Context, story: int) -> Page:
    """All that is known of a story. Raises HuskiesError `not_found`."""
    project = context.project
    with context.store.reading() as db:
        found, history = stories.load(db, story), tuple(transitions(db, story=story))
        return Page(
            story=found,
            members=stories.members(db, story),
            merge_commit=_merge_commit(found, history),
            history=history,
            runs=runs.of_story(db, story),
            spent_usd=usage.spent_on_story(db, story),
            worktree=project.worktree(story) if is_made(project, story) else None,
            branch=branch_of(story) if branches.base_commit(db, story) is not None else None,
            content=tuple(content.of_story(db, story)),
        )


def _merge_commit(story: Story, history: Sequence[Entry]) -> str | None:
    """An archived story has forgotten it: its journal has not."""
    if story.stage.name not in (StageName.DONE, StageName.ARCHIVED):
        return None
    entered = [entry for entry in history if entry.event in (MergeSucceeded.name, Reopen.name)]
    return entered[-1].detail.get("merge_commit") if entered else None
