"""archive-done: archive stories done_retention_secs after their merge, and close epics with only terminal members."""

from datetime import timedelta

from huskies_core.clock import to_iso
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import Verb
from huskies_core.passes.story_moves import MoveStory, move_story
from huskies_core.pipeline.events import Accept, Close
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import stories


def plan(snapshot: Snapshot) -> tuple[MoveStory, ...]:
    now = to_iso(snapshot.now)
    cutoff = snapshot.now - timedelta(seconds=snapshot.config.project.watcher.done_retention_secs)
    done = (stories.load(snapshot.db, number) for number in stories.done_before(snapshot.db, cutoff))
    close = Close("all its members are finished", now)
    return (
        *(
            MoveStory(Verb.ARCHIVE_STORY, story=story.id, event=Accept(now), visit=story.visit)
            for story in done
        ),
        *(
            MoveStory(Verb.CLOSE_STORY, close.reason, story=epic.id, event=close, visit=epic.visit)
            for epic in stories.open_epics(snapshot.db)
            if epic.stage.name is StageName.BACKLOG and _is_finished(snapshot, epic.id)
        ),
    )


def _is_finished(snapshot: Snapshot, epic: int) -> bool:
    members = stories.members(snapshot.db, epic)
    return bool(members) and all(member.is_terminal for member in members)


ARCHIVE_DONE = Pass("archive-done", plan, one_by_one(move_story))
