"""Programs that runs start: those of agents, with their versions, and the `huskies` of this installation."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from _thread import get_native_id
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path

from huskies_core.config.records import Agent
from huskies_core.project import Project
from huskies_core.runtimes.registry import load_runtime
from huskies_core.supervisor.environment import shim_environment

_TRIAL_SECS = 20
_VERSION = re.compile(r"\d+(?:\.\d+)+")
LEAST_MCP = (2, 3)
"""The lower bound of the extra `mcp` in pyproject.toml. Earlier versions lack the server class that Huskies uses."""


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
    if _is_older(version, runtime.least_version):
        installed, least = (".".join(map(str, numbers)) for numbers in (version, runtime.least_version))
        fact = f"{runtime.program} {installed} is older than {least}, the oldest tested version"
        return fact, "Update the program."
    return None


def _version_of(program: str, environ: dict[str, str]) -> tuple[int, ...] | None:
    argv, null = [program, "--version"], subprocess.DEVNULL
    try:
        process = subprocess.run(
            argv,
            env=environ,
            stdin=null,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TRIAL_SECS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if process.returncode else _parse_version(process.stdout)


def _parse_version(text: str) -> tuple[int, ...] | None:
    match = _VERSION.search(text)
    return tuple(map(int, match[0].split("."))) if match else None


def _is_older(version: tuple[int, ...], least: tuple[int, ...]) -> bool:
    """Return whether the first number that differs is smaller: 2.0 and 2.0.0 are equal."""
    pairs = zip_longest(version, least, fillvalue=0)
    return next((number < least_number for number, least_number in pairs if number != least_number), False)


def installed_program() -> str:
    """Return the path of the `huskies` script of this installation."""
    beside = os.path.dirname(os.path.abspath(sys.executable))
    folders = (beside, sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"))
    paths = (os.path.join(folder, "huskies") for folder in folders)
    return next(filter(os.path.exists, paths), os.path.join(beside, "huskies"))


def own_program_dir(project: Project) -> Path:
    """Return `.huskies/bin`, and create its link `huskies` to the installed script.

    The folder of the installation itself does not work: its `python` would precede the project's own on PATH. Processes
    and threads that create the link at the same time create the same link.
    """
    folder = project.state_dir / "bin"
    link, target = folder / "huskies", installed_program()
    if link.is_symlink() and os.readlink(link) == target:
        return folder
    folder.mkdir(exist_ok=True)
    fresh = folder / f".huskies.{get_native_id()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)
    return folder


def mcp_server(project: Project) -> tuple[str, ...]:
    """Return the argument list of the MCP server; () if the package mcp is missing or too old."""
    return () if mcp_problem() else (str(own_program_dir(project) / "huskies"), "mcp")


def mcp_problem() -> str:
    """Return the reason why the MCP server cannot run here, or "". Do not load the package."""
    try:
        installed = version("mcp")
    except PackageNotFoundError:
        return "the package mcp is not installed"
    if not _is_older(_parse_version(installed) or (), LEAST_MCP):
        return ""
    return f"the package mcp is too old: {installed}, not {'.'.join(map(str, LEAST_MCP))} or later"
