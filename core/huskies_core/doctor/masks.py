"""Mask texts and secrets for a bug report: it keeps facts and names, but no value or word that a person wrote."""

import ast
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from huskies_core.config.records import AgentStage, AutoPromote
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.gateway import URL_VARIABLE
from huskies_core.qa_mode import QaMode
from huskies_core.runs.sandbox import PROGRAM as SANDBOX
from huskies_core.runtimes.registry import runtime_names

SECRET = "<secret>"

_MOST_CRASHES = 20
_LARGEST_CRASH_BYTES = 1 << 20
_ARGUMENTS = "arguments: "
_FRAME = re.compile(r'\s+File "([^"]*)", line (\d+), in ([\w<>.]+)')
_OPTION = re.compile(r"--?[a-z][a-z-]*")
_KNOWN_FOLDERS = ("huskies_c", "python3", "site-packages")
_ERROR = re.compile(r"[A-Za-z_][\w.]*")
_SHORTEST = 6
"""A shorter value is too likely to occur by chance."""
_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|auth|cookie|private", re.IGNORECASE)
_SHAPES = (
    re.compile(r"(?<=://)[^/\s@\"']+(?=@)"),
    re.compile(
        r"\b(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|glpat|github_pat|xox[a-z]|npm|hf|dop)[-_][A-Za-z0-9_-]{10,}"
    ),
    re.compile(r"\b(?:AKIA|ASIA|AIza)[A-Za-z0-9_-]{12,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+"),
    re.compile(r"(?<=earer )[^\s\"']+|(?<=asic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"(?i)(?<=[?&])(?:[a-z_]*(?:key|token|secret|passw|auth)[a-z_]*)=[^&\s\"']+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    re.compile(
        r"\b(?=[A-Za-z0-9+_-]*[0-9])(?=[A-Za-z0-9+_-]*[A-Z])(?=[A-Za-z0-9+_-]*[a-z])[A-Za-z0-9+_-]{32,}"
    ),
)
_CHOICES = frozenset(choice.value for kind in (AgentStage, AutoPromote, QaMode) for choice in kind)
_NAMING = ("base_branch", "default_coder_model", "model", "name", "timezone")
"""Settings that are a name of one word."""
_CLOSED = ("env", "notify")
"""Tables of which even numbers are masked."""
_WORDS = frozenset(
    (
        *("after", "agent", "before", "branch", "commit", "event", "feature_branch", "head"),
        *("kind", "merge_commit", "outcome", "stage", "tip"),
    )
)
"""Keys of rows with words of Huskies, names of agents, commits and branches of stories."""
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_WORD = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")


def scrubber(context: Context) -> Callable[[str], str]:
    """Return a function that masks known secrets and texts that look like one, and abbreviates project and home.

    It also works on JSON texts.
    """
    secrets = {value for value in _known_secrets(context) if len(value) >= _SHORTEST}
    known = sorted(secrets | {json.dumps(value)[1:-1] for value in secrets}, key=len, reverse=True)
    folders = {str(context.project.root): "<project>", context.environ.get("HOME", ""): "~"}

    def scrub(text: str) -> str:
        for value in known:
            text = text.replace(value, SECRET)
        for shape in _SHAPES:
            text = shape.sub(SECRET, text)
        for folder, name in folders.items():
            text = text.replace(folder, name) if len(folder) > 1 else text
        return text

    return scrub


def without_values(settings: object, key: str = "", *, is_closed: bool = False) -> object:
    """Return the nested settings with numbers, booleans and known words. Other texts become their length."""
    match settings:
        case dict():
            closed = is_closed or key in _CLOSED
            return {
                _name(key): without_values(value, key, is_closed=closed) for key, value in settings.items()
            }
        case list():
            return [without_values(value, key, is_closed=is_closed) for value in settings]
        case bool() | int() | float() if not is_closed:
            return settings
        case str() if not is_closed and _is_word(settings, key):
            return settings
        case _:
            return _length(settings)


def _is_word(text: str, key: str) -> bool:
    """Return whether a text is one of the words of a setting, or a name under a key for names."""
    return text in (*_CHOICES, *runtime_names(), SANDBOX) or (
        key in _NAMING and _WORD.fullmatch(text) is not None
    )


def without_texts(detail: Mapping[str, object]) -> dict[str, object]:
    """Return the detail of a journal row or a run with numbers, and with known words at the top level.

    Other texts become their length: deeper ones may be the arguments of a tool.
    """
    kept = {name: value for name, value in detail.items() if name in _WORDS and isinstance(value, str)}
    return {**_without_text(detail), **kept}


def _without_text(value: object) -> Any:
    match value:
        case Mapping():
            return {name: _without_text(item) for name, item in value.items() if _KEY.fullmatch(name)}
        case list() | tuple():
            return [_without_text(item) for item in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return _length(value)


def without_quotes(text: str) -> str:
    """Return the message without the quoted values."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", text)


def _name(key: str) -> str:
    return key if _WORD.fullmatch(key) else _length(key)


def _length(value: object) -> str:
    return f"<{len(str(value))} characters>"


def _known_secrets(context: Context) -> Iterator[str]:
    yield from _in_env_file(context)
    for name, value in context.environ.items():
        if _SECRET_NAME.search(name) and not os.path.exists(value):  # unlike SSH_AUTH_SOCK
            yield value
    yield context.environ.get(URL_VARIABLE, "")
    try:
        config = context.config
    except HuskiesError:
        return
    yield config.project.gateway_url or ""
    notify = config.project.notify
    yield from (notify.webhook or "", *notify.apprise, *notify.command)
    for agent in config.agents:
        yield from agent.env.values()
        yield from (context.environ[name] for name in agent.env_allow if name in context.environ)


def _in_env_file(context: Context) -> Iterator[str]:
    """Yield all possible values of the file, even if its mode or its lines are invalid."""
    try:
        text = context.project.env_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        value = line.partition("=")[2].strip() or line.strip()
        yield value
        yield value.strip("'\"")


def read_settings(text: str) -> object:
    """Return a config file without its values; of a file that is not TOML, only the number of lines."""
    try:
        return without_values(tomllib.loads(text))
    except (ValueError, RecursionError):
        return {"unreadable": f"not TOML, {len(text.splitlines())} lines"}


def read_crashes(state_dir: Path) -> Iterator[dict[str, object]]:
    """Yield the newest reports: flags of the command line, stack frames and classes of exceptions."""
    paths = [path for path in (state_dir / "crash").glob("*.txt") if path.is_file()]
    paths.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in paths[:_MOST_CRASHES]:
        if path.stat().st_size < _LARGEST_CRASH_BYTES:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            yield {
                "report": path.name,
                "options": tuple(_options(lines[:1])),
                "frames": tuple(_frame(match) for line in lines if (match := _FRAME.fullmatch(line))),
                "errors": tuple(_errors(lines)),
            }


def _frame(match: re.Match[str]) -> str:
    """Return module path, line and function. Outer folders are omitted: they may have the names of people."""
    parts = match[1].split("/")
    known = (at for at, part in enumerate(parts) if part.startswith(_KNOWN_FOLDERS))
    return f"{'/'.join(parts[next(known, -1) :])}:{match[2]} {match[3]}"


def _options(first: list[str]) -> Iterator[str]:
    if not (first and first[0].startswith(_ARGUMENTS)):
        return
    try:
        words = ast.literal_eval(first[0].removeprefix(_ARGUMENTS))
    except (ValueError, SyntaxError):
        return
    yield from (option[0] for word in words if (option := _OPTION.match(str(word))))


def _errors(lines: list[str]) -> Iterator[str]:
    """Yield the class from the first unindented line after the frames. Skip the other lines of the message."""
    in_frames = False
    for line in lines:
        if _FRAME.fullmatch(line):
            in_frames = True
        elif in_frames and line and not line.startswith(" "):
            in_frames = False
            match = _ERROR.match(line)
            yield match[0] if match else "?"
