"""Claude Code and Codex in the pipeline, with a scripted model server on loopback."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from huskies_core.clock import from_iso
from huskies_core.runtimes.registry import load_runtime
from huskies_core.runtimes.runtime import Assignment
from huskies_core.store.runs import Outcome, Run, RunKind
from huskies_core.store.stories import Criterion, StoryDraft
from support.clients import claude_variables, installed
from support.model_server import Answer, Failure, Model, Question, model_server
from support.waiting import wait_until
from system.facts import NOTHING, no_leftovers, squash_commits
from system.project import MakePipeline, Pipeline

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

WORK = """\
case $HUSKIES_STAGE in
coder)
    echo "line of $HUSKIES_STORY_ID" > shared.txt
    echo "story $HUSKIES_STORY_ID" > story-$HUSKIES_STORY_ID.txt
    git add --all && git commit --quiet --message "work on $HUSKIES_STORY_ID"
    ;;
qa)
    huskies update $HUSKIES_STORY_ID --check 1 && huskies approve $HUSKIES_STORY_ID
    ;;
mergemaster)
    git merge --quiet --no-edit $HUSKIES_BASE_BRANCH
    git checkout --quiet --theirs shared.txt && git add --all && git commit --quiet --message resolve
    huskies resolve $HUSKIES_STORY_ID
    ;;
esac
"""
"""The commands that each model runs, in any stage."""


@dataclass(frozen=True)
class Client:
    """A command line under test: `shell` is the tool that runs commands, `tool_input` the input of the tool.

    The commands of `help` print the help with every flag.
    """

    runtime: str
    program: str
    shell: str
    tool_input: Callable[[str], dict[str, str]]
    help: tuple[tuple[str, ...], ...]

    def runs(self, command: str, text: str = "I do it.") -> Answer:
        return Answer(text, self.shell, self.tool_input(command))


CLAUDE = Client(
    "claude-code",
    "claude",
    "Bash",
    lambda command: {"command": command, "description": "work"},
    (("claude", "--help"),),
)
CODEX_HELP = (("codex", "exec", "--help"), ("codex", "exec", "resume", "--help"))
CODEX = Client("codex", "codex", "exec_command", lambda command: {"cmd": command}, CODEX_HELP)


@pytest.fixture(params=[CLAUDE, CODEX], ids=["claude-code", "codex"])
def client(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param
    installed(client.program)
    return client


Staffed = Callable[..., Pipeline]


@pytest.fixture
def staffed(make_pipeline: MakePipeline, user_folder: Path) -> Iterator[Staffed]:
    """Return a function that makes a project with agents of one client and `model`; `extra` is TOML for each agent."""
    with ExitStack() as servers:

        def make(
            client: Client, model: Model, *, extra: str = "", settings: str = "", subscribed: bool = False
        ) -> Pipeline:
            pipeline: Pipeline = make_pipeline(settings=settings)
            address = servers.enter_context(model_server(model))
            variables = _variables(client, address, user_folder / "home")
            if subscribed and client is CLAUDE:
                del variables["ANTHROPIC_API_KEY"]
                variables["CLAUDE_CODE_OAUTH_TOKEN"] = "sk-ant-oat01-test"
            tables = (_agent(stage, client, variables, extra) for stage in ("coder", "qa", "mergemaster"))
            pipeline.project.agents_toml.write_text("\n".join(tables))
            return pipeline

        yield make


def _agent(stage: str, client: Client, variables: dict[str, str], extra: str) -> str:
    env = ", ".join(f"{name} = {json.dumps(value)}" for name, value in variables.items())
    model = "claude-sonnet-5" if client is CLAUDE else "gpt-5-codex"
    head = (
        f'[[agent]]\nname = "{stage}-1"\nstage = "{stage}"\nruntime = "{client.runtime}"\nmodel = "{model}"'
    )
    return f"{head}\nenv = {{ {env} }}\n{extra}\n"


def _variables(client: Client, address: str, home: Path) -> dict[str, str]:
    if client is CLAUDE:
        variables = {**claude_variables(address), "CLAUDE_CODE_MAX_RETRIES": "0"}
        return {name: value for name, value in variables.items() if name != "PATH"}
    (home / ".codex").mkdir(exist_ok=True)
    provider = f'name = "mock"\nbase_url = "{address}/v1"\nenv_key = "MOCK_KEY"\nwire_api = "responses"\n'
    retries = "request_max_retries = 0\nstream_max_retries = 0\n"
    (home / ".codex" / "config.toml").write_text(
        f'model_provider = "mock"\n[model_providers.mock]\n{provider}{retries}'
    )
    return {"MOCK_KEY": "x"}


def works(client: Client) -> Model:
    """Return a model that does the work and ends."""
    return lambda asked: Answer("It is done.") if asked.is_result else client.runs(WORK)


def started(pipeline: Pipeline) -> int:
    story = pipeline.add()
    assert pipeline.huskies("auto-assign").exit_code == 0
    return story


def ended(pipeline: Pipeline, story: int, number: int = 1) -> Run:
    """Return a coder run of the story when it has ended."""

    def run() -> Run | None:
        coders = [run for run in pipeline.runs(story) if run.kind is RunKind.CODER and not run.is_live]
        return coders[number - 1] if len(coders) >= number else None

    ended_run = pipeline.wait_until(run, 90, what=f"the end of coder run {number}")
    assert ended_run is not None
    return ended_run


def stop(pipeline: Pipeline, story: int) -> None:
    """Freeze the story: the next run would outlive the test."""
    pipeline.huskies("agent", "stop", str(story))
    pipeline.wait_until_idle()


def test_coders_qa_and_a_mergemaster_complete_stories(client: Client, staffed: Staffed) -> None:
    """Two stories change the same line, so the second is in conflict."""
    pipeline = staffed(client, works(client), settings='default_qa = "agent"\nmax_coders = 1')
    draft = StoryDraft("Write it", criteria=(Criterion("it is written"),))
    first, second = (pipeline.add(draft=draft) for _ in range(2))
    with pipeline.ticking():
        pipeline.wait_for(first, second, timeout=150)
    kinds = {run.kind for run in pipeline.runs() if run.agent is not None}
    assert kinds >= {RunKind.CODER, RunKind.QA, RunKind.MERGEMASTER}
    assert (no_leftovers(pipeline), squash_commits(pipeline)) == (NOTHING, {first: 1, second: 1})
    spent = pipeline.huskies("show", str(first), "--json").data["runs"][0]
    assert (spent["turns"] >= 2, pipeline.story(first).draft.criteria[0].checked) == (True, True)


def test_an_agent_gets_the_tools_of_its_story_by_mcp_without_files_in_the_worktree(
    staffed: Staffed,
) -> None:
    """The server belongs to the run: the agent can change only its own story."""
    installed("claude")
    questions: list[Question] = []
    calls = (
        Answer("I wait.", "WaitForMcpServers", {}),
        Answer("Mine.", "mcp__huskies__check_criterion", {"id": 1, "number": 1}),
        Answer("Others.", "mcp__huskies__show_story", {"id": 1}),
        CLAUDE.runs(f"git status --short --ignored; {WORK}"),
        Answer("It is done."),
    )

    def model(asked: Question) -> Answer:
        questions.append(asked)
        return calls[min(len(questions), len(calls)) - 1]

    pipeline = staffed(CLAUDE, model)
    draft = StoryDraft("Write it", criteria=(Criterion("it is written"),))
    story = pipeline.add(draft=draft)
    pipeline.huskies("auto-assign")
    pipeline.wait_for(story)
    assert pipeline.story(story).draft.criteria[0].checked
    assert "mcp__huskies__update_story" in questions[1].tools
    assert ('"checked":true' in questions[3].last.replace(" ", ""), ".mcp.json" in questions[4].last) == (
        True,
        False,
    )


def test_a_denied_tool_is_shown_and_counted(staffed: Staffed) -> None:
    installed("claude")
    pipeline = staffed(CLAUDE, works(CLAUDE), extra='allowed_tools = ["Read"]')
    story = started(pipeline)
    ended(pipeline, story)
    pipeline.huskies("freeze", str(story))
    run = pipeline.huskies("run", "show", "1", "--json").data
    logs = pipeline.huskies("logs", str(story), "--run", "1").stdout
    page = pipeline.huskies("show", str(story), "--json").data["usage"]
    assert (run["denied"], page["denied"], "denied" in logs) == ({"Bash": 1}, 1, True)


def test_the_limit_of_turns_ends_a_run(client: Client, staffed: Staffed) -> None:
    pipeline = staffed(client, lambda _: client.runs("true"), extra="max_turns = 3")
    story = started(pipeline)
    run = ended(pipeline, story)
    stop(pipeline, story)
    assert (run.outcome, run.detail.partition(":")[0]) == (Outcome.LIMIT, "max_turns")


def test_a_silent_model_ends_at_the_limit_of_silence(client: Client, staffed: Staffed) -> None:
    pipeline = staffed(client, lambda _: Answer("late", pause=60), extra="inactivity_timeout_secs = 4")
    story = started(pipeline)
    run = ended(pipeline, story)
    stop(pipeline, story)
    assert (run.outcome, run.detail.partition(":")[0]) == (Outcome.LIMIT, "inactivity_timeout_secs")


def test_the_session_continues_after_a_rate_limit_without_a_time(client: Client, staffed: Staffed) -> None:
    """A start by a person does not wait."""
    questions: list[Question] = []

    def model(asked: Question) -> Answer | Failure:
        questions.append(asked)
        if len(questions) == 1:
            return client.runs("echo half > half.txt")
        if len(questions) == 2:
            return Failure(429, "rate_limit_error", "This request would exceed your account's rate limit.")
        return Answer("It is done.") if "exit" in asked.last or len(questions) > 3 else client.runs(WORK)

    pipeline = staffed(client, model)
    story = started(pipeline)
    run = ended(pipeline, story)
    (timer,) = pipeline.huskies("timer", "list", "--json").data["timers"]
    assert (run.outcome, timer["kind"], timer["story"]) == (Outcome.RATE_LIMITED, "rate_limit", story)
    pipeline.wait_until_idle()
    assert pipeline.huskies("agent", "start", str(story)).exit_code == 0
    pipeline.wait_for(story)
    resumed = questions[2]
    assert (resumed.answered > 0, "Continue story" in resumed.last) == (True, True)
    assert pipeline.story(story).retries == 0


def test_the_story_waits_until_the_time_of_a_rate_limit(client: Client, staffed: Staffed) -> None:
    """Claude Code reports the time to subscribers, Codex as text with minutes."""
    resets_at = int(time.time()) + 2 * 3600
    claude = {
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": str(resets_at),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
    }
    codex = {"plan_type": "plus", "resets_at": resets_at, "resets_in_seconds": 2 * 3600}
    kind = "rate_limit_error" if client is CLAUDE else "usage_limit_reached"
    refusal = Failure(429, kind, "The usage limit has been reached", claude, codex)
    pipeline = staffed(client, lambda _: refusal, subscribed=True)
    run = ended(pipeline, started(pipeline))
    (timer,) = pipeline.huskies("timer", "list", "--json").data["timers"]
    (account,) = pipeline.huskies("status", "--json").data["limits"]["accounts"]
    wait = from_iso(timer["fire_at"]).timestamp() - resets_at
    assert (run.outcome, 0 <= wait <= 60, account["until"]) == (Outcome.RATE_LIMITED, True, timer["fire_at"])


def test_the_story_waits_after_an_error_of_the_service(client: Client, staffed: Staffed) -> None:
    pipeline = staffed(client, lambda _: Failure(500, "api_error", "Internal server error"))
    story = started(pipeline)
    run = ended(pipeline, story)
    blocker = pipeline.huskies("explain", str(story), "--json").data["holds"][0]
    assert (run.outcome, blocker["rule"], pipeline.story(story).retries) == (
        Outcome.RATE_LIMITED,
        "rate_limited",
        0,
    )


def has_kept_its_session() -> bool:
    """Return whether a session file of the client contains the first answer."""
    return any("half.txt" in file.read_text(errors="replace") for file in Path.home().rglob("*.jsonl"))


def test_the_session_of_a_killed_run_continues(client: Client, staffed: Staffed) -> None:
    questions: list[Question] = []

    def model(asked: Question) -> Answer:
        questions.append(asked)
        if len(questions) == 1:
            return client.runs("echo half > half.txt", "I begin.")
        if len(questions) == 2:
            return Answer("not sent", pause=60)
        return Answer("It is done.") if len(questions) > 3 else client.runs(WORK)

    pipeline = staffed(client, model)
    story = started(pipeline)
    run = pipeline.wait_until_live(story)
    wait_until(lambda: len(questions) == 2, 60, what="the second question")
    # Killed sooner, Claude Code knows nothing of its session: it writes it down a moment later.
    wait_until(has_kept_its_session, 60, what="the session on the disk")
    shim = pipeline.directory(run.id).read_shim()
    assert shim is not None
    os.kill(shim.pid, signal.SIGKILL)
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert pipeline.runs(story)[0].outcome is Outcome.CRASHED
    assert (questions[2].answered > 0, "Continue story" in questions[2].last) == (True, True)
    assert pipeline.repository.read("half.txt", "main") == "half\n"


def test_the_installed_program_knows_each_flag(client: Client) -> None:
    runtime = load_runtime(client.runtime)
    everything = Assignment(
        model="m",
        system_prompt="s",
        max_budget_usd=1.0,
        allowed_tools=("Read",),
        disallowed_tools=("Bash",),
        mcp_config="mcp.json",
        mcp_server=("huskies", "mcp"),
        writable=("/x",),
    )
    assignments = [everything, replace(everything, session="0"), replace(everything, is_confined=True)]
    used = {
        word.partition("=")[0]
        for assignment in assignments
        for word in runtime.argv(assignment)
        if word[:1] == "-"
    }
    help_texts = "".join(
        subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout for argv in client.help
    )
    assert {flag for flag in used - {"-"} if not re.search(rf"(^|[\s,]){flag}\b", help_texts)} == set()


def test_agent_test_gets_an_answer(client: Client, staffed: Staffed) -> None:
    pipeline = staffed(client, lambda _: Answer("ready"))
    answered = pipeline.huskies("agent", "test", "coder-1", "--json").data
    assert (answered["answered"], answered["words"], answered["turns"]) == (True, "ready", 1)
    assert (bool(answered["session"]), pipeline.runs()) == (True, ())


def test_agent_test_reports_a_missing_login_with_a_hint(client: Client, staffed: Staffed) -> None:
    pipeline = staffed(client, lambda _: Failure(401, "authentication_error", "invalid x-api-key"))
    failed = pipeline.huskies("agent", "test", "coder-1", "--json")
    error = failed.json()["errors"][0]
    assert (failed.exit_code, error["code"], f"Log in to {client.runtime}" in error["hint"]) == (
        1,
        "no_answer",
        True,
    )
    assert len(error["message"]) > len("coder-1: ")


def test_config_check_finds_what_is_installed_new_enough(client: Client, staffed: Staffed) -> None:
    pipeline = staffed(client, lambda _: Answer("ready"))
    assert pipeline.huskies("config", "check").outcome == (0, "No problems.\n", "")
