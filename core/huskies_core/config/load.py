"""Load the config files from the main checkout. Files that it lacks come from the tip of the base branch."""

import os
from collections.abc import Callable, Iterator, Sequence

from huskies_core.config.document import ConfigError, Document, KeyFinding, Problem, parse
from huskies_core.config.key_rules import explain_unknown, find_unknown_variables
from huskies_core.config.records import Agent, Config, Gate, ProjectConfig
from huskies_core.config.table import TomlTable, read_record, read_records
from huskies_core.project import STATE_FOLDER, Project

AtBase = Callable[[str], str | None]
"""Return the text of a file at the tip of the base branch, or None. The path is relative to the root."""

PROJECT_FILE = "project.toml"
AGENTS_FILE = "agents.toml"
_DEFAULT_GATE = "script/test"


def load_config(project: Project, at_base: AtBase) -> Config:
    """Return both files. Raise ConfigError with the problems of them and of the prompt files that agents name."""
    problems: list[Problem] = []

    def open_file(name: str) -> Document:
        """Return a file without data if it cannot be read."""
        try:
            return parse(f"{STATE_FOLDER}/{name}", read_text(project, name, at_base))
        except ConfigError as error:
            problems.extend(error.problems)
            return Document(f"{STATE_FOLDER}/{name}")

    settings_file = open_file(PROJECT_FILE)
    settings = read_project(settings_file)
    problems += settings_file.problems()
    agents_file = open_file(AGENTS_FILE)
    top = TomlTable(agents_file)
    agents = read_records(Agent, top.tables("agent"))
    top.finish()
    # Missing files become problems of agents.toml, so check them first.
    in_prompts = tuple(
        _check_prompt_files(agents_file, agents, lambda name: read_text(project, name, at_base))
    )
    problems += (*agents_file.problems(), *in_prompts)
    if problems:
        raise ConfigError(problems)
    return Config(settings, agents)


def read_project(document: Document) -> ProjectConfig:
    """Return the settings of project.toml. They are valid only if `document` has no problems afterwards."""
    return read_record(ProjectConfig, TomlTable(document))


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


def _check_prompt_files(
    document: Document, agents: Sequence[Agent], read: Callable[[str], str | None]
) -> Iterator[Problem]:
    """Yield the problems inside the prompt files. Record a missing file in agents.toml, which names it."""
    named = {agent.prompt_file: index for index, agent in enumerate(agents) if agent.prompt_file is not None}
    for name, index in named.items():
        shown = f"{STATE_FOLDER}/{name}"
        try:
            text = read(name)
        except ConfigError as error:
            yield from error.problems
            continue
        if text is None:
            hint = f"Huskies looks for {shown} in the main checkout and on the base branch."
            key = ("agent", index, "prompt_file")
            document.findings.append(KeyFinding(key, f"prompt_file {name!r} is missing", hint))
        elif not text.strip():
            yield Problem(shown, 1, "the prompt is empty", "Remove prompt_file to use the built-in prompt.")
        for number, line in enumerate((text or "").split("\n"), start=1):
            for variable in find_unknown_variables(line):
                yield Problem(shown, number, *explain_unknown(variable))
