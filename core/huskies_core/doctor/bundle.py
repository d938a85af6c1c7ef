"""Write a bug report about a project: facts, names and numbers, but no texts of stories and agents and no keys."""

import json
import platform
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from huskies_core.context import Context
from huskies_core.doctor.archive import packed, put_new, refuse_existing
from huskies_core.doctor.check import DoctorCheck
from huskies_core.doctor.crashes import read_crashes
from huskies_core.doctor.masks import read_settings, scrubber, without_quotes, without_texts
from huskies_core.doctor.state import is_older
from huskies_core.errors import HuskiesError
from huskies_core.passes.attempt import attempt
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


def write_bundle(context: Context, checks: Sequence[DoctorCheck], path: Path) -> None:
    """Write the archive completely or not at all, readable only by the owner. A part that cannot be read has its error.

    Raise HuskiesError `exists` if the name is in use.
    """
    refuse_existing(path)
    scrub = scrubber(context)
    members = {"about.txt": _ABOUT} | {
        name: _content(read) for name, read in _members(context, checks).items()
    }
    scrubbed = {f"{_FOLDER}/{name}": scrub(text) for name, text in members.items()}
    put_new(path, packed(scrubbed, context.now()))


def _members(context: Context, checks: Sequence[DoctorCheck]) -> dict[str, Callable[[], str]]:
    project = context.project
    return {
        "versions.json": lambda: _document(_versions()),
        "doctor.json": lambda: _document([_row(check) for check in checks]),
        "project.json": lambda: _document(read_settings(project.project_toml.read_text(encoding="utf-8"))),
        "agents.json": lambda: _document(read_settings(project.agents_toml.read_text(encoding="utf-8"))),
        "env.json": lambda: _document(list(_names(project.env_file))),
        "journal.jsonl": lambda: _lines(_entries(context)),
        "runs.jsonl": lambda: _lines(_runs(context)),
        "crashes.jsonl": lambda: _lines(read_crashes(project.state_dir)),
    }


def _content(read: Callable[[], str]) -> str:
    """Return the text of a part, or one word for its error: a message may repeat private text."""
    with attempt() as tried:
        tried.message = read()
    if not tried.code:
        return tried.message
    return _document({"unreadable": tried.message.partition(":")[0] if tried.code == "bug" else tried.code})


def _versions() -> dict[str, object]:
    requirements = (line for line in requires("huskies") or () if "'dev'" not in line.replace('"', "'"))
    names = {"huskies", *(re.split(r"[^\w.-]", line)[0] for line in requirements)}
    return {
        "packages": {name: installed for name in sorted(names) if (installed := _version(name))},
        "python": sys.version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "sqlite": integrity.ENGINE,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _row(check: DoctorCheck) -> dict[str, object]:
    # A message about a config file may quote it: then only file and line are kept.
    position = ":".join(check.problem.split(":")[:2])
    problem = position if check.name == "config" else without_quotes(check.problem)
    return {**check.to_json(), "problem": problem}


def _names(path: Path) -> Iterator[str]:
    if path.exists():
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from re.findall(r"(?m)^[ \t]*(?:export\s+)?([A-Za-z_]\w*)\s*=", text)


@contextmanager
def _reading(context: Context) -> Iterator[Connection]:
    """Yield the database. An older store is not migrated."""
    if is_older(context):
        raise HuskiesError("the store has an older version", code="older_store")
    with context.store.reading() as db:
        yield db


def _entries(context: Context) -> Iterator[dict[str, Any]]:
    with _reading(context) as db:
        entries = journal.entries_after(db, journal.head(db) - _MOST_ROWS, limit=_MOST_ROWS)
    for entry in entries:
        values = _values(entry, "seq", "at", "kind", "story", "event", "before", "after")
        actor = "user" if entry.actor.startswith("user:") else entry.actor
        yield {**values, "actor": actor, "detail": without_texts(entry.detail)}


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
        yield {**_values(run, *names, *figures), **without_texts(texts)}


def _values(record: object, *names: str) -> dict[str, Any]:
    return {name: getattr(record, name) for name in names}


def _document(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _lines(values: Iterable[object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)
