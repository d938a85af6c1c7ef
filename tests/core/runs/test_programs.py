"""Versions of programs."""

import os
from pathlib import Path

import pytest

from huskies_core.config.records import Agent, AgentStage
from huskies_core.runs.programs import program_problem


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("version", "is_refused"),
    [
        ("0.169", False),
        ("0.169.0", False),
        ("0.169.0.0", False),
        ("0.170", False),
        ("1.0", False),
        ("0.168", True),
        ("0.168.9.9", True),
    ],
)
def test_a_version_is_compared_whatever_its_length(tmp_path: Path, version: str, *, is_refused: bool) -> None:
    program = tmp_path / "codex"
    program.write_text(f"#!/bin/sh\necho codex-cli {version}\n")
    program.chmod(0o755)
    agent = Agent("ann", AgentStage.CODER, "codex")
    problem = program_problem(agent, {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    assert (problem is not None) == is_refused, problem
