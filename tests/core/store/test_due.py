"""Each pass is due for its own reason, and none in a store where nothing happens."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from huskies_core.clock import to_iso
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Backlog, Coding
from huskies_core.schedules import Once
from huskies_core.store import (
    executions,
    journal,
    metadata,
    notifications,
    pass_times,
    stories,
    timers,
    triggers,
)
from huskies_core.store.actions import ToolCall
from huskies_core.store.connection import Connection, Store
from huskies_core.store.due import due_passes
from huskies_core.store.executions import ExecutionClaim
from huskies_core.store.runs import RunClaim, RunKind, claim
from huskies_core.store.triggers import Predicate
from support.stories import DRAFT, NOW, apply_to_story, import_story

LATER = NOW + timedelta(minutes=1)
CURSORS = ("auto-assign", "audit-log", "fire-triggers", "relay", "notify")
CALL = ToolCall("list_stories", "{}")


def due(
    store: Store, now: datetime = NOW, stamp: str = "", *, gateway: bool = True, dead: bool = True
) -> set[str]:
    with store.reading() as db:
        return set(due_passes(db, to_iso(now), stamp=stamp, gateway=gateway, is_dead=lambda _: dead))


@pytest.fixture
def idle(store: Store) -> Store:
    """Return a store with a story, a timer and a trigger, and with each cursor at the end of the journal."""
    import_story(store, Backlog())
    with store.exclusive() as db:
        timers.add(db, timers.TimerDraft(CALL, Once(), LATER), actor="user:test", now=NOW)
        triggers.add(db, triggers.TriggerDraft(Predicate(), CALL), actor="user:test", now=NOW)
        metadata.put(db, metadata.NOTIFY, "on")
        for name in ("watchdog", "reconcile"):
            pass_times.record(db, name, last_at=NOW, due_at=NOW + timedelta(hours=1))
        move_all_cursors(db)
    return store


def move_all_cursors(db: Connection, *without: str) -> None:
    for name in set(CURSORS) - set(without):
        journal.move_cursor(db, name, journal.head(db))


def test_nothing_is_due_in_an_idle_store(idle: Store) -> None:
    assert due(idle) == set()


def test_in_a_new_store_the_passes_with_an_interval_are_due(store: Store) -> None:
    assert due(store, stamp="new", gateway=False) == {"auto-assign", "watchdog", "reconcile", "config"}


def test_a_transition_makes_every_reader_of_the_journal_due(idle: Store) -> None:
    apply_to_story(idle, 1, Start())
    everything = {"auto-assign", "audit-log", "fire-triggers", "notify", "relay"}
    assert (due(idle), due(idle, gateway=False)) == (everything, everything - {"relay"})


@pytest.mark.parametrize("name", CURSORS)
def test_a_reader_is_due_until_its_cursor_is_at_the_end_of_the_journal(idle: Store, name: str) -> None:
    apply_to_story(idle, 1, Start())
    with idle.exclusive() as db:
        move_all_cursors(db, name)
    assert due(idle) == {name}


@pytest.mark.parametrize("name", ["relay", "notify"])
def test_a_reader_that_waits_is_not_due_unless_the_clock_was_set_back(idle: Store, name: str) -> None:
    apply_to_story(idle, 1, Start())
    with idle.exclusive() as db:
        move_all_cursors(db, name)
        pass_times.record(db, name, last_at=NOW, due_at=LATER)
    before = NOW - timedelta(hours=1)
    assert (due(idle), due(idle, LATER), due(idle, before)) == (
        set(),
        {name, "fire-timers"},
        {*(name, "watchdog", "reconcile")},
    )


def test_a_due_time_in_the_past_makes_a_pass_due(idle: Store) -> None:
    with idle.exclusive() as db:
        pass_times.bring_forward(db, "auto-assign", LATER)
    late = NOW + timedelta(hours=2)
    assert (due(idle), due(idle, LATER), due(idle, late)) == (
        set(),
        {"auto-assign", "fire-timers"},
        {"auto-assign", "fire-timers", "watchdog", "reconcile"},
    )


def test_a_changed_configuration_file_is_due(idle: Store) -> None:
    assert due(idle, stamp="changed") == {"config"}


def open_execution(source: str) -> Callable[[Connection], object]:
    return lambda db: executions.claim(db, ExecutionClaim(source, CALL, 1), now=NOW)


def open_run(db: Connection) -> object:
    story = import_story_in(db)
    return claim(db, RunClaim(story.id, RunKind.CODER, story.visit), actor="user:test", now=NOW)


def import_story_in(db: Connection) -> stories.Story:
    return stories.add(db, DRAFT, Coding(), actor="user:test", now=NOW, event="imported")


@pytest.mark.parametrize(
    ("begin", "name"),
    [
        (open_run, "dead-runs"),
        (open_execution("timer:1"), "fire-timers"),
        (open_execution("trigger:1"), "fire-triggers"),
        (lambda db: notifications.claim(db, {}, now=NOW), "notify"),
    ],
)
def test_work_with_a_dead_process_is_due(
    idle: Store, begin: Callable[[Connection], object], name: str
) -> None:
    with idle.exclusive() as db:
        begin(db)
        move_all_cursors(db)
    assert (due(idle), due(idle, dead=False)) == ({name}, set())
