"""The sandbox of an agent with `sandbox = "bwrap"`: the paths that it may read and write, and a check that it works."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import huskies_core
from huskies_core.config.records import Agent
from huskies_core.errors import HuskiesError
from huskies_core.git.worktrees import MADE, checkout_of
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.runs.programs import installed_program
from huskies_core.runtimes.registry import load_runtime
from huskies_core.supervisor.records import Step
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.user import home_folder, login_variables

PROGRAM = "bwrap"
_TRIAL_SECS = 10
# These contain files of other programs and sockets of services. A read-only mount does not prevent use of a socket.
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/run")
_NAME_SERVICE = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf")
_PRIVATE_VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_STATE_FILES = (".gitignore", "AGENT.md", "agents.toml", "project.toml", "prompts", "bin")
# In a pid namespace the end of the first process ends all others. No capabilities, even if root starts the run. No
# session of its own: a run has no terminal, and signals go to its whole process group.
_NAMESPACES = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL")
_SYSTEM = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
# On SIGTERM bubblewrap would die and kill the agent before it can clean up. It ignores the signal; the agent does not.
_IGNORE_TERM = ("env", "--ignore-signal=TERM")
_DEFAULT_TERM = ("env", "--default-signal=TERM")


class Show(StrEnum):
    """The option of bubblewrap that makes a path visible."""

    NOTHING = "--tmpfs"
    READ = "--ro-bind"
    READ_IF_THERE = "--ro-bind-try"
    WRITE = "--bind"


def wrap(
    argv: Sequence[str],
    cwd: str,
    paths: Iterable[tuple[Show, str]],
    *,
    network: bool = True,
    variables: Sequence[tuple[str, str]] = (),
) -> tuple[str, ...]:
    """Return the command that runs `argv` in `cwd` under bubblewrap.

    Later `paths` cover earlier ones; all other paths are readable. `variables` extend the run's environment; they
    appear on the command line, so never put a key there. The command exits with the code of the program, or with 128+n
    if signal n ended the program.
    """
    mounts = ((show, path) if show is Show.NOTHING else (show, path, path) for show, path in paths)
    return (
        *_IGNORE_TERM,
        PROGRAM,
        *_NAMESPACES,
        *(() if network else ("--unshare-net",)),
        *_SYSTEM,
        *(word for mount in mounts for word in mount),
        *(word for name, value in variables for word in ("--setenv", name, value)),
        *("--chdir", cwd, "--"),
        *_DEFAULT_TERM,
        *argv,
    )


def confine(
    step: Step, agent: Agent, project: Project, story: StoryId, run: RunDirectory, environ: Mapping[str, str]
) -> Step:
    """Return the agent's step, in the sandbox if the agent has one.

    Create the project's cache directory, and in git's folder the directories and the empty file that the mounts need.
    Raise HuskiesError if the story has no worktree.
    """
    if agent.sandbox is None:
        return step
    # All sandboxed agents of a project share this folder. No program outside a sandbox reads it.
    above = environ.get("XDG_CACHE_HOME") or f"{home_folder(environ)}/.cache"
    cache = Path(above, "huskies", "sandbox", str(project.root).strip("/").replace("/", "-"))
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
    argv = wrap(step.argv, step.cwd, paths, network=agent.sandbox_network, variables=variables)
    return replace(step, argv=argv)


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
        fact = f"the sandbox of {agent.name} does not work: {problems[0]}"
        hint = "No run was started; 'huskies config check' lists all problems."
        raise HuskiesError(fact, hint=hint, code="no_sandbox", subject=agent.name)


def _trial_problem(environ: Mapping[str, str], *, network: bool) -> str | None:
    search = environ.get("PATH", os.defpath)
    if shutil.which(PROGRAM, path=search) is None:
        return f"{PROGRAM} is not on PATH"
    argv, env, null = wrap(("true",), "/", (), network=network), {"PATH": search}, subprocess.DEVNULL
    try:
        process = subprocess.run(argv, env=env, stdin=null, capture_output=True, timeout=_TRIAL_SECS)
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
    hidden, visible = _hidden_folders(environ), tuple(shown)
    for location in _locations(path):
        if _is_below(location, hidden) and not _is_below(location, visible):
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
    settings = [f"{config}/git/{name}" for name in ("config", "ignore", "attributes")]
    named = filter(None, map(environ.get, ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")))
    above = tuple(f"{folder}/" for folder in _hidden_folders(environ))
    shown: list[str] = []
    for path in dict.fromkeys((*own, f"{home}/.gitconfig", *settings, *named)):
        # Skip paths below a shown folder: a link there, such as python in a virtual environment, cannot be mounted.
        locations = (location for location in _locations(path) if not _is_below(location, shown))
        hidden = next((location for location in locations if location.startswith(above)), None)
        if hidden is not None:
            shown.append(hidden)
            yield hidden


def _locations(path: str) -> tuple[str, str]:
    """Return the path with links in its folders resolved, and with all links resolved.

    Programs in the sandbox open the link that is the last part of the path.
    """
    folder = os.path.realpath(os.path.dirname(path))
    return os.path.join(folder, os.path.basename(path)), os.path.realpath(path)


def _is_below(path: str, folders: Iterable[str]) -> bool:
    """Return whether the path is one of the folders or below one of them."""
    return f"{path}/".startswith(tuple(f"{folder}/" for folder in folders))


def _project_paths(project: Project, story: StoryId, run: RunDirectory) -> Iterator[tuple[Show, str]]:
    """Yield the paths that show the checkout and git's folder for reading, and the needed parts of `.huskies`."""
    yield Show.READ, str(project.root)
    yield Show.NOTHING, str(project.state_dir)
    readable = (*(project.state_dir / name for name in _STATE_FILES), run.prompt, run.mcp_config)
    yield from ((Show.READ_IF_THERE, str(path)) for path in readable)
    database = (f"{project.database}{end}" for end in ("", "-wal", "-shm"))
    yield from ((Show.WRITE, str(path)) for path in (*database, project.state_lock))
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
    branches, logs = (shared / folder / "heads/feature" for folder in ("refs", "logs/refs"))
    for folder in (branches, logs):
        # git removes a directory, and the mount with it, when it packs or deletes the last branch in it. An empty
        # subdirectory prevents that; git removes the subdirectory itself if someone creates a branch of that name.
        (folder / "sandboxed").mkdir(parents=True, exist_ok=True)
    # If the repository uses a configuration for each worktree, the agent must not be able to create it.
    (admin / "config.worktree").touch()
    paths = (
        (Show.READ, shared),
        (Show.WRITE, shared / "objects"),
        *((Show.READ_IF_THERE, shared / "objects" / name) for name in ("pack", "info")),
        *((Show.WRITE, written) for written in (branches, logs, admin)),
        *((Show.READ_IF_THERE, admin / name) for name in ("commondir", "gitdir", "config.worktree", MADE)),
        (Show.WRITE, worktree),
        (Show.READ, worktree / ".git"),
    )
    return ((show, str(path)) for show, path in paths)


def _expanded(path: str, environ: Mapping[str, str]) -> str:
    return home_folder(environ) + path[1:] if path.startswith("~/") else path
