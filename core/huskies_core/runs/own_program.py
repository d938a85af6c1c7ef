"""The `huskies` that agents find on their PATH: this very installation, in a folder with nothing else in it."""

import os
import sys
import sysconfig
from _thread import get_native_id
from pathlib import Path

from huskies_core.project import Project


def own_program_dir(project: Project) -> Path:
    """`.huskies/bin`, whose `huskies` leads to the program that this code belongs to.

    The folder that the program is installed in would do, but for the Python beside it, which would come before the
    project's own. Two that make it at once, be it as threads, make the same.
    """
    folder = project.state_dir / "bin"
    link, target = folder / "huskies", installed_program()
    if link.is_symlink() and os.readlink(link) == target:
        return folder
    folder.mkdir(exist_ok=True)
    fresh = folder / f".huskies.{get_native_id()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)
    return folder


def installed_program() -> str:
    """The `huskies` script of this installation."""
    beside = os.path.dirname(os.path.abspath(sys.executable))
    folders = (beside, sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user"))
    found = (os.path.join(folder, "huskies") for folder in folders)
    return next(filter(os.path.exists, found), os.path.join(beside, "huskies"))
