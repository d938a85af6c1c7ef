"""A pinned database keeps its write-ahead log when its last connection closes."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("processes")

HOLD = """\
import sys
from huskies_core.supervisor.shim import pin_database
pin_database(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def use(database: Path) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE IF NOT EXISTS t (x)")
        db.execute("INSERT INTO t VALUES (1)")
        db.commit()


def test_the_log_stays_the_same_file_while_it_is_pinned(tmp_path: Path) -> None:
    database, log = tmp_path / "state.db", tmp_path / "state.db-wal"
    use(database)
    assert not log.exists()
    opened = sqlite3.connect(database)
    opened.execute("SELECT * FROM t").fetchall()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        opened.close()
        first = log.stat().st_ino
        use(database)
        assert log.stat().st_ino == first
        holder.communicate()
    use(database)
    assert not log.exists()
