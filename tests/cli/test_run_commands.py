"""`agent`, `run` and `logs`, with real agents."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from huskies_cli.project_context import open_context
from huskies_core.clock import to_iso, utc_now
from huskies_core.ids import StoryId
from huskies_core.store import rate_limits, runs, stories
from huskies_core.store.rate_limits import Account
from huskies_core.store.runs import Outcome, Report, RunClaim, RunKind
from support.agents.runs import AGENT
from support.cli import run_huskies, start_huskies
from support.commands import Commands
from support.contexts import agent_toml
from support.git_repository import GitRepository
from support.waiting import wait_until

USAGE = '{"model": "m", "input_tokens": 3, "cost_usd": 0.5}'
RUN_KEYS = {
    *("id", "story", "kind", "agent", "status", "outcome", "detail"),
    *("started_at", "ended_at", "turns", "cost_usd"),
}


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """Return the file that ends the agent."""
    return tmp_path / "go"


@pytest.fixture
def project(huskies: Commands, repository: GitRepository, go: Path) -> Iterator[Commands]:
    """Open a project with a task and a coder that prints, waits for `go` and ends, which closes the task."""
    script = ("say=\x1b[31mred\x1b[0m", f"usage={USAGE}", f"wait={go}", "say=bye")
    agent = agent_toml(command=(sys.executable, str(AGENT), *script))
    repository.write(".huskies/agents.toml", agent)
    huskies("add", "Fix", "--type", "task", "-c", "It is fixed")
    yield huskies
    for run in huskies("run", "list", "--live", "--json").data["runs"]:
        huskies("run", "kill", str(run["id"]))


@pytest.fixture
def live(project: Commands) -> Commands:
    """Start the coder and wait for its first output."""
    assert project("agent", "start", "1").outcome == (0, "story 1: coder run 1 by ann\n", "")
    wait_until(lambda: "usage" in project("logs", "1").stdout, what="the agent's words")
    return project


@pytest.mark.usefixtures("processes")
def test_starting_an_agent_at_the_limit_of_its_account_prints_advice(
    project: Commands, repository: GitRepository
) -> None:
    now = utc_now()
    with open_context(repository.root) as context, context.store.exclusive() as db:
        limit = rate_limits.meet(
            db, Account("command", ""), now + timedelta(hours=5), "", actor="test", now=now
        )
    result = f"The account of command is at its limit until {to_iso(limit.until)}; the run may end early.\n"
    assert project("agent", "start", "1").outcome == (0, "story 1: coder run 1 by ann\n", result)


def code_of(result: dict[str, list[dict[str, str]]]) -> str:
    return result["errors"][0]["code"]


@pytest.mark.usefixtures("processes")
def test_the_prompt_of_an_agent_is_printed_as_it_is_sent(
    project: Commands, repository: GitRepository
) -> None:
    shown, tool = project("agent", "prompt", "1", "--agent", "ann"), '{"id": 1}'
    data = project("agent", "prompt", "#1", "--json").data
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, data["prompt"], "")
    assert (data["story"], data["agent"], data["kind"], data["run"]) == (1, "ann", "coder", None)
    assert json.loads(project("tool", "call", "agent_prompt", tool).stdout) == data
    project("agent", "start", "1")
    sent = repository.root / ".huskies" / "runs" / "1" / "prompt.md"
    assert project("agent", "prompt", "1").stdout == sent.read_text() == shown.stdout
    assert project("agent", "prompt", "1", "--json").data["run"] == 1


@pytest.mark.usefixtures("processes")
def test_agents_are_listed_idle_and_at_work(live: Commands) -> None:
    assert live("agent", "list", "--json").data["agents"] == [
        {
            "name": "ann",
            "stage": "coder",
            "runtime": "command",
            "model": None,
            "state": "running",
            "story": 1,
            "run": 1,
        }
    ]
    assert live("agent", "list").stdout.splitlines()[1].split() == [
        *("ann", "coder", "command", "●", "running", "1", "1"),
    ]


@pytest.mark.usefixtures("processes")
def test_stopping_an_agent_freezes_its_story(live: Commands) -> None:
    assert live("agent", "stop", "1").outcome == (0, "story 1: coder run 1 stopped, now frozen\n", "")
    assert code_of(live("agent", "stop", "1", "--json").json()) == "no_live_run"


def test_an_unknown_agent_is_refused_with_the_most_similar_name(project: Commands) -> None:
    refused = project("agent", "start", "1", "--agent", "anne")
    assert refused.outcome == (1, "", "huskies: there is no agent anne\n  Did you mean ann?\n")


@pytest.mark.usefixtures("processes")
def test_runs_are_listed_with_their_present_cost(live: Commands) -> None:
    def cost() -> float:
        return float(live("run", "list", "--json").data["runs"][0]["cost_usd"])

    assert wait_until(cost, what="the cost") == 0.5
    (run,) = live("run", "list", "--story", "1", "--json").data["runs"]
    assert (RUN_KEYS - set(run), run["kind"], run["status"], run["turns"]) == (set(), "coder", "live", 1)
    assert live("run", "list").stdout.split()[:8] == [
        *("RUN", "STORY", "KIND", "AGENT", "OUTCOME", "AGE", "TURNS", "COST"),
    ]


@pytest.mark.usefixtures("processes")
def test_a_killed_run_is_shown_as_crashed(live: Commands) -> None:
    killed = live("run", "kill", "1", "--quiet")
    shown = live("run", "show", "1", "--json").data
    assert killed.outcome == (0, "run 1: crashed, killed by user:ada\n", "")
    assert ([step["name"] for step in shown["steps"]], shown["outcome"]) == (["ann"], "crashed")
    assert Path(shown["paths"]["output"]).exists()
    text = live("run", "show", "1").stdout
    assert text.startswith("run 1: coder for story 1 by ann\n\nstatus   ended\n")
    assert [word in text for word in ("  no\n", "True", "False")] == [True, False, False]
    assert code_of(live("run", "kill", "1", "--json").json()) == "not_live"


@pytest.mark.usefixtures("processes")
def test_the_board_shows_the_live_run(live: Commands) -> None:
    board = live("status", "--quiet").stdout
    assert "coding  ●   1  Fix    coder run 1 is live" in board.splitlines()
    assert live("status", "--json").data["runs"][0]["story"] == 1


@pytest.mark.usefixtures("processes")
def test_logs_are_readable_or_raw(live: Commands, repository: GitRepository) -> None:
    readable = live("logs", "1", "--quiet").stdout
    result = live("logs", "1", "--json").data
    raw = run_huskies("logs", "1", "--raw", cwd=repository.root).stdout
    assert readable == "red\n[usage m: 3 in, 0 out, 1 turns, 0.5000 USD]\n"
    assert (result["output"], result["run"]["id"]) == (readable, 1)
    assert raw.splitlines() == ["\x1b[31mred\x1b[0m", f'{{"usage": {USAGE}}}']


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("live")
def test_logs_follow_a_run_until_it_ends(repository: GitRepository, go: Path) -> None:
    reader = start_huskies("logs", "1", "-f", "--json", "--quiet", cwd=repository.root)
    assert reader.stdout is not None
    first = [json.loads(reader.stdout.readline()) for _ in range(2)]
    go.touch()
    rest = [json.loads(line) for line in reader.communicate(timeout=20)[0].splitlines()]
    assert [item["line"] for item in (*first, *rest)] == [
        *("red", "[usage m: 3 in, 0 out, 1 turns, 0.5000 USD]", "bye"),
    ]
    assert ({item["run"] for item in rest}, reader.returncode) == ({1}, 0)


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("live")
def test_following_ends_when_its_reader_goes_away(repository: GitRepository, go: Path) -> None:
    reader = start_huskies("logs", "1", "-f", "--raw", cwd=repository.root)
    assert reader.stdout is not None
    reader.stdout.readline()
    reader.stdout.close()
    go.touch()
    assert reader.wait(timeout=20) == 0


@pytest.mark.usefixtures("processes")
def test_following_can_be_interrupted(live: Commands, repository: GitRepository) -> None:
    reader = start_huskies("logs", "1", "-f", "--quiet", cwd=repository.root)
    assert reader.stdout is not None
    reader.stdout.readline()
    os.killpg(reader.pid, signal.SIGINT)
    reader.communicate(timeout=10)
    assert reader.returncode == 130
    assert live("run", "list", "--live", "--json").data["runs"][0]["id"] == 1


def test_a_story_without_a_run_has_no_logs(project: Commands) -> None:
    assert project("logs", "1").outcome == (
        1,
        "",
        "huskies: story 1 has had no run yet\n  'huskies explain 1' shows its blockers.\n",
    )
    assert code_of(project("logs", "1", "--run", "7", "--json").json()) == "not_found"


def test_a_long_list_of_runs_shows_the_newest_with_a_note(huskies: Commands) -> None:
    huskies("add", "A story", "-c", "it works", "--start")
    with open_context(Path.cwd()) as context, context.store.exclusive() as db:
        for _ in range(60):
            visit = stories.load(db, StoryId(1)).visit
            run = runs.claim(db, RunClaim(StoryId(1), RunKind.GATES, visit), actor="test", now=context.now())
            runs.end(db, run.id, Report(Outcome.COMPLETED), actor="test", now=context.now())
    table, everything = huskies("run", "list"), huskies("run", "list", "--limit", "0")
    rows = [len(result.stdout.splitlines()) - 1 for result in (table, everything)]
    assert (rows, len(huskies("run", "list", "--json").data["runs"])) == ([50, 60], 60)
    assert table.stderr == "These are the newest 50; --limit 0 shows all.\n"


@pytest.mark.usefixtures("processes")
def test_the_limit_that_ended_a_run_is_shown_with_the_run(
    huskies: Commands, repository: GitRepository
) -> None:
    script = ('usage={"tool_turns":1}', 'usage={"tool_turns":1}', "hang")
    command = (sys.executable, str(AGENT), *script)
    repository.write(".huskies/agents.toml", f"{agent_toml(command=command)}max_tool_turns = 1\n")
    huskies("add", "Fix", "--type", "task", "-c", "It is fixed")
    huskies("agent", "start", "1")
    repository.write(".huskies/agents.toml", "# nobody follows\n")
    wait_until(lambda: huskies("run", "show", "1", "--json").data["outcome"], 30, what="the end of the run")
    page, result = huskies("run", "show", "1", "--json").data, "max_tool_turns: 2 of 1"
    assert (page["outcome"], page["detail"], page["limit"]) == ("limit", result, "max_tool_turns")
    texts = [huskies("run", "show", "1").stdout, huskies("show", "1").stdout]
    texts += [huskies("run", "list").stdout, huskies("logs", "1", "--run", "1").stderr]
    assert [result in text for text in texts] == [True] * 4
