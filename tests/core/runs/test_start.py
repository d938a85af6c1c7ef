"""The start of a run returns the run as the store has it after the launch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.errors import LockBusy
from huskies_core.operations.runs import kill_run
from huskies_core.pipeline.events import Demote
from huskies_core.pipeline.stages import Coding
from huskies_core.runs import start
from huskies_core.runs.request import RunRequest
from huskies_core.store import runs
from huskies_core.store.runs import Outcome, RunKind, RunStatus
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from support.contexts import Clock, agent_toml, opened
from support.stories import apply_to_story, import_story

pytestmark = pytest.mark.usefixtures("processes")


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with opened(tmp_path / "repo", Clock(), agents_toml=agent_toml(command=("sleep", "60"))) as context:
        yield context


def request_for_ann(context: Context) -> RunRequest:
    return RunRequest(import_story(context.store, Coding()), RunKind.CODER, context.config.agent("ann"))


def test_a_run_whose_story_moved_before_the_launch_is_returned_as_cancelled(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launch_late(*arguments: object, **named: object) -> None:
        apply_to_story(context.store, 1, Demote())
        launch(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(start, "launch", launch_late)
    run = start.start_run(context, request_for_ann(context), context.now())
    assert (run.status, run.outcome) == (RunStatus.ENDED, Outcome.CANCELLED)


def test_a_busy_store_after_the_launch_does_not_hide_the_run(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LockBusy("another process writes")

    with monkeypatch.context() as patched:
        patched.setattr(runs, "mark_live", refuse)
        run = start.start_run(context, request_for_ann(context), context.now())
    is_supervised = is_alive(RunDirectory(context.project.run_dir(run.id)))
    ended = kill_run(context, run.id)
    assert (run.status, is_supervised, ended.outcome) == (RunStatus.STARTING, True, Outcome.CRASHED)
