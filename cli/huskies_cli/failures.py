"""Exceptions as errors of the command line: one line if a person can act on it, else a crash report."""

import errno
import os
import platform
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from huskies_cli.output import asks_for_json, fail
from huskies_cli.session import Session
from huskies_core.errors import HuskiesError

_FACTS = {
    errno.ENOSPC: ("disk_full", "the disk is full", "Free disk space and run the command again."),
    errno.EDQUOT: ("disk_full", "the disk quota is used up", "Free disk space and run the command again."),
    errno.EROFS: ("read_only", "the file system is read-only", "Mount it writable, or work on a copy."),
    errno.EACCES: ("permission_denied", "permission denied", "Check its owner and its mode."),
    errno.EPERM: ("permission_denied", "permission denied", "Check its owner and its mode."),
    errno.ENAMETOOLONG: ("unusable_path", "the path is too long", "Give a shorter path."),
    errno.ELOOP: ("unusable_path", "symbolic links of the path form a loop", "Give another path."),
    errno.EMFILE: ("too_many_files", "too many files are open", "Raise the limit: ulimit -n."),
    errno.ENFILE: ("too_many_files", "too many files are open on this machine", "Close other programs."),
}


class Bug(HuskiesError):
    """An unexpected exception."""

    exit_code = 3


class InterruptedCommand(HuskiesError):
    """Ctrl-C."""

    exit_code = 130


def report(error: BaseException, arguments: Sequence[str], session: Session) -> int:
    """Print the error and return the exit code. For a bug, write a report file."""
    explained = explain(error)
    if explained is not None:
        return fail(explained, session)
    session.json = session.json or asks_for_json(arguments)
    return fail(_bug(error, arguments, session), session)


def explain(error: BaseException) -> HuskiesError | None:
    """Return the error that a person can act on, or None for a bug."""
    if isinstance(error, HuskiesError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return InterruptedCommand("interrupted", code="interrupted")
    if isinstance(error, OSError) and error.errno in _FACTS:
        code, fact, hint = _FACTS[error.errno]
        path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
        return HuskiesError(f"{fact}: {path}" if path else fact, hint=hint, code=code, subject=path)
    return None


def _bug(error: BaseException, arguments: Sequence[str], session: Session) -> Bug:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    path = _write_report(_report_text(error, arguments), session)
    hint = "'huskies doctor --bundle FILE' makes an archive that you can send."
    advice = f"The report is {path}; {hint}" if path else "No report could be written."
    return Bug(f"this is a bug: {words}", hint=advice, code="bug", subject=path)


def _report_text(error: BaseException, arguments: Sequence[str]) -> str:
    from importlib.metadata import distributions

    versions = sorted({f"{item.name} {item.version}" for item in distributions()})
    return "\n".join((
        f"arguments: {list(arguments)!r}",
        f"python: {sys.version}",
        f"system: {platform.platform()}",
        f"sqlite: {sqlite3.sqlite_version}",
        "",
        "".join(traceback.format_exception(error)),
        *versions,
        "",
    ))  # fmt: skip


def _write_report(text: str, session: Session) -> str:
    """Write a report that only its owner can read. Return its path, or "" if no directory is writable."""
    for folder in (_crash_folder(session), tempfile.gettempdir()):
        try:
            if folder:
                return _write_into(folder, text)
        except OSError:
            continue
    return ""


def _write_into(folder: str, text: str) -> str:
    Path(folder).mkdir(exist_ok=True)
    handle, path = tempfile.mkstemp(prefix="huskies-", suffix=".txt", dir=folder, text=True)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path


def _crash_folder(session: Session) -> str:
    from huskies_core.project import find_project

    try:
        return str(find_project(session.start).state_dir / "crash")
    except (HuskiesError, OSError):
        return ""
