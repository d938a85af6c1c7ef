"""archive-done: done stories are archived after done_retention_secs, and epics whose members are all over close."""

from datetime import timedelta

from huskies_core.clock import to_iso
from huskies_core.passes.actions import Move, PlannedStep, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.pipeline.events import Accept, Close
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import stories


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    return (*_old_ones(snapshot), *_finished_epics(snapshot))


def _old_ones(snapshot: Snapshot) -> list[PlannedStep]:
    cutoff = snapshot.now - timedelta(seconds=snapshot.config.project.watcher.done_retention_secs)
    accept = Accept(to_iso(snapshot.now))
    found = (stories.load(snapshot.db, number) for number in stories.done_before(snapshot.db, cutoff))
    return [PlannedStep(Verb.ARCHIVE_STORY, story.id, move=Move(accept, story.visit)) for story in found]


def _finished_epics(snapshot: Snapshot) -> list[PlannedStep]:
    close = Close("all its members are over", to_iso(snapshot.now))
    return [
        PlannedStep(Verb.CLOSE_STORY, epic.id, close.reason, Move(close, epic.visit))
        for epic in stories.open_epics(snapshot.db)
        if epic.stage.name is StageName.BACKLOG and _is_finished(snapshot, epic.id)
    ]


def _is_finished(snapshot: Snapshot, epic: int) -> bool:
    members = stories.members(snapshot.db, epic)
    return bool(members) and all(member.is_terminal for member in members)


ARCHIVE_DONE = Pass("archive-done", plan, one_by_one(move_story))
