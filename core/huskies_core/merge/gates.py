"""Run the gates on a merged tree in the merge workspace, and check whether the base branch alone fails them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import BinaryIO

from msgspec import Struct

from huskies_core.config.load import gates_of
from huskies_core.context import Context
from huskies_core.git.create import create_merge_workspace
from huskies_core.merge_results import BaseBroken, GatesFailed, OtherFailure
from huskies_core.runs.evidence import OUTPUT_LIMIT
from huskies_core.runs.steps import component_steps, definition_of, gate_steps
from huskies_core.sanitize import tail, without_controls
from huskies_core.store import gate_passes
from huskies_core.supervisor.records import Role, Step

TAIL_BYTES = 4 * OUTPUT_LIMIT


class _Failure(Struct, frozen=True):
    """A failed setup or gate. If a signal ended the command, its failure is no result about the tree."""

    role: Role
    text: str
    by_signal: bool = False


def judge_tree(
    context: Context, commit: str, tree: str, tip: str
) -> GatesFailed | BaseBroken | OtherFailure | None:
    """Return None if the gates pass on `commit`, BaseBroken if they fail on `tip`, too, else the failure."""
    failure = _first_failure(context, commit, tree)
    if failure is None:
        return None
    if not failure.by_signal:
        base_failure = _first_failure(context, tip, context.repository.tree_id(tip))
        if base_failure is not None and not base_failure.by_signal:
            return BaseBroken(tip, base_failure.text)
        if failure.role is Role.GATE:
            return GatesFailed(failure.text)
    return OtherFailure(failure.text)


def _first_failure(context: Context, commit: str, tree: str) -> _Failure | None:
    """Check a commit out, run setup and gates, and return the first failure. Skip a tree that passed before."""
    settings = context.config.project
    gates = gates_of(context.project, settings)
    if not gates:
        print("huskies: warning: the project has no gates; the merge is not tested", flush=True)
        return None
    definition = definition_of(gates, settings.components)
    with context.store.reading() as db:
        if gate_passes.known(db, tree, definition):
            return None
    workspace = create_merge_workspace(context.repository, commit)
    for step in (*component_steps(Role.SETUP, settings.components, workspace), *gate_steps(gates, workspace)):
        failure = _run(step)
        if failure is not None:
            return failure
    with context.store.exclusive() as db:
        gate_passes.record(db, tree, definition, now=context.now())
    return None


def _run(step: Step) -> _Failure | None:
    """Run one command, copy its output to the run's log, and end its process group.

    The output goes to a file first: a background child that keeps a pipe open would delay the end.
    """
    print(f"huskies: {step.role.value} {step.name}", flush=True)
    with tempfile.TemporaryFile() as output:
        problem = _wait_for(step, output)
        output.seek(0)
        shutil.copyfileobj(output, sys.stdout.buffer)
        sys.stdout.flush()
        output.seek(max(output.tell() - TAIL_BYTES, 0))
        printed = tail(without_controls(output.read().decode(errors="replace")), OUTPUT_LIMIT)
    if not problem:
        return None
    name = f"{step.role.value} {step.name}"
    if problem.startswith("signal"):
        return _Failure(step.role, f"{name} was ended by {problem}", by_signal=True)
    if step.role is Role.SETUP:
        return _Failure(step.role, f"{name} {problem}: {printed[-1000:]}")
    return _Failure(step.role, f"{name} {problem}\n{printed}")


def _wait_for(step: Step, output: BinaryIO) -> str:
    """Run the command to its end; return the failure in words, or "" if it passed."""
    try:
        process = subprocess.Popen(
            step.argv,
            cwd=step.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return f"cannot be started: {error}"
    try:
        status = process.wait(step.timeout_secs)
    except subprocess.TimeoutExpired:
        return f"timed out after {step.timeout_secs:g} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if status < 0:
        return f"signal {-status}"
    return f"exited with {status}" if status else ""
