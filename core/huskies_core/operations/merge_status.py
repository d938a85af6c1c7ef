"""The merge queue in its order, with the blockers of each story, and the stories with failed merges."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.operations.common_arguments import OptionalStoryArgument
from huskies_core.operations.explain import explanation_json, next_starts
from huskies_core.operations.operation import operation
from huskies_core.operations.runs import run_json
from huskies_core.operations.story_json import story_json
from huskies_core.pipeline.stages import StageName
from huskies_core.scheduler.blockers import sort_by_priority
from huskies_core.scheduler.explanation import Explanation, explain, is_starving, merge_queue
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import stories
from huskies_core.store.connection import Connection
from huskies_core.store.runs import Run
from huskies_core.store.stories import Story

_ORDER = (StageName.MERGE, StageName.MERGE_FAILURE, StageName.MERGE_FAILURE_FINAL)


@dataclass(frozen=True)
class Merging:
    """A story on its way into the base branch; `place` counts from 1 and is None outside the queue."""

    story: Story
    place: int | None
    is_starving: bool
    run: Run | None
    explanation: Explanation


def merging_json(merging: Merging) -> dict[str, object]:
    explanation = explanation_json(merging.explanation)
    return {
        **story_json(merging.story),
        "place": merging.place,
        "starving": merging.is_starving,
        "run": None if merging.run is None else run_json(merging.run),
        "holds": explanation["holds"],
        "next": explanation["next"],
    }


@operation("merge_status", json=lambda merges: {"stories": [merging_json(merging) for merging in merges]})
def read_merges(context: Context, story: OptionalStoryArgument = None) -> tuple[Merging, ...]:
    """Show the merge queue in order, and the stories with failed merges: the blockers of each, and its next step."""
    with context.store.reading() as db:
        chosen = _all(db) if story is None else [stories.load(db, story)]
        snapshot = take_snapshot(context, db)
        starts, queue = next_starts(snapshot), merge_queue(snapshot)
        return tuple(
            Merging(
                story=item,
                place=queue.index(item.id) + 1 if item.id in queue else None,
                is_starving=is_starving(snapshot, item),
                run=snapshot.live_run(item.id),
                explanation=explain(snapshot, item, starts),
            )
            for item in chosen
        )


def _all(db: Connection) -> list[Story]:
    merging = sort_by_priority(stories.in_stages(db, frozenset(_ORDER)))
    return sorted(merging, key=lambda story: _ORDER.index(story.stage.name))
