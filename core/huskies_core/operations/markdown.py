"""The Markdown form of a story: front matter, the description, and the criteria as check boxes at the end."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, get_origin, get_type_hints

import yaml
from frontmatter.default_handlers import YAMLHandler

from huskies_core.errors import HuskiesError
from huskies_core.humanize import did_you_mean
from huskies_core.operations.operation import bare_type, value_type
from huskies_core.store.stories import Criterion, StoryDraft, StoryType

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"##[ \t]+acceptance criteria[ \t]*", re.IGNORECASE)
_NEXT_SECTION = re.compile(r"#{1,2}[ \t]")
_BOX = re.compile(r"[-*+] \[([ xX])\](?: (.*))?", re.DOTALL)
_NEARLY_BOX = re.compile(r"\s*[-*+]?\s*\[\s*[xX]?\s*\]")
_INDENT = " " * 6
_SAME = ("type", "qa", "agent", "depends_on", "priority", "labels", "epic")
_FIELDS = {"name": "title", **{name: name for name in _SAME}}
"""The keys, in the order in which they are written, and the field of a draft that each sets."""
_UNFOLDED = 1_000_000
_FIRST_LINE = 2
"""The line after the line `---`."""


def to_markdown(draft: StoryDraft) -> str:
    """Return a draft as Markdown; `from_markdown` returns exactly the same draft."""
    body = f"\n{draft.description}\n" if draft.description else ""
    has_heading = any(_HEADING.fullmatch(line) for line in draft.description.split("\n"))
    section = "\n## Acceptance Criteria\n\n" if draft.criteria or has_heading else ""
    boxes = "".join(map(_box, draft.criteria))
    return f"---\n{_write_front_matter(draft)}\n---\n{body}{section}{boxes}"


def from_markdown(text: str, *, kind: StoryType = StoryType.STORY) -> StoryDraft:
    """Return the draft of a text; `kind` is the default type. Raise HuskiesError that names line and key.

    A section of criteria that is not the last one is removed from the description; its lines that are not check boxes
    stay there.
    """
    plain = text.removeprefix("\ufeff")
    if re.match(r"---[ \t]*\r\n", plain):
        plain = plain.replace("\r\n", "\n")
    front = _FRONT.match(plain)
    if front is None:
        hint = "A story begins with a line '---', lines such as 'name: TITLE', and a line '---'."
        raise _bad_line(1, "the front matter is missing", "bad_front_matter", "front matter", hint)
    values = _FrontMatter(front[1]).fields()
    description, criteria = _read_body(plain[front.end() :], front[0].count("\n"))
    return StoryDraft(
        **{"title": "", "type": kind, **values, "description": description, "criteria": criteria}
    )


def _box(criterion: Criterion) -> str:
    text = criterion.text.replace("\n", f"\n{_INDENT}")
    return f"- [{'x' if criterion.checked else ' '}] {text}\n"


def _read_body(body: str, lines_before: int) -> tuple[str, tuple[Criterion, ...]]:
    lines = body.removeprefix("\n").split("\n")
    first = lines_before + 1 + body.startswith("\n")
    headings = [number for number, line in enumerate(lines) if _HEADING.fullmatch(line)]
    if not headings:
        return "\n".join(lines).removesuffix("\n"), ()
    start = headings[-1]
    end = next((at for at in range(start + 1, len(lines)) if _NEXT_SECTION.match(lines[at])), len(lines))
    criteria, others = _read_boxes(lines[start + 1 : end], first + start + 1)
    before = "\n".join(lines[:start]).removesuffix("\n")
    after = "\n".join((*others, *lines[end:])).strip("\n")
    if after:
        before = "\n\n".join(filter(None, (before.rstrip("\n"), after)))
    return before, criteria


def _read_boxes(lines: Sequence[str], first: int) -> tuple[tuple[Criterion, ...], list[str]]:
    """Return the check boxes, each with its indented continuation lines, and the other lines."""
    criteria: list[Criterion] = []
    others: list[str] = []
    goes_on = False
    for number, line in enumerate(lines, start=first):
        box = _BOX.fullmatch(line)
        if box:
            criteria.append(Criterion(box[2] or "", box[1] != " "))
        elif goes_on and line.startswith(_INDENT):
            criteria[-1] = _longer(criteria[-1], line.removeprefix(_INDENT))
        elif _NEARLY_BOX.match(line):
            fact, hint = "this is not a valid check box", "Write '- [ ] TEXT'."
            raise _bad_line(number, fact, "bad_criterion", "criteria", hint)
        elif goes_on and line.startswith("  ") and line.strip():
            criteria[-1] = _longer(criteria[-1], line.strip())
        elif line.strip():
            others.append(line)
        goes_on = bool(box) or (goes_on and line.startswith("  "))
    return tuple(criteria), others


def _longer(criterion: Criterion, line: str) -> Criterion:
    return Criterion(f"{criterion.text}\n{line}", criterion.checked)


class _FrontMatter:
    """Values by key, as text: `yes` and `12:30` stay texts. The constructor raises HuskiesError for unknown keys."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._values = _load(text)
        for key in self._values:
            if key not in _FIELDS:
                hint = did_you_mean(key, _FIELDS, f"Known: {', '.join(_FIELDS)}.")
                raise self._error(key, f"unknown key '{key}'", "unknown_key", hint)

    def fields(self) -> dict[str, Any]:
        """Return the values that are set, by the field of a draft."""
        hints = get_type_hints(StoryDraft)
        values = {field: self._read(key, hints[field]) for key, field in _FIELDS.items()}
        return {field: value for field, value in values.items() if value not in (None, "", ())}

    def _read(self, key: str, hint: Any) -> object:
        kind = value_type(hint)
        if get_origin(bare_type(hint)) is tuple:
            items = self._items(key)
            return tuple(self._number(key, item) for item in items) if kind is int else items
        text = self._values.get(key, "")
        if not isinstance(text, str):
            raise self._error(key, f"{key} is not one text", "invalid_value")
        if not text or kind is str:
            return text
        if kind is int:
            return self._number(key, text)
        if text not in tuple(kind):
            raise self._error(key, f"{key} '{text}' is not one of {', '.join(kind)}", "invalid_value")
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
        numbers = (n for n, line in enumerate(self._lines, start=_FIRST_LINE) if line.startswith(key))
        return _bad_line(next(numbers, 1), fact, code, key, hint)


def _write_front_matter(draft: StoryDraft) -> str:
    fields = {key: getattr(draft, field) for key, field in _FIELDS.items()}
    values = {key: item.value if isinstance(item, StrEnum) else item for key, item in fields.items() if item}
    # SafeDumper, because CSafeDumper writes emoji as escapes.
    lines: str = YAMLHandler().export(values, Dumper=yaml.SafeDumper, sort_keys=False, width=_UNFOLDED)
    return lines


def _bad_line(line: int, fact: str, code: str, field: str, hint: str = "") -> HuskiesError:
    return HuskiesError(f"line {line}: {fact}", hint=hint, code=code, subject=field)


def _load(text: str) -> Mapping[str, object]:
    try:
        values = YAMLHandler().load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + _FIRST_LINE if mark else 1
        problem = getattr(error, "problem", None) or "the front matter cannot be read"
        hint = "Text with ': ' or ' #' in it needs quotes."
        raise _bad_line(line, problem, "bad_front_matter", "front matter", hint) from error
    if not text.strip():
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise _bad_line(_FIRST_LINE, "the front matter has no keys", "bad_front_matter", "front matter")
    return values
