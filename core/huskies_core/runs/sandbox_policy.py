"""What an agent with `sandbox = "bwrap"` may see and change, and whether this machine can hold it to that."""

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
from huskies_core.project import Project
from huskies_core.runs.bubblewrap import PROGRAM, Show, View, wrap
from huskies_core.runs.own_program import installed_program
from huskies_core.runtimes.known import load_runtime
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.supervisor.spec import Step
from huskies_core.user import home_folder, login_variables

_TRIAL_SECS = 10
# Sockets of services, which a read-only file system does not keep anybody from, and files of other programs.
_SHARED_PLACES = ("/tmp", "/var/tmp", "/run")
_NAME_SERVICE = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf")
_PRIVATE_VARIABLES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
_CONFIG_FILES = (".gitignore", "AGENT.md", "agents.toml", "project.toml", "prompts")
_STORE_FILES = ("", "-wal", "-shm")


def confine(
    step: Step, agent: Agent, project: Project, *, story: int, run: RunDirectory, environ: Mapping[str, str]
) -> Step:
    """The agent's step as its config has it: as it is, or in the sandbox.

    Leaves the project's cache directory, and in git's the directories and the empty file that mounts need. Raises
    HuskiesError when the story has no worktree.
    """
    if agent.sandbox is None:
        return step
    cache = _cache_dir(project, environ)
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables = (("TMPDIR", "/tmp"), ("XDG_CACHE_HOME", str(cache)))
    paths = (
        *_hidden(environ),
        *((Show.READ_IF_THERE, path) for path in _needed(environ)),
        *((Show.READ, _expanded(path, environ)) for path in agent.sandbox_read),
        *((Show.WRITE, _expanded(path, environ)) for path in agent.sandbox_write),
        (Show.WRITE, str(cache)),
        *_project_paths(project, story, run),
    )
    return replace(step, argv=wrap(step.argv, step.cwd, View(paths, agent.sandbox_network, variables)))


def held_database(agent: Agent | None, project: Project) -> str | None:
    """The database whose files the sandbox shows one by one: they must stay the same as long as the run lasts."""
    return None if agent is None or agent.sandbox is None else str(project.database)


def sandbox_problems(agent: Agent, project: Project, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Why this agent cannot be started in its sandbox here; () when it can, or has none. Tries bubblewrap."""
    if agent.sandbox is None:
        return ()
    listed = [_expanded(path, environ) for path in (*agent.sandbox_read, *agent.sandbox_write)]
    missing = tuple(f"there is no {path}" for path in listed if not os.path.exists(path))
    trouble = _trial(environ, network=agent.sandbox_network)
    unseen = _unseen_program(agent, (str(project.root), *listed, *_needed(environ)), environ)
    return (*filter(None, (trouble, unseen)), *missing)


def require_sandbox(agent: Agent | None, project: Project, environ: Mapping[str, str]) -> None:
    """Raises HuskiesError `no_sandbox` where the agent would have to run without the sandbox that it wants."""
    problems = () if agent is None else sandbox_problems(agent, project, environ)
    if agent is not None and problems:
        raise HuskiesError(
            f"no sandbox for {agent.name}: {problems[0]}",
            hint="Nothing was started; 'huskies config check' lists what is wrong.",
            code="no_sandbox",
            subject=agent.name,
        )


def _trial(environ: Mapping[str, str], *, network: bool) -> str | None:
    search = environ.get("PATH", os.defpath)
    if shutil.which(PROGRAM, path=search) is None:
        return f"{PROGRAM} is not on PATH"
    argv = wrap(("true",), "/", View((), network))
    try:
        done = subprocess.run(
            argv, env={"PATH": search}, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL_SECS
        )
    except subprocess.TimeoutExpired:
        return f"{PROGRAM} did not answer in {_TRIAL_SECS} s"
    said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {done.returncode}"]
    return f"{PROGRAM} does not work here: {said[0]}" if done.returncode else None


def _unseen_program(agent: Agent, shown: Iterable[str], environ: Mapping[str, str]) -> str | None:
    """A program that is not found at all is told elsewhere; a relative one lies in the worktree."""
    program = load_runtime(agent.runtime).program or agent.command[0]
    found = shutil.which(program, path=environ.get("PATH", os.defpath))
    if found is None or not os.path.isabs(found):
        return None
    hidden, seen = (tuple(f"{place}/" for place in places) for places in (_hidden_places(environ), shown))
    for path in (_place(found), os.path.realpath(found)):
        if path.startswith(hidden) and not f"{path}/".startswith(seen):
            return f"{path} is hidden, list it in sandbox_read"
    return None


def _hidden(environ: Mapping[str, str]) -> Iterator[tuple[Show, str]]:
    """The outermost first; what does not exist needs no hiding, and could not be mounted on."""
    for place in _hidden_places(environ):
        yield Show.NOTHING, place
    for place in _NAME_SERVICE:
        yield Show.READ_IF_THERE, place


def _hidden_places(environ: Mapping[str, str]) -> list[str]:
    private = (environ.get(name) for name in _PRIVATE_VARIABLES)
    wanted = {*_SHARED_PLACES, *filter(None, (login_variables().get("HOME"), *private))}
    return sorted({os.path.realpath(place) for place in wanted if os.path.isdir(place)} - {"/"})


def _needed(environ: Mapping[str, str]) -> Iterator[str]:
    """What huskies itself and git read, where it lies in a hidden place: its program, Python, and git's settings."""
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
    above = tuple(f"{place}/" for place in _hidden_places(environ))
    shown: list[str] = []
    for path in dict.fromkeys((*own, *settings, *named)):
        # What a shown place holds is there; a link in it, such as Python's in a virtual environment, cannot be mounted.
        wanted = (one for one in (_place(path), os.path.realpath(path)) if not _is_below(one, shown))
        found = next((one for one in wanted if one.startswith(above)), None)
        if found is not None:
            shown.append(found)
            yield found


def _is_below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _project_paths(project: Project, story: int, run: RunDirectory) -> Iterator[tuple[Show, str]]:
    """The checkout and git can be read, `.huskies` is empty but for what the story's agent needs of it."""
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


def _git_paths(project: Project, story: int) -> Iterator[tuple[Show, str]]:
    """As much of git's as a commit on the story's branch takes. Not what leads it elsewhere: whoever runs git in this
    worktree later must find the repository, its config and its hooks where they were."""
    checkout = checkout_of(project, story)
    if checkout is None:
        raise HuskiesError(f"no worktree for story {story}", code="no_worktree", subject=str(story))
    shared, admin, place = project.git_dir, checkout.git_dir, checkout.path
    branches = shared / "refs" / "heads" / "feature"
    logs = shared / "logs" / "refs" / "heads" / "feature"
    for folder in (branches, logs):
        # git removes a directory whose last branch it packs or deletes, and what is mounted there with it. One that
        # has an empty directory stays; where a branch of that name is wanted, git takes it away by itself.
        (folder / "sandboxed").mkdir(parents=True, exist_ok=True)
    # Where the repository has a config for each worktree, the agent must not be the one who makes it.
    (admin / "config.worktree").touch()
    yield Show.READ, str(shared)
    yield Show.WRITE, str(shared / "objects")
    for name in ("pack", "info"):
        yield Show.READ_IF_THERE, str(shared / "objects" / name)
    for written in (branches, logs, admin):
        yield Show.WRITE, str(written)
    for name in ("commondir", "gitdir", "config.worktree", MADE):
        yield Show.READ_IF_THERE, str(admin / name)
    yield Show.WRITE, str(place)
    yield Show.READ, str(place / ".git")


def _cache_dir(project: Project, environ: Mapping[str, str]) -> Path:
    """One for all agents of a project, named by its whole path; nothing outside a sandbox reads it."""
    above = environ.get("XDG_CACHE_HOME") or f"{home_folder(environ)}/.cache"
    return Path(above, "huskies", "sandbox", str(project.root).strip("/").replace("/", "-"))


def _place(path: str) -> str:
    """Where a path lies; one that is a link stays one, for it is what is asked for inside."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _expanded(path: str, environ: Mapping[str, str]) -> str:
    return home_folder(environ) + path[1:] if path.startswith("~/") else path
