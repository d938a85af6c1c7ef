"""Read and write single keys of project.toml, keeping comments and layout."""

import copy
import re
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import msgspec

from huskies_core.config.document import DEEP_NESTING, ConfigError, Document, parse, read_toml
from huskies_core.config.load import PROJECT_FILE, read_project
from huskies_core.config.records import Config, ProjectConfig
from huskies_core.errors import HuskiesError
from huskies_core.humanize import did_you_mean
from huskies_core.project import STATE_FOLDER

_BARE = r"[A-Za-z0-9_-]+"
_PART = _BARE + r"""|"[^"\\\n]*"|'[^'\n]*'"""
_KEY = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")
_HEADER = re.compile(r"^\s*\[")
_BLANK_OR_COMMENT = re.compile(r"^\s*(#|$)")


class ValueRefused(HuskiesError):
    """The key does not accept the value."""

    def __init__(self, message: str, *, hint: str, subject: str) -> None:
        super().__init__(message, hint=hint, code="config_error", subject=subject)


def show(config: Config) -> dict[str, object]:
    """Return the keys of project.toml and the agents, including defaults, ready for JSON."""
    return {"keys": keys_in_force(config.project), "agents": _plain(config.agents)}


def keys_in_force(config: ProjectConfig) -> dict[str, object]:
    """Return each key that `get_value` and `set_value` accept with its value, ready for JSON."""
    return dict(_keys(_plain(config), ""))


def get_value(text: str, key: str) -> object:
    """Return the value of `key` in the project.toml `text`, else its default; for a table, all its keys.

    Keys are dotted; a part that contains dots is quoted. Raise HuskiesError for an unknown key, ConfigError for an
    invalid text.
    """
    document = _open(text)
    config = read_project(document)
    if document.findings:
        raise ConfigError(document.problems())
    value: object = _plain(config)
    for part in _parts(key):
        if not isinstance(value, dict) or part not in value:
            hint = did_you_mean(key, keys_in_force(config), "'huskies config show' lists every key.")
            raise HuskiesError(f"unknown key {key}", hint=hint, code="config_error", subject=key)
        value = value[part]
    return value


def set_value(text: str, key: str, value: str) -> str:
    """Return `text` with `key` set to `value`, which is read as TOML if the key allows the result, else as a string.

    Raise HuskiesError for an unknown key or an invalid value, ConfigError if the rest of the text is invalid.
    """
    document, parts = _open(text), _parts(key)
    refusals: list[HuskiesError] = []
    for reading in _readings(value):
        try:
            edited = _edited(document, parts, reading)
            _refuse_invalid(document, edited, parts)
            return edited
        except ValueRefused as refusal:
            refusals.append(refusal)
        except RecursionError:
            hint = "Write it in another form."
            refusals.append(ValueRefused(DEEP_NESTING, hint=hint, subject=key))
    raise refusals[0]


def _open(text: str) -> Document:
    """Return the document. An empty text stands for a missing file."""
    return parse(f"{STATE_FOLDER}/{PROJECT_FILE}", text or None)


def _parts(key: str) -> tuple[str, ...]:
    if not _KEY.fullmatch(key):
        hint = "Write it as in 'merge.mergemaster_attempts'."
        raise HuskiesError(f"{key!r} is not a key", hint=hint, code="config_error", subject=key)
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def _readings(value: str) -> list[object]:
    """Return the possible meanings of a typed value, best first."""
    try:
        data = read_toml(f"value = {value}")
    except (ValueError, RecursionError):
        return [value]
    return [data["value"], value] if len(data) == 1 else [value]


def _edited(document: Document, parts: tuple[str, ...], value: object) -> str:
    """Return the text with the value, after checking that no other key changed its value."""
    intended = copy.deepcopy(dict(document.data))
    _put(intended, parts, value)
    for edited in _editions(document.text, parts, value):
        try:
            if tomllib.loads(edited) == intended:
                return edited
        except tomllib.TOMLDecodeError:
            continue
    fact = f"{'.'.join(parts)} cannot be set here"
    raise ValueRefused(fact, hint="Edit the file by hand.", subject=parts[-1])


def _editions(text: str, parts: tuple[str, ...], value: object) -> Iterator[str]:
    """Yield the text with the value inserted by each method, the one with the best layout first."""
    import tomlkit

    line = tomlkit.dumps({parts[-1]: value}).rstrip("\n")
    if len(parts) < 3 and (inserted := _insert_line(text, "".join(parts[:-1]), parts[-1], line)) is not None:
        yield inserted
    document = tomlkit.parse(text)
    _put(document, parts, tomlkit.item(value))
    yield tomlkit.dumps(document)


def _put(table: MutableMapping[str, Any], parts: tuple[str, ...], value: object) -> None:
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, MutableMapping):
            raise ValueRefused(f"{part} is not a table", hint="Edit the file by hand.", subject=part)
    table[parts[-1]] = value


def _insert_line(text: str, table: str, key: str, line: str) -> str | None:
    """Return `text` with `line` for the new `key` of `[table]`, or of the top if `table` is empty.

    The line goes below the commented-out default of the key, else below the other keys; tomlkit inserts a key before
    the next table, after the comment of that table. Return None if the text lacks the table. Works on lines, not on
    TOML: the caller must compare the parsed result.
    """
    lines = text.split("\n")
    begin: int | None = 0
    if table:
        header = re.compile(rf"^\s*\[\s*{re.escape(table)}\s*\]")
        begin = next((at + 1 for at, content in enumerate(lines) if header.match(content)), None)
    if begin is None:
        return None
    end = next((at for at in range(begin, len(lines)) if _HEADER.match(lines[at])), len(lines))
    commented = re.compile(rf"^\s*#\s*{re.escape(key)}\s*=")
    defaults = [at + 1 for at in range(begin, end) if commented.match(lines[at])]
    keys = [at + 1 for at in range(begin, end) if not _BLANK_OR_COMMENT.match(lines[at])]
    at = (defaults or keys or [_below_opening(lines, begin, end)])[-1]
    return "\n".join([*lines[:at], line, *lines[at:]])


def _below_opening(lines: list[str], begin: int, end: int) -> int:
    """Return the index below the opening comment of the file or table, if a blank line follows the comment."""
    at = begin
    while at < end and lines[at].startswith("#"):
        at += 1
    return at if at < end and not lines[at].strip() else begin


def _refuse_invalid(before: Document, edited: str, parts: tuple[str, ...]) -> None:
    """Raise ValueRefused if the new value is invalid, ConfigError if another one is."""
    after = _open(edited)
    read_project(after)
    for finding in after.findings:
        if finding.path == parts[: len(finding.path)] or finding.path[: len(parts)] == parts:
            raise ValueRefused(finding.message, hint=finding.hint, subject=".".join(parts))
    if after.findings:
        read_project(before)
        raise ConfigError(before.problems())


def _keys(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        key = prefix + _quoted(name)
        if isinstance(value, Mapping) and value:
            yield from _keys(value, f"{key}.")
        else:
            yield key, value


def _quoted(part: str) -> str:
    if re.fullmatch(_BARE, part):
        return part
    return f"'{part}'" if '"' in part or "\\" in part else f'"{part}"'


def _plain(value: object) -> Any:
    """Return lists, dicts and scalars by the keys of the config files."""
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=dict))
