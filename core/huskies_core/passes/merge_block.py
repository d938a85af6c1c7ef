"""merge-block: block a story that fails to merge repeatedly. The journal has the count, so a restart keeps it."""

from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import Verb
from huskies_core.passes.story_moves import MoveStory, move_story
from huskies_core.pipeline.events import Block
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal, stories


def plan(snapshot: Snapshot) -> tuple[MoveStory, ...]:
    """Plan a block for each story with too many failures. Conflicts do not count: mergemaster_attempts limits them."""
    counts = journal.merge_failures(snapshot.db, least=snapshot.config.project.merge.block_after_failures)
    return tuple(_block(stories.load(snapshot.db, story), failures) for story, failures in counts.items())


def _block(story: stories.Story, failures: int) -> MoveStory:
    reason = f"merging failed {failures} times since the story was last started"
    return MoveStory(Verb.BLOCK_STORY, reason, story=story.id, event=Block(reason), visit=story.visit)


MERGE_BLOCK = Pass("merge-block", plan, one_by_one(move_story))
