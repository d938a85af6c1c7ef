"""A lost, damaged, newer or unusable store raises its error and never looks like an empty one."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.ids import StoryId
from huskies_core.pipeline.events import Start
from huskies_core.pipeline.stages import Coding
from huskies_core.project import Project
from huskies_core.store import content, journal, stories
from huskies_core.store.connection import Store, create
from support.store_process import StoreProcess
from support.stories import NOW, add_story, apply_to_story, load_story


def refusals(store: Store) -> tuple[str, str, str]:
    """Return the error codes of reading, writing and `create`."""
    return refusal_of_reading(store), refusal_of_writing(store), refusal_of_creating(store.project)


def refusal_of_reading(store: Store) -> str:
    with pytest.raises(HuskiesError) as error, store.reading():
        pass
    return error.value.code


def refusal_of_writing(store: Store) -> str:
    with pytest.raises(HuskiesError) as error, store.exclusive():
        pass
    return error.value.code


def refusal_of_creating(project: Project) -> str:
    with pytest.raises(HuskiesError) as error:
        create(project)
    return error.value.code


def log_of(project: Project) -> Path:
    return project.database.with_name("state.db-wal")


def leave(project: Project, folder: Path, *names: str) -> Project:
    """Copy the files of the store while it is open, as a crash of the machine would leave them."""
    copy = Project(folder, folder / ".git")
    copy.state_dir.mkdir(parents=True)
    for name in names:
        shutil.copyfile(project.state_dir / name, copy.state_dir / name)
    return copy


def test_a_newer_database_is_refused_each_time_it_is_opened(project: Project, store: Store) -> None:
    with closing(sqlite3.connect(project.database)) as db:
        db.execute("PRAGMA user_version = 999")
    assert refusals(store) == refusals(store) == ("newer_store",) * 3


def test_a_connection_that_was_open_before_notices_a_newer_database(project: Project, store: Store) -> None:
    add_story(store)
    load_story(store, 1)
    with closing(sqlite3.connect(project.database)) as db:
        db.execute("PRAGMA user_version = 999")
    assert (refusal_of_reading(store), refusal_of_writing(store)) == ("newer_store", "newer_store")


@pytest.mark.parametrize("file_content", [b"", b"not a database, but long enough to have a header" * 100])
def test_a_file_that_is_not_a_store_is_reported_as_damaged_and_stays_unchanged(
    project: Project, file_content: bytes
) -> None:
    project.database.write_bytes(file_content)
    with Store(project) as store:
        assert refusals(store) == ("store_damaged",) * 3
    assert project.database.read_bytes() == file_content


def test_a_bad_page_is_reported_as_damage(project: Project, store: Store) -> None:
    add_story(store)
    store.close()
    with closing(sqlite3.connect(project.database)) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'stories'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
    with project.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(HuskiesError) as reading:
        load_story(store, 1)
    with pytest.raises(HuskiesError) as writing:
        add_story(store)
    assert (reading.value.code, writing.value.code) == ("store_damaged", "store_damaged")


def test_a_deleted_database_is_lost_for_an_open_connection_too(project: Project, store: Store) -> None:
    add_story(store)
    load_story(store, 1)
    project.database.unlink()
    assert (refusal_of_reading(store), refusal_of_writing(store)) == ("store_lost", "store_lost")
    assert not project.database.exists()


def test_no_store_is_created_over_the_log_of_a_lost_one(project: Project, store: Store) -> None:
    add_story(store)
    project.database.unlink()
    assert (refusal_of_creating(project), log_of(project).exists()) == ("store_lost", True)
    log_of(project).unlink()
    create(project)
    with store.reading() as db:
        assert (stories.find(db, StoryId(1)), journal.head(db)) == (None, 0)


def test_an_open_store_switches_to_a_restored_copy(project: Project, tmp_path: Path, store: Store) -> None:
    add_story(store)
    store.close()
    copy = shutil.copyfile(project.database, tmp_path / "copy")
    apply_to_story(store, 1, Start())
    load_story(store, 1)
    for name in ("state.db-wal", "state.db-shm"):
        (project.state_dir / name).unlink()
    os.replace(copy, project.database)
    assert (load_story(store, 1).stage.name, add_story(store).id) == ("backlog", 2)
    with Store(project) as other:
        assert load_story(other, 2).id == 2


def test_a_commit_that_is_only_in_the_log_survives_a_crash(
    project: Project, tmp_path: Path, store: Store
) -> None:
    add_story(store)
    apply_to_story(store, 1, Start())
    names = ("state.db", "state.db-wal")
    with Store(leave(project, tmp_path / "reader", *names)) as copy:
        assert load_story(copy, 1).stage == Coding()
    with Store(leave(project, tmp_path / "writer", *names)) as copy:
        assert (add_story(copy).id, load_story(copy, 1).stage) == (2, Coding())


def test_a_torn_log_loses_only_the_torn_transaction(project: Project, tmp_path: Path, store: Store) -> None:
    add_story(store)
    length = log_of(project).stat().st_size
    apply_to_story(store, 1, Start())
    copy = leave(project, tmp_path / "left", "state.db", "state.db-wal")
    os.truncate(log_of(copy), length + 100)
    with Store(copy) as torn, torn.exclusive() as db:
        assert (stories.load(db, StoryId(1)).stage.name, journal.head(db)) == ("backlog", 1)


def fill_the_disk(store: Store) -> None:
    """Write a key that fits on the disk and a key that does not."""
    with store.exclusive() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 2}")
        content.put(db, StoryId(1), "sessions", "x", now=NOW)
        content.put(db, StoryId(1), "gate_output", "x" * 1_000_000, now=NOW)


def test_a_full_disk_writes_nothing_and_raises_disk_full(store: Store) -> None:
    add_story(store)
    with pytest.raises(HuskiesError) as full:
        fill_the_disk(store)
    with store.reading() as db:
        assert (full.value.code, content.of_story(db, StoryId(1))) == ("disk_full", {})


AS_NOBODY = """
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with store.reading() as db:
        report(stories.load(db, 1).draft.title)
except HuskiesError as error:
    report(error.code)
try:
    with store.exclusive():
        report("written")
except HuskiesError as error:
    report(error.code)
"""


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """Return a folder that every user can read, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder).resolve()


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("names", "read"),
    [
        (("state.db", "state.db-wal", "state.db-shm"), "A story"),
        (("state.db", "state.db-wal"), "store_unusable"),
        (("state.db",), "store_unusable"),
    ],
)
def test_a_read_only_folder_is_read_if_sqlite_can_and_else_store_unusable(
    project: Project, store: Store, readable_folder: Path, names: tuple[str, ...], read: str
) -> None:
    add_story(store)
    if "state.db-wal" not in names:
        store.close()
    copy = leave(project, readable_folder / "left", *names)
    copy.state_dir.chmod(0o555)
    code, output = StoreProcess(copy.root, AS_NOBODY).finish()
    copy.state_dir.chmod(0o755)
    assert (code, output.splitlines()) == (0, [read, "store_unusable"])
