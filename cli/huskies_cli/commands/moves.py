"""The commands that move stories: one event each, each story by itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from huskies_cli.options import Notes, Reason, StoryId, StoryIds, story_id
from huskies_cli.output import ErrorItem, Result
from huskies_cli.session import session_of
from huskies_cli.tick_advice import tick_advice
from huskies_core.context import Context, open_context
from huskies_core.errors import HuskiesError
from huskies_core.operations import merges, moves, reviews
from huskies_core.operations.merges import Released, RetryTo
from huskies_core.operations.move_result import Told, told_document
from huskies_core.operations.moves import Moved
from huskies_core.operations.reviews import Reported

Force = Annotated[bool, typer.Option("--force", help="Also when dependencies are not met.")]
By = Annotated[
    int,
    typer.Option(
        "--by", parser=story_id, metavar="ID", help="The story that replaces it.", show_default=False
    ),
]
To = Annotated[RetryTo, typer.Option("--to", metavar="STAGE", help="Where it goes on: merge, qa or coding.")]
Commit = Annotated[
    str, typer.Option("--commit", metavar="SHA", help="The commit on the base branch.", show_default=False)
]


def start(ctx: typer.Context, stories: StoryIds, force: Force = False) -> Result:
    """Start stories.

    Moves them from the backlog to coding. An epic is never started; a story whose dependencies are not met only with
    --force.
    """
    return _each(ctx, stories, partial(moves.start, force=force), advise=tick_advice)


def approve(ctx: typer.Context, stories: StoryIds) -> Result:
    """Approve stories that QA or a person looks at.

    They go into the merge queue. A spike without commits is closed. From inside a QA run this is its verdict, acted on
    when the run has ended; it is refused while a criterion is not checked. A person is only told which are not.
    """
    return _each(ctx, stories, reviews.approve, advise=tick_advice)


def reject(ctx: typer.Context, stories: StoryIds, notes: Notes) -> Result:
    """Send stories back with notes.

    The notes are in the next coder's prompt. It counts as a retry: one too many blocks the story. From inside a QA run
    this is its verdict, acted on when the run has ended.
    """
    return _each(ctx, stories, partial(reviews.reject, notes=notes))


def block(ctx: typer.Context, stories: StoryIds, reason: Reason) -> Result:
    """Block stories, with a reason.

    Nothing happens to them before they are unblocked; a run that is under way is ended, its work kept.
    """
    return _each(ctx, stories, partial(moves.block, reason=reason))


def unblock(ctx: typer.Context, stories: StoryIds) -> Result:
    """Let blocked stories go on.

    They return to the stage they were in, and their retries are counted anew.
    """
    return _each(ctx, stories, moves.unblock)


def freeze(ctx: typer.Context, stories: StoryIds) -> Result:
    """Pause stories.

    A run that is under way is ended, its work kept.
    """
    return _each(ctx, stories, moves.freeze)


def unfreeze(ctx: typer.Context, stories: StoryIds) -> Result:
    """Let paused stories go on.

    They return to the stage they were in, and their retries are counted anew.
    """
    return _each(ctx, stories, moves.unfreeze)


def demote(ctx: typer.Context, stories: StoryIds) -> Result:
    """Put stories back into the backlog.

    Worktree and branch stay. Such a story waits for 'huskies start'.
    """
    return _each(ctx, stories, moves.demote)


def retry(ctx: typer.Context, stories: StoryIds, to: To = RetryTo.MERGE) -> Result:
    """Try stories again after a merge failure.

    A story in the merge queue that is held, or that waits for a broken base, is tried again at once.
    """
    return _each(ctx, stories, partial(merges.retry, to=to))


def resolve(ctx: typer.Context, stories: StoryIds) -> Result:
    """Say that a story's merge conflict is resolved.

    The base branch has to be merged into the story's branch, without conflict markers, and committed. From inside a
    mergemaster's run this is its verdict, acted on when the run has ended.
    """
    return _each(ctx, stories, reviews.resolve)


def merged(ctx: typer.Context, story: StoryId, commit: Commit) -> Result:
    """Say that a story was merged by hand.

    The commit has to be on the base branch.
    """
    return _each(ctx, [story], partial(merges.merged, commit=commit))


def close(ctx: typer.Context, stories: StoryIds, reason: Reason) -> Result:
    """Close stories without a merge.

    They are archived. Work that was not merged is rescued: see 'huskies rescue list'.
    """
    return _each(ctx, stories, partial(moves.close, reason=reason))


def abandon(ctx: typer.Context, stories: StoryIds, reason: Reason) -> Result:
    """Give stories up.

    What depends on them is never met. Work that was not merged is rescued: see 'huskies rescue list'.
    """
    return _each(ctx, stories, partial(moves.abandon, reason=reason))


def supersede(ctx: typer.Context, stories: StoryIds, by: By) -> Result:
    """Replace stories by another one.

    What depends on them waits for that one.
    """
    return _each(ctx, stories, partial(moves.supersede, by=by))


def reopen(ctx: typer.Context, stories: StoryIds) -> Result:
    """Put finished stories back into the backlog.

    Such a story waits for 'huskies start' and begins on a new branch.
    """
    return _each(ctx, stories, moves.reopen)


def _each(
    ctx: typer.Context,
    ids: Sequence[int],
    act: Callable[[Context, int], Told],
    advise: Callable[[Context], tuple[str, ...]] = lambda _: (),
) -> Result:
    """Acts on each story; one that fails stops no other. A single one fails as the command does."""
    told: list[Told] = []
    errors: list[ErrorItem] = []
    with open_context(session_of(ctx).start) as context:
        talk = advise(context)
        for story in dict.fromkeys(ids):
            try:
                told.append(act(context, story))
            except HuskiesError as error:
                if len(ids) == 1:
                    raise
                errors.append(ErrorItem.of(error))
    result = Result.of_items(
        {"stories": [told_document(item) for item in told]}, _text(told), errors, done=len(told)
    )
    return replace(result, talk=talk if told else ())


def _text(told: Sequence[Told]) -> str:
    return "\n".join(map(_line, told))


def _line(told: Told) -> str:
    match told:
        case Moved():
            return f"{told.story}: {told.before} → {told.after}{_left_open(told.open_criteria)}"
        case Reported():
            return f"{told.story}: {told.verdict}, once run {told.run} has ended"
        case Released():
            return f"{told.story}: {', '.join(told.holds)} no longer holds the merge"


def _left_open(criteria: Sequence[int]) -> str:
    if not criteria:
        return ""
    return (
        f" ({'criterion' if len(criteria) == 1 else 'criteria'} {', '.join(map(str, criteria))} not checked)"
    )
