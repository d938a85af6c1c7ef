"""The whole look: in order, changing nothing, and never at an end before its end."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from huskies_core.context import Context, open_context
from huskies_core.doctor.examination import SUBJECTS, examine
from huskies_core.errors import NoProject
from huskies_core.project import find_remains
from huskies_core.store.schema import NEWEST, bring_up, scripts
from support.checks import fixed, problems
from support.git_repository import GitRepository
from support.stories import add_story

NOT_READ = "not looked at: the store cannot be read"


def alter(context: Context, *statements: str) -> None:
    with closing(sqlite3.connect(context.project.database)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def everything(root: Path) -> dict[str, bytes]:
    """All files but those that SQLite keeps beside a store that is open."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {str(path): path.read_bytes() for path in files}


def test_a_project_that_is_well_has_nothing_to_fix_and_is_left_as_it_is(context: Context) -> None:
    add_story(context.store)
    begun: list[str] = []
    before = everything(context.project.root)
    context.progress = lambda at, _done, _of: begun.append(at)
    found = list(examine(context))
    assert ([one for one in found if one.problem], fixed(context)) == ([], {})
    assert list(dict.fromkeys(begun)) == [one.name for one in SUBJECTS]
    assert list(dict.fromkeys(one.subject for one in found)) == [
        one.name for one in SUBJECTS if one.name != "survival"
    ]
    assert everything(context.project.root) == before


def test_checks_come_one_by_one(context: Context) -> None:
    begun: list[str] = []
    context.progress = lambda at, _done, _of: begun.append(at)
    first = next(examine(context))
    assert (first.name, first.subject, begun) == ("python", "environment", ["environment"])


def overwrite(context: Context) -> None:
    context.project.database.write_bytes(b"no database\n" * 1000)


def remove(context: Context) -> None:
    context.project.database.unlink()


def empty(context: Context) -> None:
    context.project.database.write_bytes(b"")


def of_the_future(context: Context) -> None:
    alter(context, "PRAGMA user_version = 99")


@pytest.mark.parametrize("harm", [overwrite, remove, empty, of_the_future])
def test_without_a_store_that_can_be_read_the_rest_is_looked_at(
    tmp_path: Path, context: Context, harm: Callable[[Context], None]
) -> None:
    context.store.close()
    harm(context)
    for leftover in context.project.state_dir.glob("state.db-*"):
        leftover.unlink()
    with open_context(context.project.root, find=find_remains) as again:
        found = problems(again)
    fact = found.pop("store")
    told = ("the store is damaged", "state.db is missing", "the store is of version 99")
    assert any(part in fact for part in told)
    assert found == dict.fromkeys(["runs", "worktrees"], NOT_READ)
    assert tmp_path.exists()


def test_a_table_that_is_gone_is_told_and_crashes_nothing(context: Context) -> None:
    alter(context, "DROP TABLE cursors", "DROP TABLE pass_times")
    found = problems(context)
    assert found["store"] == "could not be checked: OperationalError: no such table: cursors"
    assert "no such table: pass_times" in found["services"]


def test_an_older_store_stays_as_it_is_until_it_is_asked_for(context: Context) -> None:
    database = context.project.database
    context.store.close()
    database.unlink()
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        bring_up(db, scripts()[: NEWEST - 1])
    found = problems(context)
    assert found.pop("store") == f"it is of version {NEWEST - 1}, this huskies knows {NEWEST}"
    assert set(found.values()) == {"not looked at: the store is not brought up to date"}
    assert context.store.version() == NEWEST - 1
    assert fixed(context)["store"] == f"brought to version {NEWEST}"
    assert (context.store.version(), "store" in problems(context)) == (NEWEST, False)


def test_without_a_git_the_rest_is_looked_at(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with open_context(context.project.root, find=find_remains) as again:
        found = problems(again)
    assert {found.pop(name) for name in ("git", "config", "worktrees")} == {"git is not on PATH"}
    assert found == {"agent ann": "true is no program that can be run"}


def test_a_config_that_does_not_load_is_told_once(context: Context) -> None:
    context.project.project_toml.write_text("max_coder = 1\n")
    context.project.agents_toml.write_text("[[agent")
    found = [one.name for one in examine(context) if one.problem]
    assert found == ["config", "config"]


def test_what_the_system_refuses_is_told_and_is_no_bug(context: Context) -> None:
    context.project.audit_log.mkdir()
    found = problems(context)
    assert found == {"store": f"could not be checked: Is a directory: {context.project.audit_log}"}


def test_where_nothing_was_ever_made_there_is_no_project(tmp_path: Path) -> None:
    root = GitRepository(tmp_path / "other").root
    with pytest.raises(NoProject), open_context(root, find=find_remains):
        pass
