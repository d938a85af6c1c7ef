"""The record of a story, and the queries that find, add and edit stories. Only `transitions` moves a story."""

import json
import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache, partial
from typing import Annotated

from msgspec import Struct

from huskies_core.argument import Argument, parse_story_id
from huskies_core.clock import to_iso
from huskies_core.ids import Seq, StoryId, Visit
from huskies_core.pipeline.stages import TERMINAL, Stage, StageName, Superseded, from_json, payload_to_json
from huskies_core.qa_mode import QaMode
from huskies_core.store import journal, rows
from huskies_core.store.journal import JournalKind
from huskies_core.store.rows import Embedded, Stored, from_row, marks, to_row
from huskies_core.store.tables import Table

_OPEN = tuple(name for name in StageName if name not in TERMINAL)


class StoryType(StrEnum):
    STORY = "story"
    BUG = "bug"
    SPIKE = "spike"
    REFACTOR = "refactor"
    EPIC = "epic"
    TASK = "task"


class Criterion(Struct, frozen=True, array_like=True):
    text: str
    checked: bool = False


_BODY = Argument(
    "The description of the story, in Markdown.", flags=("--body",), metavar="FILE", is_file=True
)
_CRITERION = Argument(
    "An acceptance criterion; a story of type story needs one.", flags=("--criterion", "-c"), metavar="TEXT"
)
_story_argument = partial(Argument, least=1, metavar="ID", parse=parse_story_id)
_AGENT = Argument(
    "The name of an agent, or a part of its model; by default any agent.",
    metavar="AGENT",
    completion="agents",
)
_REVIEWER = "The reviewer of the work: only the gates (server), an agent, or a person (human)."
_LABEL = Argument("A label.", flags=("--label",), metavar="LABEL", completion="labels")


class StoryDraft(Struct, frozen=True):
    """The fields of a story that people set. The options of `add` and `update`, the arguments of the tools and the JSON
    of a story are derived from it. A field that is empty by default can be cleared."""

    title: Annotated[str, Argument("One line, at most 200 characters.", metavar="TITLE", positional=True)]
    type: Annotated[StoryType, Argument("The kind of work.", metavar="TYPE")] = StoryType.STORY
    description: Annotated[str, _BODY] = ""
    criteria: Annotated[tuple[Criterion, ...], _CRITERION] = ()
    depends_on: Annotated[
        tuple[StoryId, ...],
        _story_argument("The id of a story that must be done first.", completion="stories"),
    ] = ()
    agent: Annotated[str | None, _AGENT] = None
    qa: Annotated[QaMode | None, Argument(_REVIEWER, metavar="MODE")] = None
    priority: Annotated[int, Argument("Stories with a higher number come first.", metavar="N")] = 0
    labels: Annotated[tuple[str, ...], _LABEL] = ()
    epic: Annotated[StoryId | None, _story_argument("The id of the story's epic.", completion="epics")] = None

    @property
    def open_criteria(self) -> tuple[int, ...]:
        """Return the numbers, from 1, of the criteria that are not checked."""
        return tuple(n for n, criterion in enumerate(self.criteria, start=1) if not criterion.checked)


def read_stage(row: rows.Row) -> Stage:
    with rows.reading_column("stage"):
        return from_json({"stage": row["stage"], **json.loads(row["payload"])})


def stage_columns(stage: Stage) -> dict[str, str]:
    return {"stage": stage.name.value, "payload": rows.to_text(payload_to_json(stage))}


class Story(Struct, frozen=True):
    """A story and its stage. Times are ISO 8601 in UTC.

    `entered_by` is the event that began the visit. `returned_by` is the event that put the story back into backlog; a
    start by a person clears it. Retries, recoveries and crashes count from `reset_seq`. `coding_at` is the last time at
    which the story moved from backlog to coding.
    """

    id: StoryId
    draft: Annotated[StoryDraft, Embedded]
    stage: Annotated[Stage, Stored(read_stage, stage_columns)]
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


@lru_cache(maxsize=2048)
def _cached_story(names: tuple[str, ...], values: tuple[object, ...]) -> Story:
    """Return the story of a row. The cache converts each row once, although loops and commands read it many times."""
    return from_row(Story, dict(zip(names, values, strict=True)))


_STORIES: Table[Story, StoryId] = Table(
    "stories",
    lambda row: _cached_story(tuple(row.keys()), tuple(row)),
    "story",
    "'huskies list --all' shows every story.",
)
find, load = _STORIES.find, _STORIES.load


def in_stages(db: sqlite3.Connection, names: Collection[StageName]) -> tuple[Story, ...]:
    """Return the stories in any of those stages, lowest id first."""
    return _STORIES.select(db, f"WHERE stage IN ({marks(names)}) ORDER BY id", tuple(names))


def visits_in(db: sqlite3.Connection, stage: StageName) -> dict[StoryId, Visit]:
    """Return the visit of each story in a stage, without reading the whole stories."""
    return {
        row["id"]: row["visit"]
        for row in db.execute("SELECT id, visit FROM stories WHERE stage = ?", (stage,))
    }


def finished_among(db: sqlite3.Connection, ids: Collection[StoryId]) -> tuple[StoryId, ...]:
    """Return the `ids` of stories that need no worktree: terminal ones, and reopened ones not started since."""
    terminal = ", ".join(f"'{name}'" for name in sorted(TERMINAL))
    query = (
        f"SELECT id FROM stories WHERE id IN ({marks(ids)})"
        f" AND (stage IN ({terminal}) OR returned_by = 'reopen') ORDER BY id"
    )
    return tuple(row["id"] for row in db.execute(query, tuple(ids)))


def count_by_stage(db: sqlite3.Connection) -> dict[StageName, int]:
    """Return the number of stories in each stage that has any."""
    counts = db.execute("SELECT stage, count(*) AS stories FROM stories GROUP BY stage")
    with rows.reading_column("stage"):
        return {StageName(row["stage"]): row["stories"] for row in counts}


def open_stories(db: sqlite3.Connection) -> tuple[Story, ...]:
    return in_stages(db, _OPEN)


def latest_done(db: sqlite3.Connection, limit: int) -> tuple[Story, ...]:
    """Return the done stories that are not archived yet, newest first."""
    return _STORIES.select(db, "WHERE stage = 'done' ORDER BY stage_entered_at DESC LIMIT ?", (limit,))


def done_before(db: sqlite3.Connection, moment: datetime) -> tuple[StoryId, ...]:
    """Return the done stories that were merged before `moment`, oldest first."""
    query = (
        "SELECT id FROM stories WHERE stage = 'done' AND json_extract(payload, '$.merged_at') < ?"
        " ORDER BY stage_entered_at"
    )
    return tuple(row["id"] for row in db.execute(query, (to_iso(moment),)))


def stages_of(db: sqlite3.Connection, ids: Collection[StoryId]) -> dict[StoryId, Stage]:
    """Return the stages of those stories. Omit ids without a story."""
    query = f"SELECT id, stage, payload FROM stories WHERE id IN ({marks(ids)})"
    return {row["id"]: read_stage(row) for row in db.execute(query, tuple(ids))}


def heir_of(db: sqlite3.Connection, story: StoryId) -> Story:
    """Follow `superseded` to its end and return the last story; the story itself if it is not superseded.

    The store never contains a cycle of superseded stories.
    """
    heir = load(db, story)
    while isinstance(heir.stage, Superseded):
        heir = load(db, heir.stage.by)
    return heir


class UnmetDependency(Struct, frozen=True):
    """A dependency that is not done. `heir` is the last story that supersedes it, or the dependency itself."""

    story: StoryId
    heir: Story

    @property
    def is_hopeless(self) -> bool:
        """Return whether a person must reopen or drop the dependency before it can be met."""
        return self.heir.stage.name is StageName.ABANDONED


def unmet_dependencies(db: sqlite3.Connection, story: Story) -> tuple[UnmetDependency, ...]:
    done = (StageName.DONE, StageName.ARCHIVED)
    stages = stages_of(db, story.draft.depends_on)
    heirs = {number: heir_of(db, number) for number, stage in stages.items() if stage.name not in done}
    return tuple(
        UnmetDependency(number, heir) for number, heir in heirs.items() if heir.stage.name not in done
    )


def members(db: sqlite3.Connection, epic: StoryId) -> tuple[Story, ...]:
    return _STORIES.select(db, "WHERE epic = ? ORDER BY id", (epic,))


def open_epics(db: sqlite3.Connection) -> tuple[Story, ...]:
    return _STORIES.select(db, f"WHERE type = 'epic' AND stage IN ({marks(_OPEN)}) ORDER BY id", _OPEN)


def numbers_in_use(db: sqlite3.Connection, ids: Iterable[StoryId]) -> tuple[StoryId, ...]:
    return tuple(number for number in ids if find(db, number) is not None)


def add(
    db: sqlite3.Connection,
    draft: StoryDraft,
    stage: Stage,
    *,
    actor: str,
    now: datetime,
    number: StoryId | None = None,
    event: str = "created",
) -> Story:
    """Insert a story with its first journal row. Without `number`, which an import passes, use the next free id.

    Only the event `imported` may use another stage than backlog. It is the only transition without a stage before.
    """
    if number is None:
        # Stories are never deleted, so no id is used twice.
        number = StoryId(rows.scalar(db, "SELECT coalesce(max(id), 0) + 1 FROM stories"))
    detail, at = {"title": draft.title, **payload_to_json(stage)}, to_iso(now)
    imported = event == "imported"
    kind = JournalKind.TRANSITION if imported else JournalKind.STORY
    stages = (None, stage.name.value if imported else None)
    seq = journal.append(db, kind, event, actor=actor, now=now, story=number, stages=stages, detail=detail)
    story = Story(
        id=number,
        draft=draft,
        stage=stage,
        visit=seq,
        entered_by=event,
        returned_by=None,
        reset_seq=seq,
        stage_entered_at=at,
        coding_at=None if stage.name is StageName.BACKLOG else at,
        retries=0,
        created_at=at,
        updated_at=at,
    )
    rows.insert(db, "stories", to_row(story))
    return story


def edit(db: sqlite3.Connection, story: StoryId, draft: StoryDraft, *, actor: str, now: datetime) -> bool:
    """Replace the draft of a story. Return False, and write nothing, if the draft is the same."""
    before = load(db, story).draft
    changed = [name for name in StoryDraft.__struct_fields__ if getattr(before, name) != getattr(draft, name)]
    if not changed:
        return False
    rows.update(db, "stories", story, {**to_row(draft), "updated_at": to_iso(now)})
    detail = {"fields": sorted(changed)}
    journal.append(db, JournalKind.STORY, "edited", actor=actor, now=now, story=story, detail=detail)
    return True
