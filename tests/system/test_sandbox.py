"""An agent in the sandbox can do its work, and has no other access."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest

from huskies_core.config.records import Agent, AgentStage
from huskies_core.pipeline.stages import StageName
from huskies_core.project import Project
from huskies_core.runs.sandbox import sandbox_problems
from huskies_core.store.runs import RunKind
from support.git_repository import GitRepository
from support.waiting import wait_until
from system.project import MakePipeline, Pipeline, Team

TESTS = Path(__file__).parents[1]
"""The folder of the tests. The sandbox shows it to the scripted agents even in a clone below /tmp, which it hides."""
PRYING = Path(__file__).with_name("prying_agent.py")
SANDBOXED = Agent("coder-1", AgentStage.CODER, "command", command=("true",), sandbox="bwrap")


@pytest.fixture(autouse=True)
def sandbox_works_here(project: Project) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    problems = sandbox_problems(SANDBOXED, project, os.environ)
    if problems:
        pytest.skip(f"not permitted: {problems[0]}")


def team(scripts: Path, *lines: str, **sizes: int) -> Team:
    scripts.mkdir(exist_ok=True)
    shown = (f"sandbox_read = {json.dumps([str(TESTS)])}", f"sandbox_write = {json.dumps([str(scripts)])}")
    return Team(extra="\n".join(('sandbox = "bwrap"', *shown, *lines)), **sizes)


def unchanging(repository: GitRepository) -> tuple[str, list[str], str]:
    """Return the shared git config, the hooks and the commit of the main checkout."""
    git = repository.root / ".git"
    return (git / "config").read_text(), sorted(os.listdir(git / "hooks")), (git / "HEAD").read_text()


def criterion_is_checked(pipeline: Pipeline, story: int) -> bool:
    return pipeline.story(story).draft.criteria[0].checked


def test_an_agent_that_tests_its_sandbox_has_no_access_and_completes_its_story(
    make_pipeline: MakePipeline,
    repository: GitRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts = tmp_path.resolve() / "scripts"
    monkeypatch.setenv("OUTER_SECRET", "outer-secret")
    home_key = Path(os.environ["HOME"], ".key")
    home_key.write_text("outer-secret")
    root = repository.root.resolve()
    state, git = root / ".huskies", root / ".git"
    hidden = [
        state / "env",
        state / "runs/1/spec.json",
        state / "worktrees/1",
        state / "audit.log",
    ]
    foreign = [
        root,
        root / "README",
        git / "config",
        git / "hooks",
        git / "HEAD",
        git / "refs/heads/main",
        git / "refs/heads",
        git / "packed-refs",
        git / "worktrees/1/HEAD",
        git / "worktrees/2/commondir",
        git / "worktrees/2/gitdir",
        git / "worktrees/2/config.worktree",
        git / "objects/info",
        git / "objects/pack",
        state / "agents.toml",
        state / "project.toml",
        Path("/usr"),
        Path("/var"),
    ]
    lists = {
        "SECRET_FILES": [home_key, state / "env"],
        "FOREIGN_PLACES": foreign,
        "HIDDEN_PLACES": hidden,
    }
    env = ", ".join(f'{name} = "{os.pathsep.join(map(str, paths))}"' for name, paths in lists.items())
    pipeline = make_pipeline(team=team(scripts, f"env = {{ {env} }}", coder=2))
    (state / "env").write_text("OTHER_KEY=outer-secret\n")
    (state / "env").chmod(0o600)
    pipeline.script(1, [f"wait={scripts}/go", *("write=other.txt:1", "commit=work")])
    report = scripts / "report.json"
    pipeline.script(2, [f"run={sys.executable} {PRYING} {report}"])
    assert (pipeline.add(), pipeline.add()) == (1, 2)
    before = unchanging(repository)
    with pipeline.ticking():
        report_data = pipeline.wait_until(lambda: report.exists() and json.loads(report.read_text()))
        pipeline.wait_until(lambda: pipeline.story(2).stage.name is not StageName.CODING)
        assert [path for path in hidden if not path.exists()] == []
        now = unchanging(repository)
        (scripts / "go").touch()
        pipeline.wait_for(1, 2)
    assert report_data == {
        "read": [],
        "changed": [],
        "seen": [],
        "parent_secret": False,
        "own_file": "",
        "base_moved": False,
        "config_changed": False,
    }
    assert before == now
    assert criterion_is_checked(pipeline, 2)


@pytest.mark.parametrize("clear", ["hide", "hide-clear"])
def test_the_processes_of_an_agent_end_with_it(
    make_pipeline: MakePipeline, tmp_path: Path, clear: str
) -> None:
    scripts = tmp_path.resolve() / "scripts"
    pipeline = make_pipeline(team=team(scripts))
    pipeline.script(1, [f"{clear}={scripts}/hidden", "write=a.txt:1", "commit=work"])
    story = pipeline.add()
    with pipeline.ticking():
        pipeline.wait_for(story)
    assert (scripts / "hidden").exists()


def test_a_kill_ends_an_agent_that_ignores_signals(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    scripts = tmp_path.resolve() / "scripts"
    pipeline = make_pipeline(team=team(scripts))
    pipeline.script(1, ["ignore=SIGTERM", f"write={scripts}/begun:1", "hang="])
    story = pipeline.add()
    assert pipeline.huskies("tick").exit_code == 0
    run = pipeline.wait_until_live(story, RunKind.CODER)
    wait_until((scripts / "begun").exists, 30)
    assert pipeline.huskies("agent", "stop", str(story)).exit_code == 0
    assert pipeline.locked_runs() == []
    assert [other.outcome for other in pipeline.runs(story) if other.id == run.id] == ["stopped"]


def test_a_conflict_is_resolved_in_the_sandbox(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    scripts = tmp_path.resolve() / "scripts"
    pipeline = make_pipeline(team=team(scripts, "sandbox_network = false", coder=2, qa=1, mergemaster=1))
    for story in (1, 2):
        steps = [f"write=same.txt:{story}", f"write={scripts}/{story}:", f"wait={scripts}/{3 - story}"]
        pipeline.script(story, [*steps, "commit=work"])
    assert (pipeline.add(), pipeline.add()) == (1, 2)
    with pipeline.ticking():
        pipeline.wait_for(1, 2)
    kinds = [run.kind for run in (*pipeline.runs(1), *pipeline.runs(2))]
    assert kinds.count(RunKind.MERGEMASTER) == 1


def test_an_agent_can_clean_up_before_it_is_killed(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    scripts = tmp_path.resolve() / "scripts"
    pipeline = make_pipeline(team=team(scripts))
    pipeline.script(1, [f"tidy={scripts}/tidied", f"write={scripts}/begun:", "hang="])
    story = pipeline.add()
    assert pipeline.huskies("tick").exit_code == 0
    pipeline.wait_until_live(story)
    wait_until((scripts / "begun").exists, 30)
    assert pipeline.huskies("agent", "stop", str(story)).exit_code == 0
    assert (scripts / "tidied").exists()


def test_no_process_outlives_a_killed_supervisor(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    scripts = tmp_path.resolve() / "scripts"
    pipeline = make_pipeline(team=team(scripts))
    pipeline.script(1, [f"hide-clear={scripts}/hidden", "hang="])
    story = pipeline.add()
    assert pipeline.huskies("tick").exit_code == 0
    run = pipeline.wait_until_live(story)
    wait_until((scripts / "hidden").exists, 30)
    shim = pipeline.directory(run.id).read_shim()
    assert shim is not None
    below = psutil.Process(shim.pid).children(recursive=True)
    os.kill(shim.pid, signal.SIGKILL)
    ended, remaining = psutil.wait_procs(below, 10)
    assert (len(ended) >= 4, remaining) == (True, [])


def test_a_commit_works_after_the_branches_were_packed(
    make_pipeline: MakePipeline, repository: GitRepository, tmp_path: Path
) -> None:
    scripts = tmp_path.resolve() / "scripts"
    pipeline = make_pipeline(team=team(scripts))
    pipeline.script(1, [f"write={scripts}/begun:", f"wait={scripts}/go", "write=a.txt:1", "commit=work"])
    story = pipeline.add()
    with pipeline.ticking():
        pipeline.wait_until((scripts / "begun").exists)
        repository.git("pack-refs", "--all")
        (scripts / "go").touch()
        pipeline.wait_for(story)
    assert [run.kind for run in pipeline.runs(story)].count(RunKind.CODER) == 1
