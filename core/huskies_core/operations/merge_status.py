"""The merge queue, told: who comes when, what holds each, and whose merge failed."""

from dataclasses import dataclass

from huskies_core.context import Context
from huskies_core.operations.explain import next_starts
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
    """A story and its way into the base branch; `place` is counted from 1, None outside the queue."""

    story: Story
    place: int | None
    is_starving: bool
    run: Run | None
    explanation: Explanation


def read_merges(context: Context, story: int | None = None) -> tuple[Merging, ...]:
    """The queue in its order, then the failed ones; with `story` that one alone, wherever it stands.

    Raises HuskiesError `not_found`, and `config_error` while the config does not load.
    """
    with context.store.reading() as db:
        found = _all(db) if story is None else [stories.load(db, story)]
        snapshot = take_snapshot(context, db)
        starts, queue = next_starts(snapshot), merge_queue(snapshot)
        return tuple(
            Merging(
                story=one,
                place=queue.index(one.id) + 1 if one.id in queue else None,
                is_starving=is_starving(snapshot, one),
                run=snapshot.live_run(one.id),
                explanation=explain(snapshot, one, starts),
            )
            for one in found
        )


def _all(db: Connection) -> list[Story]:
    found = sort_by_priority(stories.in_stages(db, frozenset(_ORDER)))
    return sorted(found, key=lambda story: _ORDER.index(story.stage.name))
