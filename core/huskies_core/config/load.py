"""Load the config files from the main checkout. Files that it lacks come from the tip of the base branch."""

import os
from collections.abc import Callable, Sequence

from huskies_core.config.document import Document, KeyFinding, parse
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.config.prompt_variables import explain_unknown, find_unknown_variables
from huskies_core.config.records import Agent, Config, Gate, ProjectConfig
from huskies_core.config.table import Table, read_record, read_records
from huskies_core.project import STATE_FOLDER, Project

AtBase = Callable[[str], str | None]
"""Return the text of a file at the tip of the base branch, or None. The path is relative to the root."""

PROJECT_FILE = "project.toml"
AGENTS_FILE = "agents.toml"
_DEFAULT_GATE = "script/test"


def load_config(project: Project, at_base: AtBase) -> Config:
    """Return both files. Raise ConfigError with the problems of them and of the prompt files that agents name."""
    problems: list[Problem] = []
    config = Config(_project(project, at_base, problems), _agents(project, at_base, problems))
    _refuse(problems)
    return config


def load_project(project: Project, at_base: AtBase) -> ProjectConfig:
    """Return project.toml. Raise ConfigError."""
    problems: list[Problem] = []
    settings = _project(project, at_base, problems)
    _refuse(problems)
    return settings


def load_agents(project: Project, at_base: AtBase) -> tuple[Agent, ...]:
    """Return the agents of agents.toml. Raise ConfigError, also for problems of their prompt files."""
    problems: list[Problem] = []
    agents = _agents(project, at_base, problems)
    _refuse(problems)
    return agents


def read_text(project: Project, name: str, at_base: AtBase) -> str | None:
    """Return the text of a file of `.huskies`, such as `prompts/coder.md`; None if the base branch lacks it, too.

    Raise ConfigError if the file exists but cannot be read as text.
    """
    path = project.state_dir / name
    shown = f"{STATE_FOLDER}/{name}"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return at_base(shown)
    except OSError as error:
        raise ConfigError([Problem(shown, 1, f"cannot be read: {error.strerror}")]) from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(shown, line, "not UTF-8 text")]) from error


def gates_of(project: Project, config: ProjectConfig) -> tuple[Gate, ...]:
    """Return the gates of the config. If it has none, an executable `script/test` of the main checkout is the gate."""
    if config.gates:
        return config.gates
    script = project.root / _DEFAULT_GATE
    executable = script.is_file() and os.access(script, os.X_OK)
    return (Gate(_DEFAULT_GATE, (f"./{_DEFAULT_GATE}",)),) if executable else ()


def read_project(document: Document, data: dict[str, object]) -> ProjectConfig:
    """Return the settings of project.toml. They are valid only if `document` has no problems afterwards."""
    return read_record(ProjectConfig, Table(document, data))


def _project(project: Project, at_base: AtBase, problems: list[Problem]) -> ProjectConfig:
    document, data = _open(project, PROJECT_FILE, at_base, problems)
    settings = read_project(document, data)
    problems.extend(document.problems())
    return settings


def _agents(project: Project, at_base: AtBase, problems: list[Problem]) -> tuple[Agent, ...]:
    document, data = _open(project, AGENTS_FILE, at_base, problems)
    top = Table(document, data)
    agents = read_records(Agent, top.tables("agent"))
    top.finish()
    in_prompts = _check_prompt_files(document, agents, lambda name: read_text(project, name, at_base))
    problems.extend((*document.problems(), *in_prompts))
    return agents


def _open(
    project: Project, name: str, at_base: AtBase, problems: list[Problem]
) -> tuple[Document, dict[str, object]]:
    """Return the file and its data; an empty file if it is missing or, after adding a problem, cannot be read."""
    shown = f"{STATE_FOLDER}/{name}"
    try:
        text = read_text(project, name, at_base)
    except ConfigError as error:
        problems.extend(error.problems)
        text = None
    document = Document(shown, text or "")
    data = parse(document) if text is not None else {}
    if isinstance(data, Problem):
        problems.append(data)
        return Document(shown, ""), {}
    return document, data


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ConfigError(problems)


def _check_prompt_files(
    document: Document, agents: Sequence[Agent], read: Callable[[str], str | None]
) -> tuple[Problem, ...]:
    """Return the problems inside the prompt files. Record a missing file in agents.toml, which names it."""
    problems: list[Problem] = []
    named = {agent.prompt_file: index for index, agent in enumerate(agents) if agent.prompt_file is not None}
    for name, index in named.items():
        shown = f"{STATE_FOLDER}/{name}"
        try:
            text = read(name)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        if text is None:
            hint = f"Huskies looks for {shown} in the main checkout and on the base branch."
            key = ("agent", index, "prompt_file")
            document.findings.append(KeyFinding(key, f"prompt_file {name!r} is missing", hint))
        elif not text.strip():
            hint = "Remove prompt_file to use the built-in prompt."
            problems.append(Problem(shown, 1, "the prompt is empty", hint))
        else:
            problems.extend(
                Problem(shown, number, *explain_unknown(variable))
                for number, line in enumerate(text.split("\n"), start=1)
                for variable in find_unknown_variables(line)
            )
    return tuple(problems)
