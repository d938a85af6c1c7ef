"""Pauses as text."""

from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_core.store.pauses import Pause


def pause_starting(pause: Pause, _: Call) -> Result:
    why = f": {pause.reason}" if pause.reason else ""
    return Result(text=f"paused since {pause.since} by {pause.by}{why}", talk=("'huskies resume' ends it.",))


def resume_starting(ended: Pause | None, _: Call) -> Result:
    if ended is None:
        return Result(talk=("there was no pause",))
    return Result(text=f"resumed; it was paused since {ended.since}")
