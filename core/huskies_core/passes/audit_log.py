"""audit-log: append one line per transition, timer row and trigger row, exactly once. The file's end is the cursor."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import asdict

from huskies_core.context import Context
from huskies_core.humanize import format_count
from huskies_core.ids import JOURNAL_START, Seq
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.passes.steps import PlannedStep, Verb
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal

TAIL_BYTES = 65536
BATCH = 1000


class _Position(Struct):
    """The part of a line that is the cursor."""

    seq: Seq


def plan(snapshot: Snapshot) -> Iterator[PlannedStep]:
    rows = journal.count_audited_after(snapshot.db, last_seq(snapshot.project.audit_log), most=BATCH)
    if rows:
        detail = format_count(rows, "row") if rows < BATCH else f"{BATCH} rows or more"
        yield PlannedStep(Verb.APPEND_AUDIT, detail=detail)


def apply(context: Context, _: PlannedStep) -> str:
    """Cut off an incomplete last line, then append and sync. The next call continues after the last complete line."""
    appended = 0
    with context.project.audit_log.open("ab+") as log:
        seq, end = _last_whole_line(log, context.project.audit_log)
        log.truncate(end)
        with context.store.reading() as db:
            while batch := journal.audited_after(db, seq, limit=BATCH):
                log.writelines(json.dumps(asdict(row), ensure_ascii=False).encode() + b"\n" for row in batch)
                seq, appended = batch[-1].seq, appended + len(batch)
        log.flush()
        os.fsync(log.fileno())
    return format_count(appended, "row")


def last_seq(log: Path) -> Seq:
    """Return the seq of the last complete line, or 0 if the file has none. Raise HuskiesError `audit_damaged`."""
    if not log.exists():
        return JOURNAL_START
    with log.open("rb") as stream:
        return _last_whole_line(stream, log)[0]


def _last_whole_line(log: BinaryIO, path: Path) -> tuple[Seq, int]:
    """Return the seq of the last complete line and the position after it. Read further back for a long line."""
    size, reach = log.seek(0, os.SEEK_END), TAIL_BYTES
    while True:
        start = max(size - reach, 0)
        log.seek(start)
        lines = log.read(size - start).splitlines(keepends=True)
        whole = [line for line in lines[bool(start) :] if line.endswith(b"\n")]
        if whole or not start:
            end = size - (len(lines[-1]) if lines and not lines[-1].endswith(b"\n") else 0)
            return (
                journal.parse_audit_line(_Position, whole[-1], path, end).seq if whole else JOURNAL_START
            ), end
        reach *= 4


AUDIT_LOG = Pass("audit-log", plan, one_by_one(apply), follows=True)
