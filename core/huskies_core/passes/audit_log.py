"""audit-log: one structured line for each transition, and for what timers and triggers did, appended exactly once: the
file itself is the cursor."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from huskies_core.context import Context
from huskies_core.passes.actions import PlannedStep, Verb
from huskies_core.passes.pass_runner import Pass, one_by_one
from huskies_core.scheduler.snapshot import Snapshot
from huskies_core.store import journal
from huskies_core.store.journal import Entry

TAIL_BYTES = 65536
BATCH = 1000


def plan(snapshot: Snapshot) -> tuple[PlannedStep, ...]:
    news = journal.count_audited_after(snapshot.db, last_seq(snapshot.project.audit_log), most=BATCH)
    told = _told(news) if news < BATCH else f"{BATCH} rows or more"
    return (PlannedStep(Verb.APPEND_AUDIT, detail=told),) if news else ()


def apply(context: Context, _: PlannedStep) -> str:
    """Cuts off a torn last line, then appends and syncs. Killed in between, the next call goes on from the last line
    that is whole."""
    appended = 0
    with context.project.audit_log.open("ab+") as log:
        seq = _cut_torn_tail(log)
        with context.store.reading() as db:
            while news := journal.audited_after(db, seq, limit=BATCH):
                log.write(b"".join(map(as_line, news)))
                seq, appended = news[-1].seq, appended + len(news)
        log.flush()
        os.fsync(log.fileno())
    return _told(appended)


def _told(rows: int) -> str:
    return f"{rows} row{'' if rows == 1 else 's'}"


def as_line(entry: Entry) -> bytes:
    return json.dumps(asdict(entry), ensure_ascii=False).encode() + b"\n"


def last_seq(log: Path) -> int:
    """The seq of the last whole line, 0 where there is none."""
    if not log.exists():
        return 0
    with log.open("rb") as stream:
        return _last_whole(stream)[0]


def _cut_torn_tail(log: BinaryIO) -> int:
    seq, end = _last_whole(log)
    log.truncate(end)
    return seq


def _last_whole(log: BinaryIO) -> tuple[int, int]:
    """The seq of the last whole line and the position behind it; reads further back where a line is very long."""
    size, reach = log.seek(0, os.SEEK_END), TAIL_BYTES
    while True:
        start = max(size - reach, 0)
        log.seek(start)
        lines = log.read(size - start).splitlines(keepends=True)
        whole = [line for line in lines[bool(start) :] if line.endswith(b"\n")]
        if whole or not start:
            end = size - (len(lines[-1]) if lines and not lines[-1].endswith(b"\n") else 0)
            return (int(json.loads(whole[-1])["seq"]) if whole else 0), end
        reach *= 4


AUDIT_LOG = Pass("audit-log", plan, one_by_one(apply), follows=True)
