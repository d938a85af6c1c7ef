"""A record comes back from its row unchanged, whatever the types of its fields."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import pytest
from msgspec import Struct

from huskies_core.errors import HuskiesError
from huskies_core.store import metadata, pauses, runs
from huskies_core.store.connection import Store
from huskies_core.store.executions import Execution
from huskies_core.store.rows import Embedded, Stored, _columns, from_row, to_row
from huskies_core.store.stories import read_stage
from huskies_core.store.timers import TimerDraft
from huskies_core.store.triggers import TriggerDraft

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Color(StrEnum):
    RED = "red"


class Point(Struct, frozen=True):
    x: int
    y: int


class Tag(Struct, frozen=True, array_like=True):
    text: str


class Inner(Struct, frozen=True):
    name: str
    color: Color | None = None


class Outer(Struct, frozen=True):
    id: int
    inner: Annotated[Inner, Embedded]
    at: datetime
    until: datetime | None
    point: Point | None
    points: tuple[Point, ...]
    tags: tuple[Tag, ...]
    words: tuple[str, ...]
    detail: Mapping[str, Any]
    sign: Annotated[int, Stored(lambda row: -row["minus"], lambda value: {"minus": -value})]


FULL = Outer(
    1, Inner("é", Color.RED), NOW, NOW, Point(1, 2), (Point(3, 4),), (Tag("a"),), ("b",), {"c": 1}, 5
)
BARE = Outer(2, Inner(""), NOW, None, None, (), (), (), {}, 0)


def test_each_type_has_its_form_in_a_row() -> None:
    at = "2026-03-01T12:00:00.000Z"
    assert to_row(FULL) == {
        "id": 1,
        "name": "é",
        "color": "red",
        "at": at,
        "until": at,
        "point": '{"x": 1, "y": 2}',
        "points": '[{"x": 3, "y": 4}]',
        "tags": '[["a"]]',
        "words": '["b"]',
        "detail": '{"c": 1}',
        "minus": -5,
    }


@pytest.mark.parametrize("record", [FULL, BARE])
def test_a_record_is_the_same_after_it_was_a_row(record: Outer) -> None:
    assert from_row(Outer, to_row(record)) == record


def test_further_columns_are_ignored() -> None:
    assert from_row(Inner, {"name": "n", "color": None, "usage_final": 1}) == Inner("n")


@pytest.mark.parametrize(
    "damage",
    [
        {"color": "green"},
        {"at": "yesterday"},
        {"point": '{"x": 1}'},
        {"point": '{"x": "one", "y": 2}'},
        {"words": '["b", 3]'},
        {"words": '["b"'},
        {"detail": "[]"},
        {"words": "[" * 100_000},
    ],
)
def test_a_value_that_no_version_wrote_names_its_column(damage: dict[str, str]) -> None:
    with pytest.raises(HuskiesError) as raised:
        from_row(Outer, to_row(FULL) | damage)
    (column,) = damage
    assert (raised.value.code, f"column {column}: " in raised.value.message) == ("store_damaged", True)


@pytest.mark.parametrize("action", ["{}", '{"tool": "tick"}', "[]", "1", "not JSON"])
@pytest.mark.parametrize("record", [TimerDraft, TriggerDraft, Execution])
def test_an_unknown_action_names_its_column(record: type[Struct], action: str) -> None:
    column = next(column for name, column in _columns(record) if name == "action")
    with pytest.raises(HuskiesError) as raised:
        column.read({"action": action})
    assert (raised.value.code, "column action: " in raised.value.message) == ("store_damaged", True)


@pytest.mark.parametrize(
    ("stage", "payload"),
    [
        ("testing", "{}"),
        ("merge", "{}"),
        ("backlog", '{"more": 1}'),
        ("qa", "[]"),
        ("blocked", '{"reason": "x", "resume_to": "qa"}'),
        ("frozen", '{"resume_to": {"stage": "testing"}}'),
        ("archived", '{"archived_at": "2026-01-01", "reason": "lost"}'),
        ("qa", "not JSON"),
    ],
)
def test_an_unknown_stage_names_its_column(stage: str, payload: str) -> None:
    with pytest.raises(HuskiesError) as raised:
        read_stage({"stage": stage, "payload": payload})
    assert (raised.value.code, "column stage: " in raised.value.message) == ("store_damaged", True)


@pytest.mark.parametrize(
    "verdict", ["not JSON", '{"verdict": "approved"}', '{"verdict": "no"}', '["approved"]']
)
def test_an_unknown_verdict_names_its_column(verdict: str) -> None:
    with pytest.raises(HuskiesError) as raised:
        runs._read_verdict({"verdict": verdict})
    assert (raised.value.code, "column verdict: " in raised.value.message) == ("store_damaged", True)


@pytest.mark.parametrize("value", ["not JSON", "[]", "{}", '{"by": 1, "since": "", "reason": ""}'])
def test_an_unknown_pause_is_a_damaged_store(store: Store, value: str) -> None:
    with store.exclusive() as db:
        metadata.put(db, "pause", value)
        with pytest.raises(HuskiesError) as raised:
            pauses.get(db)
    assert raised.value.code == "store_damaged"


def test_a_predicate_with_an_unknown_pattern_does_not_match_everything() -> None:
    column = next(column for name, column in _columns(TriggerDraft) if name == "predicate")
    with pytest.raises(HuskiesError) as raised:
        column.read({"predicate": '{"from": "merge", "to": "done"}'})
    assert raised.value.code == "store_damaged"
