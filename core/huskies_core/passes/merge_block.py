"""merge-block: a story that keeps failing to merge is blocked. Counted from the journal: a restart forgets nothing."""

from huskies_core.passes.actions import Move, PlannedStep, Verb
from huskies_core.passes.moving import move_story
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.pipeline.events import Block
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal, stories


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    """Conflicts do not count: the mergemaster's attempts bound them."""
    counts = journal.merge_failures(snapshot.db, least=snapshot.config.project.merge.block_after_failures)
    return tuple(_block(stories.load(snapshot.db, story), failures) for story, failures in counts.items())


def _block(story: stories.Story, failures: int) -> PlannedStep:
    reason = f"merging failed {failures} times since it was last started"
    return PlannedStep(Verb.BLOCK_STORY, story.id, reason, Move(Block(reason), story.visit))


MERGE_BLOCK = Pass("merge-block", plan, one_by_one(move_story))
