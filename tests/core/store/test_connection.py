"""Concurrent readers and writers of the store, with real processes."""

import gc
import sqlite3
from contextlib import closing

import pytest

from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.ids import Seq, StoryId
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Coding
from huskies_core.project import Project
from huskies_core.store import journal, stories, transitions
from huskies_core.store.connection import Store
from support.store_process import StoreProcess
from support.stories import NOW, add_story, apply_to_story, load_story

HOLD_THE_LOCK = """
with store.exclusive() as db:
    report("held")
    wait()
store.close()
"""

WRITE_AND_WAIT = """
with store.exclusive() as db:
    transitions.apply_event(db, 1, events.Start(), visit=1, actor="user:other", now=now)
    content.put(db, 1, "sessions", "x" * 5_000_000, now=now)
    report("written")
    wait()
"""


def start_and_fail(store: Store) -> None:
    with store.exclusive() as db:
        transitions.apply_event(db, StoryId(1), Start(), visit=Seq(1), actor="user:test", now=NOW)
        raise KeyError


def test_an_exception_in_a_transaction_rolls_it_back(store: Store) -> None:
    story = add_story(store)
    with pytest.raises(KeyError):
        start_and_fail(store)
    with store.reading() as db:
        assert (stories.load(db, StoryId(1)), journal.head(db)) == (story, 1)


def test_a_reader_sees_one_state_for_as_long_as_it_reads(project: Project, store: Store) -> None:
    add_story(store)
    with Store(project) as other, other.reading() as db:
        apply_to_story(store, 1, Start())
        with other.reading() as again:
            assert (again is db, stories.load(db, StoryId(1)).stage.name, journal.head(db)) == (
                True,
                "backlog",
                1,
            )
        assert db.in_transaction
    assert load_story(store, 1).stage == Coding()


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(HuskiesError, match="readonly database"), store.reading() as db:
        db.execute("DELETE FROM journal")


@pytest.mark.usefixtures("processes")
def test_a_reader_does_not_wait_for_a_writer(project: Project, store: Store) -> None:
    add_story(store)
    writer = StoreProcess(project.root, HOLD_THE_LOCK)
    assert writer.read_report() == "held"
    assert load_story(store, 1).id == 1
    writer.go_on()
    assert writer.finish()[0] == 0


@pytest.mark.usefixtures("processes")
def test_a_second_writer_gets_lock_busy(project: Project, store: Store) -> None:
    writer = StoreProcess(project.root, HOLD_THE_LOCK)
    assert writer.read_report() == "held"
    with pytest.raises(LockBusy) as busy, store.exclusive(0.05):
        pass
    assert (busy.value.exit_code, busy.value.code) == (75, "busy")
    writer.go_on()
    assert writer.finish()[0] == 0
    assert add_story(store).id == 1


@pytest.mark.usefixtures("processes")
def test_two_writers_exclude_each_other_even_without_the_lock_file(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huskies_core.store.connection.BUSY_TIMEOUT_SECS", 0.05)
    writer = StoreProcess(project.root, HOLD_THE_LOCK)
    assert writer.read_report() == "held"
    project.state_lock.unlink()
    with pytest.raises(LockBusy), store.exclusive():
        pass
    writer.go_on()
    assert writer.finish()[0] == 0


def test_a_transaction_of_another_program_makes_the_store_busy(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sqlite3 shell writes without taking the lock file."""
    monkeypatch.setattr("huskies_core.store.connection.BUSY_TIMEOUT_SECS", 0.05)
    with closing(sqlite3.connect(project.database, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockBusy), store.exclusive():
            pass
    assert add_story(store).id == 1


@pytest.mark.usefixtures("processes")
def test_a_killed_writer_leaves_nothing_and_blocks_no_other(project: Project, store: Store) -> None:
    story = add_story(store)
    writer = StoreProcess(project.root, WRITE_AND_WAIT)
    assert writer.read_report() == "written"
    writer.kill()
    with store.exclusive(1) as db:
        state = (
            stories.load(db, StoryId(1)),
            journal.head(db),
            db.execute("SELECT count(*) FROM content").fetchone()[0],
        )
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert state == (story, 1, 0)


@pytest.mark.usefixtures("processes")
def test_closing_while_another_writes_is_no_error(
    project: Project, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setattr("huskies_core.store.connection.STORE_WAIT_SECS", 0.05)
    add_story(store)
    writer = StoreProcess(project.root, HOLD_THE_LOCK)
    assert writer.read_report() == "held"
    store.close()
    writer.go_on()
    assert writer.finish()[0] == 0
    assert load_story(store, 1).id == 1


READ_AND_WAIT = """
with store.reading() as db:
    report(str(len(stories.open_stories(db))))
    wait()
store.close()
"""


left_open = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Python 3.13 and later warn of a connection that was not closed."""


def abandon_writer(project: Project) -> None:
    """Write a story, and drop the connection without a close."""
    add_story(Store(project))
    gc.collect()


@left_open
@pytest.mark.usefixtures("processes")
def test_an_abandoned_writer_does_not_checkpoint_while_another_connection_is_open(
    project: Project, store: Store
) -> None:
    store.close()
    reader = StoreProcess(project.root, READ_AND_WAIT)
    assert reader.read_report() == "0"
    database, log = project.database, project.database.with_name("state.db-wal")
    before = database.read_bytes()
    abandon_writer(project)
    assert (database.read_bytes() == before, log.stat().st_size > 0) == (True, True)
    reader.go_on()
    assert reader.finish()[0] == 0
    assert load_story(store, 1).id == 1


@left_open
def test_an_abandoned_writer_that_is_alone_leaves_a_complete_database(project: Project, store: Store) -> None:
    store.close()
    abandon_writer(project)
    assert not project.database.with_name("state.db-wal").exists()
    assert load_story(store, 1).id == 1
