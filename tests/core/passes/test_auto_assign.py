from datetime import timedelta

import pytest
from msgspec.structs import replace

from huskies_core.clock import to_iso
from huskies_core.context import Context
from huskies_core.ids import RunId, StoryId
from huskies_core.passes.auto_assign import AUTO_ASSIGN, plan, wake
from huskies_core.passes.pass_runner import run_pass
from huskies_core.passes.steps import Verb
from huskies_core.passes.story_steps import BeginRun
from huskies_core.pipeline.events import (
    Abandon,
    Accept,
    Block,
    Demote,
    Freeze,
    Reopen,
    Start,
    Supersede,
    Unblock,
    Unfreeze,
)
from huskies_core.pipeline.stages import Coding, Done, Merge, MergeFailure, MergeFailureKind, Qa, StageName
from huskies_core.runs.account_limits import note_end
from huskies_core.runtimes.runtime import RateLimit
from huskies_core.scheduler.blockers import all_blockers, candidates, first_blocker
from huskies_core.scheduler.snapshot import take_snapshot
from huskies_core.store import queue_holds, runs, stories, usage
from huskies_core.store.evidence import Evidence
from huskies_core.store.runs import Outcome, Report, RunKind
from huskies_core.store.stories import StoryType
from huskies_core.supervisor.records import Progress
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from support.claims import claim_run, end_run
from support.contexts import Clock, configure
from support.stories import DRAFT, NOW, add_story, apply_to_story, import_story, load_story
from support.waiting import wait_until

DONE = Done(to_iso(NOW), "c0ffee")
CODER = RunKind.CODER


def planned(context: Context) -> list[tuple[str, int | None, str]]:
    with context.store.reading() as db:
        return [(step.verb.value, step.story, step.detail) for step in plan(take_snapshot(context, db))]


def blocking_rules(context: Context, story: int) -> list[str]:
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        record = stories.load(db, StoryId(story))
        return [blocker.rule for blocker in all_blockers(snapshot, record, snapshot.decision(record))]


# promotion


def test_a_story_is_promoted_when_its_dependencies_are_met(context: Context) -> None:
    import_story(context.store, DONE, number=StoryId(1))
    import_story(context.store, Coding(), number=StoryId(2))
    for needs in ((StoryId(1),), (StoryId(1), StoryId(2)), ()):
        add_story(context.store, draft=replace(DRAFT, depends_on=needs))
    assert [row for row in planned(context) if row[0] == "promote_story"] == [
        ("promote_story", 3, "its dependencies are met")
    ]


def test_auto_promote_all_promotes_every_story_but_epics(context: Context) -> None:
    configure(context, 'auto_promote = "all"')
    add_story(context.store)
    add_story(context.store, draft=replace(DRAFT, type=StoryType.EPIC))
    assert planned(context) == [("promote_story", 1, "its dependencies are met")]


@pytest.mark.parametrize(
    "back",
    [
        [Start(), Demote()],
        [Abandon("no"), Reopen()],
        [Start(), Demote(), Freeze(), Unfreeze()],
        [Abandon("no"), Reopen(), Block("why"), Unblock()],
    ],
)
def test_a_demoted_or_reopened_story_waits_for_a_person(context: Context, back: list[Start]) -> None:
    configure(context, 'auto_promote = "all"')
    story = add_story(context.store)
    for event in back:
        apply_to_story(context.store, story.id, event)
    assert planned(context) == []


def test_a_superseded_dependency_is_met_when_its_successor_is(context: Context) -> None:
    add_story(context.store)
    import_story(context.store, Coding(), number=StoryId(2))
    apply_to_story(context.store, 1, Supersede(StoryId(2)))
    waiting = add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(1),)))
    before = blocking_rules(context, waiting.id)
    import_story(context.store, DONE, number=StoryId(9))
    apply_to_story(context.store, 2, Supersede(StoryId(9)))
    assert (before, blocking_rules(context, waiting.id)) == (["unmet_dependency"], [])


def test_an_abandoned_dependency_is_never_met(context: Context) -> None:
    add_story(context.store)
    apply_to_story(context.store, 1, Abandon("no"))
    waiting = add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(1),)))
    assert (blocking_rules(context, waiting.id), planned(context)) == (["unmet_dependency"], [])


def test_an_archived_dependency_is_met(context: Context) -> None:
    import_story(context.store, DONE, number=StoryId(1))
    apply_to_story(context.store, 1, Accept(to_iso(NOW)))
    waiting = add_story(context.store, draft=replace(DRAFT, depends_on=(StoryId(1),)))
    assert blocking_rules(context, waiting.id) == []


# the choice of agents


def test_higher_priority_goes_first_then_the_older(context: Context) -> None:
    for priority in (0, 5, 5):
        story = add_story(context.store, draft=replace(DRAFT, priority=priority))
        apply_to_story(context.store, story.id, Start())
    assert planned(context) == [("start_run", 2, "coder ann"), ("start_run", 3, "coder bob")]


def test_max_coders_limits_the_live_coders(context: Context) -> None:
    configure(context, "max_coders = 1")
    for _ in range(2):
        import_story(context.store, Coding())
    first = planned(context)
    claim_run(context.store, 1)
    assert (first, planned(context)) == ([("start_run", 1, "coder ann")], [])
    assert blocking_rules(context, 2) == ["max_coders"]


def test_a_story_waits_for_its_agent_unless_that_agent_is_unknown(context: Context) -> None:
    for agent in ("ann", "ann", "nobody"):
        story = add_story(context.store, draft=replace(DRAFT, agent=agent))
        apply_to_story(context.store, story.id, Start())
    assert planned(context) == [("start_run", 1, "coder ann"), ("start_run", 3, "coder bob")]


def test_a_model_word_names_every_agent_of_that_model(context: Context) -> None:
    story = add_story(context.store, draft=replace(DRAFT, agent="Big"))
    with context.store.reading() as db:
        able = candidates(take_snapshot(context, db), story, CODER)
    assert [agent.name for agent in able] == ["bob"]


def test_the_default_model_chooses_among_coders(context: Context) -> None:
    configure(context, 'default_coder_model = "big"')
    import_story(context.store, Coding())
    assert planned(context) == [("start_run", 1, "coder bob")]


def test_a_stage_without_an_agent_is_reported_as_the_reason(context: Context) -> None:
    failure = import_story(context.store, MergeFailure(MergeFailureKind.CONFLICT_DETECTED, "a"))
    assert (planned(context), blocking_rules(context, failure.id)) == ([], ["no_agent"])


def test_a_story_with_a_live_run_gets_no_step(context: Context) -> None:
    import_story(context.store, Coding())
    claim_run(context.store, 1)
    assert (planned(context), blocking_rules(context, 1)) == ([], ["live_run"])


def test_an_exhausted_budget_stops_new_starts_but_no_gates(context: Context) -> None:
    configure(
        context, "[budget]\nper_story_usd = 1.0\nper_day_usd = 1.5\n[[gate]]\nname='t'\ncommand=['true']"
    )
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    run = claim_run(context.store, 1)
    with context.store.exclusive() as db:
        usage.put(db, RunId(run), usage.ModelUsage("m", cost_usd=1.2), now=NOW)
    end_run(context.store, run, commits_ahead=1, has_diff=True, branch="b", tree="t")
    gates = planned(context)
    with context.store.exclusive() as db:
        usage.put(db, RunId(run), usage.ModelUsage("m", cost_usd=1.6), now=NOW)
    assert gates == [("start_run", 1, "gates"), ("start_run", 2, "coder ann")]
    assert (planned(context), blocking_rules(context, 2)) == (
        [("start_run", 1, "gates")],
        ["budget_exhausted"],
    )


# merging


def test_merges_run_one_at_a_time_by_priority_then_age(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Merge("b", 1), number=StoryId(number))
    first = planned(context)
    claim_run(context.store, 1, RunKind.MERGE, None)
    assert (first, planned(context)) == ([("start_merge", 1, "merge")], [])
    assert blocking_rules(context, 2) == ["merge_queue"]


def test_max_gates_limits_gates_and_merges_together(context: Context) -> None:
    configure(context, "max_gates = 1")
    import_story(context.store, Qa(), number=StoryId(1))
    import_story(context.store, Merge("b", 1), number=StoryId(2))
    claim_run(context.store, 1, RunKind.GATES, None)
    assert (planned(context), blocking_rules(context, 2)) == ([], ["max_gates"])


def test_a_broken_base_blocks_the_queue_and_a_dirty_base_blocks_one_story(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Merge("b", 1), number=StoryId(number))
    with context.store.exclusive() as db:
        queue_holds.put(
            db, queue_holds.QueueHoldKind.BASE_DIRTY, StoryId(1), {"paths": ["a"]}, actor="test", now=NOW
        )
    dirty = planned(context)
    with context.store.exclusive() as db:
        queue_holds.put(
            db, queue_holds.QueueHoldKind.BASE_BROKEN, queue_holds.QUEUE, {"tip": "x"}, actor="test", now=NOW
        )
    assert (dirty, planned(context)) == ([("start_merge", 2, "merge")], [])
    assert (blocking_rules(context, 1), blocking_rules(context, 2)) == (
        ["base_broken", "base_dirty"],
        ["base_broken"],
    )


# waits and real starts


def test_a_wait_sets_the_time_at_which_the_pass_is_due_again(context: Context, clock: Clock) -> None:
    import_story(context.store, Coding())
    for _ in range(4):
        end_run(context.store, claim_run(context.store, 1), Outcome.CRASHED)
    with context.store.reading() as db:
        snapshot = take_snapshot(context, db)
        story, due = stories.load(db, StoryId(1)), wake(snapshot)
        blocker = first_blocker(snapshot, story, snapshot.decision(story))
    clock.pass_by(seconds=2)
    assert (blocker and blocker.rule, due) == ("crash_wait", clock.now)
    assert planned(context) == [("start_run", 1, "coder ann")]


def test_a_decided_event_is_applied_once(context: Context) -> None:
    import_story(context.store, Coding())
    end_run(
        context.store, claim_run(context.store, 1), commits_ahead=1, has_diff=True, branch="feature/story-1"
    )
    with context.store.reading() as db:
        actions = AUTO_ASSIGN.plan(take_snapshot(context, db))
    assert [(step.verb, step.detail) for step in actions] == [(Verb.MOVE_STORY, "qa_skipped")]


def test_a_branch_of_another_user_blocks_the_story(context: Context) -> None:
    story = add_story(context.store)
    apply_to_story(context.store, story.id, Start())
    context.repository.git("branch", "feature/story-1")
    run_pass(context, AUTO_ASSIGN)
    blocked = load_story(context.store, story.id)
    assert (blocked.stage.name, getattr(blocked.stage, "reason", "")) == (StageName.BLOCKED, "branch exists")


def test_steps_contain_the_run_to_start(context: Context) -> None:
    import_story(context.store, Coding())
    with context.store.reading() as db:
        (step,) = plan(take_snapshot(context, db))
    assert isinstance(step, BeginRun)
    assert (step.request.kind, step.request.agent and step.request.agent.name) == (CODER, "ann")


@pytest.mark.usefixtures("processes")
def test_files_of_an_older_run_with_the_same_number_are_ignored(context: Context) -> None:
    """A new store counts runs from 1 again, while old run directories remain."""
    import_story(context.store, Coding(), number=StoryId(1))
    directory = context.project.run_dir(1)
    directory.mkdir(parents=True)
    for name in ("exit.json", "kill.json", "result.json"):
        (directory / name).write_text('{"result": "landed"}')
    run_pass(context, AUTO_ASSIGN)
    wait_until(lambda: not is_alive(RunDirectory(directory)), 20, what="the end of the run")
    kept = [name for name in ("kill.json", "result.json") if (directory / name).exists()]
    exit_ = RunDirectory(directory).read_exit()
    assert (kept, exit_ is not None and exit_.steps[-1].name) == ([], "ann")


# rate limits


def reach_limit(context: Context, run: int, *, hours: float | None) -> None:
    """End a run at a rate limit that resets in `hours`, or that names no reset time."""
    until = None if hours is None else (context.now() + timedelta(hours=hours)).timestamp()
    progress = Progress("ann", rate_limit=RateLimit(is_hard=True, resets_at=until, detail="429"))
    with context.store.exclusive() as db:
        reset = note_end(db, runs.load(db, RunId(run)), Outcome.RATE_LIMITED, progress, context.now())
        report = Report(Outcome.RATE_LIMITED, "429", evidence=Evidence(limit_reset=reset))
        runs.end(db, RunId(run), report, actor="test", now=context.now())


def begin(context: Context, story: int) -> int:
    """Claim a run by ann, as auto-assign does."""
    return claim_run(context.store, story, runtime="command", now=context.now())


def test_no_run_starts_before_a_named_reset_time(context: Context, clock: Clock) -> None:
    """Two stories share an account at its limit. Neither starts in any minute of five hours."""
    draft = replace(DRAFT, agent="ann")
    for _ in range(2):
        apply_to_story(context.store, add_story(context.store, draft=draft).id, Start())
    reach_limit(context, begin(context, 1), hours=5)
    steps = []
    for _ in range(5 * 60):
        steps += planned(context)
        clock.pass_by(minutes=1)
    assert (steps, planned(context)) == ([], [("start_run", 1, "coder ann")])


def test_without_a_reset_time_the_tenth_attempt_is_the_last(context: Context, clock: Clock) -> None:
    """An unavailable service causes longer and longer waits, not more starts."""
    apply_to_story(context.store, add_story(context.store, draft=replace(DRAFT, agent="ann")).id, Start())
    attempts = []
    for _ in range(24 * 60):
        for verb, _, _ in planned(context):
            attempts.append(((clock.now - NOW) // timedelta(minutes=1), verb))
            if verb == "start_run":
                reach_limit(context, begin(context, 1), hours=None)
        clock.pass_by(minutes=1)
        if attempts[-1][1] == "block_story":
            break
    assert [minute for minute, _ in attempts[:6]] == [0, 1, 3, 7, 15, 31]
    assert ([verb for _, verb in attempts].count("start_run"), attempts[-1][1]) == (10, "block_story")


def test_agents_of_other_accounts_continue(context: Context) -> None:
    for number in (1, 2):
        import_story(context.store, Coding(), number=StoryId(number))
    reach_limit(context, begin(context, 1), hours=5)
    assert planned(context) == [("start_run", 2, "coder bob")]
    assert blocking_rules(context, 1) == ["rate_limited"]
