"""The front matter of a story's Markdown: keys and values."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from frontmatter.default_handlers import YAMLHandler

from huskies_core.errors import HuskiesError
from huskies_core.operations.operation import bare_type, plain_type
from huskies_core.store.stories import StoryDraft
from huskies_core.suggest import did_you_mean

_SAME = ("type", "qa", "agent", "depends_on", "priority", "labels", "epic")
FIELDS = {"name": "title", **{name: name for name in _SAME}}
"""The keys, in the order in which they are written, and the field of a draft that each sets."""
_UNFOLDED = 1_000_000
_HEAD_LINES = 1


class FrontMatter:
    """Values by key, as text: `yes` and `12:30` stay texts. The constructor raises HuskiesError for unknown keys."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._values = _load(text)
        for key in self._values:
            if key not in FIELDS:
                hint = did_you_mean(key, FIELDS, f"Known: {', '.join(FIELDS)}.")
                raise self._error(key, f"unknown key '{key}'", "unknown_key", hint)

    def fields(self) -> dict[str, Any]:
        """Return the values that are set, by the field of a draft."""
        hints = get_type_hints(StoryDraft)
        values = {
            field: self._read(key, bare_type(plain_type(hints[field]))) for key, field in FIELDS.items()
        }
        return {field: value for field, value in values.items() if value not in (None, "", ())}

    def _read(self, key: str, kind: Any) -> object:
        if get_origin(kind) is tuple:
            items = self._items(key)
            return tuple(self._number(key, item) for item in items) if get_args(kind)[0] is int else items
        text = self._values.get(key, "")
        if not isinstance(text, str):
            raise self._error(key, f"{key} is not one text", "invalid_value")
        if not text or kind is str:
            return text
        return self._number(key, text) if kind is int else self._word(key, text, kind)

    def _word(self, key: str, text: str, kind: type[StrEnum]) -> StrEnum:
        known = [member.value for member in kind]
        if text not in known:
            raise self._error(key, f"{key} '{text}' is not one of {', '.join(known)}", "invalid_value")
        return kind(text)

    def _items(self, key: str) -> tuple[str, ...]:
        """Return the items of a list, or of one text with commas."""
        value = self._values.get(key) or []
        items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
            # YAML takes ` #4` for a comment and leaves an empty entry.
            raise self._error(key, f"{key} is not a list of texts", "invalid_value")
        return tuple(items)

    def _number(self, key: str, text: str) -> int:
        digits = text.removeprefix("#")
        if not re.fullmatch(r"-?[0-9]{1,18}", digits, re.ASCII):
            raise self._error(key, f"{key} '{text}' is not a number", "invalid_value")
        return int(digits)

    def _error(self, key: str, fact: str, code: str, hint: str = "") -> HuskiesError:
        lines = (
            number for number, line in enumerate(self._lines, start=1 + _HEAD_LINES) if line.startswith(key)
        )
        return bad_line(next(lines, 1), fact, code, key, hint)


def write_front_matter(draft: StoryDraft) -> str:
    """Return the lines of a draft, without empty values."""
    values = {key: getattr(draft, field) for key, field in FIELDS.items()}
    kept = {key: _plain(value) for key, value in values.items() if value}
    # SafeDumper, because CSafeDumper writes emoji as escapes.
    lines: str = YAMLHandler().export(kept, Dumper=yaml.SafeDumper, sort_keys=False, width=_UNFOLDED)
    return lines


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value.value if isinstance(value, StrEnum) else value


def bad_line(line: int, fact: str, code: str, field: str, hint: str = "") -> HuskiesError:
    return HuskiesError(f"line {line}: {fact}", hint=hint, code=code, subject=field)


def _load(text: str) -> Mapping[str, object]:
    try:
        values = YAMLHandler().load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 + _HEAD_LINES if mark else 1
        problem = getattr(error, "problem", None) or "the front matter cannot be read"
        hint = "Text with ': ' or ' #' in it needs quotes."
        raise bad_line(line, problem, "bad_front_matter", "front matter", hint) from error
    if not text.strip():
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise bad_line(1 + _HEAD_LINES, "the front matter has no keys", "bad_front_matter", "front matter")
    return values
