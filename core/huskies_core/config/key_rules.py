"""The rules of single config keys, and the variables of prompts."""

import re
from pathlib import PurePosixPath

from msgspec.structs import replace

from huskies_core.config.table import LINE, STRINGS, TEXT, TomlTable
from huskies_core.humanize import did_you_mean
from huskies_core.templates import placeholders

SANDBOX_PROGRAM = "bwrap"
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


def _is_branch(name: str) -> bool:
    return not _INVALID_BRANCH.search(name)


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    from zoneinfo import ZoneInfo

    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return False


def _suggest_zone(name: str) -> str:
    from zoneinfo import available_timezones

    return did_you_mean(name, available_timezones(), "Write it as Area/City, such as Europe/London.")


def _is_inside(path: str) -> bool:
    """Return whether a path is relative and does not leave its folder."""
    return not path.startswith("/") and ".." not in PurePosixPath(path).parts


def _is_full(path: str) -> bool:
    return path.startswith(("/", "~/")) and ".." not in PurePosixPath(path).parts


BRANCH = LINE.where(_is_branch, "{key} {value!r} is not a branch name", "Write it as 'git branch' prints it.")
TIMEZONE = LINE.where(_is_zone, "unknown timezone {value!r}", _suggest_zone)
_ADDRESS = TEXT.where(re.compile(r"\Z|https?://[^\s/]").match, "{key} must begin with http:// or https://")
GATEWAY_URL = _ADDRESS.to(lambda url: url or None)
"""An empty address switches a gateway off."""
WEBHOOK = LINE.where(_WEBHOOK.match, "{name} must begin with http://, https:// or ${{NAME}}")
APPRISE_URLS = STRINGS.where(
    lambda urls: all(map(_APPRISE_URL.match, urls)),
    "{name} must be a list of addresses such as service://…",
    "Write each as Apprise documents it, such as tgram://${BOT_TOKEN}/${CHAT_ID}.",
)
_PATH = LINE.to(lambda path: str(PurePosixPath(path)))
PATH_IN_PROJECT = _PATH.where(
    _is_inside, "{key} {value!r} is outside the project", "Write it relative to the project's root."
)
PROMPT_FILE = _PATH.where(
    _is_inside,
    "{key} {value!r} is outside .huskies",
    "Write it relative to .huskies, such as prompts/coder.md.",
)
PROMPT = TEXT.where(str.strip, "{key} is empty", "Remove the key to use the built-in prompt.")
VARIABLE_NAME = TEXT.where(
    _VARIABLE_NAME.fullmatch, "{value!r} is not a name of an environment variable"
).where(
    lambda name: not name.startswith("HUSKIES_"),
    "{value} is set by huskies itself",
    "Choose a name that does not begin with HUSKIES_.",
)
VARIABLE_NAMES = replace(STRINGS, each=VARIABLE_NAME)
SANDBOX = TEXT.where(
    lambda name: name == SANDBOX_PROGRAM,
    f"{{key}} must be {SANDBOX_PROGRAM}, not {{value!r}}",
    "Remove the key to run without a sandbox.",
)
_FULL_PATH = TEXT.where(
    _is_full, "{value!r} must begin with / or ~/ and contain no ..", "Write the full path, such as ~/.claude."
)
SANDBOX_PATHS = replace(STRINGS, each=_FULL_PATH)


def check_names(table: TomlTable) -> None:
    """Record the unknown variables in the prompt of an agent, and the names in `env` that are not allowed."""
    prompt, environment = table.data.get("prompt"), table.data.get("env")
    for name in find_unknown_variables(prompt) if isinstance(prompt, str) else ():
        table.problem("prompt", *explain_unknown(name))
    for name in environment if isinstance(environment, dict) else ():
        VARIABLE_NAME.check(name, table.table("env"), name)


def find_unknown_variables(text: str) -> tuple[str, ...]:
    """Return the unknown names in `{{…}}` in the order of the text, each once."""
    return tuple(name for name in placeholders(text) if name not in PROMPT_VARIABLES)


def explain_unknown(name: str) -> tuple[str, str]:
    """Return the message and the hint for an unknown variable."""
    known = sorted(PROMPT_VARIABLES)
    hint = did_you_mean(name, known, f"Known: {', '.join(known)}.")
    return f"unknown variable {{{{{name}}}}} in a prompt", hint
