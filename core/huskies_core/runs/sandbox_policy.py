"""The sandbox of an agent with `sandbox = "bwrap"`: the paths that it may read and write, and a check that it works."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import huskies_core
from huskies_core.config.records import Agent
from huskies_core.errors import HuskiesError
from huskies_core.git.worktrees import MADE, checkout_of
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.runs.bubblewrap import PROGRAM, Show, View, wrap
from huskies_core.runs.own_program import installed_program
from huskies_core.runtimes.registry import load_runtime
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Step
from huskies_core.user import home_folder, login_variables

_TRIAL_SECS = 10
# These contain files of other programs and sockets of services. A read-only mount does not prevent use of a socket.
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/run")
_NAME_SERVICE = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf")
_PRIVATE_VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_CONFIG_FILES = (".gitignore", "AGENT.md", "agents.toml", "project.toml", "prompts")
_STORE_FILES = ("", "-wal", "-shm")


def confine(
    step: Step,
    agent: Agent,
    project: Project,
    *,
    story: StoryId,
    run: RunDirectory,
    environ: Mapping[str, str],
) -> Step:
    """Return the agent's step, in the sandbox if the agent has one.

    Create the project's cache directory, and in git's folder the directories and the empty file that the mounts need.
    Raise HuskiesError if the story has no worktree.
    """
    if agent.sandbox is None:
        return step
    cache = _cache_dir(project, environ)
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables = (("TMPDIR", "/tmp"), ("XDG_CACHE_HOME", str(cache)))
    paths = (
        *((Show.NOTHING, path) for path in _hidden_folders(environ)),
        *((Show.READ_IF_THERE, path) for path in (*_NAME_SERVICE, *_needed(environ))),
        *((Show.READ, _expanded(path, environ)) for path in agent.sandbox_read),
        *((Show.WRITE, _expanded(path, environ)) for path in agent.sandbox_write),
        (Show.WRITE, str(cache)),
        *_project_paths(project, story, run),
    )
    return replace(step, argv=wrap(step.argv, step.cwd, View(paths, agent.sandbox_network, variables)))


def held_database(agent: Agent | None, project: Project) -> str | None:
    """Return the database that must keep its files while the run is live, because the sandbox mounts each file."""
    return None if agent is None or agent.sandbox is None else str(project.database)


def sandbox_problems(agent: Agent, project: Project, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the problems of this agent's sandbox on this machine; () if the agent has none. This runs bubblewrap."""
    if agent.sandbox is None:
        return ()
    listed = [_expanded(path, environ) for path in (*agent.sandbox_read, *agent.sandbox_write)]
    missing = tuple(f"{path} does not exist" for path in listed if not os.path.exists(path))
    problem = _trial_problem(environ, network=agent.sandbox_network)
    hidden = _hidden_program(agent, (str(project.root), *listed, *_needed(environ)), environ)
    return (*filter(None, (problem, hidden)), *missing)


def require_sandbox(agent: Agent | None, project: Project, environ: Mapping[str, str]) -> None:
    """Raise HuskiesError `no_sandbox` if the agent's sandbox does not work here."""
    problems = () if agent is None else sandbox_problems(agent, project, environ)
    if agent is not None and problems:
        raise HuskiesError(
            f"the sandbox of {agent.name} does not work: {problems[0]}",
            hint="No run was started; 'huskies config check' lists all problems.",
            code="no_sandbox",
            subject=agent.name,
        )


def _trial_problem(environ: Mapping[str, str], *, network: bool) -> str | None:
    search = environ.get("PATH", os.defpath)
    if shutil.which(PROGRAM, path=search) is None:
        return f"{PROGRAM} is not on PATH"
    argv = wrap(("true",), "/", View((), network))
    try:
        process = subprocess.run(
            argv, env={"PATH": search}, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL_SECS
        )
    except subprocess.TimeoutExpired:
        return f"{PROGRAM} did not end within {_TRIAL_SECS} s"
    last = process.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {process.returncode}"]
    return f"{PROGRAM} does not work here: {last[0]}" if process.returncode else None


def _hidden_program(agent: Agent, shown: Iterable[str], environ: Mapping[str, str]) -> str | None:
    """Return the problem if the sandbox hides the agent's program.

    `program_problem` reports a missing program. A relative path is below the worktree, which is visible.
    """
    program = load_runtime(agent.runtime).program or agent.command[0]
    path = shutil.which(program, path=environ.get("PATH", os.defpath))
    if path is None or not os.path.isabs(path):
        return None
    hidden, visible = (
        tuple(f"{folder}/" for folder in folders) for folders in (_hidden_folders(environ), shown)
    )
    for location in (_location(path), os.path.realpath(path)):
        if location.startswith(hidden) and not f"{location}/".startswith(visible):
            return f"{location} is hidden, list it in sandbox_read"
    return None


def _hidden_folders(environ: Mapping[str, str]) -> list[str]:
    """Return the folders to hide, outermost first. Omit missing ones: bubblewrap cannot mount on them."""
    private = (environ.get(name) for name in _PRIVATE_VARIABLES)
    folders = {*_SHARED_FOLDERS, *filter(None, (login_variables().get("HOME"), *private))}
    return sorted({os.path.realpath(folder) for folder in folders if os.path.isdir(folder)} - {"/"})


def _needed(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the hidden paths that Huskies and git read: the program, Python, the packages and git's settings."""
    package = Path(huskies_core.__file__).parents[1]
    script = installed_program()
    own = [sys.prefix, sys.base_prefix, str(package), str(package.parent / "cli"), script, sys.executable]
    home = home_folder(environ)
    config = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    settings = [
        f"{home}/.gitconfig",
        *(f"{config}/git/{name}" for name in ("config", "ignore", "attributes")),
    ]
    named = [environ.get("GIT_CONFIG_GLOBAL", ""), environ.get("GIT_CONFIG_SYSTEM", "")]
    above = tuple(f"{folder}/" for folder in _hidden_folders(environ))
    shown: list[str] = []
    for path in dict.fromkeys((*own, *settings, *named)):
        # Skip paths below a shown folder: a link there, such as python in a virtual environment, cannot be mounted.
        locations = [
            location
            for location in (_location(path), os.path.realpath(path))
            if not _is_below(location, shown)
        ]
        hidden = next((location for location in locations if location.startswith(above)), None)
        if hidden is not None:
            shown.append(hidden)
            yield hidden


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _project_paths(project: Project, story: StoryId, run: RunDirectory) -> Iterator[tuple[Show, str]]:
    """Yield the paths that show the checkout and git's folder for reading, and the needed parts of `.huskies`."""
    state = project.state_dir
    yield Show.READ, str(project.root)
    yield Show.NOTHING, str(state)
    for name in _CONFIG_FILES:
        yield Show.READ_IF_THERE, str(state / name)
    yield Show.READ_IF_THERE, str(state / "bin")
    yield Show.READ_IF_THERE, run.prompt
    yield Show.READ_IF_THERE, run.mcp_config
    for end in _STORE_FILES:
        yield Show.WRITE, f"{project.database}{end}"
    yield Show.WRITE, str(project.state_lock)
    yield from _git_paths(project, story)


def _git_paths(project: Project, story: StoryId) -> Iterator[tuple[Show, str]]:
    """Yield the paths in git's folder that a commit on the story's branch writes.

    The files that name the repository, the configuration and the hooks stay read-only, because Huskies runs git in this
    worktree later.
    """
    checkout = checkout_of(project, story)
    if checkout is None:
        raise HuskiesError(f"story {story} has no worktree", code="no_worktree", subject=str(story))
    shared, admin, worktree = project.git_dir, checkout.git_dir, checkout.path
    branches = shared / "refs" / "heads" / "feature"
    logs = shared / "logs" / "refs" / "heads" / "feature"
    for folder in (branches, logs):
        # git removes a directory, and the mount with it, when it packs or deletes the last branch in it. An empty
        # subdirectory prevents that; git removes the subdirectory itself if someone creates a branch of that name.
        (folder / "sandboxed").mkdir(parents=True, exist_ok=True)
    # If the repository uses a configuration for each worktree, the agent must not be able to create it.
    (admin / "config.worktree").touch()
    yield Show.READ, str(shared)
    yield Show.WRITE, str(shared / "objects")
    for name in ("pack", "info"):
        yield Show.READ_IF_THERE, str(shared / "objects" / name)
    for written in (branches, logs, admin):
        yield Show.WRITE, str(written)
    for name in ("commondir", "gitdir", "config.worktree", MADE):
        yield Show.READ_IF_THERE, str(admin / name)
    yield Show.WRITE, str(worktree)
    yield Show.READ, str(worktree / ".git")


def _cache_dir(project: Project, environ: Mapping[str, str]) -> Path:
    """Return the cache folder that all sandboxed agents of a project share. No program outside a sandbox reads it."""
    above = environ.get("XDG_CACHE_HOME") or f"{home_folder(environ)}/.cache"
    return Path(above, "huskies", "sandbox", str(project.root).strip("/").replace("/", "-"))


def _location(path: str) -> str:
    """Resolve links in the folders of a path, but not in its last part: programs in the sandbox open that link."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _expanded(path: str, environ: Mapping[str, str]) -> str:
    return home_folder(environ) + path[1:] if path.startswith("~/") else path
