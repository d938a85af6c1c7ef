"""Stories as they are kept: the record, and how it is found, added and edited. Only `firing` moves one."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from huskies_core.clock import to_iso
from huskies_core.errors import HuskiesError
from huskies_core.ids import Seq, StoryId, Visit
from huskies_core.pipeline.stages import TERMINAL, Stage, StageName, Superseded, from_json, payload_to_json
from huskies_core.store import journal

_OPEN = tuple(name for name in StageName if name not in TERMINAL)


class StoryType(StrEnum):
    STORY = "story"
    BUG = "bug"
    SPIKE = "spike"
    REFACTOR = "refactor"
    EPIC = "epic"
    TASK = "task"


class QaMode(StrEnum):
    SERVER = "server"
    AGENT = "agent"
    HUMAN = "human"


@dataclass(frozen=True)
class Criterion:
    text: str
    checked: bool = False


@dataclass(frozen=True)
class Draft:
    """What a person says of a story; everything else about it is the program's."""

    title: str
    type: StoryType = StoryType.STORY
    description: str = ""
    criteria: tuple[Criterion, ...] = ()
    depends_on: tuple[int, ...] = ()
    epic: int | None = None
    agent: str | None = None
    qa: QaMode | None = None
    priority: int = 0
    labels: tuple[str, ...] = ()

    @property
    def open_criteria(self) -> tuple[int, ...]:
        """The numbers, from 1, of the criteria that nobody has checked."""
        return tuple(n for n, criterion in enumerate(self.criteria, start=1) if not criterion.checked)


@dataclass(frozen=True)
class Story:
    """A story and where it stands. Times are ISO 8601 in UTC; `visit` and `reset_seq` are journal positions.

    `entered_by` is the event that began the visit, `returned_by` what put the story back into backlog, where it
    waits since then to be started; retries, recoveries and crashes count since `reset_seq`.
    """

    id: StoryId
    draft: Draft
    stage: Stage
    visit: Visit
    entered_by: str
    returned_by: str | None
    reset_seq: Seq
    stage_entered_at: str
    coding_at: str | None
    retries: int
    created_at: str
    updated_at: str

    @property
    def is_terminal(self) -> bool:
        return self.stage.name in TERMINAL


def find(db: sqlite3.Connection, story: int) -> Story | None:
    row = db.execute("SELECT * FROM stories WHERE id = ?", (story,)).fetchone()
    return None if row is None else _story(row)


def load(db: sqlite3.Connection, story: int) -> Story:
    """The story of that id. Raises HuskiesError `not_found`."""
    found = find(db, story)
    if found is None:
        hint = "'huskies list --all' shows every story."
        raise HuskiesError(f"there is no story {story}", hint=hint, code="not_found", subject=str(story))
    return found


def in_stages(db: sqlite3.Connection, names: Collection[StageName]) -> tuple[Story, ...]:
    """The stories in any of those stages, oldest id first."""
    marks = ", ".join("?" * len(names))
    rows = db.execute(f"SELECT * FROM stories WHERE stage IN ({marks}) ORDER BY id", tuple(names))
    return tuple(map(_story, rows))


def visits_in(db: sqlite3.Connection, stage: StageName) -> dict[int, int]:
    """The visits of all stories in a stage, without the stories themselves."""
    return {
        row["id"]: row["visit"]
        for row in db.execute("SELECT id, visit FROM stories WHERE stage = ?", (stage,))
    }


def over_among(db: sqlite3.Connection, ids: Collection[int]) -> tuple[int, ...]:
    """Those that are terminal, or were reopened and not started since: what they left is to go."""
    terminal = ", ".join(f"'{name}'" for name in sorted(TERMINAL))
    marks = ", ".join("?" * len(ids))
    rows = db.execute(
        f"SELECT id FROM stories WHERE id IN ({marks})"
        f" AND (stage IN ({terminal}) OR returned_by = 'reopen') ORDER BY id",
        tuple(ids),
    )
    return tuple(row["id"] for row in rows)


def open_stories(db: sqlite3.Connection) -> tuple[Story, ...]:
    return in_stages(db, _OPEN)


def latest_done(db: sqlite3.Connection, limit: int) -> tuple[Story, ...]:
    """The done stories that are not archived yet, the latest first."""
    rows = db.execute(
        "SELECT * FROM stories WHERE stage = 'done' ORDER BY stage_entered_at DESC LIMIT ?", (limit,)
    )
    return tuple(map(_story, rows))


def done_before(db: sqlite3.Connection, moment: datetime) -> tuple[int, ...]:
    """The done stories whose commit was merged before that time, oldest first."""
    rows = db.execute(
        "SELECT id FROM stories WHERE stage = 'done' AND json_extract(payload, '$.merged_at') < ?"
        " ORDER BY stage_entered_at",
        (to_iso(moment),),
    )
    return tuple(row["id"] for row in rows)


def stages_of(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, Stage]:
    """Where those stories stand; an id that does not exist is left out."""
    marks = ", ".join("?" * len(ids))
    rows = db.execute(f"SELECT id, stage, payload FROM stories WHERE id IN ({marks})", tuple(ids))
    return {row["id"]: _stage(row) for row in rows}


def heir_of(db: sqlite3.Connection, story: int) -> Story:
    """The story itself, or the last of those that replaced it; no circle of them is ever written."""
    found = load(db, story)
    while isinstance(found.stage, Superseded):
        found = load(db, found.stage.by)
    return found


def members(db: sqlite3.Connection, epic: int) -> tuple[Story, ...]:
    return tuple(map(_story, db.execute("SELECT * FROM stories WHERE epic = ? ORDER BY id", (epic,))))


def open_epics(db: sqlite3.Connection) -> tuple[Story, ...]:
    marks = ", ".join("?" * len(_OPEN))
    rows = db.execute(f"SELECT * FROM stories WHERE type = 'epic' AND stage IN ({marks}) ORDER BY id", _OPEN)
    return tuple(map(_story, rows))


def numbers_in_use(db: sqlite3.Connection, ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(number for number in ids if find(db, number) is not None)


def add(
    db: sqlite3.Connection,
    draft: Draft,
    stage: Stage,
    *,
    actor: str,
    now: datetime,
    number: int | None = None,
    event: str = "created",
) -> Story:
    """Writes a story and its first journal row. A `number` is for an import; else the counter gives one.

    Stages other than backlog are for the event `imported` alone, the only transition without a before.
    """
    number = number if number is not None else _next_number(db)
    born = event == "imported"
    seq = journal.append(
        db,
        journal.Kind.TRANSITION if born else journal.Kind.STORY,
        event,
        actor=actor,
        now=now,
        story=number,
        stages=(None, stage.name.value) if born else (None, None),
        detail={"title": draft.title, **payload_to_json(stage)},
    )
    at = to_iso(now)
    place = (stage.name.value, json.dumps(payload_to_json(stage), ensure_ascii=False), seq, event, seq, at)
    coding_at = None if stage.name is StageName.BACKLOG else at
    db.execute(
        """INSERT INTO stories (id, title, type, description, criteria, depends_on, epic, agent, qa, priority,
               labels, stage, payload, visit, entered_by, reset_seq, stage_entered_at, coding_at, created_at,
               updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (number, *_columns(draft), *place, coding_at, at, at),
    )
    return load(db, number)


def edit(db: sqlite3.Connection, story: int, draft: Draft, *, actor: str, now: datetime) -> bool:
    """Replaces what a person says of a story. False, and nothing written, when that changes nothing."""
    before = load(db, story).draft
    changed = [name for name in Draft.__dataclass_fields__ if getattr(before, name) != getattr(draft, name)]
    if not changed:
        return False
    db.execute(
        """UPDATE stories SET title = ?, type = ?, description = ?, criteria = ?, depends_on = ?, epic = ?,
               agent = ?, qa = ?, priority = ?, labels = ?, updated_at = ? WHERE id = ?""",
        (*_columns(draft), to_iso(now), story),
    )
    journal.append(
        db,
        journal.Kind.STORY,
        "edited",
        actor=actor,
        now=now,
        story=story,
        detail={"fields": sorted(changed)},
    )
    return True


def _next_number(db: sqlite3.Connection) -> int:
    """One past the highest ever given: stories are never deleted, so no number comes twice."""
    return int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM stories").fetchone()[0])


def _columns(draft: Draft) -> tuple[object, ...]:
    criteria = json.dumps([[item.text, item.checked] for item in draft.criteria], ensure_ascii=False)
    lists = (criteria, json.dumps(draft.depends_on))
    labels = json.dumps(draft.labels, ensure_ascii=False)
    about = (draft.title, draft.type.value, draft.description)
    return (*about, *lists, draft.epic, draft.agent, draft.qa, draft.priority, labels)


def _story(row: sqlite3.Row) -> Story:
    return _made(tuple(row.keys()), tuple(row))


@lru_cache(maxsize=2048)
def _made(names: tuple[str, ...], values: tuple[object, ...]) -> Story:
    """A story is a plain value: the same row is read again and again, by a loop and by one command, and made once."""
    row = dict(zip(names, values, strict=True))
    kept_as_they_are = (
        "id",
        "visit",
        "entered_by",
        "returned_by",
        "reset_seq",
        "stage_entered_at",
        "coding_at",
        "retries",
    )
    kept: dict[str, Any] = {name: row[name] for name in (*kept_as_they_are, "created_at", "updated_at")}
    return Story(draft=_draft(row), stage=_stage(row), **kept)


def _stage(row: Mapping[str, Any]) -> Stage:
    return from_json({"stage": row["stage"], **json.loads(row["payload"])})


def _draft(row: Mapping[str, Any]) -> Draft:
    return Draft(
        title=row["title"],
        type=StoryType(row["type"]),
        description=row["description"],
        criteria=tuple(Criterion(text, checked) for text, checked in json.loads(row["criteria"])),
        depends_on=tuple(json.loads(row["depends_on"])),
        epic=row["epic"],
        agent=row["agent"],
        qa=None if row["qa"] is None else QaMode(row["qa"]),
        priority=row["priority"],
        labels=tuple(json.loads(row["labels"])),
    )
