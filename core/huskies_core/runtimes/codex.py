"""Codex without its screen: `codex exec --json`, which prints lines about items that begin and end.

The formats are those of versions 0.169 and 0.171. Codex reports tokens once a turn and no costs; [pricing] gives those.
It does not report turns of the model: each message and each tool call counts as one.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from huskies_core.runtimes.json_lines import amount, object_at, parse_object, text
from huskies_core.runtimes.runtime import Assignment, Failure, FailureKind, RateLimit, Reader, Runtime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_RESET = re.compile(
    rf"try again at (?:(?P<month>{'|'.join(_MONTHS)}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?, (?P<year>\d{{4}}) )?"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}) (?P<half>AM|PM)"
)
_TOOLS = ("command_execution", "file_change", "mcp_tool_call", "web_search")
_RATE_LIMITS = ("usage limit", "rate limit", "quota")
_SERVER_ERRORS = (
    *("high demand", "temporary errors", "stream disconnected"),
    *("server error", "overloaded", "exceeded retry limit"),
)


class CodexReader(Reader):
    def feed(self, line: bytes) -> None:
        event = parse_object(line)
        if event is None:
            self.set_last_words(line.decode(errors="replace"))
            return
        match event.get("type"):
            case "thread.started":
                self.set_session(event.get("thread_id"))
            case "item.completed":
                self._read_item(object_at(event, "item"))
            case "turn.completed":
                self._add_usage(object_at(event, "usage"))
            case "turn.failed":
                self._read_failure(text(object_at(event, "error").get("message")))
            case _:
                return

    def _read_item(self, item: dict[str, Any]) -> None:
        kind = text(item.get("type"))
        if kind == "agent_message":
            self.turns += 1
            self.set_last_words(text(item.get("text")))
        if kind in _TOOLS:
            self.turns += 1
            self.tool_turns += 1
            if item.get("status") == "declined":
                self.count_denied(kind)

    def _add_usage(self, usage: dict[str, Any]) -> None:
        """Add the tokens of a turn. Codex includes cached tokens in its input tokens."""
        cached = amount(usage.get("cached_input_tokens"))
        written = amount(usage.get("cache_write_input_tokens"))
        total = self.tokens_of("")
        total["input_tokens"] += max(0.0, amount(usage.get("input_tokens")) - cached - written)
        total["output_tokens"] += amount(usage.get("output_tokens"))
        total["cache_read_tokens"] += cached
        total["cache_write_tokens"] += written

    def _read_failure(self, message: str) -> None:
        self.set_last_words(message)
        lower = message.lower()
        if any(words in lower for words in (*_RATE_LIMITS, *_SERVER_ERRORS)):
            self.rate_limit = RateLimit(is_hard=True, resets_at=reset_time(message), detail=message)
        self.failure = Failure(FailureKind.ERROR, message or "the turn failed")


def reset_time(message: str) -> float | None:
    """Return the time in a rate limit's message, in unix seconds: a local time, of today or of the date before it.

    The message drops the seconds, so the result is the next minute.
    """
    match = _RESET.search(message)
    if match is None:
        return None
    year, month, day, *_ = time.localtime()
    if match["day"]:
        year, month, day = int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"])
    hour = int(match["hour"]) % 12 + (12 if match["half"] == "PM" else 0)
    try:
        return time.mktime((year, month, day, hour, int(match["minute"]) + 1, 0, 0, 0, -1))
    except (ValueError, OverflowError):
        return None


make_reader = CodexReader


def argv(assignment: Assignment) -> tuple[str, ...]:
    """Return a command line that reads the prompt from standard input (`-`). `codex exec` never prompts.

    Codex runs in its own sandbox unless Huskies provides one. It may write to its worktree and to the folders that git
    and huskies need. The worktree's own git folder must be named by itself: Codex makes it read-only otherwise.
    """
    model = ("-m", assignment.model) if assignment.model else ()
    options = tuple(part for option in _options(assignment) for part in ("-c", option))
    if assignment.session:
        return ("codex", "exec", "resume", *options, *model, "--json", assignment.session, "-")
    return ("codex", "exec", *options, *model, "--json", "-")


def _options(assignment: Assignment) -> Iterator[str]:
    """Yield settings of Codex's config file, in TOML. JSON strings and lists are valid TOML.

    A login shell would reset PATH, and the agent would not find `huskies`.
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
    """Return the agent's messages and actions, one line each."""
    event = parse_object(line)
    if event is None:
        return None
    item = object_at(event, "item")
    if event.get("type") == "item.completed" and item:
        output = text(item.get("aggregated_output"))
        command = f"[{text(item.get('type'))}] {text(item.get('command'))}\n{output}"
        return text(item.get("text")) or text(item.get("message")) or command
    error = text(object_at(event, "error").get("message")) or text(event.get("message"))
    return f"[{text(event.get('type'))}] {error}".rstrip()


RUNTIME = Runtime("codex", "codex", argv, make_reader, readable, resumes=True, least_version=(0, 169, 0))
