"""The repository of the demo: a small Python project, scripted agents, and a git configuration of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.git.repository import Repository
from huskies_core.operations.init import initialise
from huskies_core.project import STATE_FOLDER, Project, find_repository

BASE = "main"
GATE = (sys.executable, "-m", "unittest", "-q")
AGENTS = {
    "coder-1": "coder",
    "coder-2": "coder",
    "coder-3": "coder",
    "qa-1": "qa",
    "mergemaster": "mergemaster",
}

_SOURCE = Path(__file__).parent / "project"
_GIT_CONFIG = "demo.gitconfig"
_GIT_SETTINGS = """\
# The git configuration of the demo and its agents, instead of that of this machine.
# No user is configured: each agent commits under its own name.
[user]
\tuseConfigOnly = true
[core]
\tattributesFile = /dev/null
\texcludesFile = /dev/null
[safe]
\tdirectory = *
"""
_PROJECT_TOML = """\
max_coders = 3

[[gate]]
name = "tests"
command = {command}
timeout_secs = 600
"""
_AGENT_TOML = """\
[[agent]]
name = "{name}"
stage = "{stage}"
runtime = "command"
command = {command}
inactivity_timeout_secs = 600
max_wall_secs = 600
"""


def claim_directory(path: str | None) -> Path:
    """Make `.huskies` in an empty directory, `path` or a temporary one, and return the directory.

    Raise HuskiesError `not_empty` or `not_a_directory`. Of two calls for one directory, one raises.
    """
    directory = Path(path or tempfile.mkdtemp(prefix="huskies-demo-"))
    try:
        directory = Path(os.path.abspath(directory))
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise HuskiesError(f"{directory} is not a directory", code="not_a_directory") from error
    except FileNotFoundError as error:
        raise HuskiesError(f"{directory} cannot be made: the current directory no longer exists") from error
    is_empty = not any(directory.iterdir())
    with suppress(FileExistsError):
        if is_empty:
            (directory / STATE_FOLDER).mkdir()
            return directory
    hint = "Name an empty or missing directory, or none for a temporary one."
    raise HuskiesError(f"{directory} is not empty", hint=hint, code="not_empty", subject=str(directory))


@contextmanager
def own_environment(root: Path) -> Iterator[None]:
    """Hide the user's git config and other projects from this process and its children for the length of the block."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(demo_environment(before, root))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def demo_environment(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """Return `environ` without the variables of git and huskies, and with the demo's git config in `root`."""
    own = {name: value for name, value in environ.items() if not re.match("GIT_|HUSKIES_|EMAIL$", name)}
    config = str(root / STATE_FOLDER / _GIT_CONFIG)
    return {**own, "GIT_CONFIG_GLOBAL": config, "GIT_CONFIG_SYSTEM": os.devnull}


def make_project(root: Path) -> Project:
    """Make the repository with the small project, initialise huskies in it, and commit all of it on `main`."""
    (root / STATE_FOLDER / _GIT_CONFIG).write_text(_GIT_SETTINGS)
    # In the package the files end in .txt, so that no tool takes them for code of huskies.
    for source in sorted(_SOURCE.rglob("*.txt")):
        target = root / source.relative_to(_SOURCE).with_suffix("")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())
    command = ["git", "init", "--quiet", "--template=", f"--initial-branch={BASE}", str(root)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    project = find_repository(root)
    with Repository(project) as repo:
        names = sorted(path.name for path in root.iterdir() if path.name not in (".git", STATE_FOLDER))
        _commit(repo, "Keep a team of sled dogs", names)
        initialise(root, base_branch=BASE, environ=os.environ)
        project.project_toml.write_text(_PROJECT_TOML.format(command=_toml(*GATE)), encoding="utf-8")
        project.agents_toml.write_text(_agents_toml(), encoding="utf-8")
        _commit(repo, "Let huskies work on it", [STATE_FOLDER])
    return project


def _agents_toml() -> str:
    """Return agents.toml. The agents run under the Python of this installation."""
    program = (sys.executable, "-P", "-m", "huskies_cli.demo.agents")
    return "\n".join(
        _AGENT_TOML.format(name=name, stage=stage, command=_toml(*program, stage))
        for name, stage in AGENTS.items()
    )


def _toml(*command: str) -> str:
    return json.dumps(command, ensure_ascii=False)


def _commit(repo: Repository, message: str, paths: list[str]) -> None:
    repo.git("add", "--", *paths)
    repo.git("commit", "--quiet", "--message", message, env=repo.identity)
