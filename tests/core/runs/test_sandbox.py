"""The command of a sandboxed program, and the problems that prevent it."""

from itertools import pairwise
from pathlib import Path

import pytest

from huskies_core.config.records import Agent, AgentStage
from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.project import Project
from huskies_core.runs.sandbox import Show, confine, require_sandbox, sandbox_problems, wrap
from huskies_core.supervisor.records import Role, Step
from huskies_core.supervisor.run_directory import RunDirectory
from support.git_repository import GitRepository

AGENT = Agent("ann", AgentStage.CODER, "command", command=("true",), sandbox="bwrap")
STEP = Step("ann", Role.AGENT, ("true",), "/w")


@pytest.fixture
def working_bwrap(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a bwrap that accepts every option."""
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(tmp_path)}


def test_the_command_has_its_arguments_in_order() -> None:
    paths = ((Show.NOTHING, "/home"), (Show.READ, "/home/x y"), (Show.WRITE, "/w"))
    variables = (("TMPDIR", "/tmp"),)
    assert wrap(("agent", "--", "-p"), "/w", paths, network=False, variables=variables) == (
        *("env", "--ignore-signal=TERM", "bwrap"),
        *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-drop", "ALL"),
        "--unshare-net",
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--tmpfs", "/home", "--ro-bind", "/home/x y", "/home/x y", "--bind", "/w", "/w"),
        *("--setenv", "TMPDIR", "/tmp", "--chdir", "/w", "--"),
        *("env", "--default-signal=TERM", "agent", "--", "-p"),
    )


def test_a_sandbox_has_network_access_by_default() -> None:
    assert "--unshare-net" not in wrap(("true",), "/", ())


def test_the_step_of_an_agent_without_a_sandbox_is_unchanged(project: Project) -> None:
    plain = Agent("ann", AgentStage.CODER, "command", command=("true",))
    run = RunDirectory(project.run_dir(1))
    assert confine(STEP, plain, project, StoryId(1), run, {}) == STEP
    assert sandbox_problems(plain, project, {"PATH": ""}) == ()


def test_a_run_sees_only_its_own_prompt_and_configuration(
    project: Project, repository: GitRepository, tmp_path: Path
) -> None:
    worktree = str(project.worktree(1))
    repository.git("worktree", "add", "--quiet", "-b", "feature/story-1", worktree)
    run = RunDirectory(project.run_dir(7))
    argv = confine(STEP, AGENT, project, StoryId(1), run, {"HOME": str(tmp_path)}).argv
    shown = [path for path in argv if path.startswith(str(project.runs_dir))]
    assert set(shown) == {run.prompt, run.mcp_config}


def test_a_start_from_the_home_folder_does_not_show_it(
    project: Project, repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.git("worktree", "add", "--quiet", "-b", "feature/story-1", str(project.worktree(1)))
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    run = RunDirectory(project.run_dir(7))
    argv = confine(STEP, AGENT, project, StoryId(1), run, {"HOME": str(home)}).argv
    shown = pairwise(argv)
    assert [option for option, path in shown if path.rstrip("/") == str(home.resolve())] == [Show.NOTHING]


def test_a_story_without_a_worktree_has_no_sandbox(project: Project) -> None:
    run = RunDirectory(project.run_dir(1))
    with pytest.raises(HuskiesError, match="story 1 has no worktree"):
        confine(STEP, AGENT, project, StoryId(1), run, {"HOME": str(project.root.parent)})


def test_a_missing_or_failing_bubblewrap_is_reported(project: Project, working_bwrap: dict[str, str]) -> None:
    assert sandbox_problems(AGENT, project, working_bwrap) == ()
    assert sandbox_problems(AGENT, project, {"PATH": "/nowhere"}) == ("bwrap is not on PATH",)
    program = Path(working_bwrap["PATH"].partition(":")[0], "bwrap")
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    expected = "bwrap does not work here: bwrap: No permissions to create new namespace"
    assert sandbox_problems(AGENT, project, working_bwrap) == (expected,)
    with pytest.raises(HuskiesError, match="the sandbox of ann does not work: bwrap does not work here"):
        require_sandbox(AGENT, project, working_bwrap)


def test_a_listed_path_must_exist(project: Project, working_bwrap: dict[str, str]) -> None:
    home = Path(working_bwrap["HOME"])
    (home / ".here").mkdir()
    agent = Agent(
        "ann",
        AgentStage.CODER,
        "command",
        command=("true",),
        sandbox="bwrap",
        sandbox_read=("~/.gone",),
        sandbox_write=("~/.here",),
    )
    assert sandbox_problems(agent, project, working_bwrap) == (f"{home}/.gone does not exist",)


def test_a_program_that_the_sandbox_hides_is_reported(
    project: Project, working_bwrap: dict[str, str]
) -> None:
    program = Path(working_bwrap["HOME"]).resolve() / "agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    agent = Agent("ann", AgentStage.CODER, "command", command=(str(program),), sandbox="bwrap")
    expected = f"{program} is hidden, list it in sandbox_read"
    assert sandbox_problems(agent, project, working_bwrap) == (expected,)
