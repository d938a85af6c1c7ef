"""Variables of a run's programs from the starter, the config and .huskies/env."""

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.git_variables import REPOSITORY_VARIABLES
from huskies_core.ids import RunId, StoryId
from huskies_core.supervisor.environment import (
    RunVariables,
    agent_environment,
    read_env_file,
    shim_environment,
)

VARIABLES = RunVariables(
    project="/p",
    story_id=StoryId(4),
    run_id=RunId(9),
    agent="coder-1",
    stage="coding",
    base_branch="main",
    worktree="/p/w",
    prompt_file="/p/prompt.md",
)
RUN_VARIABLES = {
    "HUSKIES_PROJECT": "/p",
    "HUSKIES_STORY_ID": "4",
    "HUSKIES_RUN_ID": "9",
    "HUSKIES_AGENT": "coder-1",
    "HUSKIES_STAGE": "coding",
    "HUSKIES_BASE_BRANCH": "main",
    "HUSKIES_WORKTREE": "/p/w",
    "HUSKIES_PROMPT_FILE": "/p/prompt.md",
}
BASE = {"HOME": "/h", "USER": "u", "LOGNAME": "u", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
NOTHING: Mapping[str, str] = {}


def whole_environment(
    starter: dict[str, str],
    *,
    env: Mapping[str, str] = NOTHING,
    env_allow: tuple[str, ...] = (),
    env_file: Mapping[str, str] = NOTHING,
    identity_known: bool = True,
) -> dict[str, str]:
    return agent_environment(
        starter,
        VARIABLES,
        env=env,
        env_allow=env_allow,
        env_file=env_file,
        bin_dir="/opt/huskies",
        identity_known=identity_known,
    )


def environment(starter: dict[str, str], **allowance: Any) -> dict[str, str]:
    """Return the variables that are not in RUN_VARIABLES."""
    variables = whole_environment(starter, **allowance)
    assert {name: variables.pop(name) for name in RUN_VARIABLES} == RUN_VARIABLES
    return variables


def test_only_named_variables_are_passed() -> None:
    harmless = {"LANG": "C", "LC_TIME": "C", "TZ": "UTC", "XDG_RUNTIME_DIR": "/x", "SSH_AUTH_SOCK": "/s"}
    git = {"GIT_AUTHOR_NAME": "A", "GIT_SSH_COMMAND": "ssh -v", "GIT_CONFIG_GLOBAL": "/g"}
    bound = dict.fromkeys(REPOSITORY_VARIABLES, "x")
    starter = {
        **BASE,
        **harmless,
        **git,
        **bound,
        "AWS_SECRET": "s",
        "HUSKIES_RUN_ID": "1",
        "PYTHONPATH": "y",
    }
    assert environment(starter) == {**BASE, **harmless, **git, "PATH": "/opt/huskies:/usr/bin:/bin"}


def test_all_variables_that_bind_git_to_a_repository_are_known() -> None:
    asked = subprocess.run(
        ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True
    )
    assert set(asked.stdout.split()) <= REPOSITORY_VARIABLES


def test_an_allowed_name_comes_from_the_starter_or_else_from_the_file() -> None:
    file = {"KEY_A": "file", "KEY_B": "file", "KEY_C": "not allowed"}
    allowed = ("KEY_A", "KEY_B", "KEY_D")
    starter = {**BASE, "KEY_A": "starter"}
    variables = environment(starter, env={"MODE": "ci"}, env_allow=allowed, env_file=file)
    assert (variables["KEY_A"], variables["KEY_B"], variables["MODE"]) == ("starter", "file", "ci")
    assert {"KEY_C", "KEY_D"} & set(variables) == set()


def test_the_config_cannot_bind_git_or_forge_the_mark() -> None:
    starter, env = {**BASE, "GIT_WORK_TREE": "/x"}, {"GIT_DIR": "/x", "HUSKIES_RUN_ID": "1"}
    variables = environment(starter, env=env, env_allow=("GIT_WORK_TREE",))
    assert {"GIT_DIR", "GIT_WORK_TREE"} & set(variables) == set()


def test_huskies_comes_first_on_path_and_once() -> None:
    assert environment({**BASE, "PATH": "/bin:/opt/huskies"})["PATH"] == "/opt/huskies:/bin"


def test_variables_that_cron_does_not_set_are_added() -> None:
    user = pwd.getpwuid(os.getuid())
    variables = environment({})
    assert (variables["HOME"], variables["USER"], variables["SHELL"]) == (
        user.pw_dir,
        user.pw_name,
        user.pw_shell,
    )


def test_the_agent_is_the_author_without_a_git_identity() -> None:
    starter = {**BASE, "GIT_AUTHOR_NAME": "Ada"}
    variables = whole_environment(starter, identity_known=False)
    identity = {name: value for name, value in variables.items() if name.startswith("GIT_")}
    assert identity == {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "huskies@localhost",
        "GIT_COMMITTER_NAME": "coder-1",
        "GIT_COMMITTER_EMAIL": "huskies@localhost",
    }


def test_a_run_is_the_same_from_a_shell_and_from_the_end_of_another_run() -> None:
    shell = {**BASE, "KEY": "k", "LC_ALL": "C", "HUSKIES_RUN_ID": "3", "EDITOR": "vi"}
    shim = shim_environment(shell, ("KEY", "HUSKIES_RUN_ID"))
    assert shim == {**BASE, "KEY": "k", "LC_ALL": "C"}
    assert environment(shim, env_allow=("KEY",)) == environment(shell, env_allow=("KEY",))


def test_a_huskies_found_by_a_relative_pythonpath_is_found_from_anywhere() -> None:
    assert shim_environment({**BASE, "PYTHONPATH": "core:/x"}, ())["PYTHONPATH"] == f"{os.getcwd()}/core:/x"


def write_private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_env_file_reads_as_a_shell_would(tmp_path: Path) -> None:
    text = '# keys\n\nA=1\nexport B = two words # no\nC=\'x # y\'\nD="q=1" # no\nE=\nF=a#b\nG="un\n'
    assert read_env_file(write_private(tmp_path / "env", text)) == {
        "A": "1",
        "B": "two words",
        "C": "x # y",
        "D": "q=1",
        "E": "",
        "F": "a#b",
        "G": '"un',
    }


def test_a_missing_env_file_counts_as_empty(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "env") == {}


def test_an_env_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = write_private(tmp_path / "env", "A=1\n")
    path.chmod(0o640)
    with pytest.raises(HuskiesError) as caught:
        read_env_file(path)
    assert (caught.value.code, caught.value.message, caught.value.hint) == (
        "env_file",
        f"{path} can be read by others (mode 0640)",
        f"Run 'chmod 600 {path}'.",
    )


def test_an_invalid_line_of_the_env_file_is_located_but_not_quoted(tmp_path: Path) -> None:
    path = write_private(tmp_path / "env", "A=1\ns3cret\n")
    with pytest.raises(HuskiesError) as caught:
        read_env_file(path)
    assert caught.value.message == f"{path}:2: not NAME=value"
