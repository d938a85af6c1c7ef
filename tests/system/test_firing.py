"""Timers and triggers execute once, with several ticks at once and after a kill at any point."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from huskies_core.pipeline.stages import StageName
from huskies_core.store.stories import Criterion, StoryDraft
from support.cli import start_huskies
from support.waiting import wait_until
from system.killing import MortalPython, Ordered
from system.project import MakePipeline, Pipeline, Team

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SOON, PAST = ("--in", "2s"), ("--at", "2020-01-01T00:00")
PLAIN = "# nothing set\n"
MOST_EFFECTS = 60


@pytest.fixture
def idle(make_pipeline: MakePipeline) -> Pipeline:
    """Return a project in which executions add stories that do not start."""
    pipeline: Pipeline = make_pipeline(settings=PLAIN, gates={})
    for _ in range(3):
        pipeline.huskies("tick")
    return pipeline


def add_timer(pipeline: Pipeline, title: str, *when: str) -> int:
    """Add a timer that creates a story by a tool call, by default soon."""
    call = ("--tool", "create_story", "--args", json.dumps({"title": title, "type": "task"}))
    return int(pipeline.huskies("timer", "add", *(when or SOON), *call, "--json").data["id"])


def titles(pipeline: Pipeline) -> list[str]:
    return [story["title"] for story in pipeline.huskies("list", "--all", "--json").data["stories"]]


def states(pipeline: Pipeline) -> list[str]:
    return [timer["state"] for timer in pipeline.huskies("timer", "list", "--all", "--json").data["timers"]]


def is_settled(pipeline: Pipeline) -> bool:
    """Return whether each execution has ended or is recorded as interrupted."""
    events = [(row.event, row.actor) for row in pipeline.journal() if row.kind == "timer"]
    begun = sum(event == "fired" for event, _ in events)
    over = sum(event in ("done", "failed", "interrupted") for event, _ in events)
    return begun == over


def tick_until_settled(pipeline: Pipeline) -> None:
    def settled() -> bool:
        ticked = pipeline.huskies("tick")
        assert "Traceback" not in ticked.stderr, ticked
        return is_settled(pipeline) and "armed" not in states(pipeline)

    pipeline.wait_until(settled, 30, what="the end of all that fired")


def order_taken(order: Ordered) -> Callable[[], bool]:
    return lambda: order.is_taken


@contextmanager
def watching(pipeline: Pipeline, log: Path) -> Iterator[int]:
    process = start_huskies("watch", "--interval", "0.2", cwd=pipeline.root, log=log)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def test_a_timer_executes_once_under_watch(idle: Pipeline, tmp_path: Path) -> None:
    with watching(idle, tmp_path / "watch.log"):
        add_timer(idle, "watched")
        idle.wait_until(lambda: states(idle) == ["fired"] and is_settled(idle), 30)
        add_timer(idle, "another", "--in", "1s")
        idle.wait_until(lambda: states(idle) == ["fired"] * 2 and is_settled(idle), 30)
    assert titles(idle) == ["watched", "another"]


def test_a_timer_executes_once_under_a_loop_of_ticks(idle: Pipeline) -> None:
    with idle.ticking(every=0.2):
        add_timer(idle, "ticked")
        idle.wait_until(lambda: states(idle) == ["fired"] and is_settled(idle), 30)
    tick_until_settled(idle)
    assert titles(idle) == ["ticked"]


def test_eight_ticks_at_once_execute_an_overdue_timer_once(
    idle: Pipeline,
) -> None:
    add_timer(idle, "paused", "--in", "1s")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 1.2, 5)
    ticks = [start_huskies("tick", cwd=idle.root) for _ in range(8)]
    outputs = [tick.communicate(timeout=60)[0] for tick in ticks]
    tick_until_settled(idle)
    assert (titles(idle), sum("fire_timer" in output for output in outputs)) == (["paused"], 1), outputs


@pytest.mark.parametrize("source", ["timer", "trigger"])
@pytest.mark.parametrize(("victim", "action"), [("tick", "tool"), ("tick", "prompt"), ("perform", "tool")])
def test_an_execution_killed_at_any_effect_happens_at_most_once_and_is_reported(
    make_pipeline: MakePipeline, tmp_path: Path, source: str, victim: str, action: str
) -> None:
    """The transaction that claims a prompt also completes it, so it is never interrupted. Its task does not start."""
    pipeline = make_pipeline(team=Team(coder=0, qa=1), settings=PLAIN, gates={})
    pipeline.add(start=False)
    mortal = MortalPython(tmp_path.resolve() / "python", pipeline.root)
    interrupted: list[int] = []
    for at in range(1, MOST_EFFECTS):
        arrange(pipeline, source, action, f"killed at {at}")
        order = mortal.order(victim, at=at)
        mortal.huskies("tick")
        wait_until(order_taken(order), 20)
        state = end_state(pipeline, source, at)
        made = titles(pipeline).count(f"killed at {at}")
        assert (made, state) in ((1, "fired"), (0, "interrupted"), (1, "interrupted")), order.effects
        interrupted += [at] if state == "interrupted" else []
        if len(order.effects) < at:
            break
    else:
        pytest.fail(f"{victim} has more than {MOST_EFFECTS} effects")
    assert bool(interrupted) == (action == "tool")
    assert interrupted_numbers(pipeline, source) == (interrupted,) * 3


def interrupted_numbers(pipeline: Pipeline, source: str) -> tuple[list[int], ...]:
    """Return the interrupted executions by the list, by `status` and by the audit log."""
    pipeline.huskies("tick")
    listed = pipeline.huskies(source, "list", "--json").data[f"{source}s"]
    board = pipeline.huskies("status", "--json").data["firings"]
    lines = map(json.loads, pipeline.project.audit_log.read_text().splitlines())
    in_list = [row["id"] for row in listed if row["state"] == "interrupted"]
    on_board = [number_in(row["source"]) for row in board if row["state"] == "interrupted"]
    return in_list, on_board, [number_in(line["actor"]) for line in lines if line["event"] == "interrupted"]


def number_in(source: str) -> int:
    return int(source.partition(":")[2])


def arrange(pipeline: Pipeline, source: str, action: str, title: str) -> None:
    """Add a timer that is due, or a trigger with a transition that matches."""
    call = ("--tool", "create_story", "--args", json.dumps({"title": title, "type": "task"}))
    what = call if action == "tool" else ("--prompt", title)
    if source == "timer":
        assert pipeline.call("timer", "add", *PAST, *what).exit_code == 0
        return
    assert pipeline.call("trigger", "add", "--story", "1", "--event", "block", *what).exit_code == 0
    assert pipeline.call("block", "1", "--reason", "why").exit_code == 0
    assert pipeline.call("unblock", "1").exit_code == 0


def end_state(pipeline: Pipeline, source: str, number: int) -> str:
    """Return the state after further ticks."""

    def state() -> str:
        ticked = pipeline.huskies("tick")
        assert "Traceback" not in ticked.stderr, ticked
        listed = pipeline.call(source, "list", "--all", "--json").data[f"{source}s"]
        return str(next(row["state"] for row in listed if row["id"] == number))

    def settled() -> str:
        state_before = state()
        begun, over = execution_rows(pipeline, source)
        return state_before if state_before != "armed" and begun == over else ""

    return pipeline.wait_until(settled, 60, what=f"the end of {source} {number}", every=0.2)


def execution_rows(pipeline: Pipeline, source: str) -> tuple[int, int]:
    """Return how many executions began, and how many have ended."""
    events = [row.event for row in pipeline.journal() if row.kind == source]
    return events.count("fired"), sum(event in ("done", "failed", "interrupted") for event in events)


def test_another_watch_continues_after_a_killed_one(idle: Pipeline, tmp_path: Path) -> None:
    process = start_huskies("watch", "--interval", "0.2", cwd=idle.root, log=tmp_path / "log")
    add_timer(idle, "before", "--in", "1s")
    idle.wait_until(lambda: states(idle) == ["fired"], 30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    add_timer(idle, "after", "--in", "1s")
    tick_until_settled(idle)
    assert (titles(idle), states(idle)) == (["before", "after"], ["fired", "fired"])


def test_triggers_see_events_without_a_watch_once(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline(team=Team(coder=0, qa=1), settings=PLAIN, gates={})
    pipeline.add(start=False)
    arguments = json.dumps({"title": "{{event}} of {{story_id}}", "type": "task"})
    added = pipeline.huskies(
        *("trigger", "add", "--story", "1", "--persistent"),
        *("--event", "*block", "--tool", "create_story", "--args", arguments),
    )
    process = start_huskies("watch", "--interval", "0.2", cwd=pipeline.root, log=tmp_path / "log")
    pipeline.huskies("block", "1", "--reason", "why")
    pipeline.wait_until(lambda: execution_rows(pipeline, "trigger") == (1, 1), 30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    pipeline.huskies("unblock", "1")
    ticks = [start_huskies("tick", cwd=pipeline.root) for _ in range(4)]
    outputs = [tick.communicate(timeout=60)[0] for tick in ticks]
    pipeline.wait_until(lambda: execution_rows(pipeline, "trigger") == (2, 2), 30)
    pipeline.huskies("tick")
    assert (added.exit_code, titles(pipeline)[1:]) == (0, ["block of 1", "unblock of 1"]), outputs


def test_the_task_of_a_trigger_is_merged_and_the_trigger_ends(
    make_pipeline: MakePipeline,
) -> None:
    pipeline: Pipeline = make_pipeline(team=Team(coder=2), settings=PLAIN, gates={})
    when = ("--to", "done", "--label", "release", "--once")
    assert pipeline.huskies("trigger", "add", *when, "--prompt", "Write the notes").exit_code == 0
    release = StoryDraft("A release", criteria=(Criterion("it works"),), labels=("release",))
    with pipeline.ticking():
        first = pipeline.add(draft=release)
        pipeline.wait_for(first)
        pipeline.wait_until(lambda: len(pipeline.stages()) == 2, what="the task")
        pipeline.wait_for(2)
        second = pipeline.add(draft=release)
        pipeline.wait_for(second)
        pipeline.wait_until_idle()
    pipeline.huskies("tick")
    task = pipeline.story(2)
    assert (task.draft.title, task.draft.type.value, len(pipeline.stages())) == ("Write the notes", "task", 3)
    assert set(pipeline.stages().values()) == {StageName.DONE}
    listed = pipeline.huskies("trigger", "list", "--json").data["triggers"]
    (all_of_them,) = pipeline.huskies("trigger", "list", "--all", "--json").data["triggers"]
    assert (listed, all_of_them["state"], all_of_them["fired"]) == ([], "fired", 1)
