"""What the variables of a prompt stand for: texts of others, made harmless and no longer than an agent can use."""

import re
import shlex
from collections.abc import Mapping, Sequence

from huskies_core.config.load import gates_of
from huskies_core.config.records import Gate
from huskies_core.context import Context
from huskies_core.git.worktrees import branch_of
from huskies_core.pipeline.stages import StageName
from huskies_core.sanitize import without_controls
from huskies_core.store import content
from huskies_core.store.stories import Draft, Story

DESCRIPTION_LIMIT = 100_000
EPIC_LIMIT = 20_000
LEFT_LIMIT = 20_000
"""Characters. Criteria are never cut: each of them has to be met. Output of gates is bounded where it is kept."""
_TAGS = ("story", "epic", content.GATE_OUTPUT, content.QA_NOTES, "conflicts")
_CLOSING = re.compile(rf"</(?=\s*(?:{'|'.join(_TAGS)})\b)", re.IGNORECASE)
NO_GATES = "- none: this project has no gates"


def values_of(context: Context, story: Story, left: Mapping[str, str], epic: Story | None) -> dict[str, str]:
    """The value of every variable that a template may name; `left` is the content of the story."""
    conflicts = left.get(content.MERGE_FAILURE, "") if story.stage.name is StageName.MERGE_FAILURE else ""
    return {
        "story_id": str(story.id),
        "story_title": without_controls(story.draft.title),
        "story": enclosed("story", story_text(story)),
        "worktree_path": str(context.project.worktree(story.id)),
        "base_branch": context.base_branch,
        "feature_branch": branch_of(story.id),
        "gates": _gates(gates_of(context.project, context.config.project)),
        "gate_output": _harmless(left.get(content.GATE_OUTPUT, ""), LEFT_LIMIT),
        "qa_notes": _harmless(left.get(content.QA_NOTES, ""), LEFT_LIMIT),
        "conflicts": _harmless(conflicts, LEFT_LIMIT),
        "epic": "" if epic is None else enclosed("epic", _epic_text(epic.draft)),
        "root": str(context.project.root),
    }


def story_text(story: Story) -> str:
    """Title, description and criteria as Markdown; the criteria have the numbers by which they are checked."""
    draft = story.draft
    marks = [f"[{'x' if criterion.checked else ' '}]" for criterion in draft.criteria]
    lines = [
        f"{number}. {mark} {_harmless(criterion.text)}"
        for number, (mark, criterion) in enumerate(zip(marks, draft.criteria, strict=True), start=1)
    ]
    description = _harmless(draft.description, DESCRIPTION_LIMIT, f"`huskies show {story.id}` has all of it")
    return _paragraphs(f"# {_harmless(draft.title)}", description, _criteria(lines))


def enclosed(tag: str, text: str) -> str:
    """`text` between tags: what looks like a heading in it is none of the prompt's."""
    return f"<{tag}>\n{text.strip()}\n</{tag}>"


def _epic_text(draft: Draft) -> str:
    """Its criteria have no numbers: no run of a member has a say in them."""
    lines = [f"- {_harmless(criterion.text)}" for criterion in draft.criteria]
    description = _harmless(draft.description, EPIC_LIMIT)
    return _paragraphs(f"# {_harmless(draft.title)}", description, _criteria(lines))


def _criteria(lines: Sequence[str]) -> str:
    return "## Acceptance Criteria\n\n" + "\n".join(lines) if lines else ""


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _gates(gates: Sequence[Gate]) -> str:
    return "\n".join(f"- {gate.name}: `{shlex.join(gate.command)}`" for gate in gates) or NO_GATES


def _harmless(text: str, limit: int | None = None, whole: str = "the rest is left out") -> str:
    """Without control characters and without what would end the tags around it; what is cut off is told."""
    clean = _CLOSING.sub("< /", without_controls(text)).strip("\n")
    if limit is None or len(clean) <= limit:
        return clean
    return f"{clean[:limit]}\n\n[Cut here, after {limit} of {len(clean)} characters: {whole}.]"
