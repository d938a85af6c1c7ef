"""Settings of git and of the project that hurt."""

from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.repository import look_at_git
from huskies_core.doctor.settings import look_at_config
from support.checks import fixed, problems, seen


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("core.bare", "true", "core.bare is set so that git takes the checkout for none"),
        ("core.worktree", "/elsewhere", "core.worktree is set so that git works in /elsewhere"),
        ("core.hooksPath", "/no/hooks", "core.hooksPath is set so that hooks would come from /no/hooks"),
        ("core.fsmonitor", "true", "core.fsmonitor is set so that a daemon of git stays in every worktree"),
    ],
)
def test_a_setting_that_hurts_comes_with_the_command_that_ends_it(
    context: Context, key: str, value: str, why: str
) -> None:
    config = str(context.project.git_dir / "config")
    context.repository.git("config", "--file", config, key, value)
    found = [one for one in look_at_git(context) if one.problem]
    assert [(one.name, one.problem.startswith(why)) for one in found] == [(f"git {key}", True)]
    command = found[0].fix.removeprefix("Run 'git config ").removesuffix("'.").split()
    context.repository.git("config", "--file", config, *command)
    assert seen(look_at_git, context) == {}


def test_hooks_that_a_story_may_change_are_told_and_those_of_the_project_are_not(context: Context) -> None:
    config = str(context.project.git_dir / "config")
    context.repository.git("config", "--file", config, "core.hooksPath", ".githooks")
    assert seen(look_at_git, context) == {}
    inside = context.project.worktree(1) / "hooks"
    context.repository.git("config", "--file", config, "core.hooksPath", str(inside))
    assert "which a story may change" in seen(look_at_git, context)["git core.hooksPath"]


def test_what_does_no_harm_is_told_as_a_fact(context: Context) -> None:
    config = str(context.project.git_dir / "config")
    for key, value in (("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin")):
        context.repository.git("config", "--file", config, key, value)
    found = {one.name: (one.problem, one.detail) for one in look_at_git(context)}
    fact = "a partial clone: git fetches what is missing when a worktree is made"
    assert found["git settings"] == ("", fact)


def test_keys_that_others_can_read_are_closed(context: Context) -> None:
    path = context.project.env_file
    path.write_text("KEY=1\n")
    path.chmod(0o644)
    assert seen(look_at_config, context) == {"env file": f"{path} can be read by others (mode 0644)"}
    assert fixed(context) == {"env file": "env is for its owner alone"}
    assert (path.stat().st_mode & 0o777, fixed(context), problems(context)) == (0o600, {}, {})
    path.write_text("sk-secret\n")
    assert problems(context) == {"env file": f"{path}:1: not NAME=value"}


def test_the_mode_of_what_an_env_file_leads_to_is_left_to_a_person(context: Context, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.write_text("KEY=value\n")
    shared.chmod(0o644)
    context.project.env_file.symlink_to(shared)
    assert (fixed(context), list(problems(context)), shared.stat().st_mode & 0o777) == (
        {},
        ["env file"],
        0o644,
    )


def test_a_store_that_the_next_commit_would_take_in_is_told(context: Context) -> None:
    (context.project.state_dir / ".gitignore").unlink()
    assert problems(context) == {"ignored files": "git does not ignore .huskies/state.db and .huskies/env"}


def test_a_base_branch_that_is_not_there_is_told(context: Context) -> None:
    context.project.project_toml.write_text('base_branch = "trunk"\n')
    assert seen(look_at_config, context) == {"base branch": "there is no branch trunk"}
