"""The prompts of agents: templates, the values of their variables, and the shorter prompt for a resumed session.

`expand` replaces all placeholders in one pass, so it never expands a placeholder in a story's text. Texts of users and
agents lose their control characters, cannot close a tag of the prompt, and are cut at a limit.
"""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from importlib import resources

from huskies_core.config.load import gates_of, read_text
from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.git.worktrees import branch_of
from huskies_core.pipeline.stages import StageName
from huskies_core.sanitize import without_controls
from huskies_core.store import content
from huskies_core.store.runs import RunKind
from huskies_core.store.stories import Story, StoryDraft
from huskies_core.templates import fill, placeholders

DESCRIPTION_LIMIT = 100_000
EPIC_LIMIT = 20_000
LEFT_LIMIT = 20_000
"""Limits in characters. Criteria are never cut: an agent must meet each of them. The end of a gate run cuts the output
of its gates before it is stored."""
NO_GATES = "- none: this project has no gates"
_TAGS = ("story", "epic", content.GATE_OUTPUT, content.QA_NOTES, "conflicts")
_CLOSING = re.compile(rf"</(?=\s*(?:{'|'.join(_TAGS)})\b)", re.IGNORECASE)
_ALONE = re.compile(r"^\{\{\s*(\w+)\s*\}\}\n+", re.MULTILINE)
_HEADINGS = {
    "gate_output": "Output of the gates in the last attempt",
    "qa_notes": "QA notes on the last attempt",
    "conflicts": "Files in conflict with the base branch",
}
"""Sections that follow the template if it does not use their variable. They give the agent the reason for a restart."""
_CONTINUE = (
    "Continue story {{story_id}} where you stopped, in {{worktree_path}} on branch {{feature_branch}}. "
    "`huskies show {{story_id}}` prints the current story."
)
_ENDINGS = {
    RunKind.CODER: "Commit your work on {{feature_branch}} before you end. Uncommitted work does not count.",
    RunKind.QA: (
        "Check each criterion that is met (`huskies update {{story_id}} --check N`) and end with a verdict: "
        "`huskies approve {{story_id}}`, or "
        "`huskies reject {{story_id}} --notes 'criterion N: the problem, the file, and the correct result'`."
    ),
    RunKind.MERGEMASTER: (
        "When you have merged {{base_branch}} and committed everything, report it: `huskies resolve {{story_id}}`."
    ),
}
"""The last instruction to a resumed session, by kind of run. The session read its whole prompt long ago."""


def build_prompt(
    context: Context, agent: Agent, kind: RunKind, variables: Mapping[str, str], note: str
) -> str:
    """Return the whole prompt of a run: role, template, `.huskies/AGENT.md`, results of the last attempt, and note.

    If the expanded template is empty, as with `{{qa_notes}}` alone, the story takes its place.
    """
    template = template_of(context, agent, kind)
    text = expand(template, variables).strip() or variables["story"]
    agent_md = read_text(context.project, "AGENT.md", context.text_at_base) or ""
    return _join(agent.role, text, agent_md, *_sections(variables, placeholders(template), note))


def build_nudge(kind: RunKind, variables: Mapping[str, str], note: str) -> str:
    """Return the prompt for a resumed session: continue, the results since its last run, and how to end."""
    ending = expand(_ENDINGS.get(kind, ""), variables)
    return _join(expand(_CONTINUE, variables), *_sections(variables, (), note), ending)


def expand(template: str, variables: Mapping[str, str]) -> str:
    """Replace each `{{name}}` by its value, and remove a paragraph that is only a variable without a value.

    Leave placeholders in values unchanged, and unknown names, too; the configuration check refuses those.
    """
    kept = _ALONE.sub(lambda match: match[0] if variables.get(match[1], " ") else "", template)
    return fill(kept, variables)


def template_of(context: Context, agent: Agent, kind: RunKind) -> str:
    """Return the agent's own template, the content of the file that it names, or the default for the kind of run."""
    if agent.prompt is not None:
        return agent.prompt
    if agent.prompt_file is not None:
        return context.read_prompt_file(agent.prompt_file)
    folder = resources.files("huskies_core.runs") / "templates"
    return (folder / f"{kind.value}.md").read_text(encoding="utf-8")


def prompt_values(
    context: Context, story: Story, texts: Mapping[str, str], epic: Story | None
) -> dict[str, str]:
    """Return the value of each variable of a template. `texts` is the stored content of the story."""
    settings = context.config.project
    gates = [f"- {gate.name}: `{shlex.join(gate.command)}`" for gate in gates_of(context.project, settings)]
    conflicts = texts.get(content.MERGE_FAILURE, "") if story.stage.name is StageName.MERGE_FAILURE else ""
    return {
        "story_id": str(story.id),
        "story_title": without_controls(story.draft.title),
        "story": _enclose("story", story_text(story)),
        "worktree_path": str(context.project.worktree(story.id)),
        "base_branch": context.base_branch,
        "feature_branch": branch_of(story.id),
        "gates": "\n".join(gates) or NO_GATES,
        "gate_output": _sanitize(texts.get(content.GATE_OUTPUT, ""), LEFT_LIMIT),
        "qa_notes": _sanitize(texts.get(content.QA_NOTES, ""), LEFT_LIMIT),
        "conflicts": _sanitize(conflicts, LEFT_LIMIT),
        "epic": "" if epic is None else _enclose("epic", _epic_text(epic.draft)),
        "root": str(context.project.root),
    }


def story_text(story: Story) -> str:
    """Return title, description and numbered criteria as Markdown; agents check criteria by these numbers."""
    draft = story.draft
    lines = [
        f"{number}. [{'x' if criterion.checked else ' '}] {_sanitize(criterion.text)}"
        for number, criterion in enumerate(draft.criteria, start=1)
    ]
    rest = f"`huskies show {story.id}` prints the whole text"
    return _markdown(draft.title, _sanitize(draft.description, DESCRIPTION_LIMIT, rest), lines)


def _epic_text(draft: StoryDraft) -> str:
    """Return the epic as Markdown. Its criteria have no numbers: a run of a member cannot check them."""
    lines = [f"- {_sanitize(criterion.text)}" for criterion in draft.criteria]
    return _markdown(draft.title, _sanitize(draft.description, EPIC_LIMIT), lines)


def _markdown(title: str, description: str, criteria: Sequence[str]) -> str:
    heading = "## Acceptance Criteria\n\n"
    parts = (f"# {_sanitize(title)}", description, heading + "\n".join(criteria) if criteria else "")
    return "\n\n".join(filter(None, parts))


def _enclose(tag: str, text: str) -> str:
    """Return `text` between tags, so that a heading in it is not read as one of the prompt's."""
    return f"<{tag}>\n{text.strip()}\n</{tag}>"


def _sanitize(text: str, limit: int | None = None, rest: str = "the rest is omitted") -> str:
    """Remove control characters, disarm the closing tags of the prompt, and cut `text` to `limit` characters."""
    clean = _CLOSING.sub("< /", without_controls(text)).strip("\n")
    if limit is None or len(clean) <= limit:
        return clean
    return f"{clean[:limit]}\n\n[Cut here, after {limit} of {len(clean)} characters: {rest}.]"


def _sections(variables: Mapping[str, str], named: Collection[str], note: str) -> list[str]:
    """Return the note, and the results of the last attempt that the template does not name."""
    results = {name: variables[name] for name in _HEADINGS if name not in named and variables[name]}
    sections = [f"## {_HEADINGS[name]}\n\n{_enclose(name, text)}" for name, text in results.items()]
    return [*sections, f"## Note\n\n{note}"] if note else sections


def _join(*parts: str) -> str:
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return without_controls(text) + "\n"
