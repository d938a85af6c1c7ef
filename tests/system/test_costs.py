"""Usage is recorded during runs and after kills, and budgets end runs."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from huskies_core.store.runs import Outcome
from support.waiting import wait_until
from system.project import WORK, MakePipeline, Pipeline, Team

pytestmark = pytest.mark.system


def usage_step(usd: float, model: str = "m") -> str:
    return f"usage={json.dumps({'model': model, 'input_tokens': 100, 'cost_usd': usd})}"


def cost(pipeline: Pipeline, *flags: str) -> dict[str, Any]:
    data: dict[str, Any] = pipeline.huskies("cost", "--json", *flags).data
    return data


def test_the_first_record_over_the_budget_ends_the_run_and_no_run_follows(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(settings="[budget]\nper_story_usd = 0.05")
    story = pipeline.add((usage_step(0.03), usage_step(0.03), "hang=60"))
    pipeline.huskies("auto-assign")
    pipeline.wait_until_idle()
    for _ in range(3):
        pipeline.huskies("tick")
    (run,) = pipeline.runs(story)
    (need,) = pipeline.huskies("status", "--json").data["needs_person"]
    blocker = pipeline.huskies("explain", str(story), "--json").data["holds"][0]
    assert (run.outcome, run.detail) == (Outcome.LIMIT, "max_budget_usd: 0.0600 of 0.0500")
    assert (need["rule"], blocker["rule"], blocker["detail"]) == (
        "budget_exhausted",
        "budget_exhausted",
        "the story has spent 0.06 of 0.05 USD",
    )


def test_tokens_are_priced_during_the_run(make_pipeline: MakePipeline) -> None:
    """Each record costs 0.02 USD; the third exceeds the budget."""
    prices = '[pricing."big"]\ninput = 20.0\noutput = 100.0\n'
    pipeline = make_pipeline(settings=prices, team=Team(extra="max_budget_usd = 0.05"))
    record = f"usage={json.dumps({'model': 'big-2', 'input_tokens': 500, 'output_tokens': 100})}"
    pipeline.add((record, record, record, "hang=60"), ("exit=0",))
    pipeline.huskies("auto-assign")
    pipeline.wait_until_idle()
    assert pipeline.runs(1)[0].detail == "max_budget_usd: 0.0600 of 0.0500"
    assert cost(pipeline)["total"] == {
        "runs": 1,
        "input_tokens": 1500,
        "output_tokens": 300,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": pytest.approx(0.06),
    }


def test_the_budget_of_a_day_ends_all_runs(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(team=Team(coder=2), settings="[budget]\nper_day_usd = 1.0")
    for _ in range(2):
        pipeline.add((usage_step(0.6), "hang=60"))
    pipeline.huskies("auto-assign")

    def spent() -> bool:
        pipeline.huskies("cost-rollup")
        return bool(cost(pipeline)["total"]["cost_usd"] == pytest.approx(1.2))

    pipeline.wait_until(spent, what="the usage of both")
    watched = pipeline.huskies("watchdog", "--json").data["actions"]
    ends = {run.detail for run in pipeline.runs()}
    limits = pipeline.huskies("status", "--json").data["limits"]["day"]
    assert [action["action"] for action in watched].count("kill_run") == 2
    assert (ends, limits["reached"]) == ({"budget.per_day_usd: 1.2000 of 1.0000"}, True)


def test_usage_that_a_killed_supervisor_did_not_record_is_read_from_the_output(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    """The total is the sum of the records, also after a second run of cost-rollup."""
    go = tmp_path / "go"
    story = pipeline.add(
        (usage_step(0.25), usage_step(0.5, "n"), usage_step(0.125), f"wait={go}", *WORK), WORK
    )
    pipeline.huskies("auto-assign")
    run = pipeline.wait_until_live(story)
    directory = pipeline.directory(run.id)
    wait_until(lambda: Path(directory.output).read_bytes().count(b"usage") == 3, 30)
    shim = directory.read_shim()
    assert shim is not None
    Path(directory.progress).unlink(missing_ok=True)
    os.kill(shim.pid, signal.SIGKILL)
    pipeline.wait_until(lambda: not pipeline.locked_runs(), what="the death of the run")
    go.touch()
    with pipeline.ticking():
        pipeline.wait_for(story)
    planned = pipeline.huskies("reconcile", "--json")
    assert planned.exit_code == 0
    rows = {row["key"]: row["cost_usd"] for row in cost(pipeline, "--by", "model")["rows"]}
    assert (rows, cost(pipeline)["total"]["cost_usd"]) == ({"m": 0.375, "n": 0.5}, 0.875)
    assert [run.cost_usd for run in pipeline.runs(story)][:1] == [0.875]
    again = pipeline.huskies("cost-rollup", "--json").data["actions"]
    assert again == []
