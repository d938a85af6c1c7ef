"""The place of the demo: a repository with a small project, agents that follow a script, and a git of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
# Git as the demo and its agents see it, whatever else is configured on this machine.
# Without a name here each agent commits under its own.
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
timeout_secs = 30
"""
_AGENT_TOML = """\
[[agent]]
name = "{name}"
stage = "{stage}"
runtime = "command"
command = {command}
inactivity_timeout_secs = 30
max_wall_secs = 30
"""


def claim_place(wanted: str | None) -> Path:
    """An empty directory with nothing but `.huskies` in it, made here: `wanted`, or a temporary one.

    Raises HuskiesError `not_empty` and `not_a_directory`; of two that claim the same directory one gets it.
    """
    place = Path(wanted or tempfile.mkdtemp(prefix="huskies-demo-"))
    try:
        place = Path(os.path.abspath(place))
        place.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise HuskiesError(f"{place} is not a directory", code="not_a_directory") from error
    except FileNotFoundError as error:
        raise HuskiesError(f"{place} cannot be made: the current directory is gone") from error
    if any(place.iterdir()):
        raise _not_empty(place)
    try:
        (place / STATE_FOLDER).mkdir()
    except FileExistsError as error:
        raise _not_empty(place) from error
    return place


@contextmanager
def own_environment(root: Path) -> Iterator[None]:
    """Meanwhile this process, and so all it starts, knows neither the user's git config nor another project."""
    before = dict(os.environ)
    try:
        _replace_environment(demo_environment(before, root))
        yield
    finally:
        _replace_environment(before)


def demo_environment(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """`environ` without git's and our own variables, and with the git config of the demo in `root`."""
    foreign = ("GIT_", "HUSKIES_")
    kept = {
        name: value for name, value in environ.items() if not name.startswith(foreign) and name != "EMAIL"
    }
    config = str(root / STATE_FOLDER / _GIT_CONFIG)
    return {**kept, "GIT_CONFIG_GLOBAL": config, "GIT_CONFIG_SYSTEM": os.devnull}


def make_project(root: Path) -> Project:
    """A repository with the small project, made a project of huskies, all of it committed on `main`."""
    (root / STATE_FOLDER / _GIT_CONFIG).write_text(_GIT_SETTINGS)
    _write_sources(root)
    subprocess.run(
        ["git", "init", "--quiet", "--template=", f"--initial-branch={BASE}", str(root)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    project = find_repository(root)
    with Repository(project) as repo:
        _commit(repo, "Keep a team of sled dogs", _names(root))
        initialise(root, base_branch=BASE, environ=os.environ)
        project.project_toml.write_text(project_toml(), encoding="utf-8")
        project.agents_toml.write_text(agents_toml(), encoding="utf-8")
        _commit(repo, "Let huskies work on it", [STATE_FOLDER])
    return project


def project_toml() -> str:
    return _PROJECT_TOML.format(command=_toml(GATE))


def agents_toml() -> str:
    """The agents' programs are those of this installation, so they are run by its Python."""
    return "\n".join(
        _AGENT_TOML.format(name=name, stage=stage, command=_toml(_program(stage)))
        for name, stage in AGENTS.items()
    )


def _program(stage: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", f"huskies_cli.demo.agents.{stage}")


def _toml(command: tuple[str, ...]) -> str:
    return json.dumps(command, ensure_ascii=False)


def _write_sources(root: Path) -> None:
    """The files lie in the package under names that no tool takes for code of huskies."""
    for source in sorted(_SOURCE.rglob("*.txt")):
        target = root / source.relative_to(_SOURCE).with_suffix("")
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(source.read_bytes())


def _names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name not in (".git", STATE_FOLDER))


def _commit(repo: Repository, message: str, paths: list[str]) -> None:
    repo.git("add", "--", *paths)
    repo.git("commit", "--quiet", "--message", message, env=repo.identity)


def _replace_environment(environ: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environ)


def _not_empty(place: Path) -> HuskiesError:
    return HuskiesError(
        f"{place} is not empty",
        hint="Name a directory that is empty or does not exist; without one a temporary one is made.",
        code="not_empty",
        subject=str(place),
    )
