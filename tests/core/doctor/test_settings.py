"""Problems in the settings of git and of the project."""

from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.installation import check_config, check_git
from support.checks import fixed, problems, problems_of


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("core.bare", "true", "core.bare is set so that git treats the repository as one without a checkout"),
        ("core.worktree", "/elsewhere", "core.worktree is set so that git works in /elsewhere"),
        ("core.hooksPath", "/no/hooks", "core.hooksPath is set so that hooks come from /no/hooks"),
        ("core.fsmonitor", "true", "core.fsmonitor is set so that git leaves a daemon in every worktree"),
    ],
)
def test_a_harmful_setting_has_the_command_that_removes_it(
    context: Context, key: str, value: str, why: str
) -> None:
    config = str(context.project.git_dir / "config")
    context.repository.git("config", "--file", config, key, value)
    checks = [check for check in check_git(context) if check.problem]
    assert [(check.name, check.problem.startswith(why)) for check in checks] == [(f"git {key}", True)]
    command = checks[0].fix.removeprefix("Run 'git config ").removesuffix("'.").split()
    context.repository.git("config", "--file", config, *command)
    assert problems_of(check_git, context) == {}


def test_hooks_are_a_problem_only_where_a_story_may_change_them(context: Context) -> None:
    config = str(context.project.git_dir / "config")
    context.repository.git("config", "--file", config, "core.hooksPath", ".githooks")
    assert problems_of(check_git, context) == {}
    inside = context.project.worktree(1) / "hooks"
    context.repository.git("config", "--file", config, "core.hooksPath", str(inside))
    assert "which a story may change" in problems_of(check_git, context)["git core.hooksPath"]


def test_a_harmless_setting_is_a_detail(context: Context) -> None:
    config = str(context.project.git_dir / "config")
    for key, value in (("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin")):
        context.repository.git("config", "--file", config, key, value)
    checks = {check.name: (check.problem, check.detail) for check in check_git(context)}
    fact = "a partial clone: git fetches missing objects when a worktree is created"
    assert checks["git settings"] == ("", fact)


def test_keys_that_others_can_read_are_made_private(context: Context) -> None:
    path = context.project.env_file
    path.write_text("KEY=1\n")
    path.chmod(0o644)
    assert problems_of(check_config, context) == {"env file": f"{path} can be read by others (mode 0644)"}
    assert fixed(context) == {"env file": "only the owner can read env now"}
    assert (path.stat().st_mode & 0o777, fixed(context), problems(context)) == (0o600, {}, {})
    path.write_text("sk-secret\n")
    assert problems(context) == {"env file": f"{path}:1: not NAME=value"}


def test_the_mode_of_a_linked_env_file_is_not_changed(context: Context, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_text("KEY=value\n")
    shared.chmod(0o644)
    context.project.env_file.symlink_to(shared)
    assert (fixed(context), list(problems(context)), shared.stat().st_mode & 0o777) == (
        {},
        ["env file"],
        0o644,
    )


def test_a_store_that_git_does_not_ignore_is_a_problem(context: Context) -> None:
    (context.project.state_dir / ".gitignore").unlink()
    assert problems(context) == {"ignored files": "git does not ignore .huskies/state.db and .huskies/env"}


def test_a_missing_base_branch_is_a_problem(context: Context) -> None:
    context.project.project_toml.write_text('base_branch = "trunk"\n')
    assert problems_of(check_config, context) == {"base branch": "the branch trunk does not exist"}
