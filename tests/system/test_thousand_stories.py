"""The first reconcile of a thousand stories does all work, and the second none."""

from collections import Counter
from collections.abc import Sequence

import pytest

from huskies_core.clock import utc_now
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Abandon, Event, QaRequested, Start
from huskies_core.pipeline.stages import Backlog, StageName
from huskies_core.store import content, stories, transitions
from huskies_core.store.connection import Connection
from system.project import STORY, MakePipeline, Pipeline

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

BACKLOG: Sequence[Event] = ()
CODING: Sequence[Event] = (Start(),)
ABANDONED: Sequence[Event] = (Abandon("no need"),)
QA: Sequence[Event] = (Start(), QaRequested())


def test_one_reconcile_converges_a_thousand_stories(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(settings='default_qa = "agent"')
    with pipeline.opened() as context, context.store.exclusive() as db:
        born = {stage: [add_story(db, way) for _ in range(most)] for stage, way, most in WAYS}
        for story in born[StageName.ABANDONED]:
            content.put(db, StoryId(story), content.GATE_OUTPUT, "left by a crash", now=utc_now())
    transitions, stages = count_transitions(pipeline), pipeline.stages()
    first, second = reconcile(pipeline), reconcile(pipeline)
    assert (
        Counter(action["action"] for action in first),
        {action["outcome"] for action in first},
        second,
    ) == (
        {"purge_content": 200, "create_worktree": 200, "append_audit": 1},
        {"done"},
        [],
    )
    worktrees = {int(directory.name) for directory in pipeline.project.worktrees_dir.glob("[!.]*")}
    assert (worktrees, contents(pipeline)) == (set(born[StageName.CODING]), 0)
    assert (count_transitions(pipeline), pipeline.stages()) == (transitions, stages)


WAYS = (
    (StageName.BACKLOG, BACKLOG, 300),
    (StageName.CODING, CODING, 200),
    (StageName.ABANDONED, ABANDONED, 200),
    (StageName.QA, QA, 300),
)


def add_story(db: Connection, way: Sequence[Event]) -> int:
    """Add a story that went this way through the pipeline, and return its id."""
    now = utc_now()
    story = stories.add(db, STORY, Backlog(), actor="user:test", now=now)
    for event in way:
        visit = stories.load(db, story.id).visit
        transitions.apply_event(db, story.id, event, visit=visit, actor="user:test", now=now)
    return story.id


def reconcile(pipeline: Pipeline) -> list[dict[str, object]]:
    actions: list[dict[str, object]] = pipeline.huskies("reconcile", "--json", timeout=200).data["actions"]
    return actions


def count_transitions(pipeline: Pipeline) -> int:
    return sum(entry.kind == "transition" for entry in pipeline.journal())


def contents(pipeline: Pipeline) -> int:
    with pipeline.opened() as context, context.store.reading() as db:
        return sum(bool(content.of_story(db, StoryId(story))) for story in pipeline.stages())
