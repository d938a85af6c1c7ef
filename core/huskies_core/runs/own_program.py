"""The `huskies` program of this installation: its path, its folder on the PATH of agents, and its MCP server."""

import os
import re
import sys
import sysconfig
from _thread import get_native_id
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from huskies_core.project import Project

LEAST_MCP = (2, 3)
"""The lower bound of the extra `mcp` in pyproject.toml. Earlier versions lack the server class that Huskies uses."""


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
    numbers = re.match(r"(\d+)\.(\d+)", installed)
    if numbers is not None and (int(numbers[1]), int(numbers[2])) >= LEAST_MCP:
        return ""
    return f"the package mcp is too old: {installed}, not {'.'.join(map(str, LEAST_MCP))} or later"
