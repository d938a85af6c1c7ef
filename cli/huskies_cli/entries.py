"""Rows of the journal, a line each."""

from collections.abc import Mapping

from huskies_cli import render
from huskies_core.text import one_line

LONGEST = 100


def entry_line(entry: Mapping[str, object]) -> str:
    """`2026-01-31T12:00:00.000Z  12  backlog → coding  start  user:ada`, and the reason where there is one."""
    story = "-" if entry["story"] is None else str(entry["story"])
    before, after = entry["before"] or "", entry["after"]
    moved = f"{before} → {after}".strip() if after else str(entry["kind"])
    return render.line(
        str(entry["at"]), story, moved, str(entry["event"]), str(entry["actor"]), _told(entry["detail"])
    )


def shortened(text: str) -> str:
    """The beginning of `text` on one line."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _told(detail: object) -> str:
    """What the row says in words; the rest of its detail is for programs."""
    if not isinstance(detail, Mapping):
        return ""
    said = (detail.get(key) for key in ("reason", "notes", "detail", "title", "outcome", "hold"))
    return shortened(next((str(text) for text in said if text), ""))
