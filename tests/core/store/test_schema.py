"""New and migrated databases are equal, and a failing step leaves the version before it."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

import huskies_core
from huskies_core.errors import HuskiesError
from huskies_core.pipeline.state_machine import TABLE
from huskies_core.project import Project
from huskies_core.store import journal
from huskies_core.store.connection import Store, create
from huskies_core.store.schema import MIGRATIONS, NEWEST, bring_up, migrate, scripts, stored_version
from support.stories import add_story, load_story

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"

READ = """
import sys
from pathlib import Path
from huskies_core.project import Project
from huskies_core.store import stories
from huskies_core.store.connection import Store
root = Path(sys.argv[1])
with Store(Project(root, root / ".git")) as store, store.reading() as db:
    print(stories.load(db, 1).draft.title, db.execute("SELECT count(*) FROM later").fetchone()[0])
"""


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        yield db


def test_the_list_of_migrations_equals_the_folder() -> None:
    folder = resources.files("huskies_core.store") / "migrations"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    numbers = [int(name.split("_")[0]) for name in MIGRATIONS]
    assert (list(MIGRATIONS), numbers) == (names, list(range(1, NEWEST + 1)))


def test_a_new_database_equals_one_that_was_migrated_version_by_version(
    empty: sqlite3.Connection, store: Store
) -> None:
    for version in range(1, NEWEST + 1):
        bring_up(empty, scripts()[:version])
        assert stored_version(empty) == version
    with store.reading() as db:
        fresh = [tuple(row) for row in db.execute(SCHEMA)]
        assert (stored_version(db), fresh) == (NEWEST, empty.execute(SCHEMA).fetchall())


def test_a_failing_step_leaves_the_version_before_it(empty: sqlite3.Connection) -> None:
    migrate(empty)
    before = empty.execute(SCHEMA).fetchall()
    with pytest.raises(sqlite3.OperationalError):
        bring_up(empty, [*scripts(), "CREATE TABLE later (x);", "CREATE TABLE broken;"])
    assert (stored_version(empty), empty.execute(SCHEMA).fetchall()) == (NEWEST, before)
    bring_up(empty, [*scripts(), "CREATE TABLE later (x);"])
    assert stored_version(empty) == NEWEST + 1


@pytest.mark.usefixtures("processes")
def test_the_first_reader_migrates_an_older_store_and_the_older_program_then_refuses_it(
    project: Project, store: Store, tmp_path: Path
) -> None:
    add_story(store)
    load_story(store, 1)
    newer = newer_program(tmp_path / "newer")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(project.root)],
        env={"PYTHONPATH": str(newer)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("A story 0\n", "")
    with pytest.raises(
        HuskiesError, match=f"has version {NEWEST + 1}, but this huskies supports only version {NEWEST}"
    ):
        load_story(store, 1)


def newer_program(folder: Path) -> Path:
    """Return a copy of the program with one more migration."""
    package = Path(huskies_core.__file__).parent
    shutil.copytree(package, folder / "huskies_core", ignore=shutil.ignore_patterns("__pycache__"))
    store = folder / "huskies_core" / "store"
    (store / "migrations" / "9999_later.sql").write_text("CREATE TABLE later (x);")
    schema = store / "schema.py"
    known = f'"{MIGRATIONS[-1]}"'
    schema.write_text(schema.read_text().replace(known, f'{known}, "9999_later.sql"'))
    return folder


def test_creating_a_store_that_exists_changes_nothing(project: Project, store: Store) -> None:
    story = add_story(store)
    create(project)
    assert load_story(store, 1) == story


def test_the_files_of_a_killed_creation_are_removed(project: Project) -> None:
    for name in ("state.new", "state.new-wal", "state.new-shm"):
        (project.state_dir / name).write_bytes(b"half")
    create(project)
    with Store(project) as store, store.reading() as db:
        assert (journal.head(db), db.execute("PRAGMA journal_mode").fetchone()[0]) == (0, "wal")
    assert not list(project.state_dir.glob("state.new*"))


def test_the_schema_lists_the_same_events_as_the_table_of_the_state_machine() -> None:
    schema = scripts()[0]
    restarts = ", ".join(f"'{row.event.name}'" for row in TABLE if row.restarts)
    returns = ", ".join(f"'{row.event.name}'" for row in TABLE if row.returns)
    assert f"WHERE event IN ({restarts});" in schema
    assert f"CHECK (returned_by IN ({returns}))" in schema
