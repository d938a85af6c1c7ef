"""The programs of agents on this machine: whether one is there, and new enough for what is asked of it."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from huskies_core.config.records import Agent
from huskies_core.runtimes.known import load_runtime
from huskies_core.supervisor.environment import shim_environment

_TRIAL_SECS = 20
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def program_problem(agent: Agent, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """What is wrong with the program of an agent, and what helps; None when nothing is, or it is a command of the
    project's own. Runs `program --version`, without the keys of the environment."""
    runtime, search = load_runtime(agent.runtime), agent.env.get("PATH") or environ.get("PATH")
    if runtime.program is None:
        return None
    found = shutil.which(runtime.program, path=search)
    if found is None:
        hint = f"Install the command line of {runtime.name}, or put its folder on PATH."
        return f"{runtime.program} is not on PATH", hint
    version = _version_of(found, {**shim_environment(environ, ()), "PATH": search or os.defpath})
    least = ".".join(map(str, runtime.least_version))
    if version is None:
        return f"{found} does not tell its version", f"Run '{runtime.program} --version' to see why."
    if version < runtime.least_version:
        told = ".".join(map(str, version))
        return f"{runtime.program} {told} is older than {least}, the oldest that was tried", "Update it."
    return None


def _version_of(program: str, environ: Mapping[str, str]) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(
            [program, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout)
    return tuple(map(int, found.groups())) if found and not done.returncode else None
