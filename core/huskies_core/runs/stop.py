"""Stop runs: kill their processes, verify that none is alive, and only then record the end."""

import os

from huskies_core.context import Context
from huskies_core.ids import RunId
from huskies_core.pipeline.events import Freeze
from huskies_core.pipeline.stages import TERMINAL, StageName
from huskies_core.runs.end import end_if_dead, survivors_error
from huskies_core.runs.handoff_files import KillIntent
from huskies_core.store import runs, stories, transitions
from huskies_core.store.runs import Outcome, Run
from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.run_directory import RunDirectory

KILL_ROUNDS = 2


def end_left_run(context: Context, run: RunId) -> None:
    """End a run as cancelled after an event moved its story to another stage. Its work stays in the worktree.

    A run without spec.json has no processes yet. The watchdog ends such a run; until then it blocks its story.
    """
    if not os.path.exists(RunDirectory(context.project.run_dir(run)).spec):
        return
    stop_run(context, run, Outcome.CANCELLED, "its story left the stage")


def stop_run(context: Context, run: RunId, outcome: Outcome, detail: str) -> None:
    """Kill a run, verify that none of its processes is alive, and record the end with `outcome`.

    A run that ended by itself at the same moment keeps its own outcome. Raise HuskiesError `survivors`, with nothing
    recorded, if a process is still alive. If this process is killed, the next tick records `outcome`.
    """
    _stop(context, run, KillIntent(outcome, detail))


def stop_and_freeze(context: Context, run: RunId, detail: str) -> None:
    """Stop a run and freeze its story in the same transaction, so that nothing starts in between.

    If the run ended by itself, its end may have moved the story. Then freeze the story in its new stage, and end a run
    that was started for it.
    """
    story = _stop(context, run, KillIntent(Outcome.STOPPED, detail, freezes=True, actor=context.actor)).story
    with context.store.exclusive() as db:
        present = stories.load(db, story)
        if present.stage.name in (StageName.FROZEN, *TERMINAL):
            return
        visit, now = present.visit, context.now()
        applied = transitions.apply_event(db, story, Freeze(), visit=visit, actor=context.actor, now=now)
    if applied.left_run is not None:
        end_left_run(context, applied.left_run)


def _stop(context: Context, run: RunId, intent: KillIntent) -> Run:
    directory = RunDirectory(context.project.run_dir(run))
    with context.store.exclusive() as db:
        runs.mark_ending(db, run)
    for _ in range(KILL_ROUNDS):
        result = kill_run(directory, intent.to_json())
        with context.store.reading() as db:
            present = runs.load(db, run)
        if not present.is_live or (result.ended and end_if_dead(context, present, context.now())):
            return present
    raise survivors_error(run, result)
