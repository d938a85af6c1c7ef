"""Ending runs before their time: killed, verified to be gone, and only then recorded."""

import os
from collections.abc import Mapping
from typing import Any

from huskies_core.context import Context
from huskies_core.pipeline.events import Freeze
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.runs.end import end_if_dead, survivors
from huskies_core.store import runs, stories, transitions
from huskies_core.store.runs import Outcome, Run
from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.run_directory import RunDirectory

KILL_ROUNDS = 2


def end_left_run(context: Context, run: int) -> None:
    """Ends the run that a fired event left behind, as cancelled; its work stays in the worktree.

    One that is only being started has nothing to end yet: it is left to the watchdog, and holds its story until then.
    """
    if not os.path.exists(RunDirectory(context.project.run_dir(run)).spec):
        return
    stop_run(context, run, Outcome.CANCELLED, "its story left the stage")


def stop_run(context: Context, run: int, outcome: Outcome, detail: str) -> None:
    """Kills a run, verifies that nothing of it lives, and records the end with `outcome`; one that ended by itself
    meanwhile keeps its own.

    Raises HuskiesError `survivors`, with nothing recorded, when a process would not go. Killed in between, the next
    tick records what was intended.
    """
    _stop(context, run, {"outcome": outcome.value, "detail": detail})


def stop_and_freeze(context: Context, run: int, detail: str) -> None:
    """Ends a run as stopped and freezes its story in the same transaction, so that nothing is started in between.

    A run that ended by itself meanwhile may have moved its story on: that is frozen where it stands then, and
    whatever was started for it is ended, too.
    """
    intent = {"outcome": Outcome.STOPPED.value, "detail": detail, "then": Freeze.name, "actor": context.actor}
    story = _stop(context, run, intent).story
    with context.store.exclusive() as db:
        present = stories.load(db, story)
        if present.stage.name in (StageName.FROZEN, *TERMINAL):
            return
        visit, now = present.visit, context.now()
        done = transitions.apply_event(db, story, Freeze(), visit=visit, actor=context.actor, now=now)
    if done.left_run is not None:
        end_left_run(context, done.left_run)


def _stop(context: Context, run: int, intent: Mapping[str, Any]) -> Run:
    directory = RunDirectory(context.project.run_dir(run))
    with context.store.exclusive() as db:
        runs.mark_ending(db, run)
    for _ in range(KILL_ROUNDS):
        result = kill_run(directory, intent)
        with context.store.reading() as db:
            present = runs.load(db, run)
        if not present.is_live or (result.gone and end_if_dead(context, present, context.now())):
            return present
    raise survivors(run, result)
