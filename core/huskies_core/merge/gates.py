"""Judging a merged tree in the merge workspace, and telling its failure from that of a broken base."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any, BinaryIO

from huskies_core.config.load import gates_of
from huskies_core.context import Context
from huskies_core.git.create import check_out
from huskies_core.runs.outcome import OUTPUT_LIMIT
from huskies_core.runs.steps import definition_of, gate_steps, setup_steps
from huskies_core.sanitize import tail, without_controls
from huskies_core.store import gate_passes
from huskies_core.supervisor.spec import Role, Step

TAIL_BYTES = 4 * OUTPUT_LIMIT


def judge_tree(context: Context, commit: str, tree: str, tip: str) -> dict[str, Any] | None:
    """None when the gates pass on `commit`; else the failure, or `base_broken` when `tip` itself fails as well."""
    failure = _failure_of(context, commit, tree)
    if failure is None or failure["result"] not in ("gates_failed", "setup_failed"):
        return failure
    broken = _failure_of(context, tip, context.repository.tree_id(tip))
    if broken is not None and broken["result"] in ("gates_failed", "setup_failed"):
        return {"result": "base_broken", "tip": tip, "output": broken.get("output") or broken["detail"]}
    return {**failure, "result": "other"} if failure["result"] == "setup_failed" else failure


def _failure_of(context: Context, commit: str, tree: str) -> dict[str, Any] | None:
    """What the first failing command says of a commit. A tree that has passed before is not judged again."""
    settings = context.config.project
    gates = gates_of(context.project, settings)
    if not gates:
        print("huskies: warning: nothing is checked, there is no gate", flush=True)
        return None
    definition = definition_of(gates, settings.components)
    with context.store.reading() as db:
        if gate_passes.known(db, tree, definition):
            return None
    place = check_out(context.repository, commit)
    for step in (*setup_steps(settings.components, place), *gate_steps(gates, place)):
        failure = _run(step)
        if failure is not None:
            return failure
    with context.store.exclusive() as db:
        gate_passes.record(db, tree, definition, now=context.now())
    return None


def _run(step: Step) -> dict[str, Any] | None:
    """Runs one command with its output in the run's log, and ends its process group when it has ended.

    The output goes through a file: a background child that keeps a pipe open would else keep us waiting.
    """
    print(f"huskies: {step.role.value} {step.name}", flush=True)
    with tempfile.TemporaryFile() as output:
        how = _ended(step, output)
        said = _copied(output)
    if how.startswith("signal"):
        return {"result": "other", "detail": f"{step.role.value} {step.name} was ended by {how}"}
    return _failed(step, how, said) if how else None


def _ended(step: Step, output: BinaryIO) -> str:
    """How the command ended, or nothing when it passed."""
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
        _end_group(process)
    if status < 0:
        return f"signal {-status}"
    return f"exited with {status}" if status else ""


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _copied(output: BinaryIO) -> bytes:
    """Copies all of the output into the run's log; returns its tail."""
    output.seek(0)
    shutil.copyfileobj(output, sys.stdout.buffer)
    sys.stdout.flush()
    output.seek(max(output.tell() - TAIL_BYTES, 0))
    return output.read()


def _failed(step: Step, how: str, output: bytes) -> dict[str, Any]:
    said = tail(without_controls(output.decode(errors="replace")), OUTPUT_LIMIT)
    if step.role is Role.SETUP:
        return {"result": "setup_failed", "detail": f"setup {step.name} {how}: {said[-1000:]}"}
    return {"result": "gates_failed", "output": f"gate {step.name} {how}\n{said}"}
