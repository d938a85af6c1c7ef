"""Claude Code without its screen: `claude -p`, whose lines of stream-json say what it does.

The formats are those that version 2.1.197 printed. Each part of a message is a line of its own with the usage of the
whole message, so that it is counted once by the message's id. The last line, `result`, has the final account by model,
in US dollars, too, which takes the place of all that was counted: what messages call `claude-opus-4-8` can be
`claude-opus-4-8[1m]` there. What was killed before has tokens only.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from huskies_core.runtimes.counts import Counts, amount, object_at, objects, parse_object, text
from huskies_core.runtimes.runtime import Assignment, Failure, FailureKind, RateLimit, Runtime

_SYNTHETIC = "<synthetic>"
"""The model of a message that the program wrote itself, to say that the service failed."""
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
"""What an agent may say from inside its run."""
_TOO_MANY = 429
_SERVER_ERRORS = 500
_UNREACHABLE = "API Error: Unable to connect"
_DENIED = re.compile(r"Permission to use (\S+)(?: with .*)? has been denied", re.DOTALL)
_BEGUN = re.compile(
    rb'\{"type":"assistant","message":\{[^\[\]]{0,1000}?"id":"(?P<id>[^"]{1,200})"[^\[\]]{0,1000}?"content":\[\{"type":'
    rb'"(?P<kind>[a-z_]+)"'
)
"""The beginning of a message of which only the beginning is read."""
_LIMITS = {"error_max_turns": "max_turns", "error_max_budget_usd": "max_budget_usd"}


@dataclass
class _Message:
    """What of a message is counted already."""

    id: str = ""
    tokens: dict[str, float] = field(default_factory=dict)
    has_used_tool: bool = False


class ClaudeReader(Counts):
    """A model that answers after a hard limit has waited it out: the limit is over then.

    The messages of subagents come between each other's parts: the last one of each is kept, by the call that began it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, _Message] = {}

    def feed(self, line: bytes) -> None:
        event = parse_object(line)
        if event is None:
            self._hear_beginning(line)
            return
        self.belong_to(event.get("session_id"))
        match event.get("type"):
            case "assistant":
                self._hear(object_at(event, "message"), text(event.get("parent_tool_use_id")))
            case "user":
                self._get_back(object_at(event, "message"))
            case "rate_limit_event":
                self._limit(object_at(event, "rate_limit_info"))
            case "result":
                self._end(event)
            case _:
                return

    def _hear(self, message: dict[str, Any], parent: str) -> None:
        blocks = objects(message.get("content"))
        self.say(" ".join(text(block.get("text")) for block in blocks))
        model = text(message.get("model"))
        if model == _SYNTHETIC:
            return
        self.leave_limit()
        uses_tool = any(block.get("type") == "tool_use" for block in blocks)
        counted = self._count(text(message.get("id")), parent, uses_tool=uses_tool)
        self._spend(model, object_at(message, "usage"), counted)

    def _hear_beginning(self, line: bytes) -> None:
        """A message too long to be read whole counts; its tokens are told by the last line alone."""
        begun = _BEGUN.match(line)
        if begun is not None:
            self._count(begun["id"].decode(errors="replace"), "", uses_tool=begun["kind"] == b"tool_use")
        elif not line.startswith(b'{"type":'):
            self.say(line.decode(errors="replace"))

    def _count(self, message: str, parent: str, *, uses_tool: bool) -> _Message:
        last = self._last.get(parent)
        if last is None or last.id != message:
            last = self._last[parent] = _Message(message)
            self.turns += 1
        if uses_tool and not last.has_used_tool:
            last.has_used_tool = True
            self.tool_turns += 1
        return last

    def _spend(self, model: str, usage: dict[str, Any], counted: _Message) -> None:
        """The usage of a message is told again, and grows, with each of its parts."""
        told = {ours: amount(usage.get(theirs)) for ours, theirs in _USAGE.items()}
        total = self.used(model)
        for name, tokens in told.items():
            total[name] += max(0.0, tokens - counted.tokens.get(name, 0))
        counted.tokens = told

    def _get_back(self, message: dict[str, Any]) -> None:
        """What a tool gave back: a refusal counts at once. The last line has the account of all of them."""
        for block in objects(message.get("content")):
            refused = _DENIED.match(text(block.get("content"))) if block.get("is_error") is True else None
            if refused is not None:
                self.denied[refused[1]] = self.denied.get(refused[1], 0) + 1

    def _limit(self, info: dict[str, Any]) -> None:
        status = text(info.get("status"))
        if status in ("", "allowed"):
            self.rate_limit = self.waiting_until = None
            return
        resets_at = amount(info.get("resetsAt")) or None
        kind = text(info.get("rateLimitType")).replace("_", " ") or "rate"
        is_hard = status != "allowed_warning"
        share = amount(info.get("utilization"))
        told = f"{kind} limit {'reached' if is_hard else f'at {share:.0%}'}"
        self.meet_limit(RateLimit(is_hard, resets_at, told))

    def _end(self, event: dict[str, Any]) -> None:
        self.say(text(event.get("result")))
        final = {
            model: {ours: amount(used.get(theirs)) for ours, theirs in _FINAL.items()}
            for model, used in object_at(event, "modelUsage").items()
            if isinstance(used, dict)
        }
        self.usage = final or self.usage
        self.cost_usd = amount(event.get("total_cost_usd"))
        self.denied = {}
        for denial in objects(event.get("permission_denials")):
            tool = text(denial.get("tool_name")) or "?"
            self.denied[tool] = self.denied.get(tool, 0) + 1
        if event.get("is_error") is True:
            self._fail(event)

    def _fail(self, event: dict[str, Any]) -> None:
        status, subtype = int(amount(event.get("api_error_status"))), text(event.get("subtype"))
        errors = event.get("errors")
        words = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
        detail = text(event.get("result")) or words or subtype
        if status == _TOO_MANY or status >= _SERVER_ERRORS or detail.startswith(_UNREACHABLE):
            self.rate_limit = RateLimit(is_hard=True, resets_at=self._reset(), detail=detail)
        kind = FailureKind.LIMIT if subtype in _LIMITS else FailureKind.ERROR
        self.failure = Failure(kind, f"{_LIMITS[subtype]}: {detail}" if subtype in _LIMITS else detail)

    def _reset(self) -> float | None:
        """When the limit that was reached is over. A warning tells when its week ends: no failure lasts for that."""
        limit = self.rate_limit
        return limit.resets_at if limit is not None and limit.is_hard else None


def make_reader() -> ClaudeReader:
    return ClaudeReader()


def argv(assignment: Assignment) -> tuple[str, ...]:
    """Nothing of it asks: what is not allowed is denied, and the agent told so. A person's own mode, such as plan,
    is none for a run.

    Without allowed tools it gets those that a coder needs. The run's own MCP tools are allowed by their names. The
    limit of turns is left to the supervisor: the flag for it is not in the program's help.
    """
    allowed = assignment.allowed_tools or DEFAULT_TOOLS
    ours = tuple(f"mcp__huskies__{name}" for name in MCP_TOOLS) if assignment.mcp_config else ()
    budget = assignment.max_budget_usd
    told = {
        "--model": assignment.model,
        "--append-system-prompt": assignment.system_prompt,
        "--max-budget-usd": None if budget is None else f"{budget:.4f}",
        "--allowedTools": ",".join((*allowed, *ours)),
        "--disallowedTools": ",".join(assignment.disallowed_tools),
        "--resume": assignment.session,
        "--mcp-config": assignment.mcp_config,
    }
    flags = tuple(f"{flag}={value}" for flag, value in told.items() if value)
    return ("claude", "-p", "--output-format=stream-json", "--verbose", "--permission-mode=dontAsk", *flags)


def readable(line: bytes) -> str | None:
    """What the agent says, calls and gets back, a line each."""
    event = parse_object(line)
    if event is None:
        return None
    message = object_at(event, "message")
    told = (_told(block) for block in objects(message.get("content")))
    return "\n".join(filter(None, told)) or _of_event(event)


def _told(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "text":
            return text(block.get("text"))
        case "tool_use":
            wanted = object_at(block, "input")
            what = next((value for value in wanted.values() if isinstance(value, str)), "")
            return f"[{text(block.get('name'))}] {what}".rstrip()
        case "tool_result":
            return f"[{'denied or failed' if block.get('is_error') is True else 'result'}] {block.get('content')}"
        case _:
            return ""


def _of_event(event: dict[str, Any]) -> str:
    kind = text(event.get("type"))
    if kind == "result":
        return f"[{text(event.get('subtype'))}] {text(event.get('result'))}".rstrip()
    return f"[{' '.join(filter(None, (kind, text(event.get('subtype')))))}]"


RUNTIME = Runtime(
    "claude-code",
    "claude",
    argv,
    make_reader,
    readable,
    resumes=True,
    help_argv=("claude", "--help"),
    least_version=(2, 1, 197),
)
