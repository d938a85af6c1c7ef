"""What an agent is told: a template filled in one pass, so that a story's text is never itself a template."""

import re
from collections.abc import Collection, Mapping
from importlib import resources

from huskies_core.config.records import Agent
from huskies_core.context import Context
from huskies_core.runs.prompt_values import enclosed
from huskies_core.sanitize import without_controls
from huskies_core.store.runs import RunKind
from huskies_core.templates import fill, placeholders

_ALONE = re.compile(r"^\{\{\s*(\w+)\s*\}\}\n+", re.MULTILINE)
_HEADINGS = {
    "gate_output": "What the gates said of the last try",
    "qa_notes": "What QA said of the last try",
    "conflicts": "Files in conflict with the base branch",
}
"""What is appended under a heading where the template does not name it: no agent misses why it was started again."""
_GO_ON = (
    "Go on with story {{story_id}} where you left off, in {{worktree_path}} on branch {{feature_branch}}. "
    "`huskies show {{story_id}}` shows the story as it is now."
)
_ENDINGS = {
    RunKind.CODER: "Commit your work on {{feature_branch}} before you end: what is not committed does not count.",
    RunKind.QA: (
        "Check each criterion that holds (`huskies update {{story_id}} --check N`) and end with a verdict: "
        "`huskies approve {{story_id}}`, or `huskies reject {{story_id}} --notes 'what is wrong, and where'`."
    ),
    RunKind.MERGEMASTER: (
        "When {{base_branch}} is merged in and all is committed, report it: `huskies resolve {{story_id}}`."
    ),
}
"""How a run of that kind ends well, for an agent that read the whole prompt long ago."""


def expand(template: str, variables: Mapping[str, str]) -> str:
    """Replaces each `{{name}}` by its value; a value that looks like a variable stays as it is. An unknown name, which
    the config check refuses, stays too. A paragraph that is a variable without a value goes."""
    kept = _ALONE.sub(lambda found: found[0] if variables.get(found[1], " ") else "", template)
    return fill(kept, variables)


def build_prompt(
    context: Context, agent: Agent, kind: RunKind, variables: Mapping[str, str], note: str
) -> str:
    """The whole prompt of a run: role, template, `.huskies/AGENT.md`, what the last tries left, and the note.

    Never empty: a template that says nothing yet, such as one of `{{qa_notes}}` alone, gives way to the story.
    """
    template = template_of(context, agent, kind)
    named = set(placeholders(template))
    told = expand(template, variables).strip() or variables["story"]
    return _joined(agent.role, told, _agent_md(context), *_left(variables, named), _note(note))


def build_nudge(kind: RunKind, variables: Mapping[str, str], note: str) -> str:
    """What an agent is told that still knows its prompt, because its session is resumed: to go on, what is new since
    then, and how to end. Never empty."""
    ending = expand(_ENDINGS.get(kind, ""), variables)
    return _joined(expand(_GO_ON, variables), *_left(variables, ()), _note(note), ending)


def template_of(context: Context, agent: Agent, kind: RunKind) -> str:
    """The agent's own prompt, the file it names, or the one that comes with huskies for its kind of run."""
    if agent.prompt is not None:
        return agent.prompt
    if agent.prompt_file is not None:
        return context.text_of(agent.prompt_file)
    folder = resources.files("huskies_core.runs") / "templates"
    return (folder / f"{kind.value}.md").read_text(encoding="utf-8")


def _left(variables: Mapping[str, str], named: Collection[str]) -> list[str]:
    return [
        f"## {heading}\n\n{enclosed(name, variables[name])}"
        for name, heading in _HEADINGS.items()
        if name not in named and variables[name]
    ]


def _note(note: str) -> str:
    return f"## Note\n\n{note}" if note else ""


def _joined(*parts: str) -> str:
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return without_controls(text) + "\n"


def _agent_md(context: Context) -> str:
    from huskies_core.config.load import read_text

    return read_text(context.project, "AGENT.md", context.text_at_base) or ""
