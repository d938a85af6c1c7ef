"""Rows of the journal as lines of text."""

from collections.abc import Mapping

from huskies_cli import render
from huskies_core.store.journal import JournalKind

_REASONS = ("reason", "notes", "detail", "why", "title")
_FACTS = (
    *("run", "runs", "kind", "agent", "event", "outcome", "verdict", "hold", "account", "until", "branch"),
    *("rescue", "paths", "change", "fields"),
)
"""The keys of the detail of a row that are printed."""
_WORDS = {"run": "run ", "runs": "run ", "agent": "by ", "until": "until ", "rescue": "rescued as "}
"""The words before the values of some keys."""


def entry_line(entry: Mapping[str, object], at: str = "") -> str:
    """Return a row such as `2026-01-31T12:00:00.000Z 12 backlog → coding start user:ada`, with its reason.

    `at` replaces the time.
    """
    story = "-" if entry["story"] is None else str(entry["story"])
    time = render.Styled(at or str(entry["at"]), "dim")
    return render.line(time, story, *_moved(entry), str(entry["actor"]), _detail(entry))


def entry_words(entry: Mapping[str, object]) -> str:
    """Return a row without time, story and actor, such as `coding → qa qa_requested` or `run started`."""
    moved, event = _moved(entry)
    words = event.replace("_", " ")
    is_redundant = moved in words or entry["kind"] == JournalKind.QUEUE
    head = " ".join(filter(None, ("" if is_redundant else moved, event if entry["after"] else words)))
    return ": ".join(filter(None, (head, _detail(entry))))


def _moved(entry: Mapping[str, object]) -> tuple[str, str]:
    """Return the stages before and after, or the kind of the row; and the event."""
    before, after = entry["before"] or "", entry["after"]
    moved = f"{before} → {after}".strip() if after else str(entry["kind"])
    return moved, str(entry["event"])


def _detail(entry: Mapping[str, object]) -> str:
    """Return the reason of a transition, or the main facts and the reason of another row."""
    detail, is_transition = entry["detail"], bool(entry["after"])
    if not isinstance(detail, Mapping):
        return ""
    why = next((str(detail[key]) for key in _REASONS if detail.get(key)), "")
    keys = [] if is_transition else [key for key in _FACTS if detail.get(key)]
    facts = [f"{_WORDS.get(key, '')}{_text(detail[key])}" for key in keys]
    return render.shortened(": ".join(part for part in (", ".join(facts), why) if part))


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
