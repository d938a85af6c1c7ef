import os
from collections.abc import Callable
from pathlib import Path

import pytest

from huskies_core.config.document import ConfigError
from huskies_core.config.load import gates_of, load_config, read_text
from huskies_core.config.records import Config, Gate, ProjectConfig
from huskies_core.project import Project

Refusal = Callable[..., list[str]]
RESTORE = "A full disk can cause this. Restore it ('git checkout -- FILE'), or write a comment into it."


def test_without_files_every_key_has_its_default(load: Callable[..., Config]) -> None:
    assert load() == Config(ProjectConfig(), ())


def test_a_file_the_checkout_lacks_is_read_from_the_base_branch(project: Project) -> None:
    at_base = {".huskies/project.toml": "max_coders = 7", ".huskies/AGENT.md": "Be kind."}
    project.agents_toml.write_text("# no agents")
    assert load_config(project, at_base.get) == Config(ProjectConfig(max_coders=7), ())
    assert (read_text(project, "AGENT.md", at_base.get), read_text(project, "x.md", at_base.get)) == (
        "Be kind.",
        None,
    )


def test_a_file_of_the_checkout_overrides_the_base_branch(project: Project) -> None:
    project.project_toml.write_text("max_coders = 8")
    config = load_config(project, {".huskies/project.toml": "max_coders = 7"}.get)
    assert config.project.max_coders == 8


def test_the_problems_of_both_files_are_listed_in_their_order(refusal: Refusal) -> None:
    problems = refusal("b = 1\nmax_gates = 0\na = 1", "[[agent]]\nname = 1")
    assert [line.split(": ")[0] for line in problems] == [
        ".huskies/project.toml:1",
        ".huskies/project.toml:2",
        ".huskies/project.toml:3",
        ".huskies/agents.toml:1",
        ".huskies/agents.toml:1",
        ".huskies/agents.toml:2",
    ]


def test_the_error_names_the_first_problem_and_the_number_of_others(load: Callable[..., Config]) -> None:
    with pytest.raises(ConfigError) as caught:
        load("max_coder = 1\nmax_gate = 1\nx = 1")
    error = caught.value
    assert (error.message, error.hint, error.code, error.subject) == (
        ".huskies/project.toml:1: unknown key max_coder (and 2 more)",
        "Did you mean max_coders?",
        "config_error",
        ".huskies/project.toml",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a = 1\nb = \n", "2: not valid TOML: invalid value"),
        (b"a = 1\nb = [\n\n", "2: not valid TOML: invalid value"),
        (b"a = 1\na = 2\n", "2: not valid TOML: cannot overwrite a value"),
        (b"\xef\xbb\xbf# a mark", "1: not valid TOML: invalid statement"),
        (b"# fine\n# \xff\n", "2: not UTF-8 text"),
        (b"x = " + b"[" * 20_000 + b"]" * 20_000, "1: arrays or tables are nested too deeply"),
        (
            b"",
            f"1: the file is empty {RESTORE}",
        ),
    ],
)
def test_an_unreadable_file_is_a_problem_and_not_a_missing_file(
    project: Project, refusal: Refusal, content: bytes, problem: str
) -> None:
    project.project_toml.write_bytes(content)
    assert refusal() == [f".huskies/project.toml:{problem}"]


def test_a_folder_in_place_of_a_file_is_named(project: Project, refusal: Refusal) -> None:
    project.agents_toml.mkdir()
    assert refusal() == [".huskies/agents.toml:1: cannot be read: Is a directory"]


def test_without_gates_an_executable_script_test_is_the_gate(
    project: Project,
) -> None:
    script = project.root / "script" / "test"
    script.parent.mkdir()
    gates = [gates_of(project, ProjectConfig())]
    script.write_text("#!/bin/sh\n")
    gates.append(gates_of(project, ProjectConfig()))
    script.chmod(0o755)
    gates.append(gates_of(project, ProjectConfig()))
    own = (Gate("mine", ("true",)),)
    gates.append(gates_of(project, ProjectConfig(gates=own)))
    assert gates == [(), (), (Gate("script/test", ("./script/test",), 1200),), own]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_named(project: Project, refusal: Refusal) -> None:
    project.project_toml.write_text("max_coders = 1")
    Path.chmod(project.project_toml, 0)
    assert refusal() == [".huskies/project.toml:1: cannot be read: Permission denied"]
