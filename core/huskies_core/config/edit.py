"""Read and write single keys of project.toml, keeping comments and layout."""

import copy
import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from huskies_core.config.document import Document, parse
from huskies_core.config.insertion import insert_line
from huskies_core.config.load import PROJECT_FILE, read_project
from huskies_core.config.positions import KeyPath
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.config.records import Config, ProjectConfig
from huskies_core.config.table import key_of
from huskies_core.errors import HuskiesError
from huskies_core.project import STATE_FOLDER
from huskies_core.suggest import did_you_mean

_BARE = r"[A-Za-z0-9_-]+"
_PART = _BARE + r"""|"[^"\\\n]*"|'[^'\n]*'"""
_KEY = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")


def show(config: Config) -> dict[str, object]:
    """Return the keys of project.toml and the agents, including defaults, ready for JSON."""
    return {"keys": keys_in_force(config.project), "agents": _plain(config.agents)}


def keys_in_force(config: ProjectConfig) -> dict[str, object]:
    """Return each key that `get_value` and `set_value` accept with its value, ready for JSON."""
    return dict(_keys(_nested(config), ""))


def get_value(text: str, key: str) -> object:
    """Return the value of `key` in the project.toml `text`, else its default; for a table, all its keys.

    Keys are dotted; a part that contains dots is quoted. Raise HuskiesError for an unknown key, ConfigError for an
    invalid text.
    """
    document, data = _open(text)
    config = read_project(document, data)
    if problems := document.problems():
        raise ConfigError(problems)
    value: object = _nested(config)
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
    _, data = _open(text)
    parts = _parts(key)
    refusals: list[HuskiesError] = []
    for reading in _readings(value):
        try:
            return _checked(text, _edited(text, data, parts, reading), parts)
        except ValueRefused as refusal:
            refusals.append(refusal)
    raise refusals[0]


class ValueRefused(HuskiesError):
    """The key does not accept the value."""

    def __init__(self, message: str, *, hint: str, subject: str) -> None:
        super().__init__(message, hint=hint, code="config_error", subject=subject)


def _open(text: str) -> tuple[Document, dict[str, object]]:
    """Return the document and its data. An empty text stands for a missing file."""
    document = Document(f"{STATE_FOLDER}/{PROJECT_FILE}", text)
    data = parse(document) if text else {}
    if isinstance(data, Problem):
        raise ConfigError([data])
    return document, data


def _parts(key: str) -> tuple[str, ...]:
    if not _KEY.fullmatch(key):
        hint = "Write it as in 'merge.mergemaster_attempts'."
        raise HuskiesError(f"{key!r} is not a key", hint=hint, code="config_error", subject=key)
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def _readings(value: str) -> list[object]:
    """Return the possible meanings of a typed value, best first."""
    try:
        data = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return [value]
    return [data["value"], value] if len(data) == 1 else [value]


def _edited(text: str, data: Mapping[str, object], parts: tuple[str, ...], value: object) -> str:
    """Return the text with the value, after checking that no other key changed its value."""
    intended = copy.deepcopy(dict(data))
    _put(intended, parts, value)
    for edited in _editions(text, parts, value):
        try:
            if tomllib.loads(edited) == intended:
                return edited
        except tomllib.TOMLDecodeError:
            continue
    raise ValueRefused(
        f"{'.'.join(parts)} cannot be set here", hint="Edit the file by hand.", subject=parts[-1]
    )


def _editions(text: str, parts: tuple[str, ...], value: object) -> Iterator[str]:
    """Yield the text with the value inserted by each method, the one with the best layout first."""
    import tomlkit

    line = tomlkit.dumps({parts[-1]: value}).rstrip("\n")
    if len(parts) < 3 and (inserted := insert_line(text, "".join(parts[:-1]), parts[-1], line)) is not None:
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


def _checked(before: str, after: str, parts: KeyPath) -> str:
    document, data = _open(after)
    read_project(document, data)
    for finding in document.findings:
        if finding.path == parts[: len(finding.path)] or finding.path[: len(parts)] == parts:
            raise ValueRefused(finding.message, hint=finding.hint, subject=".".join(map(str, parts)))
    if document.findings:
        document, data = _open(before)
        read_project(document, data)
        raise ConfigError(document.problems())
    return after


def _nested(config: ProjectConfig) -> dict[str, object]:
    return {key_of(item.name): _plain(getattr(config, item.name)) for item in dataclasses.fields(config)}


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


def _plain(value: object) -> object:
    """Return lists, dicts and scalars for JSON; dates become text."""
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)
