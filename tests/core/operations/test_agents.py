"""Real agents, started and stopped by hand."""

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.operations.agents import limit_on, list_agents, start_agent, stop_agent
from huskies_core.operations.output import find_log, follow
from huskies_core.operations.runs import as_now, kill_run, list_runs, show_run
from huskies_core.pipeline.stages import Backlog, Coding, MergeFailure, MergeFailureKind, Qa, StageName
from huskies_core.store import rate_limits, usage
from huskies_core.store.rate_limits import Account
from huskies_core.store.runs import Outcome, RunKind
from huskies_core.store.stories import StoryType
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from support.agents.runs import AGENT
from support.contexts import agent_toml, opened_for_agents
from support.stage_examples import STAGES
from support.stories import DRAFT, add_story, import_story, load_story
from support.waiting import wait_for_file, wait_until

pytestmark = pytest.mark.usefixtures("processes")

STAGES_OF = {"ann": "coder", "bob": "coder", "quinn": "qa", "max": "mergemaster", "olga": "other"}


def agents_toml(*script: str) -> str:
    command = (sys.executable, str(AGENT), *script)
    return "".join(agent_toml(name, stage, command) for name, stage in STAGES_OF.items())


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Open a project with agents that print, then hang. Kill live agents at the end."""
    script = agents_toml("say=here", 'usage={"cost_usd": 0.5}', f"pid={tmp_path}/pid", "hang=60")
    with opened_for_agents(tmp_path / "repo", script) as context:
        yield context


def refused(context: Context, story: int, name: str | None = None) -> str:
    with pytest.raises(HuskiesError) as raised:
        start_agent(context, StoryId(story), name)
    return raised.value.code


def test_a_story_in_backlog_is_started_with_its_agent(context: Context, tmp_path: Path) -> None:
    add_story(context.store)
    run = start_agent(context, StoryId(1))
    pid = int(wait_for_file(tmp_path / "pid"))
    assert (run.kind, run.agent, load_story(context.store, 1).stage.name) == (
        RunKind.CODER,
        "ann",
        StageName.CODING,
    )
    assert psutil.Process(pid).cwd() == str(context.project.worktree(1))


@pytest.mark.parametrize(
    ("stage", "kind", "agent"),
    [
        (Qa(), RunKind.QA, "quinn"),
        (MergeFailure(MergeFailureKind.CONFLICT_DETECTED, "a"), RunKind.MERGEMASTER, "max"),
    ],
)
def test_the_stage_determines_the_kind_of_agent(
    context: Context, stage: Qa | MergeFailure, kind: RunKind, agent: str
) -> None:
    import_story(context.store, stage)
    run = start_agent(context, StoryId(1))
    assert (run.kind, run.agent) == (kind, agent)


def test_an_agent_of_stage_other_works_in_any_stage(context: Context) -> None:
    import_story(context.store, Backlog())
    run = start_agent(context, StoryId(1), "olga")
    assert (run.kind, load_story(context.store, 1).stage.name) == (RunKind.OTHER, StageName.BACKLOG)


@pytest.mark.parametrize("stage", ["merge", "review_hold", "blocked", "frozen", "done"])
def test_no_agent_works_in_other_stages(context: Context, stage: str) -> None:
    import_story(context.store, STAGES[stage])
    assert refused(context, 1) == "wrong_stage"


def test_a_refused_start_changes_nothing(context: Context) -> None:
    import_story(context.store, STAGES["done"])
    add_story(context.store, draft=replace(DRAFT, type=StoryType.EPIC))
    import_story(context.store, Coding())
    add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(3),)))
    with context.store.reading() as db:
        before = list(db.iterdump())
    codes = [
        refused(context, *arguments)
        for arguments in ((1, "olga"), (2,), (2, "olga"), (3, "anne"), (3, "quinn"), (4,), (9,))
    ]
    with context.store.reading() as db:
        assert list(db.iterdump()) == before
    assert codes == [
        *("wrong_stage", "epic", "epic", "unknown_agent", "wrong_stage", "unmet_dependency", "not_found"),
    ]


def test_a_busy_agent_is_not_started_again(context: Context) -> None:
    for _ in range(2):
        import_story(context.store, Coding())
    start_agent(context, StoryId(1), "ann")
    codes = [refused(context, 1), refused(context, 1, "bob"), refused(context, 2, "ann")]
    assert codes == ["live_run", "live_run", "agents_busy"]
    assert start_agent(context, StoryId(2)).agent == "bob"


def test_limits_and_budgets_also_apply_to_a_person(context: Context) -> None:
    context.project.project_toml.write_text("max_coders = 1\n[budget]\nper_day_usd = 1.0\n")
    for _ in range(2):
        import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))
    coders = refused(context, 2)
    stop_agent(context, StoryId(1))
    with context.store.exclusive() as db:
        usage.put(db, run.id, usage.ModelUsage("m", cost_usd=1.0), now=context.now())
    budgets = [refused(context, 2), refused(context, 2, "olga")]
    assert (coders, budgets) == ("max_coders", ["budget_exhausted"] * 2)


LIMITED = Account("command", "")


def test_a_person_may_start_an_agent_at_its_limit_but_gets_a_free_one_first(context: Context) -> None:
    toml = context.project.agents_toml
    toml.write_text(toml.read_text().replace('name = "bob"', 'model = "big-2"\nname = "bob"'))
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    with context.store.exclusive() as db:
        rate_limits.meet(db, LIMITED, context.now() + timedelta(hours=5), "", actor="test", now=context.now())
    started = [start_agent(context, StoryId(1)), start_agent(context, StoryId(2))]
    limits = [limit_on(context, run) for run in started]
    assert [run.agent for run in started] == ["bob", "ann"]
    assert [limit and limit.account for limit in limits] == [None, LIMITED]


def test_stopping_ends_the_run_and_freezes_the_story(context: Context, tmp_path: Path) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))
    pid = int(wait_for_file(tmp_path / "pid"))
    stopped = stop_agent(context, StoryId(1))
    assert (stopped.stage, stopped.run.outcome, stopped.run.detail) == (
        StageName.FROZEN,
        Outcome.STOPPED,
        "stopped by user:test",
    )
    assert not psutil.pid_exists(pid)
    assert not is_alive(RunDirectory(context.project.run_dir(run.id)))
    with pytest.raises(HuskiesError, match="no live run") as again:
        stop_agent(context, StoryId(1))
    assert again.value.code == "no_live_run"


def test_killing_ends_only_the_run_and_only_once(context: Context) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))
    ended = kill_run(context, run.id)
    assert (ended.outcome, ended.detail, load_story(context.store, 1).stage.name) == (
        Outcome.CRASHED,
        "killed by user:test",
        StageName.CODING,
    )
    with pytest.raises(HuskiesError, match="has ended: crashed") as again:
        kill_run(context, run.id)
    assert again.value.code == "not_live"


def test_agents_are_listed_with_their_work(context: Context) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1), "bob")
    assert [(now.agent.name, now.run and now.run.id) for now in list_agents(context)] == [
        *(("ann", None), ("bob", run.id), ("quinn", None), ("max", None), ("olga", None)),
    ]


def test_a_live_run_has_the_figures_of_this_moment(context: Context) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))

    def cost() -> float:
        return list_runs(context, live=True)[0].run.cost_usd

    assert wait_until(cost, what="the cost") == 0.5
    now = as_now(context.project, run)
    assert (now.run.turns, now.dead, now.problem, now.last_output_at is None) == (1, False, "", False)
    assert show_run(context, run.id).exit is None


def test_a_run_whose_progress_cannot_be_read_is_still_listed(context: Context) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))
    Path(RunDirectory(context.project.run_dir(run.id)).progress).write_text("{")
    (now,) = list_runs(context, live=True)
    assert ("progress.json is damaged" in now.problem, now.run.id) == (True, run.id)


def test_runs_are_listed_the_latest_first(context: Context) -> None:
    for _ in range(2):
        import_story(context.store, Coding())
    for story in (1, 2, 1):
        kill_run(context, start_agent(context, StoryId(story)).id)

    def ids(*, story: StoryId | None = None, limit: int = 0) -> list[int]:
        return [now.run.id for now in list_runs(context, story=story, limit=limit)]

    assert (ids(), ids(story=StoryId(1)), ids(limit=2), list_runs(context, live=True)) == (
        [3, 2, 1],
        [3, 1],
        [3, 2],
        (),
    )
    with pytest.raises(HuskiesError, match="no story 9"):
        list_runs(context, story=StoryId(9))


def test_an_ended_run_is_shown_with_its_steps(context: Context) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))
    kill_run(context, run.id)
    page = show_run(context, run.id)
    assert page.exit is not None
    assert ([step.name for step in page.exit.steps], page.now.run.evidence.branch.commits_ahead) == (
        ["ann"],
        0,
    )


def test_the_output_of_a_live_agent_is_followed_to_its_end(context: Context) -> None:
    import_story(context.store, Coding())
    start_agent(context, StoryId(1))
    log = find_log(context, StoryId(1))
    pieces = follow(log, lambda: kill_run(context, log.run.id))
    wait_until(lambda: Path(log.directory.output).exists() and os.stat(log.directory.output).st_size > 10)
    assert b"".join(pieces).splitlines()[0] == b"here"


def test_an_agent_can_neither_start_nor_stop_agents(context: Context) -> None:
    import_story(context.store, Coding())
    run = start_agent(context, StoryId(1))
    inside = {"HUSKIES_RUN_ID": str(run.id), "HUSKIES_PROJECT": str(context.project.root)}
    context.environ, outside = inside, context.environ
    codes = [refused(context, 1)]
    for act in (lambda: stop_agent(context, StoryId(1)), lambda: kill_run(context, run.id)):
        with pytest.raises(HuskiesError) as raised:
            act()
        codes.append(raised.value.code)
    context.environ = outside
    assert codes == ["inside_a_run"] * 3
