"""The end of a real run is recorded, even if the run broke its worktree."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from huskies_core.clock import utc_now
from huskies_core.context import Context
from huskies_core.errors import HuskiesError
from huskies_core.git.create import WorktreeRequest, create_worktrees
from huskies_core.git.worktrees import checkout_of
from huskies_core.ids import Seq, StoryId
from huskies_core.passes.auto_assign import AUTO_ASSIGN
from huskies_core.passes.pass_runner import run_pass
from huskies_core.pipeline.events import Block
from huskies_core.pipeline.stages import Blocked, Coding, Frozen
from huskies_core.runs import end
from huskies_core.runs.end import end_if_dead, record_failed_start
from huskies_core.runs.steps import SETUP_MARK
from huskies_core.runtimes.runtime import TOKENS
from huskies_core.store import journal, runs, stories
from huskies_core.store.runs import Outcome, Run, RunClaim, RunKind
from huskies_core.supervisor.kill import KillResult
from huskies_core.supervisor.processes import Process
from support.contexts import Clock, opened
from support.stories import apply_to_story, import_story
from support.waiting import wait_until

AGENT = """
[[agent]]
name = "vandal"
stage = "coder"
runtime = "command"
command = ["sh", "-c", '''{script}''']
"""


@pytest.fixture
def project_with_agent(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Context]:
    """Open a project with a coder that runs the script of the test's parameter."""
    agents = AGENT.format(script=request.param)
    toml = "max_coders = 1\n"
    with opened(tmp_path / "repo", Clock(utc_now()), project_toml=toml, agents_toml=agents) as context:
        context.now = utc_now
        yield context


def first_end(context: Context) -> Run:
    """Return the first run of story 1 after it and its processes have ended."""
    import_story(context.store, Coding(), number=StoryId(1))
    run_pass(context, AUTO_ASSIGN)

    def ended_runs() -> list[Run]:
        with context.store.reading() as db:
            all_runs = runs.of_story(db, StoryId(1))
        return [] if any(run.is_live for run in all_runs) or len(all_runs) < 4 else list(all_runs)

    return wait_until(ended_runs, 60, what="the runs to end")[0]


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    "project_with_agent",
    [
        "echo nonsense > .git",
        "rm -rf .git",
        "echo nonsense > $(git rev-parse --git-dir)/HEAD",
        "echo nonsense > $(git rev-parse --git-dir)/index",
        "rm -rf ../$HUSKIES_STORY_ID",
    ],
    indirect=True,
)
def test_a_run_ends_although_its_agent_broke_the_worktree(project_with_agent: Context) -> None:
    assert first_end(project_with_agent).outcome is Outcome.COMPLETED


def claim_run(context: Context) -> Run:
    """Claim a run of story 1 and do not start it."""
    import_story(context.store, Coding(), number=StoryId(1))
    return claim_another_run(context)


def claim_another_run(context: Context, kind: RunKind = RunKind.CODER) -> Run:
    with context.store.exclusive() as db:
        claim = RunClaim(StoryId(1), kind, stories.load(db, StoryId(1)).visit, "vandal", runtime="command")
        return runs.claim(db, claim, actor="test", now=utc_now())


def write_stop_intent(context: Context, run: Run) -> None:
    """Write the kill.json of a stop that dies before it records the end of the run."""
    folder = context.project.run_dir(run.id)
    folder.mkdir(parents=True)
    intent = {"outcome": "stopped", "detail": "stopped by ada", "then": "freeze", "actor": "user:ada"}
    (folder / "kill.json").write_text(json.dumps(intent))


@pytest.mark.parametrize("project_with_agent", ["true"], indirect=True)
def test_a_run_that_is_stopped_during_its_start_ends_as_stopped(project_with_agent: Context) -> None:
    run = claim_run(project_with_agent)
    write_stop_intent(project_with_agent, run)
    record_failed_start(project_with_agent, run, "the run was ended before it began", utc_now())
    with project_with_agent.store.reading() as db:
        ended, story = runs.load(db, run.id), stories.load(db, StoryId(1))
    assert (ended.outcome, ended.detail, story.stage) == (Outcome.STOPPED, "stopped by ada", Frozen(Coding()))


@pytest.mark.parametrize("project_with_agent", ["true"], indirect=True)
def test_a_run_with_a_surviving_process_is_not_recorded_as_ended(
    project_with_agent: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = claim_run(project_with_agent)
    surviving = KillResult(ended=False, survivors=(Process(7, 1, 0.0, "stuck"),))
    monkeypatch.setattr(end, "end_marked_processes", lambda *_: surviving)
    with pytest.raises(HuskiesError, match="7 stuck") as refusal:
        end_if_dead(project_with_agent, run, utc_now())
    with project_with_agent.store.reading() as db:
        is_live = runs.load(db, run.id).is_live
    assert (refusal.value.code, refusal.value.subject, is_live) == ("survivors", str(run.id), True)


@pytest.mark.parametrize("project_with_agent", ["true"], indirect=True)
def test_a_stop_does_not_freeze_a_story_that_moved_before_the_end_was_recorded(
    project_with_agent: Context,
) -> None:
    run = claim_run(project_with_agent)
    write_stop_intent(project_with_agent, run)
    apply_to_story(project_with_agent.store, 1, Block("no"))
    assert end_if_dead(project_with_agent, run, utc_now())
    with project_with_agent.store.reading() as db:
        ended, story = runs.load(db, run.id), stories.load(db, StoryId(1))
        dropped = [
            entry.detail for entry in journal.entries_after(db, Seq(0)) if entry.event == "event_dropped"
        ]
    assert (ended.outcome, story.stage) == (Outcome.STOPPED, Blocked("no", Coding()))
    assert [(detail["run"], detail["event"]) for detail in dropped] == [(run.id, "freeze")]


PROGRESS = {
    "step": "test",
    "turns": 4,
    "tool_turns": 1,
    "cost_usd": 0.5,
    "session_id": None,
    "waiting_until": None,
    "last_words": "done",
    "rate_limit": None,
    "failure": None,
    "denied": {"Bash": 2},
    "usage": {"m": dict.fromkeys(TOKENS, 7) | {"cost_usd": 0.5}},
}
STEP = {
    "name": "test",
    "role": "gate",
    "exit_code": 1,
    "signal": None,
    "timed_out": False,
    "detail": "",
    "started_at": 5.0,
    "seconds": 2.5,
    "offset": 0,
    "length": 20,
}
SETUP = {**STEP, "name": "setup web", "role": "setup", "exit_code": 0}
LIMITS = {
    "max_turns": 3,
    "max_tool_turns": None,
    "max_budget_usd": 5,
    "inactivity_timeout_secs": 300,
    "max_wall_secs": 14400,
}
FILES: Mapping[str, Mapping[str, Any]] = {
    "start.json": {"setups": {}, "definition": "d1", "base": None},
    "kill.json": {"outcome": "stopped", "detail": "stopped by ada"},
    "result.json": {"result": "conflict", "files": ["a.txt"]},
    "progress.json": PROGRESS,
    "exit.json": {
        "steps": [STEP],
        "limit": None,
        "stopped": True,
        "progress": PROGRESS,
        "lost_output_bytes": 0,
        "survivors": [],
        "started_at": 1.0,
        "at": 9.0,
    },
    "shim.json": {"pid": 999_999_999, "started": 1.0, "detached": "session"},
    "spec.json": {
        "run_id": 1,
        "project": "/p",
        "steps": [],
        "env": ["PATH"],
        "limits": {},
        "reader": "r",
        "advance": ["true"],
        "held_database": None,
        "model": "",
        "prices": {},
    },
}
"""The content of each file in a run's directory."""
WRONG_TYPES: Mapping[str, Mapping[str, Any]] = {
    "start.json": {"setups": "x", "definition": 5, "base": ["x"]},
    "kill.json": {"outcome": "unheard of", "detail": None},
    "result.json": {"result": ["conflict"], "files": 5},
    "progress.json": {"turns": "many", "usage": {"m": 5}, "cost_usd": float("nan"), "denied": ["Bash"]},
    "exit.json": {"steps": [5], "stopped": "yes", "progress": {**PROGRESS, "turns": 10**30}, "at": None},
    "shim.json": {"pid": "x"},
    "spec.json": {"run_id": "x", "limits": {"max_turns": "x"}},
}


UNUSABLE: Mapping[str, Sequence[tuple[str, Any]]] = {
    "start.json": [("definition", "\ud800")],
    "kill.json": [("detail", "\ud800")],
    "progress.json": [
        *(("turns", 10**400), ("cost_usd", 10**400), ("cost_usd", float("inf")), ("session_id", "\ud800")),
        *(("denied", {"\ud800": 1}), ("usage", {"\ud800": {}})),
    ],
    "exit.json": [("steps", [{**STEP, "offset": number}]) for number in (-50, 2**62)],
}
"""Values of the right type that neither the store nor the system accepts."""


def damaged_contents(name: str) -> Iterator[str]:
    document = FILES[name]
    whole = json.dumps(document)
    yield from ("", "null", "5", "[]", '["ab"]', "{}", "nonsense", whole[: len(whole) // 2], "[" * 100_000)
    for key in tuple(document)[:2]:
        yield json.dumps({other: value for other, value in document.items() if other != key})
    for key, value in (*WRONG_TYPES[name].items(), *UNUSABLE.get(name, ())):
        yield json.dumps({**document, key: value})


def end_run_with(context: Context, contents: Mapping[str, str]) -> Run:
    """Return a dead run with these files after its end was recorded."""
    kind = RunKind.MERGE if "result.json" in contents else RunKind.GATES
    run = claim_another_run(context, kind)
    folder = context.project.run_dir(run.id)
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_text(content)
    assert end_if_dead(context, run, utc_now())
    with context.store.reading() as db:
        return runs.load(db, run.id)


@pytest.fixture
def idle_project(tmp_path: Path) -> Iterator[Context]:
    """Open a project with story 1."""
    with opened(tmp_path / "repo", Clock(utc_now())) as context:
        import_story(context.store, Coding(), number=StoryId(1))
        yield context


@pytest.mark.parametrize("name", FILES)
def test_a_run_ends_although_a_file_of_it_is_damaged(idle_project: Context, name: str) -> None:
    valid = {other: json.dumps(document) for other, document in FILES.items()}
    others = [other for other in FILES if name != "progress.json" or other != "exit.json"]
    if name != "result.json":
        others.remove("result.json")
    for content in damaged_contents(name):
        ended = end_run_with(idle_project, {**{other: valid[other] for other in others}, name: content})
        assert not ended.is_live, content


@pytest.mark.parametrize(
    ("steps", "change", "is_marked"),
    [
        ((SETUP, STEP), {}, True),
        ((SETUP, STEP), {"stopped": True}, True),
        ((SETUP,), {}, True),
        ((SETUP,), {"stopped": True}, False),
        ((SETUP,), {"limit": {"limit": "max_wall_secs", "detail": "5 s"}}, False),
        ((SETUP | {"exit_code": 1},), {}, False),
        ((), {}, False),
    ],
)
def test_a_run_that_was_cut_short_in_its_setups_leaves_them_to_the_next(
    idle_project: Context, steps: Sequence[Mapping[str, Any]], change: Mapping[str, Any], *, is_marked: bool
) -> None:
    """The supervisor starts no other setup after it was stopped, even if the last one passed."""
    repository = idle_project.repository
    request = WorktreeRequest(StoryId(1), repository.branch_tip("main") or "", known_branch=False)
    create_worktrees(repository, [request], now=utc_now())
    start = {**FILES["start.json"], "setups": {"web": "digest of web", "api": "digest of api"}}
    exit_document = {**FILES["exit.json"], "stopped": False, "steps": steps, **change}
    end_run_with(idle_project, {"start.json": json.dumps(start), "exit.json": json.dumps(exit_document)})
    checkout = checkout_of(idle_project.project, StoryId(1))
    assert checkout is not None
    assert (checkout.git_dir / SETUP_MARK).exists() == is_marked


@pytest.mark.parametrize("has_later_keys", [False, True])
def test_the_files_of_a_run_of_another_version_are_read(
    idle_project: Context, *, has_later_keys: bool
) -> None:
    documents = {**FILES, "exit.json": {**FILES["exit.json"], "stopped": False}}
    del documents["result.json"]
    if has_later_keys:
        later = {"later": [1], "steps": [{**STEP, "later": 1}], "progress": {**PROGRESS, "later": None}}
        documents = {
            name: {**document, **{key: value for key, value in later.items() if key in (*document, "later")}}
            for name, document in documents.items()
        }
        documents["spec.json"] = FILES["spec.json"]
    ended = end_run_with(idle_project, {name: json.dumps(document) for name, document in documents.items()})
    assert (ended.outcome, ended.turns, ended.cost_usd, ended.evidence.denied) == (
        Outcome.FAILED,
        4,
        0.5,
        {"Bash": 2},
    )
