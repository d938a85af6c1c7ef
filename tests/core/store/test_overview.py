from datetime import timedelta

from huskies_core.pipeline.stages import Coding, StageName
from huskies_core.store import journal, overview
from huskies_core.store.connection import Store
from support.stage_examples import STAGES
from support.stories import NOW, add_story, import_story


def test_stories_are_counted_by_stage(store: Store) -> None:
    for stage in (Coding(), Coding(), STAGES["done"]):
        import_story(store, stage)
    with store.reading() as db:
        assert overview.count_stories(db) == {StageName.CODING: 2, StageName.DONE: 1}


def test_findings_are_those_since_a_time(store: Store) -> None:
    with store.exclusive() as db:
        for hours, change in ((30, "long ago"), (20, "a remote"), (1, "hooks path")):
            journal.append(
                db,
                journal.JournalKind.GIT,
                "repository_changed",
                actor="run:1",
                now=NOW - timedelta(hours=hours),
                detail={"change": change, "runs": [1]},
            )
    add_story(store)
    with store.reading() as db:
        lately = overview.findings_since(db, NOW - timedelta(days=1))
        ever = overview.findings_since(db, NOW - timedelta(days=9))
    assert ([finding.change for finding in lately], len(ever)) == (["a remote", "hooks path"], 3)
    assert (lately[0].runs, lately[0].at) == ((1,), "2026-02-28T16:00:00.000Z")
