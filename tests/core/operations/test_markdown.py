"""Stories written as Markdown and read from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.markdown import from_markdown, to_markdown
from huskies_core.qa_mode import QaMode
from huskies_core.sanitize import has_controls
from huskies_core.store.stories import Criterion, StoryDraft, StoryType

LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
LINE = LINES.filter(lambda text: not has_controls(text) and bool(text.strip()))
ODD = st.sampled_from(
    [
        *("## Acceptance Criteria", "---", "- [ ] not one", "      deep", "# Title", "```", "\r\n", ""),
        *("\x1b[31mred", "--flag", "../../etc", "😀", "- [x", "##  acceptance criteria \t"),
    ]
)
BODY = st.lists(st.one_of(ODD, LINES), max_size=8).map("\n".join)
CRITERION = st.builds(Criterion, BODY.filter(lambda text: bool(text.strip())), st.booleans())
LABEL = LINE.map(str.strip).filter(lambda text: "," not in text)
DRAFTS = st.builds(
    StoryDraft,
    title=LINE,
    type=st.sampled_from(StoryType),
    description=BODY,
    criteria=st.lists(CRITERION, max_size=4).map(tuple),
    depends_on=st.lists(st.integers(1, 10**9), max_size=3).map(tuple),
    epic=st.none() | st.integers(1, 10**9),
    agent=st.none() | LINE,
    qa=st.none() | st.sampled_from(QaMode),
    priority=st.integers(-1_000_000, 1_000_000),
    labels=st.lists(LABEL, max_size=3).map(tuple),
)

WHOLE = """\
---
name: 'Show the board: at once'
type: bug
qa: human
agent: opus
depends_on:
- 3
- 4
priority: 2
labels:
- ui
epic: 1
---

What is wrong.

## Acceptance Criteria

- [ ] The board shows
- [x] It goes on
      below
"""


@given(DRAFTS)
def test_a_written_draft_is_read_unchanged(draft: StoryDraft) -> None:
    assert from_markdown(to_markdown(draft)) == draft


def test_a_draft_is_written_in_full() -> None:
    criteria = (Criterion("The board shows"), Criterion("It goes on\nbelow", checked=True))
    draft = StoryDraft(
        title="Show the board: at once",
        type=StoryType.BUG,
        description="What is wrong.",
        criteria=criteria,
        depends_on=(StoryId(3), StoryId(4)),
        epic=StoryId(1),
        agent="opus",
        qa=QaMode.HUMAN,
        priority=2,
        labels=("ui",),
    )
    assert to_markdown(draft) == WHOLE


def test_front_matter_is_read_as_it_is_written() -> None:
    text = "---\nname: 12:30\nagent: yes\ndepends_on: 3, 4\nlabels: [on, 012]\n---\nBody\n"
    expected = StoryDraft(
        title="12:30",
        agent="yes",
        depends_on=(StoryId(3), StoryId(4)),
        labels=("on", "012"),
        description="Body",
    )
    assert from_markdown(text) == expected


def test_criteria_in_the_middle_leave_the_rest_in_the_description() -> None:
    text = (
        "---\r\nname: x\r\n---\r\n\r\n# Story\r\n\r\n## Acceptance criteria\r\n\r\n"
        "* [X] one\r\n  goes on\r\nProse.\r\n\r\n## Out of Scope\r\n\r\n- [ ] two\r\n"
    )
    description = "# Story\n\nProse.\n## Out of Scope\n\n- [ ] two"
    expected = StoryDraft("x", description=description, criteria=(Criterion("one\ngoes on", checked=True),))
    assert from_markdown(text) == expected


FRONT = ("bad_front_matter", "front matter")
TYPES = "story, bug, spike, refactor, epic, task"


@pytest.mark.parametrize(
    ("text", "code", "field", "expected"),
    [
        ("name: x\n", *FRONT, "line 1: the front matter is missing"),
        ("---\nname: a: b\n---\n", *FRONT, "line 2: mapping values are not allowed here"),
        ("---\n- a\n---\n", *FRONT, "line 2: the front matter has no keys"),
        ("---\n" + "[" * 5000 + "\n---\n", *FRONT, "line 1: the front matter cannot be read"),
        ("---\nname: x\nprorty: 1\n---\n", "unknown_key", "prorty", "line 3: unknown key 'prorty'"),
        ("---\nname: [x]\n---\n", "invalid_value", "name", "line 2: name is not one text"),
        ("---\ntype: epos\n---\n", "invalid_value", "type", f"line 2: type 'epos' is not one of {TYPES}"),
        (
            "---\npriority: high\n---\n",
            "invalid_value",
            "priority",
            "line 2: priority 'high' is not a number",
        ),
        ("---\nlabels: {a: b}\n---\n", "invalid_value", "labels", "line 2: labels is not a list of texts"),
        ("---\nlabels: a, #b\n---\n", "invalid_value", "labels", "line 2: labels is not a list of texts"),
        (
            *("---\nname: x\n---\n\n## Acceptance Criteria\n\n-[ ] y\n", "bad_criterion", "criteria"),
            "line 7: this is not a valid check box",
        ),
    ],
)
def test_an_unreadable_text_is_an_error_with_its_line(
    text: str, code: str, field: str, expected: str
) -> None:
    with pytest.raises(HuskiesError) as refusal:
        from_markdown(text)
    assert (refusal.value.code, refusal.value.subject, refusal.value.message) == (code, field, expected)


def test_an_unknown_key_names_the_nearest_one() -> None:
    with pytest.raises(HuskiesError) as refusal:
        from_markdown("---\ndepends: 1\n---\n")
    assert refusal.value.hint == "Did you mean depends_on?"
