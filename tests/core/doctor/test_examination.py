"""The whole examination runs in order, changes nothing and completes after errors."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from huskies_core.context import Context, open_context
from huskies_core.doctor.examination import SUBJECTS, examine
from huskies_core.errors import NoProject
from huskies_core.project import find_damaged_project
from huskies_core.store.schema import NEWEST, bring_up, scripts
from support.checks import fixed, problems
from support.git_repository import GitRepository
from support.stories import add_story

NOT_READ = "not checked: the store cannot be read"


def alter(context: Context, *statements: str) -> None:
    with closing(sqlite3.connect(context.project.database)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def all_files(root: Path) -> dict[str, bytes]:
    """Return all files except those of SQLite next to an open store."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): path.read_bytes() for path in files}


def test_a_project_without_problems_is_not_changed(context: Context) -> None:
    add_story(context.store)
    begun: list[str] = []
    before = all_files(context.project.root)
    context.progress = lambda name, _done, _of: begun.append(name)
    checks = list(examine(context))
    assert ([check for check in checks if check.problem], fixed(context)) == ([], {})
    assert list(dict.fromkeys(begun)) == [check.name for check in SUBJECTS]
    assert list(dict.fromkeys(check.subject for check in checks)) == [
        check.name for check in SUBJECTS if check.name != "survival"
    ]
    assert all_files(context.project.root) == before


def test_checks_are_yielded_one_by_one(context: Context) -> None:
    begun: list[str] = []
    context.progress = lambda name, _done, _of: begun.append(name)
    first = next(examine(context))
    assert (first.name, first.subject, begun) == ("python", "environment", ["environment"])


def overwrite(context: Context) -> None:
    context.project.database.write_bytes(b"no database\n" * 1000)


def remove(context: Context) -> None:
    context.project.database.unlink()


def empty(context: Context) -> None:
    context.project.database.write_bytes(b"")


def make_newer(context: Context) -> None:
    alter(context, "PRAGMA user_version = 99")


@pytest.mark.parametrize("harm", [overwrite, remove, empty, make_newer])
def test_an_unreadable_store_does_not_stop_the_other_checks(
    tmp_path: Path, context: Context, harm: Callable[[Context], None]
) -> None:
    context.store.close()
    harm(context)
    for leftover in context.project.state_dir.glob("state.db-*"):
        leftover.unlink()
    with open_context(context.project.root, find=find_damaged_project) as again:
        results = problems(again)
    fact = results.pop("store")
    errors = ("the store is damaged", "state.db is missing", "the store has version 99")
    assert any(part in fact for part in errors)
    assert results == dict.fromkeys(["runs", "worktrees"], NOT_READ)
    assert tmp_path.exists()


def test_a_missing_table_is_a_problem(context: Context) -> None:
    alter(context, "DROP TABLE cursors", "DROP TABLE pass_times")
    results = problems(context)
    assert results["store"] == "could not be checked: OperationalError: no such table: cursors"
    assert "no such table: pass_times" in results["services"]


def test_an_older_store_is_migrated_only_by_fix(context: Context) -> None:
    database = context.project.database
    context.store.close()
    database.unlink()
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        bring_up(db, scripts()[: NEWEST - 1])
    results = problems(context)
    assert results.pop("store") == f"the store has version {NEWEST - 1}, this huskies uses {NEWEST}"
    assert set(results.values()) == {"not checked: the store has an older version"}
    assert context.store.version() == NEWEST - 1
    assert fixed(context)["store"] == f"migrated to version {NEWEST}"
    assert (context.store.version(), "store" in problems(context)) == (NEWEST, False)


def test_a_missing_git_does_not_stop_the_other_checks(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with open_context(context.project.root, find=find_damaged_project) as again:
        results = problems(again)
    assert {results.pop(name) for name in ("git", "config", "worktrees")} == {"git is not on PATH"}
    assert results == {"agent ann": "true is not an executable program"}


def test_an_invalid_config_is_reported_by_its_own_check_only(context: Context) -> None:
    context.project.project_toml.write_text("max_coder = 1\n")
    context.project.agents_toml.write_text("[[agent")
    names = [check.name for check in examine(context) if check.problem]
    assert names == ["config", "config"]


def test_an_error_of_the_system_is_not_reported_as_a_bug(context: Context) -> None:
    context.project.audit_log.mkdir()
    results = problems(context)
    assert results == {"store": f"could not be checked: Is a directory: {context.project.audit_log}"}


def test_a_repository_without_huskies_is_not_a_project(tmp_path: Path) -> None:
    root = GitRepository(tmp_path / "other").root
    with pytest.raises(NoProject), open_context(root, find=find_damaged_project):
        pass
