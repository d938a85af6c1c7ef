"""The prompt files that agents name: each is there and names only variables there are."""

from collections.abc import Callable, Sequence

from huskies_core.config.document import Document, Finding
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.config.prompt_variables import explain_unknown, find_unknown_variables
from huskies_core.config.records import Agent
from huskies_core.project import STATE_FOLDER

ReadText = Callable[[str], str | None]


def check_prompt_files(document: Document, agents: Sequence[Agent], read: ReadText) -> tuple[Problem, ...]:
    """What is wrong inside the prompt files; one that is missing is noted in agents.toml, where it is named."""
    problems: list[Problem] = []
    named = {agent.prompt_file: index for index, agent in enumerate(agents) if agent.prompt_file is not None}
    for name, index in named.items():
        try:
            text = read(name)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        if text is None:
            hint = f"It is looked for as {STATE_FOLDER}/{name}, there and on the base branch."
            document.findings.append(
                Finding(("agent", index, "prompt_file"), f"prompt_file {name!r} is missing", hint)
            )
        else:
            problems.extend(_problems_inside(f"{STATE_FOLDER}/{name}", text))
    return tuple(problems)


def _problems_inside(place: str, text: str) -> list[Problem]:
    if not text.strip():
        hint = "Name no prompt_file to use the one that comes with huskies."
        return [Problem(place, 1, "the prompt is empty", hint)]
    return [
        Problem(place, number, *explain_unknown(name))
        for number, line in enumerate(text.split("\n"), start=1)
        for name in find_unknown_variables(line)
    ]
