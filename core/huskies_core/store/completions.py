"""Completions for the shell. A person waits for them, so this module imports only sqlite3.

Kinds: `stories` (open ones; all after the first digit), `stories/STAGE,STAGE`, `finished`, `running`, `epics`,
`labels`, `runs`, `runs-of/STORY`, `live-runs`, `timers`, `triggers`.
"""

import sqlite3

from huskies_core.store.due import uri_path

TYPE_CHECKING = False  # Importing typing takes longer than a completion.
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Completion = tuple[str, str]
"""A word and its description, both as the store has them, not sanitized."""
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
_LABELS = (
    "SELECT DISTINCT label.value FROM stories, json_each(stories.labels) AS label WHERE stories.stage = ?"
)
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
    """Return the words that begin with `prefix`, newest first and at most MOST; none if the store cannot be read."""
    try:
        db = sqlite3.connect(f"file:{uri_path(database)}?mode=ro", uri=True, timeout=_WAIT_SECS)
        try:
            words = [word for word in _words(db, kind, prefix) if word[0].startswith(prefix)]
        finally:
            db.close()
    except sqlite3.Error:
        return []
    return words[:MOST]


def _words(db: sqlite3.Connection, kind: str, prefix: str) -> "Iterable[Completion]":
    name, _, stages = kind.partition("/")
    if name == "stories":
        return map(_story, _stories(db, prefix, tuple(stages.split(",")) if stages else ()))
    if name == "finished":
        return map(_story, _stories(db, prefix, FINISHED))
    if name == "runs-of" and stages:
        return map(_run, db.execute(_RUNS_OF, (int(stages[:_LONGEST_ID]),)))
    if name in ("runs", "runs-of"):
        return map(_run, _numbered(db, _RUN, prefix))
    return _small_kinds(db, name)


def _small_kinds(db: sqlite3.Connection, name: str) -> "Iterable[Completion]":
    """Return all words of a kind with few rows."""
    words: Iterable[Completion] = ()
    match name:
        case "epics":
            words = map(_story, db.execute(_EPICS))
        case "running":
            words = map(_story, db.execute(_RUNNING))
        case "labels":
            words = _labels(db)
        case "live-runs":
            words = map(_run, sorted(db.execute(_LIVE_RUNS), reverse=True))
        case "timers":
            words = _timers(db)
        case "triggers":
            words = (_trigger(row) for query in _TRIGGERS for row in db.execute(query))
        case _:
            pass
    return words


def _stories(db: sqlite3.Connection, prefix: str, stages: "Sequence[str]") -> "Iterable[Row]":
    """Return the stories in those stages. After a digit, search by id if finished stories are allowed."""
    if prefix and stages in ((), FINISHED):
        stories = _numbered(db, _STORY, prefix)
        return (row for row in stories if not stages or row[2] in stages)
    query = f"{_STORY} WHERE stage = ? ORDER BY stage_entered_at DESC LIMIT 1000"
    rows = (row for stage in stages or OPEN for row in db.execute(query, (stage,)))
    return sorted(rows, reverse=True)


def _numbered(db: sqlite3.Connection, rows: str, prefix: str) -> "Iterator[Row]":
    """Yield the rows with an id that begins with `prefix`. Query one range of ids for each number of digits."""
    if prefix and not (prefix.isascii() and prefix.isdigit() and len(prefix) < _LONGEST_ID):
        return
    first = int(prefix or 0)
    for zeros in range(_LONGEST_ID - len(prefix)) if prefix else (_LONGEST_ID,):
        ends = first * 10**zeros, (first + 1) * 10**zeros - 1
        yield from db.execute(f"{rows} WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT {MOST}", ends)


def _labels(db: sqlite3.Connection) -> "list[Completion]":
    return sorted({(str(row[0]), "") for stage in OPEN for row in db.execute(_LABELS, (stage,))})


def _timers(db: sqlite3.Connection) -> "Iterator[Completion]":
    """Yield each timer by its number, and by its label if that is not a number."""
    for number, label, at in (row for query in _TIMERS for row in db.execute(query)):
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
