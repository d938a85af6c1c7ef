"""Parse a prompt: the scripted agents depend on nothing else."""

import re
from dataclasses import dataclass

GATE_HEADING = "Output of the gates in the last attempt"
QA_HEADING = "QA notes on the last attempt"


@dataclass(frozen=True)
class Prompt:
    """The parts of a prompt. `gate_output` and `qa_notes` are empty in the first run of a story."""

    title: str
    criteria: tuple[str, ...]
    gate_output: str
    qa_notes: str


def read_prompt(text: str) -> Prompt:
    """Return the parts of a prompt. Raise ValueError if the text names no story."""
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    if title is None:
        raise ValueError("the prompt names no story")
    criteria = re.findall(r"^\d+\. \[[ x]\] (.+)$", text, re.MULTILINE)
    return Prompt(title[1], tuple(criteria), _section(text, GATE_HEADING), _section(text, QA_HEADING))


def _section(text: str, heading: str) -> str:
    match = re.search(rf"^## {re.escape(heading)}\n\n<(\w+)>\n(.*?)\n</\1>$", text, re.MULTILINE | re.DOTALL)
    return match[2] if match else ""
