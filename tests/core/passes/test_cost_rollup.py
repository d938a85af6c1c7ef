"""Usage is recorded while a run is live, and settled from its whole output after its supervisor died."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huskies_core.context import Context
from huskies_core.ids import RunId
from huskies_core.passes.cost_rollup import COST_ROLLUP, RecordUsage, apply, plan
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.steps import StepOutcome as Became
from huskies_core.pipeline.stages import Coding
from huskies_core.runtimes import command
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import runs, usage
from huskies_core.store.runs import Outcome, Report, Run, RunClaim, RunKind
from huskies_core.store.usage import ModelUsage
from huskies_core.supervisor.progress import measure
from huskies_core.supervisor.records import Limits, Progress, RunSpec
from huskies_core.supervisor.records import Usage as Told
from huskies_core.supervisor.run_directory import RunDirectory
from support.stories import NOW, import_story

ONE, TWO = Told(10, 5, cost_usd=0.5), Told(3, 1, cost_usd=0.25)


@dataclass(frozen=True)
class Recorded:
    """Record a run of a new story in the store and on the disk, without a process."""

    context: Context
    run: Run
    directory: RunDirectory

    def print(self, *records: dict[str, Any]) -> None:
        with open(self.directory.output, "ab") as log:
            log.writelines(json.dumps({"usage": record}).encode() + b"\n" for record in records)

    def write_progress(self, **used: Told) -> None:
        """Write progress.json as the supervisor does."""
        cost = sum(recorded.cost_usd or 0.0 for recorded in used.values())
        write(self.directory.progress, json.dumps(asdict(Progress(usage=used, cost_usd=cost))))

    def crash(self, *, turns: int = 0) -> None:
        """Record the end of a run without an exit.json of its supervisor."""
        report = Report(Outcome.CRASHED, turns=turns, usage_final=False)
        with self.context.store.exclusive() as db:
            runs.end(db, self.run.id, report, actor="test", now=NOW)

    def rows(self) -> tuple[ModelUsage, ...]:
        with self.context.store.reading() as db:
            return usage.of_run(db, self.run.id)


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def begin(context: Context) -> Recorded:
    story = import_story(context.store, Coding())
    new_run = RunClaim(story.id, RunKind.CODER, story.visit, f"agent {story.id}", "command")
    with context.store.exclusive() as db:
        run = runs.claim(db, new_run, actor="test", now=NOW)
    directory = RunDirectory(context.project.run_dir(run.id))
    os.makedirs(directory.path)
    write(directory.spec, RunSpec(run.id, "/", (), {}, Limits(), "command", ()).to_json())
    return Recorded(context, run, directory)


@pytest.fixture
def live(context: Context) -> Recorded:
    return begin(context)


def roll_up(context: Context) -> list[tuple[int | None, Became]]:
    """Return the runs that the pass recorded, with the outcome of each."""
    results = run_pass(context, COST_ROLLUP).results
    return [
        (recorded.step.run if isinstance(recorded.step, RecordUsage) else None, recorded.outcome)
        for recorded in results
    ]


def test_a_live_run_is_recorded_once_for_each_change(context: Context, live: Recorded) -> None:
    before = roll_up(context)
    live.write_progress(opus=ONE)
    first, again = roll_up(context), roll_up(context)
    live.write_progress(opus=ONE, haiku=TWO)
    assert (before, first, again, roll_up(context)) == ([], [(1, Became.DONE)], [], [(1, Became.DONE)])
    assert live.rows() == (ModelUsage("haiku", 3, 1, cost_usd=0.25), ModelUsage("opus", 10, 5, cost_usd=0.5))


def test_a_model_that_gets_another_name_is_not_counted_twice(context: Context, live: Recorded) -> None:
    live.write_progress(opus=ONE)
    roll_up(context)
    live.write_progress(**{"opus[1m]": ONE})
    roll_up(context)
    assert live.rows() == (ModelUsage("opus[1m]", 10, 5, cost_usd=0.5),)


def test_a_run_is_settled_once_by_its_whole_output(context: Context, live: Recorded) -> None:
    live.print({"model": "opus", "input_tokens": 1, "cost_usd": 0.5}, {"model": "opus", "input_tokens": 2})
    live.crash(turns=1)
    did, again = roll_up(context), roll_up(context)
    with context.store.reading() as db:
        run = runs.load(db, RunId(1))
    assert (did, again, live.rows()) == ([(1, Became.DONE)], [], (ModelUsage("opus", 3, cost_usd=0.5),))
    assert (run.turns, run.cost_usd) == (2, 0.5)


@pytest.mark.parametrize("records", [(), ({"model": "opus", "input_tokens": 1},)])
def test_figures_missing_from_the_output_stay_as_recorded(
    context: Context, live: Recorded, records: Sequence[dict[str, Any]]
) -> None:
    """On a full disk the supervisor counts more than the log contains."""
    live.write_progress(opus=ONE)
    roll_up(context)
    live.print(*records)
    live.crash()
    did, again = roll_up(context), roll_up(context)
    with context.store.reading() as db:
        cost = runs.load(db, RunId(1)).cost_usd
    assert (did, again, cost) == ([(1, Became.DONE)], [], 0.5)
    assert live.rows() == (ModelUsage("opus", 10, 5, cost_usd=0.5),)


def test_a_run_without_files_is_settled_with_its_recorded_figures(context: Context, live: Recorded) -> None:
    os.unlink(live.directory.spec)
    live.crash()
    assert (roll_up(context), roll_up(context), live.rows()) == ([(1, Became.DONE)], [], ())


def test_an_unreadable_output_does_not_stop_the_settling_of_other_runs(context: Context) -> None:
    bad, good = begin(context), begin(context)
    os.mkdir(bad.directory.output)
    good.print({"input_tokens": 4})
    for run in (bad, good):
        run.crash()
    assert roll_up(context) == [(1, Became.FAILED), (2, Became.DONE)]
    assert (roll_up(context), good.rows()) == ([(1, Became.FAILED)], (ModelUsage("", 4),))


def test_figures_of_a_live_run_do_not_replace_those_of_its_end(context: Context, live: Recorded) -> None:
    """The run ends, and is settled, after the plan."""
    live.write_progress(opus=ONE)
    (planned,) = planned_now(context)
    live.print({"model": "opus", "input_tokens": 20, "cost_usd": 1.0})
    live.crash()
    for action in (*planned_now(context), planned):
        apply(context, action)
    assert live.rows() == (ModelUsage("opus", 20, cost_usd=1.0),)


def planned_now(context: Context) -> list[Any]:
    with context.store.reading() as db:
        return list(plan(take_snapshot(context, db)))


AMOUNT = st.integers(min_value=0, max_value=1000)
RECORD = st.fixed_dictionaries(
    {"model": st.sampled_from(["", "opus", "haiku"]), "input_tokens": AMOUNT, "output_tokens": AMOUNT},
    optional={"cost_usd": AMOUNT.map(lambda cents: cents / 64)},
)
THEN = st.sampled_from(["print the next", "write progress", "write progress and roll up"])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(printed=st.lists(st.tuples(RECORD, THEN), max_size=8), cut_off=st.booleans())
def test_the_usage_is_the_sum_of_the_records_wherever_a_process_dies(
    context: Context, *, printed: list[tuple[dict[str, Any], str]], cut_off: bool
) -> None:
    """The supervisor dies after the last record, with or without a written progress. The pass may die after its work
    for the run, and then runs again."""
    with begun(context) as recorded:
        reader = command.make_reader()
        for record, then in printed:
            recorded.print(record)
            reader.feed(json.dumps({"usage": record}).encode())
            if then != "print the next":
                spec = recorded.directory.read_spec()
                write(recorded.directory.progress, json.dumps(asdict(measure("", reader, spec))))
            if then == "write progress and roll up":
                roll_up(context)
        recorded.crash()
        if cut_off:
            apply(context, planned_now(context)[-1])
        roll_up(context)
        sums = [
            sum(record.get(name, 0) for record, _ in printed)
            for name in ("input_tokens", "output_tokens", "cost_usd")
        ]
        totals = [
            sum(getattr(row, name) for row in recorded.rows())
            for name in ("input_tokens", "output_tokens", "cost_usd")
        ]
        assert (totals, roll_up(context)) == (sums, [])


@contextmanager
def begun(context: Context) -> Iterator[Recorded]:
    """End the run even after a failure, so that the next one can begin."""
    recorded = begin(context)
    try:
        yield recorded
    finally:
        with context.store.exclusive() as db:
            if runs.load(db, recorded.run.id).is_live:
                runs.end(db, recorded.run.id, Report(Outcome.CRASHED), actor="test", now=NOW)
