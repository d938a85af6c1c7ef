"""Sample notifications."""

from huskies_core.channels.message import Message, Notice

AT = "2026-03-01T12:00:00.000Z"
BLOCKED = Notice("blocked", AT, "Story 1 is blocked", "huskies unblock 1", 1, "Fix <b>it</b>", "why & how")
LIMITED = Notice("rate_limited", AT, "codex is at its limit", "huskies status")
ONE = Message("shop", (BLOCKED,))
TWO = Message("shop", (BLOCKED, LIMITED))
