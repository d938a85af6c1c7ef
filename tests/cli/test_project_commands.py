"""The commands for the configuration, worktrees and rescued work."""

from pathlib import Path

import pytest

from support.commands import Commands
from support.git_repository import GitRepository

AGENTS = """
[[agent]]
name = "ann"
runtime = "{}"
stage = "coder"
command = ["make", "it"]
"""
RESCUE = "refs/huskies/rescue/1/20260131T120000000000Z"


def test_config_check_finds_no_problem(huskies: Commands) -> None:
    assert huskies("config", "check", "--json").data == {"problems": []}


def test_config_check_names_every_problem(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "max_coder = 1\n")
    repository.write(".huskies/agents.toml", "[[agent]\n")
    result = huskies("config", "check", "--json").json()
    places = [(problem["path"], problem["line"]) for problem in result["data"]["problems"]]
    assert (result["exit_code"], places) == (1, [(".huskies/project.toml", 1), (".huskies/agents.toml", 1)])
    assert [error["code"] for error in result["errors"]] == ["config_error", "config_error"]


def test_config_set_changes_only_its_key(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "# mine\nmax_coders = 2  # two\n")
    assert huskies("config", "set", "max_coders", "5").outcome == (0, "max_coders = 5\n", "")
    assert (repository.root / ".huskies/project.toml").read_text() == "# mine\nmax_coders = 5  # two\n"
    assert huskies("config", "get", "max_coders").outcome == (0, "5\n", "")


def test_config_set_refuses_an_invalid_value(huskies: Commands, repository: GitRepository) -> None:
    before = (repository.root / ".huskies/project.toml").read_bytes()
    codes = [
        huskies("config", "set", key, "many", "--json").json()["errors"][0]["code"]
        for key in ("max_coders", "max_coder")
    ]
    assert codes == ["config_error", "config_error"]
    assert (repository.root / ".huskies/project.toml").read_bytes() == before


def test_config_get_knows_defaults_and_no_other_keys(huskies: Commands) -> None:
    assert huskies("config", "get", "watcher.done_retention_secs", "--json").data == {
        "key": "watcher.done_retention_secs",
        "value": 14400,
    }
    assert huskies("config", "get", "max_coder").exit_code == 1


def test_config_get_describes_a_key_that_is_not_set(huskies: Commands) -> None:
    recorded = "base_branch is not set: the base branch is main, as 'huskies init' recorded it\n"
    assert huskies("config", "get", "base_branch").outcome == (0, "", recorded)
    assert huskies("config", "get", "base_branch", "--json").data["value"] is None
    unlimited = "budget.per_day_usd is not set: there is no limit\n"
    assert huskies("config", "get", "budget.per_day_usd").outcome == (0, "", unlimited)


SHOWN = """\

agent ann
  stage                    coder
  runtime                  command
  command                  ["make", "it"]
  inactivity_timeout_secs  300
  max_wall_secs            14400
  env                      {"A": "1"}
  sandbox_network          true
"""


def test_config_show_lists_the_keys_of_get_and_then_the_agents(
    huskies: Commands, repository: GitRepository
) -> None:
    repository.write(".huskies/agents.toml", AGENTS.format("command") + 'env = { A = "1" }\n')
    shown = huskies("config", "show").stdout
    keys = huskies("config", "show", "--json").data["keys"]
    lines, _, agents = shown.partition("\n\n")
    assert [line.partition(" =")[0] for line in lines.splitlines()] == list(keys)
    assert {key: huskies("config", "get", key, "--json").data["value"] for key in keys} == keys
    assert ("max_retries = 3" in lines.splitlines(), agents) == (True, SHOWN.lstrip())


def test_config_check_names_a_missing_base_branch(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", '# mine\nbase_branch = "trunk"\n')
    result = huskies("config", "check")
    assert result.exit_code == 1
    assert (
        result.stderr.splitlines()[0] == "huskies: .huskies/project.toml:2: there is no base branch 'trunk'"
    )


def test_config_check_names_agents_with_a_missing_program(
    huskies: Commands, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    agents = AGENTS.format("codex").replace("command =", "# command =")
    repository.write(".huskies/agents.toml", agents)
    result = huskies("config", "check", "--json").json()
    (problem,) = result["data"]["problems"]
    fact = "agent ann: codex is not on PATH"
    assert (result["exit_code"], problem["line"], problem["message"]) == (1, 4, fact)


def test_config_set_refuses_a_missing_base_branch(huskies: Commands, repository: GitRepository) -> None:
    refused = huskies("config", "set", "base_branch", "trunk", "--json").json()["errors"][0]["code"]
    repository.branch("trunk")
    done = huskies("config", "set", "base_branch", "trunk")
    repository.git("branch", "-D", "trunk")
    other = huskies("config", "set", "max_coders", "2")
    assert (refused, done.outcome) == ("unknown_branch", (0, "base_branch = trunk\n", ""))
    assert other.outcome == (0, "max_coders = 2\n", "")


def test_config_show_of_a_broken_file_fails(huskies: Commands, repository: GitRepository) -> None:
    repository.write(".huskies/project.toml", "max_coders = \n")
    assert huskies("config", "show", "--json").json()["errors"][0]["code"] == "config_error"


def test_a_story_without_a_worktree_has_no_path(huskies: Commands) -> None:
    huskies("add", "Fix", "--type", "bug")
    result = huskies("worktree", "path", "1", "--json").json()
    assert (result["exit_code"], result["errors"][0]["code"]) == (1, "not_found")
    assert huskies("worktree", "list").outcome == (0, "", "")


def test_a_worktree_is_listed_with_its_path(huskies: Commands, repository: GitRepository) -> None:
    huskies("add", "Fix", "--type", "bug", "--start")
    assert huskies("worktrees").exit_code == 0
    path = str(repository.root / ".huskies" / "worktrees" / "1")
    row = {"story": 1, "stage": "coding", "branch": "feature/story-1", "path": path}
    assert huskies("worktree", "list", "--json").data == {"worktrees": [row]}
    assert huskies("worktree", "path", "1").outcome == (0, f"{path}\n", "")


def test_rescued_work_is_listed_and_restored_as_a_branch(
    huskies: Commands, repository: GitRepository
) -> None:
    commit = repository.commit_id("main")
    repository.git("update-ref", RESCUE, commit)
    time = RESCUE.rpartition("/")[2]
    row = {"story": 1, "time": time, "ref": RESCUE, "commit": commit}
    assert huskies("rescue", "list", "--json").data == {"rescues": [row]}
    assert huskies("rescue", "restore", "1", "--to", "back", "--json").data == {**row, "branch": "back"}
    assert repository.commit_id("back") == commit
    assert huskies("rescue", "restore", "1").stdout == f"rescued/story-1 is at {commit[:12]}\n"


def test_a_missing_rescue_cannot_be_restored(huskies: Commands) -> None:
    assert huskies("rescue", "restore", "1").outcome == (2, "", "huskies: story 1 has no rescue\n")
    assert huskies("rescue", "list").outcome == (0, "", "")


def test_the_file_for_mcp_clients_is_written_by_init_and_by_config(
    outside: Commands, repository: GitRepository
) -> None:
    made = outside("init", "--mcp", "--json").data["made"]
    again = outside("config", "mcp", "--json").data
    assert (made[-1], again["path"], again["changed"]) == (
        ".mcp.json",
        str(repository.root / ".mcp.json"),
        False,
    )


@pytest.mark.parametrize(
    ("script", "ending"),
    [
        ("echo 1.0.2", "claude 1.0.2 is older than 2.1.197, the oldest tested version"),
        ("exit 3", "does not print its version"),
    ],
)
def test_config_check_names_a_program_that_is_too_old(
    huskies: Commands,
    repository: GitRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    ending: str,
) -> None:
    program = tmp_path / "claude"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    agents = AGENTS.format("claude-code").replace("command =", "# command =")
    repository.write(".huskies/agents.toml", agents)
    (problem,) = huskies("config", "check", "--json").json()["data"]["problems"]
    assert problem["message"].endswith(ending)


def test_a_project_agent_is_tested_in_a_scratch_repository(
    huskies: Commands, repository: GitRepository
) -> None:
    """The agent reads the prompt in a scratch repository, which is removed."""
    repository.write("script/agent", "#!/bin/sh\ncat >got\nsetsid sleep 60 &\necho ready $HUSKIES_STORY_ID\n")
    (repository.root / "script/agent").chmod(0o755)
    agents = AGENTS.format("command").replace('["make", "it"]', '["script/agent"]')
    repository.write(".huskies/agents.toml", agents)
    tried = huskies("agent", "test", "ann", "--json").data
    missing = huskies("agent", "test", "bob", "--json").json()["errors"][0]["code"]
    assert (tried["answered"], tried["words"], missing) == (True, "ready 0", "unknown_agent")
    repository.write("script/agent", "#!/bin/sh\nexit 3\n")
    failed = huskies("agent", "test", "ann", "--json").json()["errors"][0]
    assert (failed["code"], failed["message"]) == ("no_answer", "ann: exited with 3")


def test_config_check_names_commands_without_a_program(huskies: Commands, repository: GitRepository) -> None:
    """A program may be a file of the base branch, or a file that a component may make."""
    repository.write("script/there", "#!/bin/sh\n").chmod(0o755)
    repository.commit_all("a script")
    agent = '[[agent]]\nname = "{0}"\nstage = "coder"\nruntime = "command"\ncommand = ["{0}"]\n'
    names = ("sh", "script/there", "script/missing", "nosuchprogram")
    repository.write(".huskies/agents.toml", "".join(map(agent.format, names)))
    repository.write(".huskies/project.toml", '[[gate]]\nname = "g"\ncommand = ["nosuchgate"]\n')
    result = [error["message"] for error in huskies("config", "check", "--json").json()["errors"]]
    assert [message.partition(": ")[2] for message in result] == [
        "gate g: nosuchgate is not an executable program",
        "agent script/missing: script/missing is not an executable program",
        "agent nosuchprogram: nosuchprogram is not an executable program",
    ]
    component = '[[component]]\nname = "c"\npath = "."\nsetup = ["make"]\n'
    repository.write(".huskies/project.toml", component)
    result = [error["message"] for error in huskies("config", "check", "--json").json()["errors"]]
    assert len(result) == 1


def test_a_missing_base_branch_is_named_before_the_programs_on_it(
    huskies: Commands, repository: GitRepository
) -> None:
    repository.write("bin/gate", "#!/bin/sh\n").chmod(0o755)
    repository.write(".huskies/project.toml", '[[gate]]\nname = "g"\ncommand = ["bin/gate"]\n')
    repository.git("branch", "--move", "main", "trunk")
    codes = [error["code"] for error in huskies("config", "check", "--json").json()["errors"]]
    assert "git_failed" not in codes


@pytest.mark.parametrize("path", ["a" * 300, "a/" * 3000], ids=["long part", "long path"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list", "--project"), (4, "no_project")),
        (("init", "--project"), (4, "no_project")),
        (("add", "A story", "--body"), (1, "unusable_path")),
        (("import",), (1, "unusable_path")),
        (("export", "--dir"), (1, "unusable_path")),
        (("status", "--svg"), (1, "unusable_path")),
        (("demo",), (1, "unusable_path")),
    ],
)
def test_a_path_that_is_too_long_is_an_error(
    huskies: Commands, words: tuple[str, ...], code: tuple[int, str], path: str
) -> None:
    done = huskies("--json", *words, path)
    assert (done.exit_code, done.json()["errors"][0]["code"]) == code
