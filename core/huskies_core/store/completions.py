"""Completions for the shell. A person waits for them, so this module imports only sqlite3.

Kinds: `stories` (open ones; all after the first digit), `stories/STAGE,STAGE`, `finished`, `running`, `epics`,
`labels`, `runs`, `runs-of/STORY`, `live-runs`, `timers`, `triggers`.
"""

import sqlite3

from huskies_core.store.due import uri_path

TYPE_CHECKING = False  # Importing typing takes longer than a completion.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Completion = tuple[str, str]
"""A word and its description, both as the store has them, not sanitized."""
Row = tuple[object, ...]

OPEN = (
    *("backlog", "coding", "qa", "merge", "merge_failure", "merge_failure_final"),
    *("blocked", "review_hold", "frozen"),
)
FINISHED = ("done", "archived", "abandoned", "superseded")
MOST = 200
_WAIT_SECS = 0.2
_LONGEST_ID = 18

_STORY = "SELECT id, title, stage FROM stories"
_RUN = "SELECT id, kind, story, coalesce(agent, ''), coalesce(outcome, status) FROM runs"
_RUNS_OF = f"{_RUN} WHERE story = ? ORDER BY id DESC LIMIT {MOST}"


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
        rows = _stories(db, prefix, tuple(stages.split(",")) if stages else ())
        return (word for row in rows for word in _story(row))
    if name == "finished":
        return (word for row in _stories(db, prefix, FINISHED) for word in _story(row))
    if name in ("runs", "runs-of"):
        of_story = name == "runs-of" and stages
        rows = db.execute(_RUNS_OF, (int(stages[:_LONGEST_ID]),)) if of_story else _numbered(db, _RUN, prefix)
        return (word for row in rows for word in _run(row))
    form, queries = _SMALL_KINDS.get(name, (_story, ()))
    return (word for query in queries for row in db.execute(query) for word in form(row))


def _stories(db: sqlite3.Connection, prefix: str, stages: "Sequence[str]") -> "Iterable[Row]":
    """Return the stories in `stages`. If these include finished stories, match the digits of `prefix` with ids."""
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


def _story(row: Row) -> "Iterator[Completion]":
    number, title, stage = row
    yield str(number), f"{title} ({stage})"


def _run(row: Row) -> "Iterator[Completion]":
    number, kind, story, agent, state = row
    yield str(number), f"{kind} of {story}{f' by {agent}' if agent else ''}, {state}"


def _label(row: Row) -> "Iterator[Completion]":
    yield str(row[0]), ""


def _timer(row: Row) -> "Iterator[Completion]":
    """Yield a timer by its number, and by its label if that is not a number."""
    number, label, at = map(str, row)
    yield number, f"{label}, {at}" if label else at
    if label and not label.isdigit():
        yield label, at


def _trigger(row: Row) -> "Iterator[Completion]":
    number, mode, state = row
    yield str(number), f"{mode}, {state}"


_SMALL_KINDS: "dict[str, tuple[Callable[[Row], Iterator[Completion]], tuple[str, ...]]]" = {
    "epics": (_story, (f"{_STORY} WHERE type = 'epic' AND stage NOT IN {FINISHED}",)),
    "running": (
        _story,
        (f"{_STORY} WHERE id IN (SELECT story FROM runs WHERE status <> 'ended') ORDER BY id DESC",),
    ),
    "labels": (
        _label,
        (f"SELECT DISTINCT value FROM stories, json_each(labels) WHERE stage IN {OPEN} ORDER BY value",),
    ),
    "live-runs": (_run, (f"{_RUN} WHERE status <> 'ended' ORDER BY +id DESC",)),
    "timers": (
        _timer,
        (
            f"SELECT id, label, fire_at FROM timers WHERE state = 'armed' ORDER BY fire_at LIMIT {MOST}",
            "SELECT id, label, fire_at FROM timers WHERE trouble <> '' AND state = 'interrupted'",
        ),
    ),
    "triggers": (
        _trigger,
        (
            f"SELECT id, mode, state FROM triggers WHERE state = 'armed' ORDER BY since DESC LIMIT {MOST}",
            "SELECT id, mode, state FROM triggers WHERE trouble <> '' AND state IN ('interrupted', 'suspended')",
        ),
    ),
}
"""The kinds with few rows: the words of a row, and the queries for the rows."""
