"""Timers and triggers as the program runs them: once, whoever ticks, however many tick, and wherever one dies."""

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
    """What fires makes stories in the backlog, and nothing takes them up."""
    pipeline: Pipeline = make_pipeline(settings=PLAIN, gates={})
    for _ in range(3):
        pipeline.huskies("tick")
    return pipeline


def add_timer(pipeline: Pipeline, title: str, *when: str) -> int:
    """A timer that makes a story by a tool call, soon if not said otherwise."""
    call = ("--tool", "create_story", "--args", json.dumps({"title": title, "type": "task"}))
    return int(pipeline.huskies("timer", "add", *(when or SOON), *call, "--json").data["id"])


def titles(pipeline: Pipeline) -> list[str]:
    return [story["title"] for story in pipeline.huskies("list", "--all", "--json").data["stories"]]


def states(pipeline: Pipeline) -> list[str]:
    return [timer["state"] for timer in pipeline.huskies("timer", "list", "--all", "--json").data["timers"]]


def is_settled(pipeline: Pipeline) -> bool:
    """Nothing is open: all that began has ended, or is known to have been interrupted."""
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


def test_a_timer_fires_once_under_watch(idle: Pipeline, tmp_path: Path) -> None:
    with watching(idle, tmp_path / "watch.log"):
        add_timer(idle, "watched")
        idle.wait_until(lambda: states(idle) == ["fired"] and is_settled(idle), 30)
        add_timer(idle, "another", "--in", "1s")
        idle.wait_until(lambda: states(idle) == ["fired"] * 2 and is_settled(idle), 30)
    assert titles(idle) == ["watched", "another"]


def test_a_timer_fires_once_under_a_loop_of_ticks(idle: Pipeline) -> None:
    with idle.ticking(every=0.2):
        add_timer(idle, "ticked")
        idle.wait_until(lambda: states(idle) == ["fired"] and is_settled(idle), 30)
    tick_until_settled(idle)
    assert titles(idle) == ["ticked"]


def test_a_timer_whose_time_went_by_in_a_pause_fires_once_and_eight_ticks_that_race_fire_it_once(
    idle: Pipeline,
) -> None:
    add_timer(idle, "paused", "--in", "1s")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > 1.2, 5)
    ticks = [start_huskies("tick", cwd=idle.root) for _ in range(8)]
    outputs = [tick.communicate(timeout=60)[0] for tick in ticks]
    tick_until_settled(idle)
    assert (titles(idle), sum("fire_timer" in said for said in outputs)) == (["paused"], 1), outputs


@pytest.mark.parametrize("source", ["timer", "trigger"])
@pytest.mark.parametrize(("victim", "action"), [("tick", "tool"), ("tick", "prompt"), ("perform", "tool")])
def test_killed_before_each_effect_what_fires_happens_at_most_once_and_is_told_of_when_it_did_not_end(
    make_pipeline: MakePipeline, tmp_path: Path, source: str, victim: str, action: str
) -> None:
    """A prompt is done in the transaction that claims it: it is never interrupted. Nobody takes its task up."""
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
    assert interrupted_as_told(pipeline, source) == (interrupted,) * 3


def interrupted_as_told(pipeline: Pipeline, source: str) -> tuple[list[int], ...]:
    """The numbers that the list of what still needs somebody, the status and the audit log have."""
    pipeline.huskies("tick")
    listed = pipeline.huskies(source, "list", "--json").data[f"{source}s"]
    board = pipeline.huskies("status", "--json").data["firings"]
    lines = map(json.loads, pipeline.project.audit_log.read_text().splitlines())
    in_list = [one["id"] for one in listed if one["state"] == "interrupted"]
    on_board = [number_in(one["source"]) for one in board if one["state"] == "interrupted"]
    return in_list, on_board, [number_in(line["actor"]) for line in lines if line["event"] == "interrupted"]


def number_in(source: str) -> int:
    return int(source.partition(":")[2])


def arrange(pipeline: Pipeline, source: str, action: str, title: str) -> None:
    """A timer that is due, or a trigger whose transition has just happened."""
    call = ("--tool", "create_story", "--args", json.dumps({"title": title, "type": "task"}))
    what = call if action == "tool" else ("--prompt", title)
    if source == "timer":
        assert pipeline.call("timer", "add", *PAST, *what).exit_code == 0
        return
    assert pipeline.call("trigger", "add", "--story", "1", "--event", "block", *what).exit_code == 0
    assert pipeline.call("block", "1", "--reason", "why").exit_code == 0
    assert pipeline.call("unblock", "1").exit_code == 0


def end_state(pipeline: Pipeline, source: str, number: int) -> str:
    """What becomes of it once ticks go on."""

    def state() -> str:
        ticked = pipeline.huskies("tick")
        assert "Traceback" not in ticked.stderr, ticked
        listed = pipeline.call(source, "list", "--all", "--json").data[f"{source}s"]
        return str(next(one["state"] for one in listed if one["id"] == number))

    def settled() -> str:
        found = state()
        begun, over = firing_rows(pipeline, source)
        return found if found != "armed" and begun == over else ""

    return pipeline.wait_until(settled, 60, what=f"the end of {source} {number}", every=0.2)


def firing_rows(pipeline: Pipeline, source: str) -> tuple[int, int]:
    """How many firings have begun, and how many are known to be over."""
    events = [row.event for row in pipeline.journal() if row.kind == source]
    return events.count("fired"), sum(event in ("done", "failed", "interrupted") for event in events)


def test_a_watch_that_is_killed_is_gone_on_from(idle: Pipeline, tmp_path: Path) -> None:
    process = start_huskies("watch", "--interval", "0.2", cwd=idle.root, log=tmp_path / "log")
    add_timer(idle, "before", "--in", "1s")
    idle.wait_until(lambda: states(idle) == ["fired"], 30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    add_timer(idle, "after", "--in", "1s")
    tick_until_settled(idle)
    assert (titles(idle), states(idle)) == (["before", "after"], ["fired", "fired"])


def test_what_happened_while_a_killed_watch_was_not_there_is_shown_to_triggers_once(
    make_pipeline: MakePipeline, tmp_path: Path
) -> None:
    pipeline = make_pipeline(team=Team(coder=0, qa=1), settings=PLAIN, gates={})
    pipeline.add(start=False)
    told = json.dumps({"title": "{{event}} of {{story_id}}", "type": "task"})
    added = pipeline.huskies(
        *("trigger", "add", "--story", "1", "--persistent"),
        *("--event", "*block", "--tool", "create_story", "--args", told),
    )
    process = start_huskies("watch", "--interval", "0.2", cwd=pipeline.root, log=tmp_path / "log")
    pipeline.huskies("block", "1", "--reason", "why")
    pipeline.wait_until(lambda: firing_rows(pipeline, "trigger") == (1, 1), 30)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    pipeline.huskies("unblock", "1")
    ticks = [start_huskies("tick", cwd=pipeline.root) for _ in range(4)]
    outputs = [tick.communicate(timeout=60)[0] for tick in ticks]
    pipeline.wait_until(lambda: firing_rows(pipeline, "trigger") == (2, 2), 30)
    pipeline.huskies("tick")
    assert (added.exit_code, titles(pipeline)[1:]) == (0, ["block of 1", "unblock of 1"]), outputs


def test_a_trigger_on_a_release_has_its_task_coded_and_merged_and_is_gone(
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
