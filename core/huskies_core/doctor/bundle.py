"""Write a bug report about a project: facts, names and numbers, but no texts of stories and agents and no keys."""

import errno
import gzip
import io
import json
import os
import platform
import re
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from huskies_core.context import Context
from huskies_core.doctor import masks
from huskies_core.doctor.check import DoctorCheck, is_older
from huskies_core.errors import HuskiesError
from huskies_core.ids import Seq
from huskies_core.passes.steps import attempt
from huskies_core.store import integrity, journal, runs
from huskies_core.store.connection import Connection

_FOLDER = "huskies-report"
_MOST_ROWS = 500
_ABOUT = """\
Written by 'huskies doctor --bundle' for a bug report. Read it before you send it.

versions.json   the versions of huskies, Python, the system and the packages that huskies uses
doctor.json     the results of 'huskies doctor'
project.json    the settings of project.toml and agents.toml. Texts are replaced by their length, except
agents.json     known words (names, models, stages). Values of env and notify are omitted.
env.json        the names of the variables in .huskies/env
journal.jsonl   the last 500 rows: time, event, stage before and after. Texts are replaced by their length.
runs.jsonl      the last 500 runs, masked in the same way
crashes.jsonl   crash reports: flags, positions in the code, classes of errors

Not included: titles, descriptions, criteria, notes, reasons, prompts, output of agents, environments, and the names of
users and of the machine. Paths begin with <project> or ~. Known secrets, and texts that look like one, are replaced by
<secret>.
"""


def refuse_existing(path: Path) -> None:
    """Raise HuskiesError if `path` exists or its folder does not."""
    if os.path.lexists(path):
        raise _exists(path)
    if not path.absolute().parent.is_dir():
        fact = f"the folder {path.absolute().parent} does not exist"
        raise HuskiesError(fact, hint="Create it, or give another name.", code="not_found", subject=str(path))


def write_bundle(context: Context, checks: Sequence[DoctorCheck], path: Path) -> None:
    """Write the archive completely or not at all, readable only by the owner.

    A part that cannot be read contains the class of its error.

    Raise HuskiesError `exists` if the name is in use.
    """
    refuse_existing(path)
    project, scrub = context.project, masks.scrubber(context)
    readers: Mapping[str, Callable[[], Any]] = {
        "versions.json": _versions,
        "doctor.json": lambda: [_row(check) for check in checks],
        "project.json": lambda: masks.read_settings(project.project_toml.read_text(encoding="utf-8")),
        "agents.json": lambda: masks.read_settings(project.agents_toml.read_text(encoding="utf-8")),
        "env.json": lambda: _env_names(project.env_file),
        "journal.jsonl": lambda: _entries(context),
        "runs.jsonl": lambda: _runs(context),
        "crashes.jsonl": lambda: masks.read_crashes(project.state_dir),
    }
    texts = {"about.txt": _ABOUT} | {name: _content(name, read) for name, read in readers.items()}
    scrubbed = {f"{_FOLDER}/{name}": scrub(text) for name, text in texts.items()}
    put_new(path, _packed(scrubbed, context.now()))


def _content(name: str, read: Callable[[], Any]) -> str:
    """Return a part as JSON, or one word for its error: a message may repeat private text."""
    with attempt() as attempted:
        value = read()
        is_lines = name.endswith(".jsonl")
        attempted.message = "".join(map(_line, value)) if is_lines else _document(value)
    if not attempted.code:
        return attempted.message
    return _document(
        {"unreadable": attempted.message.partition(":")[0] if attempted.code == "bug" else attempted.code}
    )


def _document(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _line(value: object) -> str:
    return json.dumps(value) + "\n"


def _versions() -> dict[str, object]:
    requirements = (line for line in requires("huskies") or () if "'dev'" not in line.replace('"', "'"))
    names = {"huskies", *(re.split(r"[^\w.-]", line)[0] for line in requirements)}
    installed = {}
    for name in sorted(names):
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return {
        "packages": installed,
        "python": sys.version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "sqlite": integrity.ENGINE,
    }


def _row(check: DoctorCheck) -> dict[str, object]:
    # A message about a config file may quote it: then only file and line are kept.
    position = ":".join(check.problem.split(":")[:2])
    problem = position if check.name == "config" else masks.without_quotes(check.problem)
    return {**check.to_json(), "problem": problem}


def _env_names(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return re.findall(r"(?m)^[ \t]*(?:export\s+)?([A-Za-z_]\w*)\s*=", text)


@contextmanager
def _reading(context: Context) -> Iterator[Connection]:
    """Yield the database. An older store is not migrated."""
    if is_older(context):
        raise HuskiesError("the store has an older version", code="older_store")
    with context.store.reading() as db:
        yield db


def _entries(context: Context) -> Iterator[dict[str, Any]]:
    with _reading(context) as db:
        entries = journal.entries_after(db, Seq(journal.head(db) - _MOST_ROWS), limit=_MOST_ROWS)
    for entry in entries:
        values = _values(entry, "seq", "at", "kind", "story", "event", "before", "after")
        actor = "user" if entry.actor.startswith("user:") else entry.actor
        yield {**values, "actor": actor, "detail": masks.without_texts(entry.detail)}


def _runs(context: Context) -> Iterator[dict[str, Any]]:
    names = ("id", "story", "kind", "agent", "runtime", "model", "visit", "seq", "status", "outcome")
    figures = ("started_at", "ended_at", "turns", "cost_usd", "verdict")
    with _reading(context) as db:
        newest = runs.recent(db, _MOST_ROWS)
    for run in newest:
        texts = {
            "detail": run.detail,
            "evidence": run.evidence.to_json(),
            "is_landing": run.landing is not None,
        }
        yield {**_values(run, *names, *figures), **masks.without_texts(texts)}


def _values(record: object, *names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _packed(members: Mapping[str, str], now: datetime) -> bytes:
    """Return an archive of the texts by file name, readable only by the owner."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, text in members.items():
            content = text.encode("utf-8", "backslashreplace")
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=int(now.timestamp()))


def put_new(path: Path, content: bytes) -> None:
    """Write a new file completely or not at all, readable only by the owner.

    A hard link gives it its name, which fails if the name is in use. Raise HuskiesError `exists` or `not_writable`. A
    crash leaves a hidden temporary file in the same folder.
    """
    temporary = path.with_name(f".huskies-report.{os.getpid()}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _rename_new(temporary, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        fact = f"{path} cannot be written: {error.strerror}"
        raise HuskiesError(fact, hint="Give another name.", code="not_writable", subject=str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _rename_new(temporary: Path, path: Path) -> None:
    """Link the file to its name. On FAT and exFAT, which lack hard links (EPERM or ENOTSUP), rename it instead."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        refuse_existing(path)
        temporary.rename(path)


def _exists(path: Path) -> HuskiesError:
    hint = "Give another name, or remove it."
    return HuskiesError(f"{path} already exists", hint=hint, code="exists", subject=str(path))
