"""What the programs of a run find in their environment: what is named here and in the config, no more.

So a run is the same from a shell, from cron and from another run's end, and no key of the host gets in."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.git_variables import REPOSITORY_VARIABLES
from huskies_core.user import login_variables

_BASE = frozenset(
    (
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PATH",
        "LANG",
        "TZ",
        "TMPDIR",
        "SSH_AUTH_SOCK",
        "EMAIL",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
    )
)
_BASE_PREFIXES = ("LC_", "XDG_")
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_DEFAULT_EMAIL = "huskies@localhost"
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"(['\"])(.*)\1\s*(?:#.*)?")


@dataclass(frozen=True)
class RunVariables:
    """What a run tells its programs of itself. Paths are absolute; run and project are the mark as well."""

    project: str
    story_id: int
    run_id: int
    agent: str
    stage: str
    base_branch: str
    worktree: str
    prompt_file: str


@dataclass(frozen=True)
class Allowance:
    """What an agent's config adds: values, and names to take from the starter or else from `.huskies/env`."""

    env: Mapping[str, str]
    env_allow: tuple[str, ...]
    env_file: Mapping[str, str]


def agent_environment(
    starter: Mapping[str, str],
    variables: RunVariables,
    allowance: Allowance,
    *,
    bin_dir: str,
    identity_known: bool,
) -> dict[str, str]:
    """The whole environment of a run. `bin_dir`, where `huskies` lies, comes first on PATH; git signs as the
    agent where it knows no identity of its own.
    """
    allowed = {**allowance.env_file, **starter}
    wanted = {name: allowed[name] for name in allowance.env_allow if name in allowed}
    given = {**_base(starter), **wanted, **allowance.env}
    bound = {name: value for name, value in given.items() if name not in REPOSITORY_VARIABLES}
    identity = {} if identity_known else _identity(variables.agent)
    path = _with_first(bin_dir, bound.get("PATH") or _DEFAULT_PATH)
    return {**identity, **bound, "PATH": path, **_described(variables)}


def shim_environment(starter: Mapping[str, str], env_allow: Iterable[str]) -> dict[str, str]:
    """For the shim, and `advance` after it: the base, and what any agent may be given, so that the next run
    starts the same. Never a run's mark. PYTHONPATH stays, made absolute: huskies may need it itself.
    """
    allowed = {
        name: starter[name] for name in env_allow if name in starter and not name.startswith("HUSKIES_")
    }
    environment = {**_base(starter), **allowed}
    if starter.get("PYTHONPATH"):
        environment["PYTHONPATH"] = os.pathsep.join(
            map(os.path.abspath, starter["PYTHONPATH"].split(os.pathsep))
        )
    return {name: value for name, value in environment.items() if name not in REPOSITORY_VARIABLES}


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines, with comments, quotes and `export` as a shell has them but nothing expanded.

    {} when there is no file. Raises HuskiesError when others may read it, or for any other line.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    if mode & 0o077:
        raise HuskiesError(
            f"{path} can be read by others (mode {mode:04o})",
            hint=f"Run 'chmod 600 {path}'.",
            code="env_file",
        )
    numbered = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return dict(
        _assignment(path, number, line) for number, line in numbered if line and not line.startswith("#")
    )


def _assignment(path: Path, number: int, line: str) -> tuple[str, str]:
    found = _LINE.fullmatch(line)
    if not found:
        # The line itself stays unsaid: it may be a key.
        raise HuskiesError(
            f"{path}:{number}: not NAME=value", hint="Write one NAME=value a line.", code="env_file"
        )
    name, value = found.groups()
    quoted = _QUOTED.fullmatch(value)
    return name, quoted.group(2) if quoted else value.partition(" #")[0].rstrip()


def _base(starter: Mapping[str, str]) -> dict[str, str]:
    """What cron leaves out is read from the user database."""
    found = {
        name: value for name, value in starter.items() if name in _BASE or name.startswith(_BASE_PREFIXES)
    }
    return {**login_variables(), "PATH": _DEFAULT_PATH, **found}


def _identity(agent: str) -> dict[str, str]:
    roles = ("AUTHOR", "COMMITTER")
    names = {f"GIT_{role}_NAME": agent for role in roles}
    return {**names, **{f"GIT_{role}_EMAIL": _DEFAULT_EMAIL for role in roles}}


def _with_first(place: str, path: str) -> str:
    return os.pathsep.join((place, *(entry for entry in path.split(os.pathsep) if entry != place)))


def _described(variables: RunVariables) -> dict[str, str]:
    return {
        "HUSKIES_PROJECT": variables.project,
        "HUSKIES_STORY_ID": str(variables.story_id),
        "HUSKIES_RUN_ID": str(variables.run_id),
        "HUSKIES_AGENT": variables.agent,
        "HUSKIES_STAGE": variables.stage,
        "HUSKIES_BASE_BRANCH": variables.base_branch,
        "HUSKIES_WORKTREE": variables.worktree,
        "HUSKIES_PROMPT_FILE": variables.prompt_file,
    }
