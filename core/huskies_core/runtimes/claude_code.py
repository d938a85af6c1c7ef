"""Claude Code without its screen: `claude -p`, which prints lines of stream-json.

The formats are those of version 2.1.197. Each part of a message is a line of its own with the usage of the whole
message, so usage is counted once for each message id. The last line, `result`, has the final account by model, with US
dollars; it replaces all counts, because `claude-opus-4-8` in messages can be `claude-opus-4-8[1m]` there.
A run that is killed earlier has token counts only.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from huskies_core.runtimes.json_lines import amount, object_at, objects, parse_object, text
from huskies_core.runtimes.runtime import Assignment, Failure, FailureKind, RateLimit, Reader, Runtime

_SYNTHETIC = "<synthetic>"
"""The model of a message that the program itself wrote because the service failed."""
_USAGE = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}
_FINAL = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_tokens": "cacheReadInputTokens",
    "cache_write_tokens": "cacheCreationInputTokens",
    "cost_usd": "costUSD",
}
DEFAULT_TOOLS = ("Bash", "Edit", "Write", "NotebookEdit", "Read", "Glob", "Grep")
MCP_TOOLS = (
    *("show_story", "update_story", "check_criterion"),
    *("approve_story", "reject_story", "resolve_story"),
)
"""Operations that an agent may call inside its run."""
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500
_UNREACHABLE = "API Error: Unable to connect"
_DENIED = re.compile(r"Permission to use (\S+)(?: with .*)? has been denied", re.DOTALL)
_MESSAGE_START = re.compile(
    rb'\{"type":"assistant","message":\{[^\[\]]{0,1000}?"id":"(?P<id>[^"]{1,200})"[^\[\]]{0,1000}?"content":\[\{"type":'
    rb'"(?P<kind>[a-z_]+)"'
)
"""The beginning of a message that is longer than the line limit."""
_LIMITS = {"error_max_turns": "max_turns", "error_max_budget_usd": "max_budget_usd"}


@dataclass
class _Message:
    """The counted part of a message."""

    id: str = ""
    tokens: dict[str, float] = field(default_factory=dict)
    has_used_tool: bool = False


class ClaudeReader(Reader):
    """Counts messages. A model that answers after a hard rate limit has waited for its end.

    Messages of subagents interleave: the last one of each is kept, by the tool call that started the subagent.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, _Message] = {}

    def feed(self, line: bytes) -> None:
        event = parse_object(line)
        if event is None:
            self._read_partial_line(line)
            return
        self.set_session(event.get("session_id"))
        match event.get("type"):
            case "assistant":
                self._read_message(object_at(event, "message"), text(event.get("parent_tool_use_id")))
            case "user":
                self._read_tool_results(object_at(event, "message"))
            case "rate_limit_event":
                self._read_rate_limit(object_at(event, "rate_limit_info"))
            case "result":
                self._read_result(event)
            case _:
                return

    def _read_message(self, message: dict[str, Any], parent: str) -> None:
        blocks = objects(message.get("content"))
        self.set_last_words(" ".join(text(block.get("text")) for block in blocks))
        model = text(message.get("model"))
        if model == _SYNTHETIC:
            return
        self.clear_hard_limit()
        uses_tool = any(block.get("type") == "tool_use" for block in blocks)
        counted = self._count_message(text(message.get("id")), parent, uses_tool=uses_tool)
        self._add_usage(model, object_at(message, "usage"), counted)

    def _read_partial_line(self, line: bytes) -> None:
        """Count a message that is too long to read whole. Its tokens are in the last line only."""
        start = _MESSAGE_START.match(line)
        if start is not None:
            message = start["id"].decode(errors="replace")
            self._count_message(message, "", uses_tool=start["kind"] == b"tool_use")
        elif not line.startswith(b'{"type":'):
            self.set_last_words(line.decode(errors="replace"))

    def _count_message(self, message: str, parent: str, *, uses_tool: bool) -> _Message:
        last = self._last.get(parent)
        if last is None or last.id != message:
            last = self._last[parent] = _Message(message)
            self.turns += 1
        if uses_tool and not last.has_used_tool:
            last.has_used_tool = True
            self.tool_turns += 1
        return last

    def _add_usage(self, model: str, usage: dict[str, Any], counted: _Message) -> None:
        """Add the growth of the message's usage, which each of its parts repeats."""
        tokens, total = _amounts(usage, _USAGE), self.tokens_of(model)
        for name, count in tokens.items():
            total[name] += max(0.0, count - counted.tokens.get(name, 0))
        counted.tokens = tokens

    def _read_tool_results(self, message: dict[str, Any]) -> None:
        """Count refusals at once. The last line has the account of all of them."""
        for block in objects(message.get("content")):
            denied = _DENIED.match(text(block.get("content"))) if block.get("is_error") is True else None
            if denied is not None:
                self.count_denied(denied[1])

    def _read_rate_limit(self, info: dict[str, Any]) -> None:
        status = text(info.get("status"))
        if status in ("", "allowed"):
            self.rate_limit = self.waiting_until = None
            return
        kind = text(info.get("rateLimitType")).replace("_", " ") or "rate"
        is_hard = status != "allowed_warning"
        level = "reached" if is_hard else f"at {amount(info.get('utilization')):.0%}"
        resets_at = amount(info.get("resetsAt")) or None
        self.set_rate_limit(RateLimit(is_hard, resets_at, f"{kind} limit {level}"))

    def _read_result(self, event: dict[str, Any]) -> None:
        self.set_last_words(text(event.get("result")))
        models = object_at(event, "modelUsage").items()
        final = {model: _amounts(usage, _FINAL) for model, usage in models if isinstance(usage, dict)}
        self.usage = final or self.usage
        self.cost_usd = amount(event.get("total_cost_usd"))
        self.denied = {}
        for denial in objects(event.get("permission_denials")):
            self.count_denied(text(denial.get("tool_name")) or "?")
        if event.get("is_error") is True:
            self._read_failure(event)

    def _read_failure(self, event: dict[str, Any]) -> None:
        status, subtype = int(amount(event.get("api_error_status"))), text(event.get("subtype"))
        errors = event.get("errors")
        error_texts = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
        detail = text(event.get("result")) or error_texts or subtype
        if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS or detail.startswith(_UNREACHABLE):
            # The time of a warning is the end of its week. A failure does not last that long.
            limit = self.rate_limit
            resets_at = limit.resets_at if limit is not None and limit.is_hard else None
            self.rate_limit = RateLimit(is_hard=True, resets_at=resets_at, detail=detail)
        kind = FailureKind.LIMIT if subtype in _LIMITS else FailureKind.ERROR
        self.failure = Failure(kind, f"{_LIMITS[subtype]}: {detail}" if subtype in _LIMITS else detail)


make_reader = ClaudeReader


def _amounts(usage: dict[str, Any], names: dict[str, str]) -> dict[str, float]:
    return {name: amount(usage.get(key)) for name, key in names.items()}


def argv(assignment: Assignment) -> tuple[str, ...]:
    """Return a command line that never prompts: tools that are not allowed are denied, and the agent sees that.

    A permission mode in the user's settings, such as plan, does not apply. Without allowed tools, the agent gets those
    of a coder. The run's own MCP tools are allowed by name. The supervisor limits the turns: the help of the program
    does not list its flag for that.
    """
    allowed = assignment.allowed_tools or DEFAULT_TOOLS
    own_tools = tuple(f"mcp__huskies__{name}" for name in MCP_TOOLS) if assignment.mcp_config else ()
    budget = assignment.max_budget_usd
    options = {
        "--model": assignment.model,
        "--append-system-prompt": assignment.system_prompt,
        "--max-budget-usd": None if budget is None else f"{budget:.4f}",
        "--allowedTools": ",".join((*allowed, *own_tools)),
        "--disallowedTools": ",".join(assignment.disallowed_tools),
        "--resume": assignment.session,
        "--mcp-config": assignment.mcp_config,
    }
    flags = tuple(f"{flag}={value}" for flag, value in options.items() if value)
    return ("claude", "-p", "--output-format=stream-json", "--verbose", "--permission-mode=dontAsk", *flags)


def readable(line: bytes) -> str | None:
    """Return the agent's texts, tool calls and tool results, one line each."""
    event = parse_object(line)
    if event is None:
        return None
    blocks = objects(object_at(event, "message").get("content"))
    lines = filter(None, map(_format_block, blocks))
    return "\n".join(lines) or _format_event(event)


def _format_block(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "text":
            return text(block.get("text"))
        case "tool_use":
            values = object_at(block, "input").values()
            argument = next((value for value in values if isinstance(value, str)), "")
            return f"[{text(block.get('name'))}] {argument}".rstrip()
        case "tool_result":
            return f"[{'denied or failed' if block.get('is_error') is True else 'result'}] {block.get('content')}"
        case _:
            return ""


def _format_event(event: dict[str, Any]) -> str:
    kind, subtype = text(event.get("type")), text(event.get("subtype"))
    if kind == "result":
        return f"[{subtype}] {text(event.get('result'))}".rstrip()
    return f"[{' '.join(filter(None, (kind, subtype)))}]"


RUNTIME = Runtime(
    "claude-code", "claude", argv, make_reader, readable, resumes=True, least_version=(2, 1, 197)
)
