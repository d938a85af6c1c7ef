"""A store that contradicts itself, told row by row."""

import json

import pytest

from huskies_core.context import Context
from huskies_core.doctor.state import look_at_store
from huskies_core.pipeline.events import Start
from huskies_core.store import cursors, journal
from support.checks import fixed, problems, seen
from support.stories import add_story, fire_event


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("stage = 'qa'", "story 1 is in qa, the journal has coding"),
        ("visit = 1", "story 1 is not where its later journal row 2 led"),
        (
            "stage_entered_at = '2020'",
            "story 1 entered its stage at 2020, the journal has 2026-03-01T12:00:00.000Z",
        ),
        ("visit = 3", "story 1 has no row in the journal that led to its stage"),
    ],
)
def test_a_story_that_stands_elsewhere_than_the_journal_has_it_is_named(
    context: Context, change: str, told: str
) -> None:
    add_story(context.store)
    fire_event(context.store, 1, Start())
    add_story(context.store)
    assert seen(look_at_store, context) == {}
    with context.store.exclusive() as db:
        db.execute(f"UPDATE stories SET {change} WHERE id = 1")
    assert seen(look_at_store, context) == {"journal": told}
    assert [one.mend for one in look_at_store(context) if one.problem] == [None]


def test_cursors_that_are_ahead_go_on_from_the_end_of_the_journal(context: Context) -> None:
    add_story(context.store)
    with context.store.exclusive() as db:
        cursors.move(db, "relay", 50)
        cursors.move(db, "auto-assign", 1)
    assert seen(look_at_store, context) == {"cursors": "cursor relay is at 50, the journal ends at 1"}
    assert fixed(context) == {"cursors": "they go on from the end of the journal"}
    with context.store.reading() as db:
        assert (cursors.get(db, "relay"), cursors.get(db, "auto-assign")) == (1, 1)
    assert fixed(context) == {}


def test_a_counter_that_would_give_a_number_twice_is_named(context: Context) -> None:
    add_story(context.store)
    with context.store.exclusive() as db:
        db.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'journal'")
    assert seen(look_at_store, context) == {"counters": "the counter of journal is 0, but 1 exists"}


def test_an_audit_log_of_a_longer_journal_is_named(context: Context) -> None:
    add_story(context.store)
    context.project.audit_log.write_text(json.dumps({"seq": 9}) + "\n")
    with context.store.reading() as db:
        head = journal.head(db)
    fact = f"it ends at 9, the journal at {head}: nothing is added until then"
    assert problems(context) == {"audit log": fact}
    context.project.audit_log.write_text("not ours\n")
    assert problems(context) == {"audit log": "its last line is not one of ours"}
