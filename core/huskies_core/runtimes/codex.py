"""Codex without its screen: `codex exec --json`, whose lines tell of items that begin and end.

The formats are those that versions 0.169 and 0.171 printed. It tells tokens once a turn and no money: what they cost is
for [pricing] to say. A turn of the model is not told: each message and each tool call counts as one.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from huskies_core.runtimes.counts import Counts, amount, object_at, parse_object, text
from huskies_core.runtimes.runtime import Assignment, Failure, FailureKind, RateLimit, Runtime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RESET = re.compile(
    rf"try again at (?:(?P<month>{'|'.join(_MONTHS)}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?, (?P<year>\d{{4}}) )?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}) (?P<half>AM|PM)"
)
_TOOLS = ("command_execution", "file_change", "mcp_tool_call", "web_search")
_LIMITED = ("usage limit", "rate limit", "quota")
_TROUBLED = (
    "high demand",
    "temporary errors",
    "stream disconnected",
    "server error",
    "overloaded",
    "exceeded retry limit",
)


class CodexReader(Counts):
    def feed(self, line: bytes) -> None:
        event = parse_object(line)
        if event is None:
            self.say(line.decode(errors="replace"))
            return
        match event.get("type"):
            case "thread.started":
                self.belong_to(event.get("thread_id"))
            case "item.completed":
                self._item(object_at(event, "item"))
            case "turn.completed":
                self._spend(object_at(event, "usage"))
            case "turn.failed":
                self._fail(text(object_at(event, "error").get("message")))
            case _:
                return

    def _item(self, item: dict[str, Any]) -> None:
        kind = text(item.get("type"))
        if kind == "agent_message":
            self.turns += 1
            self.say(text(item.get("text")))
        if kind in _TOOLS:
            self.turns += 1
            self.tool_turns += 1
            if item.get("status") == "declined":
                self.denied[kind] = self.denied.get(kind, 0) + 1

    def _spend(self, usage: dict[str, Any]) -> None:
        """Its input counts what came from the cache, too."""
        cached, written = (
            amount(usage.get("cached_input_tokens")),
            amount(usage.get("cache_write_input_tokens")),
        )
        total = self.used("")
        total["input_tokens"] += max(0.0, amount(usage.get("input_tokens")) - cached - written)
        total["output_tokens"] += amount(usage.get("output_tokens"))
        total["cache_read_tokens"] += cached
        total["cache_write_tokens"] += written

    def _fail(self, message: str) -> None:
        self.say(message)
        told = message.lower()
        if any(words in told for words in (*_LIMITED, *_TROUBLED)):
            self.rate_limit = RateLimit(is_hard=True, resets_at=reset_time(message), detail=message)
        self.failure = Failure(FailureKind.ERROR, message or "the turn failed")


def reset_time(message: str) -> float | None:
    """Unix seconds of what a limit's words name: a time of this machine's clock, of today or of the day that stands
    before it. They are cut to the minute, so the next one is safe."""
    found = _RESET.search(message)
    if found is None:
        return None
    year, month, day, *_ = time.localtime()
    if found["day"]:
        year, month, day = int(found["year"]), _MONTHS.index(found["month"]) + 1, int(found["day"])
    hour = int(found["hour"]) % 12 + (12 if found["half"] == "PM" else 0)
    try:
        return time.mktime((year, month, day, hour, int(found["minute"]) + 1, 0, 0, 0, -1))
    except (ValueError, OverflowError):
        return None


def make_reader() -> CodexReader:
    return CodexReader()


def argv(assignment: Assignment) -> tuple[str, ...]:
    """The prompt comes on standard input (`-`); `codex exec` never asks.

    Its own sandbox holds it, unless ours does: it may write in its worktree and in the folders that git and huskies
    need. The folder of git's that belongs to a worktree has to be named by itself: Codex keeps it read-only else.
    """
    model = ("-m", assignment.model) if assignment.model else ()
    options = tuple(part for option in _options(assignment) for part in ("-c", option))
    last = ("resume", *options, *model, "--json", assignment.session, "-") if assignment.session else ()
    return ("codex", "exec", *(last or (*options, *model, "--json", "-")))


def _options(assignment: Assignment) -> Iterator[str]:
    """Values of Codex's config file, in TOML; JSON strings and lists are such.

    A login shell would set PATH anew, and the agent would not find `huskies`.
    """
    yield "allow_login_shell=false"
    if assignment.is_confined:
        yield 'sandbox_mode="danger-full-access"'
    else:
        yield 'sandbox_mode="workspace-write"'
        yield "sandbox_workspace_write.network_access=true"
        yield f"sandbox_workspace_write.writable_roots={json.dumps(list(assignment.writable))}"
    if assignment.system_prompt:
        yield f"developer_instructions={json.dumps(assignment.system_prompt)}"
    if assignment.mcp_server:
        command, *arguments = assignment.mcp_server
        yield f"mcp_servers.huskies.command={json.dumps(command)}"
        yield f"mcp_servers.huskies.args={json.dumps(arguments)}"


def readable(line: bytes) -> str | None:
    """What the agent says and does, a line each."""
    event = parse_object(line)
    if event is None:
        return None
    item = object_at(event, "item")
    if event.get("type") == "item.completed" and item:
        said = text(item.get("text")) or text(item.get("message"))
        return (
            said
            or f"[{text(item.get('type'))}] {text(item.get('command'))}\n{text(item.get('aggregated_output'))}"
        )
    failed = text(object_at(event, "error").get("message")) or text(event.get("message"))
    return f"[{text(event.get('type'))}] {failed}".rstrip()


RUNTIME = Runtime(
    "codex",
    "codex",
    argv,
    make_reader,
    readable,
    resumes=True,
    help_argv=("codex", "exec", "--help"),
    least_version=(0, 169, 0),
)
