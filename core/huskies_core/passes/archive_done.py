"""archive-done: done stories are archived after done_retention_secs, and epics whose members are all over close."""

from datetime import timedelta

from huskies_core.clock import to_iso
from huskies_core.passes.actions import Action, Move, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.pipeline.events import Accept, Close
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.snapshot import World
from huskies_core.store import stories


def plan(world: World) -> tuple[Action, ...]:
    return (*_old_ones(world), *_finished_epics(world))


def _old_ones(world: World) -> list[Action]:
    cutoff = world.now - timedelta(seconds=world.config.project.watcher.done_retention_secs)
    accept = Accept(to_iso(world.now))
    found = (stories.load(world.db, number) for number in stories.done_before(world.db, cutoff))
    return [Action(Verb.ARCHIVE_STORY, story.id, move=Move(accept, story.visit)) for story in found]


def _finished_epics(world: World) -> list[Action]:
    close = Close("all its members are over", to_iso(world.now))
    return [
        Action(Verb.CLOSE_STORY, epic.id, close.reason, Move(close, epic.visit))
        for epic in stories.open_epics(world.db)
        if epic.stage.name is StageName.BACKLOG and _is_finished(world, epic.id)
    ]


def _is_finished(world: World, epic: int) -> bool:
    members = stories.members(world.db, epic)
    return bool(members) and all(member.is_terminal for member in members)


ARCHIVE_DONE = Pass("archive-done", plan, one_by_one(move_story))
