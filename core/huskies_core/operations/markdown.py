"""The Markdown form of a story: front matter, the description, and the criteria as check boxes at the end."""

import re
from collections.abc import Sequence

from huskies_core.errors import HuskiesError
from huskies_core.operations.front_matter import FrontMatter, bad_line, write_front_matter
from huskies_core.store.stories import Criterion, StoryDraft, StoryType

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"##[ \t]+acceptance criteria[ \t]*", re.IGNORECASE)
_NEXT_SECTION = re.compile(r"#{1,2}[ \t]")
_BOX = re.compile(r"[-*+] \[([ xX])\](?: (.*))?", re.DOTALL)
_NEARLY_BOX = re.compile(r"\s*[-*+]?\s*\[\s*[xX]?\s*\]")
_INDENT = " " * 6


def to_markdown(draft: StoryDraft) -> str:
    """Return a draft as Markdown; `from_markdown` returns exactly the same draft."""
    body = f"\n{draft.description}\n" if draft.description else ""
    has_heading = any(_HEADING.fullmatch(line) for line in draft.description.split("\n"))
    section = "\n## Acceptance Criteria\n\n" if draft.criteria or has_heading else ""
    boxes = "".join(map(_box, draft.criteria))
    return f"---\n{write_front_matter(draft)}\n---\n{body}{section}{boxes}"


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
        raise bad_line(1, "the front matter is missing", "bad_front_matter", "front matter", hint)
    values = FrontMatter(front[1]).fields()
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
            raise _no_box(number)
        elif goes_on and line.startswith("  ") and line.strip():
            criteria[-1] = _longer(criteria[-1], line.strip())
        elif line.strip():
            others.append(line)
        goes_on = bool(criteria) and (bool(box) or (goes_on and line.startswith("  ")))
    return tuple(criteria), others


def _longer(criterion: Criterion, line: str) -> Criterion:
    return Criterion(f"{criterion.text}\n{line}", criterion.checked)


def _no_box(line: int) -> HuskiesError:
    return bad_line(line, "this is not a valid check box", "bad_criterion", "criteria", "Write '- [ ] TEXT'.")
