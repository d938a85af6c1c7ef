"""Twenty stories and four coders, driven only by `huskies tick` in a shell loop."""

import pytest
from msgspec.structs import replace

from huskies_core.store.runs import Outcome, RunKind
from system.facts import (
    CLEAN_FSCK,
    NOTHING,
    fsck,
    merge_commits,
    most_live,
    no_leftovers,
    overlaps,
    squash_commits,
)
from system.project import STORY, MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

FAILS_ONCE = (
    ("write=$HUSKIES_STORY_ID.txt:BROKEN", "commit=try"),
    ("write=$HUSKIES_STORY_ID.txt:good", "commit=fix"),
)


def test_twenty_stories_are_merged_by_ticks_alone(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=Team(coder=4, mergemaster=1), settings="max_coders = 4")
    stories = add_twenty(pipeline)
    with pipeline.ticking() as log:
        pipeline.wait_for(*stories, timeout=240)
        remaining = no_leftovers(pipeline)
    assert (remaining, fsck(pipeline), merge_commits(pipeline)) == (NOTHING, CLEAN_FSCK, [])
    assert (squash_commits(pipeline), overlaps(pipeline)) == (dict.fromkeys(stories, 1), [])
    assert (conflicts_resolved(pipeline), gates_failed(pipeline)) == (2, 2)
    assert (log.read_text(errors="replace").count("Traceback"), most_live(pipeline, RunKind.CODER) <= 4) == (
        0,
        True,
    )
    assert pipeline.repository.status() == []


def add_twenty(pipeline: Pipeline) -> tuple[int, ...]:
    """Add two stories that fail a gate once, two pairs in conflict, four with dependencies, and ten others."""
    failing = [pipeline.add(*FAILS_ONCE) for _ in range(2)]
    pairs = [pipeline.add((f"write=shared-{pair}.txt:$HUSKIES_STORY_ID", "commit=share")) for pair in "aabb"]
    plain = [pipeline.add(draft=replace(STORY, title=f"Plain {number}")) for number in range(10)]
    first = pipeline.add(depends_on=plain[:1])
    second = pipeline.add(depends_on=[first])
    third = pipeline.add(depends_on=[failing[0], plain[1]])
    fourth = pipeline.add(depends_on=[second, third])
    return (*failing, *pairs, *plain, first, second, third, fourth)


def conflicts_resolved(pipeline: Pipeline) -> int:
    return sum(entry.event == "conflict_resolved" for entry in pipeline.journal())


def gates_failed(pipeline: Pipeline) -> int:
    return sum(run.kind is RunKind.GATES and run.outcome is Outcome.FAILED for run in pipeline.runs())
