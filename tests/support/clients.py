"""The installed command lines of coding agents."""

import os
import shutil

import pytest

PROGRAMS = {name: shutil.which(name) for name in ("claude", "codex")}
"""The path of each program, on the PATH that the tests were started with."""


def installed(name: str) -> str:
    """Return the program's path. Skip the test without it."""
    path = PROGRAMS[name]
    if path is None:
        pytest.skip(f"{name}: not installed")
    return path


def claude_variables(address: str) -> dict[str, str]:
    """Return the environment that makes Claude Code ask only the model at `address`."""
    return {
        "ANTHROPIC_API_KEY": "test",
        "ANTHROPIC_BASE_URL": address,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "PATH": f"{os.path.dirname(installed('claude'))}{os.pathsep}{os.environ['PATH']}",
    }
