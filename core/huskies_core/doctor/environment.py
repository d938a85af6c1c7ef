"""What this process finds around it: its program, its folders, how text is written, and how much may be open."""

import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.git.host import network_filesystem
from huskies_core.runs.own_program import installed_program

_FEWEST_FILES = 256


def look_around(context: Context) -> Iterator[Check]:
    yield Check("python", detail=f"Python {platform.python_version()}")
    yield _program(context)
    for name in ("HOME", "TMPDIR"):
        yield _folder(name, context.environ.get(name))
    yield _text()
    yield _file_system(context)
    yield _open_files()


def _program(context: Context) -> Check:
    """Runs and services call this very installation by its path; people and agents outside of runs the one on PATH."""
    found, own = shutil.which("huskies", path=context.environ.get("PATH")), installed_program()
    if found is None or os.path.realpath(found) == os.path.realpath(own):
        return Check("program", detail="" if found else "huskies is not on PATH")
    fix = f"Put {os.path.dirname(own)} before it on PATH, or remove one of them."
    return Check("program", f"huskies on PATH is {found}, this one is {own}", fix)


def _folder(name: str, place: str | None) -> Check:
    """Without HOME the one of the user database holds, without TMPDIR one of the system's."""
    if not place:
        return Check(name)
    if not os.path.isdir(place):
        return Check(name, f"{name} is {place}, which is no folder", f"Make it, or set {name} to one.")
    try:
        with tempfile.TemporaryFile(dir=place):
            return Check(name)
    except OSError as error:
        return Check(
            name,
            f"nothing can be written in {name}, {place}: {error.strerror}",
            f"Mend it, or set {name} to another.",
        )


def _text() -> Check:
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return Check("text")
    fix = "Set LC_ALL to a locale of UTF-8, such as C.UTF-8."
    return Check("text", f"the locale has text in {encoding}; names and titles may not fit in it", fix)


def _file_system(context: Context) -> Check:
    root, state = context.project.root, context.project.state_dir
    kind = network_filesystem(Path(root))
    if kind is not None:
        fix = "Locks and the store hold on one host only: clone the repository to a local disk."
        return Check("file system", f"{root} is on a network file system ({kind})", fix)
    if not os.access(state, os.W_OK | os.X_OK):
        return Check("file system", f"{state} cannot be written", "Check who owns it and its mode.")
    return Check("file system")


def _open_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _FEWEST_FILES:
        return Check("open files", f"no more than {soft} files may be open at once", "Run 'ulimit -n 1024'.")
    return Check("open files")
