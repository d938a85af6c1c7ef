"""The tools for the project as a whole: the board, the merge queue, worktrees and rescued work."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.operations import board, costs, merge_status, pause, runs, worktree_list
from huskies_core.operations.arguments import argument
from huskies_core.operations.board_documents import board_document
from huskies_core.operations.catalogue_stories import Nothing, OfStory
from huskies_core.operations.costs import By
from huskies_core.operations.documents import Document, error_document, rescue_document, worktree_document
from huskies_core.operations.page_documents import merging_document
from huskies_core.operations.registry import Tool


@dataclass(frozen=True, kw_only=True)
class MergeStatus:
    id: int | None = argument("Only of the story of that id, wherever it stands.", default=None, least=1)


@dataclass(frozen=True, kw_only=True)
class RestoreRescue(OfStory):
    time: str | None = argument("Which one, as list_rescues says; without it the newest.", default=None)
    branch: str | None = argument("The branch to make; without it rescued/story-ID.", default=None)


@dataclass(frozen=True, kw_only=True)
class CostsOf:
    by: By = argument("What the rows are about.", default=By.STORY)
    since: str = argument("Only from then on: 7d, 2026-12-01.", default="")


@dataclass(frozen=True, kw_only=True)
class PauseStarting:
    reason: str = argument("Why; the board shows it.", default="")


def _costs(context: Context, wanted: CostsOf) -> Document:
    return costs.cost_document(costs.read_costs(context, wanted.by, wanted.since))


def _pipeline_status(context: Context, _: Nothing) -> Document:
    found = board.read_board(context)
    errors = (*runs.troubles(found.runs), *([found.trouble] if found.trouble else []))
    return {**board_document(found), "errors": [error_document(error) for error in errors]}


def _merge_status(context: Context, wanted: MergeStatus) -> Document:
    found = merge_status.read_merges(context, wanted.id)
    return {"stories": [merging_document(one) for one in found]}


def _list_worktrees(context: Context, _: Nothing) -> Document:
    return {"worktrees": [worktree_document(item) for item in worktree_list.list_worktrees(context)]}


def _list_rescues(context: Context, _: Nothing) -> Document:
    return {"rescues": [rescue_document(item) for item in worktree_list.rescues(context)]}


def _restore_rescue(context: Context, wanted: RestoreRescue) -> Document:
    found, branch = worktree_list.restore(context, wanted.id, time=wanted.time, branch=wanted.branch)
    return {**rescue_document(found), "branch": branch}


def _pause_starting(context: Context, wanted: PauseStarting) -> Document:
    return {"pause": pause.pause_document(pause.pause_starting(context, wanted.reason))}


def _resume_starting(context: Context, _: Nothing) -> Document:
    return {"pause": None, "ended": pause.pause_document(pause.resume_starting(context))}


TOOLS = (
    Tool(
        "pipeline_status",
        "Show the board: the open stories by stage with what each waits for, the live runs, what needs a person, and"
        " the limits that are reached.",
        Nothing,
        _pipeline_status,
        writes=False,
    ),
    Tool(
        "merge_status",
        "Show the merge queue in its order, and the stories whose merge failed: what holds each and what comes next.",
        MergeStatus,
        _merge_status,
        writes=False,
    ),
    Tool(
        "costs",
        "Show what the work has cost: tokens and US dollars by story, agent, model or day, and in all.",
        CostsOf,
        _costs,
        writes=False,
    ),
    Tool(
        "pause_starting",
        "Start no more agents: those at work go on, and so do gates and merges, until resume_starting.",
        PauseStarting,
        _pause_starting,
        writes=True,
    ),
    Tool(
        "resume_starting", "Start agents again after pause_starting.", Nothing, _resume_starting, writes=True
    ),
    Tool(
        "list_worktrees",
        "List the worktrees: story, stage, branch and path.",
        Nothing,
        _list_worktrees,
        writes=False,
    ),
    Tool(
        "list_rescues",
        "List the work that was rescued when a worktree or a branch went, the newest first.",
        Nothing,
        _list_rescues,
        writes=False,
    ),
    Tool(
        "restore_rescue",
        "Bring rescued work of a story back as a branch. Nothing is checked out, and the rescue stays.",
        RestoreRescue,
        _restore_rescue,
        writes=True,
    ),
)
