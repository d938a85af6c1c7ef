"""The installed command lines of coding agents."""

import os
import shutil

import pytest

FOUND = {name: shutil.which(name) for name in ("claude", "codex")}
"""Looked for once, on the PATH that the tests were started with."""


def installed(name: str) -> str:
    """The program's path; the test is skipped without it."""
    found = FOUND[name]
    if found is None:
        pytest.skip(f"{name}: not installed")
    return found


def claude_variables(address: str) -> dict[str, str]:
    """What makes Claude Code ask the model at `address` and nobody else."""
    return {
        "ANTHROPIC_API_KEY": "test",
        "ANTHROPIC_BASE_URL": address,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "PATH": f"{os.path.dirname(installed('claude'))}{os.pathsep}{os.environ['PATH']}",
    }
