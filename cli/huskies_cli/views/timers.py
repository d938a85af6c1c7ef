"""Timers as text."""

from collections.abc import Sequence

from huskies_cli import render
from huskies_cli.advice import tick_advice
from huskies_cli.command import Call
from huskies_cli.output import Result
from huskies_cli.views.actions import MOST, action_text, cancelled, omitted, state_text
from huskies_core.clock import to_iso
from huskies_core.operations.timers import next_times
from huskies_core.store.timers import Timer

COLUMNS = ("id", "label", "next", "mode", "action", "state")


def schedule_timer(timer: Timer, call: Call) -> Result:
    return Result(text=f"timer {timer.id}: {to_iso(timer.fire_at)}", talk=tick_advice(call.context))


def list_timers(timers: Sequence[Timer], call: Call) -> Result:
    return Result(text=lambda: _table(timers, finished=call.values["finished"]))


def cancel_timer(timers: Sequence[Timer], call: Call) -> Result:
    return cancelled("timer", timers, call)


def _table(timers: Sequence[Timer], *, finished: bool) -> str:
    """Return the timers that are due soonest."""
    soonest = sorted(timers, key=lambda timer: timer.fire_at)[:MOST]
    table = render.table(COLUMNS, [row for timer in soonest for row in _rows(timer)])
    return render.paragraphs(table, omitted(len(timers), "timer list", finished=finished))


def _rows(timer: Timer) -> list[tuple[render.Cell, ...]]:
    """Return a row for each of the next times."""
    times = [to_iso(moment) for moment in next_times(timer)] or [to_iso(timer.fire_at)]
    draft = timer.draft
    first = (
        timer.id, draft.label, times[0], draft.schedule.mode, action_text(draft.action), state_text(timer)
    )  # fmt: skip
    return [first, *((None, "", moment, "", "", "") for moment in times[1:])]
