"""The table of moves: the events that a person applies to stories, each a command and a tool."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from huskies_core.argument import Argument, parse_story_id
from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.operations.common_arguments import story_parameter
from huskies_core.operations.merges import Released, RetryTo, mark_merged, retry
from huskies_core.operations.operation import MOVES, Command, Operation, Parameter, described
from huskies_core.operations.reviews import Reported, approve, reject, resolve
from huskies_core.operations.story_events import Moved, apply_now, reopen, require_text, start, supersede
from huskies_core.pipeline.events import Abandon, Block, Close, Demote, Event, Freeze, Unblock, Unfreeze
from huskies_core.store.runs import RunKind

MoveResult = Moved | Reported | Released
Act = Callable[..., MoveResult]

_FAILED = "stories/merge_failure,merge_failure_final"
_FORCE = described("force", Annotated[bool, Argument("Start it despite unmet dependencies.")], default=False)
_REASON = described("reason", Annotated[str, Argument("The reason, for the history.", metavar="TEXT")])
_NOTES = described(
    "notes", Annotated[str, Argument("The notes for the next prompt of a coder.", metavar="TEXT")]
)
_TO = described(
    "to",
    Annotated[RetryTo, Argument("The stage to continue in: merge, qa or coding.", metavar="STAGE")],
    RetryTo.MERGE,
)
_BY = described(
    "by",
    Annotated[
        int,
        Argument(
            "The story that replaces it.", least=1, metavar="ID", parse=parse_story_id, completion="stories"
        ),
    ],
)
_COMMIT = described(
    "commit",
    Annotated[str, Argument("The commit on the base branch: any name that git accepts.", metavar="SHA")],
)


def move_json(result: MoveResult) -> Mapping[str, Any]:
    match result:
        case Moved():
            moved = {
                "id": result.story,
                "event": result.event,
                "before": result.before,
                "after": result.after,
            }
            return {**moved, "open_criteria": list(result.open_criteria)} if result.open_criteria else moved
        case Reported():
            return {"id": result.story, "run": result.run, "verdict": result.verdict}
        case Released():
            return {"id": result.story, "released": list(result.holds)}


def _event(make: Callable[..., Event]) -> Act:
    """Return a move that applies the event which `make` returns for the move's own arguments."""

    def act(context: Context, story: int, **values: str) -> Moved:
        event = make(**{name: require_text(name, value) for name, value in values.items()})
        return apply_now(context, story, lambda _db, _story: event)

    return act


def _close(context: Context, story: int, reason: str) -> Moved:
    event = Close(require_text("reason", reason), to_iso(context.now()))
    return apply_now(context, story, lambda _db, _story: event)


def _move(
    name: str,
    act: Act,
    text: str,
    *arguments: Parameter,
    completion: str = "stories",
    runs: tuple[RunKind, ...] = (),
    tool: str = "",
    metavar: str = "ID...",
    long: bool = False,
) -> Operation[..., MoveResult]:
    """Return a row of the table: its name, what it does, its help and its arguments beside the story's id."""

    def check(**values: Any) -> None:
        for field in {"reason", "notes"} & values.keys():
            require_text(field, values[field])

    def move(context: Context, story: int, **values: Any) -> MoveResult:
        return act(context, story, **values)

    move.__doc__ = text
    command = Command(name, MOVES, each="stories")
    parameters = (story_parameter(completion, metavar), *arguments)
    return Operation(move, tool or f"{name}_story", command, move_json, long, runs, check, parameters)


start_story = _move(
    "start",
    start,
    "Start a story.\n\nIt moves from the backlog to coding. An epic never starts, and a story with unmet dependencies"
    " starts only with force.",
    _FORCE,
    completion="stories/backlog",
)
approve_story = _move(
    "approve",
    approve,
    "Approve a story in QA or in review.\n\nIt enters the merge queue; a spike without commits is closed. From inside a"
    " QA run this is its verdict, which takes effect when the run has ended; it is refused while a criterion is not"
    " checked. A person may leave criteria unchecked.",
    completion="stories/qa,review_hold",
    runs=(RunKind.QA,),
)
reject_story = _move(
    "reject",
    reject,
    "Send a story back to coding, with notes.\n\nThe story is in QA or in review; the notes go into the next prompt of"
    " a coder. It counts as a retry: one more than max_retries blocks the story. From inside a QA run this is its"
    " verdict, which takes effect when the run has ended.",
    _NOTES,
    completion="stories/qa,review_hold",
    runs=(RunKind.QA,),
)
block_story = _move(
    "block",
    _event(Block),
    "Block a story, with a reason.\n\nNo pass moves it until it is unblocked. A live run ends; its work stays.",
    _REASON,
)
unblock_story = _move(
    "unblock",
    _event(Unblock),
    "Continue a blocked story.\n\nIt returns to the stage in which it was; its retries count from 0 again.",
    completion="stories/blocked",
)
freeze_story = _move("freeze", _event(Freeze), "Pause a story.\n\nA live run ends; its work stays.")
unfreeze_story = _move(
    "unfreeze",
    _event(Unfreeze),
    "Continue a paused story.\n\nIt returns to the stage in which it was; its retries count from 0 again.",
    completion="stories/frozen",
)
demote_story = _move(
    "demote",
    _event(Demote),
    "Put a story back into the backlog.\n\nIt waits there to be started. Worktree and branch stay.",
)
retry_story = _move(
    "retry",
    retry,
    "Retry a story after a merge failure.\n\nA story in the merge queue that has a queue hold, or that waits for a"
    " broken base, is tried again at once.",
    _TO,
    completion=_FAILED,
)
resolve_story = _move(
    "resolve",
    resolve,
    "Report that a story's merge conflict is resolved.\n\nThe base branch must be merged into the story's branch,"
    " without conflict markers, and committed. From inside a mergemaster's run this is its verdict, which takes effect"
    " when the run has ended.",
    completion=_FAILED,
    runs=(RunKind.MERGEMASTER,),
)
mark_merged_story = _move(
    "merged",
    mark_merged,
    "Report that a story was merged by hand.\n\nThe commit must be on the base branch.",
    _COMMIT,
    completion="stories/merge,merge_failure,merge_failure_final",
    tool="mark_merged",
    metavar="ID",
)
close_story = _move(
    "close",
    _close,
    "Close a story without a merge.\n\nIt is archived. Work that was not merged is rescued: see 'huskies rescue"
    " list'.",
    _REASON,
)
abandon_story = _move(
    "abandon",
    _event(Abandon),
    "Abandon a story.\n\nDependencies on it are never met. Work that was not merged is rescued: see 'huskies rescue"
    " list'.",
    _REASON,
)
supersede_story = _move(
    "supersede",
    supersede,
    "Replace a story by another one.\n\nStories that depend on it wait for the other one instead.",
    _BY,
)
reopen_story = _move(
    "reopen",
    reopen,
    "Put a finished story back into the backlog.\n\nIt waits there to be started, and begins on a new branch.",
    completion="finished",
    long=True,
)
