"""Single keys of project.toml, read and written as `huskies config` does. Comments and layout stay."""

import copy
import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from huskies_core.config.document import Document, parse
from huskies_core.config.insertion import insert_line
from huskies_core.config.load import PROJECT_FILE
from huskies_core.config.positions import KeyPath
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.config.project_file import read_project
from huskies_core.config.records import Config, ProjectConfig
from huskies_core.errors import HuskiesError
from huskies_core.project import STATE_FOLDER
from huskies_core.suggest import nearest

_BARE = r"[A-Za-z0-9_-]+"
_PART = _BARE + r"""|"[^"\\\n]*"|'[^'\n]*'"""
_KEY = re.compile(rf"(?:{_PART})(?:\.(?:{_PART}))*")
_NAMES_IN_FILE = {"gates": "gate", "components": "component"}


def show(config: Config) -> dict[str, object]:
    """Everything in force, defaults too, ready for JSON: the keys of project.toml, and the agents."""
    return {"keys": keys_in_force(config.project), "agents": _plain(config.agents)}


def keys_in_force(config: ProjectConfig) -> dict[str, object]:
    """Every key that `get_value` and `set_value` take, with what is in force for it, ready for JSON."""
    return dict(_keys(_project_in_force(config), ""))


def get_value(text: str, key: str) -> object:
    """What `key` is set to in the project.toml `text`, else its default; a table gives all that is in it.

    Keys are dotted, with quotes around a part that has dots itself. Raises HuskiesError for a key there is not,
    ConfigError when the text is wrong.
    """
    document, data = _open(text)
    config = read_project(document, data)
    if problems := document.problems():
        raise ConfigError(problems)
    found: object = _project_in_force(config)
    for part in _parts(key):
        if not isinstance(found, dict) or part not in found:
            raise _no_such_key(key, keys_in_force(config))
        found = found[part]
    return found


def set_value(text: str, key: str, value: str) -> str:
    """`text` with `key` set to `value`, which is read as TOML where the key allows that, else as a string.

    Raises HuskiesError for a key there is not or a value it does not allow, ConfigError when the rest is wrong.
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
    """The key does not allow this value."""

    def __init__(self, message: str, *, hint: str, subject: str) -> None:
        super().__init__(message, hint=hint, code="config_error", subject=subject)


def _open(text: str) -> tuple[Document, dict[str, object]]:
    """The text and its data. An empty text is a file that is not there."""
    document = Document(f"{STATE_FOLDER}/{PROJECT_FILE}", text)
    data = parse(document) if text else {}
    if isinstance(data, Problem):
        raise ConfigError([data])
    return document, data


def _parts(key: str) -> tuple[str, ...]:
    if not _KEY.fullmatch(key):
        hint = "Write it as in 'merge.mergemaster_attempts'."
        raise HuskiesError(f"{key!r} is no key", hint=hint, code="config_error", subject=key)
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def _no_such_key(key: str, known: Mapping[str, object]) -> HuskiesError:
    meant = nearest(key, known)
    hint = f"Did you mean {meant}?" if meant else "'huskies config show' lists every key."
    return HuskiesError(f"unknown key {key}", hint=hint, code="config_error", subject=key)


def _readings(value: str) -> list[object]:
    """The ways to read what somebody typed, best first."""
    try:
        data = tomllib.loads(f"value = {value}")
    except tomllib.TOMLDecodeError:
        return [value]
    return [data["value"], value] if len(data) == 1 else [value]


def _edited(text: str, data: Mapping[str, object], parts: tuple[str, ...], value: object) -> str:
    """The text with the value in it. Proves that nothing else has changed its meaning."""
    wanted = copy.deepcopy(dict(data))
    _put(wanted, parts, value)
    for edited in _editions(text, parts, value):
        if _means(edited, wanted):
            return edited
    raise ValueRefused(
        f"{'.'.join(parts)} cannot be set here", hint="Edit the file by hand.", subject=parts[-1]
    )


def _editions(text: str, parts: tuple[str, ...], value: object) -> Iterator[str]:
    """The text with the value put in by one way after the other, the one that looks best first."""
    import tomlkit

    line = tomlkit.dumps({parts[-1]: value}).rstrip("\n")
    if len(parts) < 3 and (inserted := insert_line(text, "".join(parts[:-1]), parts[-1], line)) is not None:
        yield inserted
    document = tomlkit.parse(text)
    _put(document, parts, tomlkit.item(value))
    yield tomlkit.dumps(document)


def _means(text: str, data: Mapping[str, object]) -> bool:
    try:
        return tomllib.loads(text) == data
    except tomllib.TOMLDecodeError:
        return False


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
        raise ConfigError(_problems(before))
    return after


def _problems(text: str) -> tuple[Problem, ...]:
    document, data = _open(text)
    read_project(document, data)
    return document.problems()


def _project_in_force(config: ProjectConfig) -> dict[str, object]:
    fields = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    return {_NAMES_IN_FILE.get(name, name): _plain(value) for name, value in fields.items()}


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
    """Lists, dicts and scalars as JSON has them; dates as text."""
    if dataclasses.is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)
