"""The readers of single config keys that have rules of their own, and the variables of prompts."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from huskies_core.config.table import Table
from huskies_core.humanize import did_you_mean
from huskies_core.runtimes.registry import runtime_names
from huskies_core.templates import placeholders

COMMAND = "command"
SANDBOX = "bwrap"
PROMPT_VARIABLES = frozenset(
    (
        *("base_branch", "conflicts", "epic", "feature_branch", "gate_output", "gates", "qa_notes"),
        *("root", "story", "story_id", "story_title", "worktree_path"),
    )
)
_INVALID_BRANCH = re.compile(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(/|$)|[/.]$|^@$|^refs/")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WEBHOOK = re.compile(r"\$\{|https?://[^\s/]")
_APPRISE_URL = re.compile(r"\$\{|[A-Za-z][A-Za-z0-9+.-]*://")


def branch(table: Table, key: str) -> str | None:
    name = table.line(key)
    if name is not None and _INVALID_BRANCH.search(name):
        table.problem(key, f"{key} {name!r} is not a branch name", "Write it as 'git branch' prints it.")
    return name


def timezone(table: Table, key: str) -> str | None:
    name = table.line(key)
    if name is None or name == "UTC":
        return name
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(name, available_timezones(), "Write it as Area/City, such as Europe/London.")
        table.problem(key, f"unknown timezone {name!r}", hint)
    return name


def gateway_url(table: Table, key: str) -> str | None:
    """Return None for an empty address: it switches a gateway off."""
    url = table.text(key)
    if url and not re.match(r"https?://[^\s/]", url):
        table.problem(key, f"{key} must begin with http:// or https://")
    return url or None


def _path_inside(table: Table, key: str, folder: str, hint: str) -> str | None:
    """Return a relative path that does not leave the folder, in its shortest form."""
    name = table.line(key)
    path = PurePosixPath(name or "")
    if path.is_absolute() or ".." in path.parts:
        table.problem(key, f"{key} {name!r} is outside {folder}", hint)
        return None
    return name and str(path)


def path_in_project(table: Table, key: str) -> str | None:
    return _path_inside(table, key, "the project", "Write it relative to the project's root.")


def webhook(table: Table, key: str) -> str | None:
    url = table.line(key)
    if url is not None and not _WEBHOOK.match(url):
        table.problem(key, f"{table.name(key)} must begin with http://, https:// or ${{NAME}}")
    return url


def apprise_urls(table: Table, key: str) -> tuple[str, ...] | None:
    urls = table.strings(key)
    if not all(map(_APPRISE_URL.match, urls or ())):
        hint = "Write each as Apprise documents it, such as tgram://${BOT_TOKEN}/${CHAT_ID}."
        table.problem(key, f"{table.name(key)} must be a list of addresses such as service://…", hint)
    return urls


def runtime(table: Table, key: str) -> str | None:
    return table.word(key, runtime_names())


def agent_command(table: Table, key: str) -> tuple[str, ...] | None:
    name = table.data.get("runtime")
    if name != COMMAND and name in runtime_names():
        if table.has(key):
            table.problem(key, f"{key} is for runtime {COMMAND}, not for {name}")
    elif name is not None:
        table.require(key)
    return table.arguments(key)


def prompt(table: Table, key: str) -> str | None:
    template = table.text(key)
    if template is not None and not template.strip():
        table.problem(key, f"{key} is empty", "Remove the key to use the built-in prompt.")
    for name in find_unknown_variables(template or ""):
        table.problem(key, *explain_unknown(name))
    return template


def find_unknown_variables(text: str) -> tuple[str, ...]:
    """Return the unknown names in `{{…}}` in the order of the text, each once."""
    return tuple(name for name in placeholders(text) if name not in PROMPT_VARIABLES)


def explain_unknown(name: str) -> tuple[str, str]:
    """Return the message and the hint for an unknown variable."""
    known = sorted(PROMPT_VARIABLES)
    hint = did_you_mean(name, known, f"Known: {', '.join(known)}.")
    return f"unknown variable {{{{{name}}}}} in a prompt", hint


def prompt_file(table: Table, key: str) -> str | None:
    path = _path_inside(table, key, ".huskies", "Write it relative to .huskies, such as prompts/coder.md.")
    if path is not None and table.has("prompt"):
        table.problem(key, "prompt and prompt_file exclude each other", "Keep one of the two.")
    return path


def environment(table: Table, key: str) -> Mapping[str, str]:
    variables = table.table(key)
    for name in variables.data:
        _check_variable(variables, name, name)
    return MappingProxyType({name: variables.text(name) or "" for name in variables.data})


def variable_names(table: Table, key: str) -> tuple[str, ...] | None:
    names = table.strings(key)
    for name in names or ():
        _check_variable(table, key, name)
    return names


def sandbox(table: Table, key: str) -> str | None:
    name = table.text(key)
    if name is not None and name != SANDBOX:
        hint = "Remove the key to run without a sandbox."
        table.problem(key, f"{key} must be {SANDBOX}, not {name!r}", hint)
    for other in ("sandbox_read", "sandbox_write", "sandbox_network"):
        if name is None and table.has(other):
            table.problem(other, f"{other} is for agents with a sandbox", f'Add sandbox = "{SANDBOX}".')
    return name


def sandbox_paths(table: Table, key: str) -> tuple[str, ...] | None:
    """Return the paths. Only the machine that starts the agent can check whether they exist."""
    paths = table.strings(key)
    for path in paths or ():
        parsed = PurePosixPath(path)
        if ".." in parsed.parts or not (parsed.is_absolute() or path.startswith("~/")):
            hint = "Write the full path, such as ~/.claude."
            table.problem(key, f"{path!r} must begin with / or ~/ and contain no ..", hint)
    return paths


def _check_variable(table: Table, key: str, name: str) -> None:
    if not _VARIABLE_NAME.fullmatch(name):
        table.problem(key, f"{name!r} is not a name of an environment variable")
    elif name.startswith("HUSKIES_"):
        hint = "Choose a name that does not begin with HUSKIES_."
        table.problem(key, f"{name} is set by huskies itself", hint)
