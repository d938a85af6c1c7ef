"""Moves of stories as text."""

from collections.abc import Sequence

from huskies_cli.advice import tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.operations.moves import MoveResult, Released
from huskies_core.operations.story_events import Moved, Reported


def show(results: Sequence[MoveResult], _: Call) -> Result:
    return Result(text="\n".join(map(_line, results)))


def start_story(results: Sequence[MoveResult], call: Call) -> Result:
    return Result(text="\n".join(map(_line, results)), talk=tick_advice(call.context))


approve_story = start_story


def _line(result: MoveResult) -> str:
    match result:
        case Moved():
            return f"{result.story}: {result.before} → {result.after}{_open_criteria(result.open_criteria)}"
        case Reported():
            return f"{result.story}: {result.verdict}, takes effect when run {result.run} has ended"
        case Released():
            return f"{result.story}: {', '.join(result.holds)} no longer holds the merge"


def _open_criteria(numbers: Sequence[int]) -> str:
    if not numbers:
        return ""
    return f" ({'criterion' if len(numbers) == 1 else 'criteria'} {', '.join(map(str, numbers))} not checked)"
