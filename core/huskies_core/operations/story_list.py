"""The list of stories, and the page of one story."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Struct

from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.git.worktrees import branch_of, is_made
from huskies_core.humanize import did_you_mean
from huskies_core.ids import StoryId
from huskies_core.operations.common_arguments import StoryArgument
from huskies_core.operations.history import Selection, entries
from huskies_core.operations.operation import STORIES, Command, operation
from huskies_core.operations.record_json import criteria_json, entry_json, run_json, story_json
from huskies_core.pipeline.events import MergeSucceeded, Reopen
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.store import branches, content, runs, stories, usage
from huskies_core.store.journal import JournalEntry
from huskies_core.store.runs import Run
from huskies_core.store.stories import Story, StoryType


class Page(Struct, frozen=True):
    """A story with everything that belongs to it. `spent_usd` is the cost of all its runs; `content` are keys.

    `members` are those of an epic; `merge_commit` is the commit that a done story was merged as.
    """

    story: Story
    members: tuple[Story, ...]
    merge_commit: str | None
    history: tuple[JournalEntry, ...]
    runs: tuple[Run, ...]
    spent_usd: float
    worktree: Path | None
    branch: str | None
    content: tuple[str, ...]


def page_json(page: Page) -> dict[str, object]:
    return {
        **story_json(page.story),
        "description": page.story.draft.description,
        "criteria": criteria_json(page.story.draft),
        "members": [member.id for member in page.members],
        "merge_commit": page.merge_commit,
        "created_at": page.story.created_at,
        "updated_at": page.story.updated_at,
        "history": [entry_json(entry) for entry in page.history],
        "runs": [run_json(run) for run in page.runs],
        "usage": {
            "runs": len(page.runs),
            "turns": sum(run.turns for run in page.runs),
            "tool_turns": sum(run.tool_turns for run in page.runs),
            "cost_usd": page.spent_usd,
            "denied": sum(sum(run.evidence.denied.values()) for run in page.runs),
        },
        "worktree": None if page.worktree is None else str(page.worktree),
        "branch": page.branch,
        "content": list(page.content),
    }


@operation("show_story", Command("show", STORIES), json=page_json)
def show_story(context: Context, story: StoryArgument) -> Page:
    """Show a story with everything that belongs to it.

    The output contains the fields and criteria of the story, the members of an epic, its history and runs, its worktree
    and branch, the commit that landed it, and the keys of the content that a run left for the next run.
    """
    project = context.project
    with context.store.reading() as db:
        current, history = stories.load(db, story), tuple(entries(db, Selection(story)))
        return Page(
            story=current,
            members=stories.members(db, story),
            merge_commit=_merge_commit(current, history),
            history=history,
            runs=runs.of_story(db, story),
            spent_usd=usage.spent_on_story(db, story),
            worktree=project.worktree(story) if is_made(project, current.id) else None,
            branch=branch_of(current.id) if branches.base_commit(db, story) is not None else None,
            content=tuple(content.of_story(db, story)),
        )


@operation(
    "list_stories", Command("list", STORIES), json=lambda items: {"stories": list(map(story_json, items))}
)
def list_stories(
    context: Context,
    stages: Annotated[
        tuple[StageName, ...], Argument("Only stories in this stage.", flags=("--stage",), metavar="STAGE")
    ] = (),
    kind: Annotated[
        StoryType | None, Argument("Only stories of this type.", name="type", metavar="TYPE")
    ] = None,
    label: Annotated[
        str | None, Argument("Only stories with this label.", metavar="LABEL", completion="labels")
    ] = None,
    *,
    finished: Annotated[
        bool, Argument("Include done, archived, abandoned and superseded ones.", flags=("--all",))
    ] = False,
) -> tuple[Story, ...]:
    """List stories by id.

    Terminal stories (done, archived, abandoned and superseded) are omitted unless you request them or name their stage.
    """
    names = frozenset(stages) or frozenset(StageName) - (frozenset() if finished else TERMINAL)
    with context.store.reading() as db:
        candidates = stories.in_stages(db, names)
    return tuple(
        story
        for story in candidates
        if kind in (None, story.draft.type) and (label is None or label in story.draft.labels)
    )


def stories_with_live_runs(context: Context) -> frozenset[StoryId]:
    with context.store.reading() as db:
        return frozenset(run.story for run in runs.live(db))


def label_advice(context: Context, label: str) -> str:
    """Return advice for a list by a label that no story has; "" if a story has it."""
    with context.store.reading() as db:
        labels = {name for story in stories.in_stages(db, set(StageName)) for name in story.draft.labels}
    if label in labels:
        return ""
    return f"No story has the label {label}. {did_you_mean(label, sorted(labels))}".rstrip()


def _merge_commit(story: Story, history: Sequence[JournalEntry]) -> str | None:
    """Return the merge commit. The record of an archived story does not have it any more; its journal does."""
    if story.stage.name not in (StageName.DONE, StageName.ARCHIVED):
        return None
    entered = [entry for entry in history if entry.event in (MergeSucceeded.name, Reopen.name)]
    return entered[-1].detail.get("merge_commit") if entered else None
