"""What an agent is told: a template filled in one pass, so that a story's text is never itself a template."""

import re
from collections.abc import Mapping
from importlib import resources

from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Draft, Story

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_HEADINGS = {
    "gate_output": "What the gates said of the last try",
    "qa_notes": "What QA said of the last try",
    "conflicts": "Files in conflict with the base branch",
}
"""What is appended under a heading where the template does not name it: no agent misses why it was started again."""


def expand(template: str, variables: Mapping[str, str]) -> str:
    """Replaces each `{{name}}` by its value; a value that looks like a variable stays as it is. An unknown name, which
    the config check refuses, stays too."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), template)


def build_prompt(
    context: Context, agent: Agent, kind: RunKind, variables: Mapping[str, str], note: str
) -> str:
    """The whole prompt of a run: role, template, `.huskies/AGENT.md`, what the last tries left, and the note."""
    template = template_of(context, agent, kind)
    named = {found[1] for found in _VARIABLE.finditer(template)}
    left = [
        f"## {heading}\n\n{variables[name]}"
        for name, heading in _HEADINGS.items()
        if name not in named and variables[name]
    ]
    parts = [
        agent.role,
        expand(template, variables),
        _agent_md(context),
        *left,
        f"## Note\n\n{note}" if note else "",
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def template_of(context: Context, agent: Agent, kind: RunKind) -> str:
    """The agent's own prompt, the file it names, or the one that comes with huskies for its kind of run."""
    if agent.prompt is not None:
        return agent.prompt
    if agent.prompt_file is not None:
        return context.text_of(agent.prompt_file)
    folder = resources.files("huskies_core.agents") / "templates"
    return (folder / f"{kind.value}.md").read_text(encoding="utf-8")


def story_text(draft: Draft) -> str:
    """Title, description and criteria as Markdown."""
    boxes = "\n".join(f"- [{'x' if item.checked else ' '}] {item.text}" for item in draft.criteria)
    criteria = f"## Acceptance Criteria\n\n{boxes}" if boxes else ""
    return "\n\n".join(part for part in (f"# {draft.title}", draft.description, criteria) if part)


def variables_of(
    context: Context, story: Story, content: Mapping[str, str], epic: Story | None
) -> dict[str, str]:
    """The values of every variable a template may name."""
    from huskies_core.git.worktrees import branch_of
    from huskies_core.store import content as keys

    return {
        "story_id": str(story.id),
        "story_title": story.draft.title,
        "story": story_text(story.draft),
        "worktree_path": str(context.project.worktree(story.id)),
        "base_branch": context.base_branch,
        "feature_branch": branch_of(story.id),
        "gate_output": content.get(keys.GATE_OUTPUT, ""),
        "qa_notes": content.get(keys.QA_NOTES, ""),
        "conflicts": content.get(keys.MERGE_FAILURE, "") if story.stage.name.value == "merge_failure" else "",
        "epic": story_text(epic.draft) if epic is not None else "",
        "root": str(context.project.root),
    }


def _agent_md(context: Context) -> str:
    from huskies_core.config.load import read_text

    return read_text(context.project, "AGENT.md", context.text_at_base) or ""
