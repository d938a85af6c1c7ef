"""The variables that a prompt template may name."""

from huskies_core.suggest import nearest
from huskies_core.templates import placeholders

PROMPT_VARIABLES = frozenset(
    {
        "base_branch",
        "conflicts",
        "epic",
        "feature_branch",
        "gate_output",
        "gates",
        "qa_notes",
        "root",
        "story",
        "story_id",
        "story_title",
        "worktree_path",
    }
)


def find_unknown_variables(text: str) -> tuple[str, ...]:
    """The names in `{{…}}` that stand for nothing, in the order of the text, each once."""
    return tuple(name for name in placeholders(text) if name not in PROMPT_VARIABLES)


def explain_unknown(name: str) -> tuple[str, str]:
    """What is wrong with a template that names `name`, and what was probably meant."""
    meant = nearest(name, sorted(PROMPT_VARIABLES))
    known = f"Known: {', '.join(sorted(PROMPT_VARIABLES))}."
    return (
        f"unknown variable {{{{{name}}}}} in a prompt",
        f"Did you mean {{{{{meant}}}}}?" if meant else known,
    )
