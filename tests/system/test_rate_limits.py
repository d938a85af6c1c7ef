"""Rate limits: no agent of the account starts, and the story continues after the limit."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from huskies_core.clock import from_iso
from huskies_core.pipeline.stages import StageName
from huskies_core.store.runs import Outcome
from huskies_core.supervisor.run_directory import RunDirectory
from support.waiting import wait_until
from system.facts import NOTHING, no_leftovers
from system.killing import MortalPython, assert_all_landed
from system.project import WORK, MakePipeline, Pipeline, Team

pytestmark = pytest.mark.system


def limit(seconds: float, status: str = "rejected") -> str:
    """Return the step by which a scripted agent reports a limit that ends after some seconds."""
    record = {"status": status, "resets_at": round(time.time() + seconds, 3), "detail": "five hour limit"}
    return f"say={json.dumps({'rate_limit': record})}"


def resets_at(limit_step: str) -> float:
    return float(json.loads(limit_step.partition("=")[2])["rate_limit"]["resets_at"])


def timers_of(pipeline: Pipeline, *flags: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pipeline.huskies("timer", "list", "--json", *flags).data["timers"]
    return rows


def test_a_limit_stops_the_account_and_the_story_continues_after_it(make_pipeline: MakePipeline) -> None:
    """The limited run committed half of its work; the gates do not check it. The other story waits, too."""
    pipeline = make_pipeline(team=Team(coder=2))
    pipeline.huskies("tick")  # else the first tick reconciles, which lasts past the limit on a busy machine
    limit_step = limit(6)
    first = pipeline.add((*WORK, limit_step, "exit=1"), ("write=more.txt:done", "commit=more"))
    pipeline.huskies("auto-assign")
    pipeline.wait_until(lambda: timers_of(pipeline), what="a timer of kind rate_limit")
    second = pipeline.add()
    (timer,) = timers_of(pipeline)
    assert (timer["kind"], timer["story"], timer["action"]) == ("rate_limit", first, {"go_on": first})
    refused = pipeline.huskies("timer", "cancel", str(timer["id"]), "--json").json()["errors"][0]["code"]
    blocker = pipeline.huskies("explain", str(second), "--json").data["holds"]
    limits = pipeline.huskies("status", "--json").data["limits"]
    assert (refused, blocker[0]["rule"], limits["accounts"][0]["runtime"]) == (
        "rate_limit_timer",
        "rate_limited",
        "command",
    )
    with pipeline.ticking():
        pipeline.wait_for(first, second)
    runs = pipeline.runs(first)
    limit_end = datetime.fromtimestamp(resets_at(limit_step), tz=UTC)
    assert [run.outcome for run in runs[:2]] == [Outcome.RATE_LIMITED, Outcome.COMPLETED]
    assert (
        from_iso(runs[1].started_at) >= limit_end.replace(microsecond=0),
        pipeline.story(first).retries,
    ) == (
        True,
        0,
    )
    assert [timer["state"] for timer in timers_of(pipeline, "--all")] == ["fired"]
    assert no_leftovers(pipeline) == NOTHING


def test_a_person_can_retry_at_once_which_cancels_the_timer(pipeline: Pipeline) -> None:
    story = pipeline.add((limit(3600), "exit=1"), WORK)
    pipeline.huskies("auto-assign")
    pipeline.wait_until(lambda: timers_of(pipeline), what="a timer of kind rate_limit")
    pipeline.wait_until_idle()
    assert pipeline.huskies("agent", "start", str(story)).exit_code == 0
    pipeline.wait_for(story)
    assert [timer["state"] for timer in timers_of(pipeline, "--all")] == ["cancelled"]


def test_a_story_that_leaves_its_stage_no_longer_waits(pipeline: Pipeline) -> None:
    story = pipeline.add((limit(3600), "exit=1"))
    pipeline.huskies("auto-assign")
    pipeline.wait_until(lambda: timers_of(pipeline), what="a timer of kind rate_limit")
    pipeline.huskies("freeze", str(story))
    assert (timers_of(pipeline), pipeline.story(story).stage.name) == ([], StageName.FROZEN)


def test_an_agent_that_waits_for_its_limit_is_not_silent_and_stops_the_account(
    make_pipeline: MakePipeline,
) -> None:
    """The agent reports that it waits, and is silent for twice the limit of silence."""
    pipeline = make_pipeline(team=Team(extra="inactivity_timeout_secs = 1"))
    go = pipeline.scripts / "go"
    story = pipeline.add((limit(300), f"wait={go}", *WORK))
    pipeline.huskies("auto-assign")
    run = pipeline.wait_until_live(story)
    directory = RunDirectory(pipeline.project.run_dir(run.id))
    pipeline.wait_until(
        lambda: (progress := directory.read_progress()) and progress.waiting_until, what="the wait"
    )
    watched = pipeline.huskies("watchdog", "--json").data["actions"]
    card = pipeline.huskies("status", "--json").data["stages"]["coding"][0]
    assert ([action["action"] for action in watched], card["state"]) == (["hold_account"], "throttled")
    assert pipeline.huskies("watchdog", "--json").data["actions"] == []
    pipeline.wait_until(lambda: time.time() - os.stat(directory.output).st_mtime > 2, what="silence")
    go.touch()
    pipeline.wait_for(story)
    assert pipeline.runs(story)[0].outcome is Outcome.COMPLETED


def test_a_warning_of_a_limit_stops_no_agent(pipeline: Pipeline) -> None:
    go = pipeline.scripts / "go"
    story = pipeline.add((limit(3600, "allowed_warning"), f"wait={go}", *WORK))
    pipeline.huskies("auto-assign")
    pipeline.wait_until_live(story)

    def state() -> bool:
        card = pipeline.huskies("status", "--json").data["stages"]["coding"][0]
        return bool(card["state"] == "throttled" and "five hour limit" in card["why"])

    pipeline.wait_until(state, what="the mark of a throttled run")
    assert pipeline.huskies("status", "--json").data["limits"]["accounts"] == []
    go.touch()
    pipeline.wait_for(story)


OFTEN = "[watcher]\nreconcile_interval_secs = 1\nwatchdog_interval_secs = 1\n"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("command", "points"), [("advance", (1, 8, 16, 30)), ("fire-timers", (1, 3, 6))])
def test_the_wait_survives_a_kill_at_several_effects(
    make_pipeline: MakePipeline, tmp_path: Path, command: str, points: tuple[int, ...]
) -> None:
    """The kills hit the process that records the end of the limited run, and the one that executes the timer."""
    pipeline = make_pipeline(settings=OFTEN, gates={})
    mortal = MortalPython(tmp_path.resolve() / "python", pipeline.root)
    for at in points:
        continues_after_a_kill(pipeline, mortal, command, at)
    mortal.tick_until_tidy(pipeline)
    assert_all_landed(pipeline, *range(1, len(points) + 1))


def continues_after_a_kill(pipeline: Pipeline, mortal: MortalPython, command: str, at: int) -> None:
    """Check that the second run of a limited story starts after the limit and completes it."""
    limit_step, order = limit(5), mortal.order(command, at=at)
    story = pipeline.add((limit_step, "exit=1"), WORK)
    mortal.huskies("auto-assign")
    if command == "fire-timers":
        pipeline.wait_until(lambda: timers_of(pipeline), what="a timer of kind rate_limit")
        pipeline.wait_until(lambda: time.time() > resets_at(limit_step), what="the end of the limit")
        mortal.huskies("fire-timers")
    wait_until(lambda: order.is_taken, 30, what=f"the start of {command}")
    mortal.reconcile_and_tick(pipeline, story)
    first, second = pipeline.runs(story)[:2]
    assert (first.outcome, second.outcome) == (Outcome.RATE_LIMITED, Outcome.COMPLETED), pipeline.report()
    assert from_iso(second.started_at).timestamp() >= resets_at(limit_step) - 0.001
    assert (timers_of(pipeline), pipeline.story(story).retries) == ([], 0)
