"""Checks of the process environment: program, folders, locale, file system and limits."""

import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck
from huskies_core.git.host import network_filesystem
from huskies_core.runs.own_program import installed_program

_FEWEST_FILES = 256


def check_environment(context: Context) -> Iterator[DoctorCheck]:
    yield DoctorCheck("python", detail=f"Python {platform.python_version()}")
    yield _program(context)
    for name in ("HOME", "TMPDIR"):
        yield _folder(name, context.environ.get(name))
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        yield DoctorCheck("text")
    else:
        fix = "Set LC_ALL to a UTF-8 locale such as C.UTF-8."
        yield DoctorCheck(
            "text", f"the locale uses {encoding}, which lacks characters of names and titles", fix
        )
    yield _file_system(context)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _FEWEST_FILES:
        yield DoctorCheck("open files", f"only {soft} files may be open at once", "Run 'ulimit -n 1024'.")
    else:
        yield DoctorCheck("open files")


def _program(context: Context) -> DoctorCheck:
    """Check that PATH has this installation. Runs and services call it by its path, people and agents by its name."""
    on_path, own = shutil.which("huskies", path=context.environ.get("PATH")), installed_program()
    if on_path is None or os.path.realpath(on_path) == os.path.realpath(own):
        return DoctorCheck("program", detail="" if on_path else "huskies is not on PATH")
    fix = f"Put {os.path.dirname(own)} first on PATH, or remove one of the two."
    return DoctorCheck("program", f"huskies on PATH is {on_path}, but this is {own}", fix)


def _folder(name: str, path: str | None) -> DoctorCheck:
    """Check the folder of a variable. Without the variable, the system's default is used."""
    if not path:
        return DoctorCheck(name)
    if not os.path.isdir(path):
        return DoctorCheck(name, f"{name} is {path}, which is not a folder", f"Create it, or change {name}.")
    try:
        with tempfile.TemporaryFile(dir=path):
            return DoctorCheck(name)
    except OSError as error:
        fact = f"{name}, {path}, is not writable: {error.strerror}"
        return DoctorCheck(name, fact, f"Fix its permissions, or change {name}.")


def _file_system(context: Context) -> DoctorCheck:
    root, state = context.project.root, context.project.state_dir
    kind = network_filesystem(Path(root))
    if kind is not None:
        fix = "Locks and the store work on one host only: clone the repository to a local disk."
        return DoctorCheck("file system", f"{root} is on a network file system ({kind})", fix)
    if not os.access(state, os.W_OK | os.X_OK):
        return DoctorCheck("file system", f"{state} is not writable", "Check its owner and its mode.")
    return DoctorCheck("file system")
