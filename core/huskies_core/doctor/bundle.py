"""What a bug report needs of a project, in one file: facts, names and numbers, no word of a story, an agent, a key."""

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
from huskies_core.doctor.check import Check
from huskies_core.doctor.crashes import read_crashes
from huskies_core.doctor.masks import read_settings, scrubber, without_quotes, without_texts
from huskies_core.doctor.state import is_older
from huskies_core.errors import HuskiesError
from huskies_core.passes.attempt import attempt
from huskies_core.store import integrity, journal, runs
from huskies_core.store.connection import Connection
from huskies_core.store.journal import Entry
from huskies_core.store.runs import Run

_FOLDER = "huskies-report"
_MOST_ROWS = 500
_ABOUT = """\
Written by 'huskies doctor --bundle' for a bug report. Look through it before you send it.

versions.json   of huskies, Python, the system, and what huskies is built on
doctor.json     what the look came to
project.json    the settings of project.toml and agents.toml: of texts what is one of a few words (names, models,
agents.json     stages), else how long they are; nothing at all of env and notify
env.json        the names in .huskies/env
journal.jsonl   its last 500 rows: when, what, from where, to where; of texts how long they are
runs.jsonl      the last 500 runs, likewise
crashes.jsonl   crash reports: flags, places in the code, classes of errors

Left out: titles, descriptions, criteria, notes, reasons, prompts, what agents printed, names of users and of the
machine, environments. Paths begin with <project> or ~. What is known to be a secret here, or looks like one, is
<secret>.
"""


def write_bundle(context: Context, checks: Sequence[Check], path: Path) -> None:
    """Writes it whole, for its owner alone, or not at all. A part that cannot be read says so in its place.

    Raises HuskiesError `exists` where something has the name already.
    """
    refuse_existing(path)
    scrub = scrubber(context)
    members = {"about.txt": _ABOUT} | {
        name: _content(read) for name, read in _members(context, checks).items()
    }
    scrubbed = {f"{_FOLDER}/{name}": scrub(text) for name, text in members.items()}
    put_new(path, packed(scrubbed, context.now()))


def _members(context: Context, checks: Sequence[Check]) -> dict[str, Callable[[], str]]:
    project = context.project
    return {
        "versions.json": lambda: _document(_versions()),
        "doctor.json": lambda: _document([_row(check) for check in checks]),
        "project.json": lambda: _document(read_settings(project.project_toml.read_text(encoding="utf-8"))),
        "agents.json": lambda: _document(read_settings(project.agents_toml.read_text(encoding="utf-8"))),
        "env.json": lambda: _document(list(_names(project.env_file))),
        "journal.jsonl": lambda: _lines(map(_entry, _newest_entries(context))),
        "runs.jsonl": lambda: _lines(map(_run, _newest_runs(context))),
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
    used = (one for one in requires("huskies") or () if "'dev'" not in one.replace('"', "'"))
    wanted = {"huskies", *(re.split(r"[^\w.-]", one)[0] for one in used)}
    return {
        "packages": {name: found for name in sorted(wanted) if (found := _version(name))},
        "python": sys.version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "sqlite": integrity.ENGINE,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _row(check: Check) -> dict[str, object]:
    named = {"subject": check.subject, "check": check.name, "ok": check.is_well, "fixed": check.fixed}
    return {**named, "problem": _complaint(check), "fix": check.fix, "detail": check.detail}


def _complaint(check: Check) -> str:
    """What is said of a file that people write may repeat what stands there: of that no more than the place is told."""
    if check.name == "config":
        return ":".join(check.problem.split(":")[:2])
    return without_quotes(check.problem)


def _names(path: Path) -> Iterator[str]:
    if path.exists():
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from (
            found[1] for line in lines if (found := re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", line))
        )


def _newest_entries(context: Context) -> tuple[Entry, ...]:
    with _reading(context) as db:
        return journal.entries_after(db, journal.head(db) - _MOST_ROWS, limit=_MOST_ROWS)


def _newest_runs(context: Context) -> tuple[Run, ...]:
    with _reading(context) as db:
        return runs.recent(db, _MOST_ROWS)


@contextmanager
def _reading(context: Context) -> Iterator[Connection]:
    """An older store stays one."""
    if is_older(context):
        raise HuskiesError("the store is not brought up to date", code="older_store")
    with context.store.reading() as db:
        yield db


def _entry(entry: Entry) -> dict[str, Any]:
    who = {"actor": _actor(entry.actor), "detail": without_texts(entry.detail)}
    place = {"seq": entry.seq, "at": entry.at, "kind": entry.kind, "story": entry.story, "event": entry.event}
    return {**place, "before": entry.before, "after": entry.after, **who}


def _actor(name: str) -> str:
    """The name of a person is nobody's business."""
    return "user" if name.startswith("user:") else name


def _run(run: Run) -> dict[str, Any]:
    named = {"id": run.id, "story": run.story, "kind": run.kind, "agent": run.agent, "runtime": run.runtime}
    state = {
        "model": run.model,
        "visit": run.visit,
        "seq": run.seq,
        "status": run.status,
        "outcome": run.outcome,
    }
    times = {
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "turns": run.turns,
        "cost_usd": run.cost_usd,
    }
    texts = {"detail": run.detail, "evidence": run.evidence.to_json(), "is_landing": run.landing is not None}
    return {**named, **state, **times, "verdict": run.verdict, **without_texts(texts)}


def _document(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _lines(values: Iterable[object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)
