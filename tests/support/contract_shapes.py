"""The shapes of the commands' JSON data."""

from support.shapes import NUMBER, WORD, Shape

OBJECT = {str: object}
ID = (int, None)
STORY: dict[str, Shape] = {
    "id": int, "type": str, "title": str, "stage": str, "stage_entered_at": str, "priority": int,
    "depends_on": [int], "retries": int, "agent": WORD, "qa": WORD, "labels": [str], "epic": ID, "reason": WORD,
    "payload": OBJECT,
}  # fmt: skip
CHANGED = STORY | {"changed": bool}
RUN: dict[str, Shape] = {
    "id": int, "story": int, "kind": str, "agent": WORD, "status": str, "outcome": WORD, "detail": str,
    "started_at": str, "ended_at": WORD, "turns": int, "cost_usd": NUMBER,
}  # fmt: skip
RUN_NOW = RUN | {
    "tool_turns": int, "last_output_at": WORD, "dead": bool, "throttled": WORD, "denied": {str: int},
}  # fmt: skip
STEP = {
    "name": str, "role": str, "exit_code": ID, "signal": ID, "timed_out": bool, "detail": str, "started_at": str,
    "seconds": NUMBER,
}  # fmt: skip
RUN_PAGE = RUN_NOW | {
    "runtime": WORD, "model": WORD, "verdict": WORD, "notes": str, "evidence": OBJECT, "landing": (OBJECT, None),
    "limit": WORD, "steps": [STEP], "lost_output_bytes": int, "survivors": [object], "paths": {str: str},
}  # fmt: skip
ENTRY: dict[str, Shape] = {
    "seq": int, "at": str, "story": ID, "event": str, "before": WORD, "after": WORD, "actor": str, "detail": OBJECT,
    "kind": str,
}  # fmt: skip
STORY_PAGE = STORY | {
    "description": str, "criteria": [{"text": str, "checked": bool}], "members": [int], "merge_commit": WORD,
    "created_at": str, "updated_at": str, "history": [ENTRY], "runs": [RUN],
    "usage": {"runs": int, "turns": int, "tool_turns": int, "cost_usd": NUMBER, "denied": int},
    "worktree": WORD, "branch": WORD, "content": [str],
}  # fmt: skip
COST: dict[str, Shape] = {
    "runs": int, "input_tokens": int, "output_tokens": int, "cache_read_tokens": int, "cache_write_tokens": int,
    "cost_usd": NUMBER,
}  # fmt: skip
ACTION = {"pass": str, "action": str, "story": ID, "outcome": str, "detail": str}
PASS = {"pass": str, "already_running": bool, "actions": [ACTION]}
CARD = STORY | {"state": str, "why": str}
NEED = {"story": int, "stage": str, "rule": str, "reason": str, "command": str, "cause": WORD}
STATUS = {
    "stages": {str: [CARD]}, "counts": {str: int}, "runs": [RUN_NOW], "needs_person": [NEED], "limits": OBJECT,
    "firings": [OBJECT],
}  # fmt: skip
EXPLANATION = {
    "story": int, "stage": str, "holds": [{"rule": str, "detail": str, "command": WORD}], "next": WORD,
    "rules": [{"rule": str, "holds": bool}], "notes": [str],
}  # fmt: skip
MOVED = {"stories": [{"id": int, "event": str, "before": str, "after": str}]}
APPROVED = {"stories": [{"id": int, "event": str, "before": str, "after": str, "open_criteria": [int]}]}
AGENT = {
    "name": str, "stage": str, "runtime": str, "model": WORD, "state": str, "story": ID, "run": ID,
}  # fmt: skip
TRIAL = {
    "agent": str, "problem": str, "hint": str, "session": WORD, "turns": int, "input_tokens": int,
    "output_tokens": int, "cost_usd": NUMBER, "words": str, "seconds": NUMBER, "answered": bool,
}  # fmt: skip
RESCUE: dict[str, Shape] = {"story": int, "time": str, "ref": str, "commit": str}
TIMER = {
    "id": int, "label": WORD, "kind": str, "story": ID, "fire_at": str, "next": [str], "mode": str,
    "action": OBJECT, "catch_up": str, "state": str, "trouble": WORD,
}  # fmt: skip
TRIGGER = {
    "id": int, "predicate": {str: str}, "mode": str, "action": OBJECT, "fired": int, "state": str, "trouble": WORD,
}  # fmt: skip
PAUSE = {"by": str, "since": str, "reason": str}
TOOL = {"name": str, "help": str, "writes": bool, "long": bool, "arguments": OBJECT}
SERVICE: dict[str, Shape] = {
    "kind": str, "job": str, "allow_sudo": bool, "installed": bool, "started": bool, "current": bool,
    "parts": [{"place": str, "found": WORD, "wanted": WORD}],
}  # fmt: skip
