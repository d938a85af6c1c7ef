"""Check the programs of agents on this machine: their presence and their versions."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping

from huskies_core.config.records import Agent
from huskies_core.runtimes.registry import load_runtime
from huskies_core.supervisor.environment import shim_environment

_TRIAL_SECS = 20
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def program_problem(agent: Agent, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the problem with an agent's program and a hint; None if the program works or is the project's own.

    Run `program --version` without the keys in the environment.
    """
    runtime, search = load_runtime(agent.runtime), agent.env.get("PATH") or environ.get("PATH")
    if runtime.program is None:
        return None
    path = shutil.which(runtime.program, path=search)
    if path is None:
        hint = f"Install the command line of {runtime.name}, or put its folder on PATH."
        return f"{runtime.program} is not on PATH", hint
    version = _version_of(path, {**shim_environment(environ, ()), "PATH": search or os.defpath})
    if version is None:
        return f"{path} does not print its version", f"Run '{runtime.program} --version' to see why."
    if version < runtime.least_version:
        installed, least = (".".join(map(str, numbers)) for numbers in (version, runtime.least_version))
        return (
            f"{runtime.program} {installed} is older than {least}, the oldest tested version",
            "Update the program.",
        )
    return None


def _version_of(program: str, environ: Mapping[str, str]) -> tuple[int, ...] | None:
    try:
        process = subprocess.run(
            [program, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TRIAL_SECS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(process.stdout)
    return tuple(map(int, match.groups())) if match and not process.returncode else None
