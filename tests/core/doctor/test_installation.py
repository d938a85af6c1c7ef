"""Checks of the environment, git, the config and the store."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from huskies_core.context import Context
from huskies_core.doctor.installation import check_config, check_environment, check_git, check_store
from huskies_core.ids import Seq
from huskies_core.pipeline.events import Start
from huskies_core.runs.programs import installed_program
from huskies_core.store import journal
from support.checks import fixed, problems, problems_of
from support.stories import add_story, apply_to_story

SCRIPT = """
import resource, sys
from pathlib import Path
from huskies_core.context import open_context
from huskies_core.doctor.installation import check_environment
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
with open_context(Path(sys.argv[1])) as context:
    print([check.problem for check in check_environment(context) if check.problem])
"""


def test_another_huskies_on_path_is_a_problem(context: Context, tmp_path: Path) -> None:
    other = tmp_path / "huskies"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    context.environ = {**context.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    problem = f"huskies on PATH is {other}, but this is {installed_program()}"
    assert problems_of(check_environment, context) == {"program": problem}


def test_missing_folders_are_a_problem(context: Context, tmp_path: Path) -> None:
    missing, file = tmp_path / "missing", tmp_path / "file"
    file.touch()
    context.environ = {**context.environ, "HOME": str(missing), "TMPDIR": str(file)}
    assert problems_of(check_environment, context) == {
        "HOME": f"HOME is {missing}, which is not a folder",
        "TMPDIR": f"TMPDIR is {file}, which is not a folder",
    }


@pytest.mark.usefixtures("processes")
def test_a_locale_without_utf_8_and_a_low_limit_are_problems(context: Context) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    argv = [sys.executable, "-c", SCRIPT, str(context.project.root)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert ("the locale uses" in done.stdout, "only 100 files" in done.stdout) == (True, True)


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


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("stage = 'qa'", "story 1 is in qa, the journal has coding"),
        ("visit = 1", "story 1 is not in the stage of its later journal row 2"),
        (
            "stage_entered_at = '2020'",
            "story 1 entered its stage at 2020, the journal has 2026-03-01T12:00:00.000Z",
        ),
        ("visit = 3", "story 1 has no journal row for its stage"),
    ],
)
def test_a_story_that_contradicts_the_journal_is_named(context: Context, change: str, problem: str) -> None:
    add_story(context.store)
    apply_to_story(context.store, 1, Start())
    add_story(context.store)
    assert problems_of(check_store, context) == {}
    with context.store.exclusive() as db:
        db.execute(f"UPDATE stories SET {change} WHERE id = 1")
    assert problems_of(check_store, context) == {"journal": problem}
    assert [check.repair for check in check_store(context) if check.problem] == [None]


def test_cursors_beyond_the_journal_are_moved_to_its_end(context: Context) -> None:
    add_story(context.store)
    with context.store.exclusive() as db:
        journal.move_cursor(db, "relay", Seq(50))
        journal.move_cursor(db, "auto-assign", Seq(1))
    assert problems_of(check_store, context) == {"cursors": "cursor relay is at 50, the journal ends at 1"}
    assert fixed(context) == {"cursors": "the cursors continue at the end of the journal"}
    with context.store.reading() as db:
        assert (journal.cursor(db, "relay"), journal.cursor(db, "auto-assign")) == (1, 1)
    assert fixed(context) == {}


def test_a_counter_that_would_repeat_a_number_is_named(context: Context) -> None:
    add_story(context.store)
    with context.store.exclusive() as db:
        db.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'journal'")
    assert problems_of(check_store, context) == {"counters": "the counter of journal is 0, but 1 exists"}


def test_an_audit_log_beyond_the_journal_is_a_problem(context: Context) -> None:
    add_story(context.store)
    context.project.audit_log.write_text(json.dumps({"seq": 9}) + "\n")
    with context.store.reading() as db:
        head = journal.head(db)
    fact = f"the log ends at 9, the journal at {head}: nothing is added until the journal passes 9"
    assert problems(context) == {"audit log": fact}
    context.project.audit_log.write_text("not ours\n")
    assert problems(context) == {"audit log": "the last line is not valid"}
