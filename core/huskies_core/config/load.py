"""Finds the config files and loads them: from the main checkout, where it lacks one from the base branch's tip."""

import os
from collections.abc import Callable, Sequence

from huskies_core.config.agents_file import read_agents
from huskies_core.config.document import Document, parse
from huskies_core.config.problems import ConfigError, Problem
from huskies_core.config.project_file import read_project
from huskies_core.config.prompt_files import check_prompt_files
from huskies_core.config.records import Agent, Config, Gate, ProjectConfig
from huskies_core.project import STATE_FOLDER, Project

AtBase = Callable[[str], str | None]
"""The text of a file at the base branch's tip, by its path relative to the root; None where it has none."""

PROJECT_FILE = "project.toml"
AGENTS_FILE = "agents.toml"
_DEFAULT_GATE = "script/test"


def load_config(project: Project, at_base: AtBase) -> Config:
    """Both files and the prompt files that agents name. Raises ConfigError with the problems of all of them."""
    problems: list[Problem] = []
    config = Config(_project(project, at_base, problems), _agents(project, at_base, problems))
    _refuse(problems)
    return config


def load_project(project: Project, at_base: AtBase) -> ProjectConfig:
    """project.toml alone. Raises ConfigError."""
    problems: list[Problem] = []
    settings = _project(project, at_base, problems)
    _refuse(problems)
    return settings


def load_agents(project: Project, at_base: AtBase) -> tuple[Agent, ...]:
    """agents.toml and its prompt files. Raises ConfigError."""
    problems: list[Problem] = []
    agents = _agents(project, at_base, problems)
    _refuse(problems)
    return agents


def read_text(project: Project, name: str, at_base: AtBase) -> str | None:
    """A file of `.huskies`, named from there, such as `prompts/coder.md`; None where neither place has it.

    Raises ConfigError when it is there and cannot be read as text.
    """
    path = project.state_dir / name
    place = f"{STATE_FOLDER}/{name}"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return at_base(place)
    except OSError as error:
        raise ConfigError([Problem(place, 1, f"cannot be read: {error.strerror}")]) from error
    return _decode(place, content)


def gates_of(project: Project, config: ProjectConfig) -> tuple[Gate, ...]:
    """The gates of the config; without any, an executable `script/test` of the main checkout; else none."""
    if config.gates:
        return config.gates
    script = project.root / _DEFAULT_GATE
    executable = script.is_file() and os.access(script, os.X_OK)
    return (Gate(_DEFAULT_GATE, (f"./{_DEFAULT_GATE}",)),) if executable else ()


def _project(project: Project, at_base: AtBase, problems: list[Problem]) -> ProjectConfig:
    document, data = _open(project, PROJECT_FILE, at_base, problems)
    settings = read_project(document, data)
    problems.extend(document.problems())
    return settings


def _agents(project: Project, at_base: AtBase, problems: list[Problem]) -> tuple[Agent, ...]:
    document, data = _open(project, AGENTS_FILE, at_base, problems)
    agents = read_agents(document, data)
    in_prompts = check_prompt_files(document, agents, lambda name: read_text(project, name, at_base))
    problems.extend((*document.problems(), *in_prompts))
    return agents


def _open(
    project: Project, name: str, at_base: AtBase, problems: list[Problem]
) -> tuple[Document, dict[str, object]]:
    """The file and its data: none when there is no such file, or when it cannot be read, which is noted."""
    place = f"{STATE_FOLDER}/{name}"
    try:
        text = read_text(project, name, at_base)
    except ConfigError as error:
        problems.extend(error.problems)
        text = None
    document = Document(place, text or "")
    data = parse(document) if text is not None else {}
    if isinstance(data, Problem):
        problems.append(data)
        return Document(place, ""), {}
    return document, data


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise ConfigError(problems)


def _decode(place: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(place, line, "not UTF-8 text")]) from error
