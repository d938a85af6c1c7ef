"""Requirements on the machine: a git that is new enough, a clean environment, a local file system."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.git_variables import REPOSITORY_VARIABLES

OLDEST_GIT = (2, 38)  # the first with `merge-tree --write-tree`
_INSTALL_HINT = "Install git 2.38 or newer."

_NETWORK_FILESYSTEMS = frozenset(
    (
        *("9p", "afpfs", "afs", "ceph", "cifs", "davfs", "drvfs", "glusterfs", "lustre", "ncpfs", "nfs"),
        *("nfs4", "prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "webdav"),
        *("fuse.ceph", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    )
)


def scrub_environment() -> None:
    """Remove variables from this process's environment that would bind git to another repository."""
    for name in REPOSITORY_VARIABLES:
        os.environ.pop(name, None)


def require_git() -> str:
    """Return the output of `git version`. Raise HuskiesError (`no_git`, `old_git`) unless git 2.38 is installed."""
    if shutil.which("git") is None:
        raise HuskiesError("git is not on PATH", hint=_INSTALL_HINT, code="no_git")
    done = subprocess.run(["git", "version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    version = done.stdout.strip()
    number = re.search(r"(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < OLDEST_GIT:
        raise HuskiesError(f"{version or 'git'} is too old", hint=_INSTALL_HINT, code="old_git")
    return version


def make_repository(path: Path) -> None:
    """Create an empty repository at `path`."""
    subprocess.run(["git", "init", "--quiet", str(path)], check=True, stdin=subprocess.DEVNULL)


def network_filesystem(path: Path) -> str | None:
    """Return the type of the network file system that contains `path`, or None if it is local.

    File locks and SQLite's write-ahead log work on one host only.
    """
    import psutil

    real = Path(os.path.realpath(path))
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    kind = next((mounts[folder] for folder in (real, *real.parents) if folder in mounts), "")
    return kind if kind.lower() in _NETWORK_FILESYSTEMS else None
