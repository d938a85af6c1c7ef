"""The variables of prompt templates."""

from huskies_core.suggest import did_you_mean
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
    """Return the unknown names in `{{…}}` in the order of the text, each once."""
    return tuple(name for name in placeholders(text) if name not in PROMPT_VARIABLES)


def explain_unknown(name: str) -> tuple[str, str]:
    """Return the message and the hint for an unknown variable."""
    known = sorted(PROMPT_VARIABLES)
    hint = did_you_mean(name, known, f"Known: {', '.join(known)}.")
    return f"unknown variable {{{{{name}}}}} in a prompt", hint
