"""Rows of the journal, a line each."""

from collections.abc import Mapping

from huskies_cli import render
from huskies_core.sanitize import one_line
from huskies_core.store.journal import JournalKind

LONGEST = 100
_REASONS = ("reason", "notes", "detail", "why", "title")
_FACTS = (
    ("run", "run "),
    ("runs", "run "),
    ("kind", ""),
    ("agent", "by "),
    ("event", ""),
    ("outcome", ""),
    ("verdict", ""),
    ("hold", ""),
    ("account", ""),
    ("until", "until "),
    ("branch", ""),
    ("rescue", "rescued as "),
    ("paths", ""),
    ("change", ""),
    ("fields", ""),
)
"""What rows of runs, worktrees, the queue and git are about, and the word before each."""


def entry_line(entry: Mapping[str, object], at: str = "") -> str:
    """`2026-01-31T12:00:00.000Z 12 backlog → coding start user:ada`, and what there is to say of it. The time is
    written as `at`, if that is given."""
    story = "-" if entry["story"] is None else str(entry["story"])
    time = render.styled(at or str(entry["at"]), "dim")
    return render.line(time, story, *_moved(entry), str(entry["actor"]), _told(entry))


def entry_words(entry: Mapping[str, object]) -> str:
    """`coding → qa qa_requested`, or `run started`, and what there is to say of it."""
    moved, event = _moved(entry)
    happened = event.replace("_", " ")
    known = moved in happened or entry["kind"] == JournalKind.QUEUE
    what = " ".join(filter(None, ("" if known else moved, event if entry["after"] else happened)))
    return ": ".join(filter(None, (what, _told(entry))))


def shortened(text: str) -> str:
    """The beginning of `text` on one line."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _moved(entry: Mapping[str, object]) -> tuple[str, str]:
    """From where to where, or what kind of row it is; and the event."""
    before, after = entry["before"] or "", entry["after"]
    moved = f"{before} → {after}".strip() if after else str(entry["kind"])
    return moved, str(entry["event"])


def _told(entry: Mapping[str, object]) -> str:
    """Why a story moved, or what the row is about; the rest of its detail is for programs."""
    detail, moved = entry["detail"], bool(entry["after"])
    if not isinstance(detail, Mapping):
        return ""
    why = next((str(detail[key]) for key in _REASONS if detail.get(key)), "")
    facts = [] if moved else [f"{word}{_written(detail[key])}" for key, word in _FACTS if detail.get(key)]
    return shortened(": ".join(part for part in (", ".join(facts), why) if part))


def _written(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
