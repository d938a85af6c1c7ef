"""The frames of a transition for the gateway: one for the change of stage, a second for a failed merge or a block."""

import json

from huskies_core.clock import from_iso
from huskies_core.pipeline.events import Block, MergeFailed
from huskies_core.pipeline.stages import StageName
from huskies_core.sanitize import tail
from huskies_core.store.journal import JournalEntry

LONGEST_REASON = 4000


def frames_of(entry: JournalEntry) -> tuple[str, ...]:
    """Return the frames as lines of JSON, first to send first."""
    moved = {"from_stage": entry.before or "", "to_stage": entry.after}
    frames = [_frame(entry, "stage_transition", moved)]
    if entry.event == MergeFailed.name and entry.before != StageName.MERGE_FAILURE:
        kind, detail = entry.detail["kind"], entry.detail["detail"]
        frames.append(_frame(entry, "merge_failure", _reason(f"{kind}: {detail}" if detail else kind)))
    if entry.event == Block.name:
        frames.append(_frame(entry, "story_blocked", _reason(entry.detail["reason"])))
    return tuple(frames)


def _reason(text: str) -> dict[str, str]:
    return {"reason": tail(text, LONGEST_REASON)}


def _frame(entry: JournalEntry, kind: str, facts: "dict[str, str] | dict[str, str | None]") -> str:
    moment = round(from_iso(entry.at).timestamp() * 1000)
    return json.dumps({"type": kind, "story_id": str(entry.story), **facts, "timestamp_ms": moment})
