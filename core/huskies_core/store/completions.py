"""What a person may mean at the prompt of a shell, asked while they wait for it: imports sqlite3 and no more.

Kinds: `stories` (the open ones, and with a digit typed any), `stories/STAGE,STAGE`, `finished`, `running`, `epics`,
`labels`, `runs`, `runs-of/STORY`, `live-runs`, `timers`, `triggers`.
"""

import sqlite3

from huskies_core.store.due import uri_path

TYPE_CHECKING = False  # typing takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Completion = tuple[str, str]
"""What can be typed, and what it is: text from outside, as it is in the store."""
Row = tuple[object, ...]

OPEN = (
    "backlog",
    "coding",
    "qa",
    "merge",
    "merge_failure",
    "merge_failure_final",
    "blocked",
    "review_hold",
    "frozen",
)
FINISHED = ("done", "archived", "abandoned", "superseded")
MOST = 200
_WAIT_SECS = 0.2
_LONGEST_ID = 18

_STORY = "SELECT id, title, stage FROM stories"
_EPICS = f"{_STORY} WHERE type = 'epic' AND stage NOT IN ('done', 'archived', 'abandoned', 'superseded')"
_LABELS = "SELECT DISTINCT one.value FROM stories, json_each(stories.labels) AS one WHERE stories.stage = ?"
_RUN = "SELECT id, kind, story, coalesce(agent, ''), coalesce(outcome, status) FROM runs"
_RUNS_OF = f"{_RUN} WHERE story = ? ORDER BY id DESC LIMIT {MOST}"
_RUNNING = f"{_STORY} WHERE id IN (SELECT story FROM runs WHERE status <> 'ended') ORDER BY id DESC"
_LIVE_RUNS = f"{_RUN} WHERE status <> 'ended'"
_TIMERS = (
    f"SELECT id, label, fire_at FROM timers WHERE state = 'armed' ORDER BY fire_at LIMIT {MOST}",
    "SELECT id, label, fire_at FROM timers WHERE trouble <> '' AND state = 'interrupted'",
)
_TRIGGERS = (
    f"SELECT id, mode, state FROM triggers WHERE state = 'armed' ORDER BY since DESC LIMIT {MOST}",
    "SELECT id, mode, state FROM triggers WHERE trouble <> '' AND state IN ('interrupted', 'suspended')",
)


def completions(database: str, kind: str, prefix: str) -> "list[Completion]":
    """Those that begin with `prefix`, the newest first, `MOST` at most; none where the store cannot tell."""
    try:
        db = sqlite3.connect(f"file:{uri_path(database)}?mode=ro", uri=True, timeout=_WAIT_SECS)
        try:
            found = [offer for offer in _offers(db, kind, prefix) if offer[0].startswith(prefix)]
        finally:
            db.close()
    except sqlite3.Error:
        return []
    return found[:MOST]


def _offers(db: sqlite3.Connection, kind: str, prefix: str) -> "Iterable[Completion]":
    name, _, stages = kind.partition("/")
    if name == "stories":
        return map(_story, _stories(db, prefix, tuple(stages.split(",")) if stages else ()))
    if name == "finished":
        return map(_story, _stories(db, prefix, FINISHED))
    if name == "runs-of" and stages:
        return map(_run, db.execute(_RUNS_OF, (int(stages[:_LONGEST_ID]),)))
    if name in ("runs", "runs-of"):
        return map(_run, _numbered(db, _RUN, prefix))
    return _of_few(db, name)


def _of_few(db: sqlite3.Connection, name: str) -> "Iterable[Completion]":
    """What there is little enough of to read all, or the last."""
    offered: Iterable[Completion] = ()
    match name:
        case "epics":
            offered = map(_story, db.execute(_EPICS))
        case "running":
            offered = map(_story, db.execute(_RUNNING))
        case "labels":
            offered = _labels(db)
        case "live-runs":
            offered = map(_run, sorted(db.execute(_LIVE_RUNS), reverse=True))
        case "timers":
            offered = _timers(db)
        case "triggers":
            offered = (_trigger(row) for asked in _TRIGGERS for row in db.execute(asked))
        case _:
            pass
    return offered


def _stories(db: sqlite3.Connection, prefix: str, stages: "Sequence[str]") -> "Iterable[Row]":
    """A number that has been begun is looked for among all of them where finished ones will do."""
    if prefix and stages in ((), FINISHED):
        found = _numbered(db, _STORY, prefix)
        return (row for row in found if not stages or row[2] in stages)
    asked = f"{_STORY} WHERE stage = ? ORDER BY stage_entered_at DESC LIMIT 1000"
    rows = (row for stage in stages or OPEN for row in db.execute(asked, (stage,)))
    return sorted(rows, reverse=True)


def _numbered(db: sqlite3.Connection, rows: str, prefix: str) -> "Iterator[Row]":
    """Those whose number begins like this: a range of numbers for each length that they can have."""
    if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) < _LONGEST_ID):
        return
    begun = int(prefix or 0)
    for zeros in range(_LONGEST_ID - len(prefix)) if prefix else (_LONGEST_ID,):
        ends = begun * 10**zeros, (begun + 1) * 10**zeros - 1
        yield from db.execute(f"{rows} WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT {MOST}", ends)


def _labels(db: sqlite3.Connection) -> "list[Completion]":
    return sorted({(str(row[0]), "") for stage in OPEN for row in db.execute(_LABELS, (stage,))})


def _timers(db: sqlite3.Connection) -> "Iterator[Completion]":
    """By number, and by label where there is one that is no number."""
    for number, label, at in (row for asked in _TIMERS for row in db.execute(asked)):
        yield str(number), f"{label}, {at}" if label else at
        if label and not label.isdigit():
            yield label, at


def _story(row: Row) -> Completion:
    number, title, stage = row
    return str(number), f"{title} ({stage})"


def _run(row: Row) -> Completion:
    number, kind, story, agent, state = row
    return str(number), f"{kind} of {story}{f' by {agent}' if agent else ''}, {state}"


def _trigger(row: Row) -> Completion:
    number, mode, state = row
    return str(number), f"{mode}, {state}"
