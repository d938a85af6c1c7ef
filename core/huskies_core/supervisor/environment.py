"""Environment of a run's programs: the variables named here and in the config, and no others.

So a run is the same from a shell, from cron and from the end of another run, and gets no secrets of the host.
"""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.git_variables import REPOSITORY_VARIABLES
from huskies_core.ids import RunId, StoryId
from huskies_core.user import login_variables

_BASE = frozenset(
    (
        *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "EMAIL"),
        *("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"),
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"),
    )
)
_BASE_PREFIXES = ("LC_", "XDG_")
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_DEFAULT_EMAIL = "huskies@localhost"
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"(['\"])(.*)\1\s*(?:#.*)?")


@dataclass(frozen=True)
class RunVariables:
    """The HUSKIES_* variables of a run. Paths are absolute. The run id and the project are its mark as well."""

    project: str
    story_id: StoryId
    run_id: RunId
    agent: str
    stage: str
    base_branch: str
    worktree: str
    prompt_file: str

    def to_environment(self) -> dict[str, str]:
        return {f"HUSKIES_{name.upper()}": str(value) for name, value in vars(self).items()}


def agent_environment(
    starter: Mapping[str, str],
    variables: RunVariables,
    *,
    env: Mapping[str, str],
    env_allow: Iterable[str],
    env_file: Mapping[str, str],
    bin_dir: str,
    identity_known: bool,
) -> dict[str, str]:
    """Return the whole environment of a run. `bin_dir`, the folder of `huskies`, is first on PATH.

    The agent's config adds the values of `env`, and copies the names of `env_allow` from the starter, else from
    `env_file`. If git has no identity, the agent is the author of its commits.
    """
    sources = {**env_file, **starter}
    allowed = {name: sources[name] for name in env_allow if name in sources}
    inherited = _without_git({**_base(starter), **allowed, **env})
    author = {"NAME": variables.agent, "EMAIL": _DEFAULT_EMAIL}
    identity = {f"GIT_{role}_{key}": author[key] for role in ("AUTHOR", "COMMITTER") for key in author}
    folders = (inherited.get("PATH") or _DEFAULT_PATH).split(os.pathsep)
    path = os.pathsep.join((bin_dir, *(folder for folder in folders if folder != bin_dir)))
    return {**({} if identity_known else identity), **inherited, "PATH": path, **variables.to_environment()}


def shim_environment(starter: Mapping[str, str], env_allow: Iterable[str]) -> dict[str, str]:
    """Return the environment of the supervisor and of `advance`: the base, and all variables of any agent.

    So the next run starts with the same ones. A run's mark is never part of it. PYTHONPATH stays, with absolute paths,
    because Huskies itself may need it.
    """
    allowed = {
        name: starter[name] for name in env_allow if name in starter and not name.startswith("HUSKIES_")
    }
    environment = {**_base(starter), **allowed}
    if starter.get("PYTHONPATH"):
        folders = starter["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, folders))
    return _without_git(environment)


def _base(starter: Mapping[str, str]) -> dict[str, str]:
    """Return the base variables. The user database replaces variables that cron does not set."""
    own = {name: value for name, value in starter.items() if name in _BASE or name.startswith(_BASE_PREFIXES)}
    return {**login_variables(), "PATH": _DEFAULT_PATH, **own}


def _without_git(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in REPOSITORY_VARIABLES}


def read_env_file(path: Path) -> dict[str, str]:
    """Return the `NAME=value` lines of a file, {} if it does not exist.

    Comments, quotes and `export` are those of a shell; nothing is expanded. Raise HuskiesError when other users may
    read the file, or for any other line.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    if mode & 0o077:
        fact = f"{path} can be read by others (mode {mode:04o})"
        raise HuskiesError(fact, hint=f"Run 'chmod 600 {path}'.", code="env_file")
    variables = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        match = _LINE.fullmatch(line)
        if match:
            quoted = _QUOTED.fullmatch(match[2])
            variables[match[1]] = quoted[2] if quoted else match[2].partition(" #")[0].rstrip()
        elif line and not line.startswith("#"):
            # The message does not quote the line, which may be a secret.
            fact = f"{path}:{number}: not NAME=value"
            raise HuskiesError(fact, hint="Write one NAME=value per line.", code="env_file")
    return variables
