"""The commands that prepare and judge a worktree, as steps of a run, and what tells whether they are proven already."""

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from huskies_core.config.records import Agent, Component, Gate
from huskies_core.project import Project
from huskies_core.runtimes.interface import Assignment
from huskies_core.runtimes.known import load_runtime, reader_module
from huskies_core.supervisor.spec import Role, Step

MERGE_PROGRAM = "huskies_core.merge.process"
"""The program of a merge run. Its package imports this one, so this package names it instead of importing it."""


def definition_of(gates: Sequence[Gate], components: Sequence[Component]) -> str:
    """A digest of all that decides what the gates say of a tree, beside the tree."""
    told = [
        [[gate.name, gate.command, gate.timeout_secs] for gate in gates],
        [[part.name, part.path, part.setup, part.teardown, part.timeout_secs] for part in components],
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def setup_steps(components: Sequence[Component], place: Path) -> tuple[Step, ...]:
    return tuple(
        Step(part.name, Role.SETUP, part.setup, str(place / part.path), part.timeout_secs)
        for part in components
        if part.setup
    )


def teardown_steps(components: Sequence[Component], place: Path) -> tuple[Step, ...]:
    return tuple(
        Step(part.name, Role.TEARDOWN, part.teardown, str(place / part.path), part.timeout_secs)
        for part in components
        if part.teardown
    )


def gate_steps(gates: Sequence[Gate], place: Path) -> tuple[Step, ...]:
    return tuple(Step(gate.name, Role.GATE, gate.command, str(place), gate.timeout_secs) for gate in gates)


def agent_step(agent: Agent, assignment: Assignment, *, place: Path, prompt: str) -> Step:
    """The agent itself, with its prompt on standard input. It has no time-out of its own: the run's limits hold."""
    argv = load_runtime(agent.runtime).argv(assignment)
    return Step(agent.name, Role.AGENT, argv, str(place), stdin=prompt)


def reader_of(agent: Agent | None) -> str:
    """The module that reads the agent's output."""
    return reader_module("command" if agent is None else agent.runtime)


def merge_step(project: Project, run: int) -> Step:
    """Return the step that merges the story of a run: a process of its own, so that the run's limits apply to it."""
    argv = (sys.executable, "-P", "-m", MERGE_PROGRAM, str(project.root), str(run))
    return Step("merge", Role.MERGE, argv, str(project.root))
