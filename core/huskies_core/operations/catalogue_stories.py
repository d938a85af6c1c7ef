"""The tools for stories: adding them, saying more of them, and looking at them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from huskies_core.context import Context
from huskies_core.operations import explain, history, stories, story_list
from huskies_core.operations.arguments import argument
from huskies_core.operations.documents import Document, criteria_document, entry_document, story_document
from huskies_core.operations.drafts import check_words
from huskies_core.operations.history import Selection
from huskies_core.operations.page_documents import explanation_document, page_document
from huskies_core.operations.registry import Tool
from huskies_core.operations.stories import Change, Clearable
from huskies_core.pipeline.stages import StageName
from huskies_core.qa_mode import QaMode
from huskies_core.store.stories import Criterion, Draft, StoryType

AGENT = "An agent's name, or a word of its model; without one, whoever is free."
QA = "Who judges the work: the gates alone (server), an agent, or a person (human); default: default_qa."
DEPENDS_ON = "The ids of the stories that have to be done first"
MOST_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """The arguments of what takes none."""


@dataclass(frozen=True, kw_only=True)
class OfStory:
    id: int = argument("The story's id.", least=1)


@dataclass(frozen=True, kw_only=True)
class CreateStory:
    """Words that no story may have are refused when this is made."""

    title: str = argument("One line, at most 200 characters.")
    criteria: tuple[str, ...] = argument(
        "When it is done, one text each; a story of type story needs one.", default=()
    )
    type: StoryType = argument("What kind of work it is.", default=StoryType.STORY)
    description: str = argument("What is wanted, in Markdown.", default="")
    depends_on: tuple[int, ...] = argument(f"{DEPENDS_ON}.", default=(), least=1)
    agent: str | None = argument(AGENT, default=None)
    qa: QaMode | None = argument(QA, default=None)
    priority: int = argument("Higher comes first.", default=0)
    labels: tuple[str, ...] = argument("Labels.", default=())
    epic: int | None = argument("The id of the epic it belongs to.", default=None, least=1)
    start: bool = argument("Start it at once.", default=False)

    def __post_init__(self) -> None:
        check_words(self.draft)

    @property
    def draft(self) -> Draft:
        said = {name: value for name, value in _said(self) if name not in ("start", "criteria")}
        return Draft(**said, criteria=tuple(map(Criterion, self.criteria)))


@dataclass(frozen=True, kw_only=True)
class UpdateStory(OfStory):
    title: str | None = argument("One line, at most 200 characters.", default=None)
    type: StoryType | None = argument("What kind of work it is.", default=None)
    description: str | None = argument("What is wanted, in Markdown.", default=None)
    depends_on: tuple[int, ...] | None = argument(
        f"{DEPENDS_ON}; replaces all there were.", default=None, least=1
    )
    agent: str | None = argument(AGENT, default=None)
    qa: QaMode | None = argument(QA, default=None)
    priority: int | None = argument("Higher comes first.", default=None)
    labels: tuple[str, ...] | None = argument("Labels; replaces all there were.", default=None)
    epic: int | None = argument("The id of the epic it belongs to.", default=None, least=1)
    add_criteria: tuple[str, ...] = argument("More criteria.", default=())
    check: tuple[int, ...] = argument("The numbers, from 1, of criteria that are met.", default=(), least=1)
    uncheck: tuple[int, ...] = argument("The numbers of criteria that are open.", default=(), least=1)
    clear: tuple[Clearable, ...] = argument("Fields to empty.", default=())


@dataclass(frozen=True, kw_only=True)
class CheckCriterion(OfStory):
    number: int = argument("The number of the criterion, counted from 1.", least=1)
    checked: bool = argument("Whether it is met.", default=True)


@dataclass(frozen=True, kw_only=True)
class ListStories:
    stages: tuple[StageName, ...] = argument("Only stories in these stages.", default=())
    type: StoryType | None = argument("Only stories of this type.", default=None)
    label: str | None = argument("Only stories with this label.", default=None)
    finished: bool = argument("Done, archived, abandoned and superseded ones too.", default=False)


@dataclass(frozen=True, kw_only=True)
class History:
    id: int | None = argument("Only of the story of that id.", default=None, least=1)
    after: int = argument("Only rows behind this position (the seq of a row).", default=0, least=0)
    all: bool = argument("Every row: edits, runs, worktrees too, not transitions alone.", default=False)
    latest: int = argument("Only the latest so many; 0 is all.", default=MOST_ROWS, least=0)


def _create(context: Context, wanted: CreateStory) -> Document:
    added = stories.create(context, wanted.draft, start=wanted.start)
    return {"id": added.id, "stage": added.stage.name}


def _update(context: Context, wanted: UpdateStory) -> Document:
    change = Change(**{name: value for name, value in _said(wanted) if name != "id"})
    done = stories.update(context, wanted.id, change)
    return {**story_document(done.story), "changed": done.changed}


def _check(context: Context, wanted: CheckCriterion) -> Document:
    numbers = (wanted.number,)
    change = Change(check=numbers) if wanted.checked else Change(uncheck=numbers)
    done = stories.update(context, wanted.id, change)
    return {"id": wanted.id, "criteria": criteria_document(done.story.draft), "changed": done.changed}


def _show(context: Context, wanted: OfStory) -> Document:
    return page_document(story_list.show(context, wanted.id))


def _list(context: Context, wanted: ListStories) -> Document:
    found = story_list.list_stories(
        context, stages=wanted.stages, kind=wanted.type, label=wanted.label, finished=wanted.finished
    )
    return {"stories": [story_document(story) for story in found]}


def _explain(context: Context, wanted: OfStory) -> Document:
    return explanation_document(explain.explain(context, wanted.id))


def _history(context: Context, wanted: History) -> Document:
    rows = history.read(context, Selection(wanted.id, wanted.after, wanted.all))
    return {"transitions": [entry_document(entry) for entry in rows[-wanted.latest :]]}


def _said(record: CreateStory | UpdateStory) -> Iterable[tuple[str, Any]]:
    return ((item.name, getattr(record, item.name)) for item in fields(record))


TOOLS = (
    Tool(
        "create_story",
        "Add a story. It waits in the backlog to be started, or, when it depends on stories, until those are done.",
        CreateStory,
        _create,
        writes=True,
    ),
    Tool(
        "update_story",
        "Change fields of a story. What is not named stays as it is. From inside a run only of its own story.",
        UpdateStory,
        _update,
        writes=True,
    ),
    Tool(
        "check_criterion",
        "Mark an acceptance criterion of a story as met, or as open again.",
        CheckCriterion,
        _check,
        writes=True,
    ),
    Tool(
        "show_story",
        "Show a story: its fields and criteria, what happened to it, its runs, its worktree and branch.",
        OfStory,
        _show,
        writes=False,
    ),
    Tool(
        "list_stories",
        "List stories by id: those that are not finished, unless other stages are asked for.",
        ListStories,
        _list,
        writes=False,
    ),
    Tool(
        "explain",
        "Say why a story stands where it stands: every rule that holds it back, and what will move it next.",
        OfStory,
        _explain,
        writes=False,
    ),
    Tool(
        "history",
        "Show what happened, oldest first: which story, from which stage to which, by what event, who, and why.",
        History,
        _history,
        writes=False,
    ),
)
