"""The steps of a run that prepare and test a worktree, and the records of setups that passed before."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from huskies_core.config.records import Component, Gate
from huskies_core.context import Context
from huskies_core.git.worktrees import checkout_of
from huskies_core.ids import StoryId
from huskies_core.runs.handoff_files import read_object
from huskies_core.supervisor.records import Role, Step

SETUP_MARK = "huskies-setup.json"
"""The name of the file with the digest of each component's setup. It is in the worktree's git directory."""


def definition_of(gates: Sequence[Gate], components: Sequence[Component]) -> str:
    """Return a digest of everything besides the tree on which the result of the gates depends."""
    definition = [
        [[gate.name, gate.command, gate.timeout_secs] for gate in gates],
        [[part.name, part.path, part.setup, part.teardown, part.timeout_secs] for part in components],
    ]
    return hashlib.sha256(json.dumps(definition).encode()).hexdigest()


def component_steps(role: Role, components: Sequence[Component], worktree: Path) -> tuple[Step, ...]:
    """Return the setup or teardown steps of the components that have one."""
    programs = ((part, part.setup if role is Role.SETUP else part.teardown) for part in components)
    return tuple(
        Step(part.name, role, argv, str(worktree / part.path), part.timeout_secs)
        for part, argv in programs
        if argv
    )


def gate_steps(gates: Sequence[Gate], worktree: Path) -> tuple[Step, ...]:
    return tuple(Step(gate.name, Role.GATE, gate.command, str(worktree), gate.timeout_secs) for gate in gates)


def pending_setup(
    context: Context, story: StoryId, components: Sequence[Component]
) -> tuple[tuple[Step, ...], dict[str, str]]:
    """Return the setup steps that have not run for the committed files, and the current digest of each component.

    A digest covers the component's definition and the committed files below its path.
    """
    digests: dict[str, str] = {}
    pending: list[Component] = []
    checkout = checkout_of(context.project, story)
    complete = {} if checkout is None else read_object(checkout.git_dir / SETUP_MARK)
    for part in components:
        if part.setup:
            tree_name = "HEAD^{tree}" if part.path in ("", ".") else f"HEAD:{part.path}"
            tree = context.repository.run("rev-parse", "--verify", "--quiet", tree_name, at=checkout).stdout
            definition = json.dumps([part.path, part.setup, part.timeout_secs, tree])
            digests[part.name] = hashlib.sha256(definition.encode()).hexdigest()
            if complete.get(part.name) != digests[part.name]:
                pending.append(part)
    return component_steps(Role.SETUP, pending, context.project.worktree(story)), digests


def mark_setup(context: Context, story: StoryId, digests: Mapping[str, str]) -> None:
    """Record that setup ran for these files. If a crash prevents the record, setup runs again."""
    checkout = checkout_of(context.project, story)
    if checkout is not None:
        (checkout.git_dir / SETUP_MARK).write_text(json.dumps(dict(digests)))
