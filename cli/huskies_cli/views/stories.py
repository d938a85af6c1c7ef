"""New, changed and moved stories, and pauses, as text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from huskies_cli.advice import agent_advice, tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result

if TYPE_CHECKING:
    from huskies_core.operations.moves import MoveResult
    from huskies_core.operations.stories import Updated
    from huskies_core.store.pauses import Pause
    from huskies_core.store.stories import Story


def create_story(story: "Story", call: Call) -> Result:
    starts = tick_advice(call.context) if call.values["start"] else ()
    return Result(text=str(story.id), messages=(*agent_advice(call.context, story.draft.agent), *starts))


def update_story(updated: "Updated", call: Call) -> Result:
    text = f"{updated.story.id}: {'updated' if updated.changed else 'nothing to change'}"
    return Result(text=text, messages=agent_advice(call.context, call.values["agent"]))


def show(results: "Sequence[MoveResult]", _: Call) -> Result:
    return Result(text="\n".join(map(_line, results)))


def start_story(results: "Sequence[MoveResult]", call: Call) -> Result:
    return Result(text="\n".join(map(_line, results)), messages=tick_advice(call.context))


approve_story = start_story


def pause_starting(pause: "Pause", _: Call) -> Result:
    why = f": {pause.reason}" if pause.reason else ""
    return Result(
        text=f"paused since {pause.since} by {pause.by}{why}", messages=("'huskies resume' ends it.",)
    )


def resume_starting(ended: "Pause | None", _: Call) -> Result:
    if ended is None:
        return Result(messages=("there was no pause",))
    return Result(text=f"resumed; it was paused since {ended.since}")


def _line(result: "MoveResult") -> str:
    from huskies_core.operations.moves import Released
    from huskies_core.operations.story_events import Moved, Reported

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
