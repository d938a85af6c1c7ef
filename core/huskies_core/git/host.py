"""What the machine must offer: a git that is new enough, a clean environment, a local file system."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.git_variables import REPOSITORY_VARIABLES

OLDEST_GIT = (2, 38)  # the first with `merge-tree --write-tree`

_NETWORK = frozenset(
    {
        *(
            "9p",
            "afpfs",
            "afs",
            "ceph",
            "cifs",
            "davfs",
            "drvfs",
            "glusterfs",
            "lustre",
            "ncpfs",
            "nfs",
            "nfs4",
        ),
        *("prl_fs", "smb2", "smb3", "smbfs", "vboxsf", "webdav"),
        *("fuse.ceph", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)


def scrub_environment() -> None:
    """Removes from this process's environment what would bind git to another repository."""
    for name in REPOSITORY_VARIABLES:
        os.environ.pop(name, None)


def require_git() -> str:
    """What the git on PATH says of its version. Raises HuskiesError (`no_git`, `old_git`) unless it is new enough."""
    if shutil.which("git") is None:
        raise HuskiesError("git is not on PATH", hint="Install git 2.38 or newer.", code="no_git")
    said = subprocess.run(["git", "version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    number = re.search(r"(\d+)\.(\d+)", said)
    if number is None or (int(number[1]), int(number[2])) < OLDEST_GIT:
        raise HuskiesError(
            f"{said.strip() or 'git'} is too old", hint="Install git 2.38 or newer.", code="old_git"
        )
    return said.strip()


def make_repository(path: Path) -> None:
    """An empty repository, for a program that wants to be in one."""
    subprocess.run(["git", "init", "--quiet", str(path)], check=True, stdin=subprocess.DEVNULL)


def network_filesystem(path: Path) -> str | None:
    """The type of the network file system that holds `path`, or None when it is local.

    File locks and SQLite's write-ahead log hold on one host only.
    """
    import psutil

    place = Path(os.path.realpath(path))
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    kind = next((mounts[folder] for folder in (place, *place.parents) if folder in mounts), "")
    return kind if kind.lower() in _NETWORK else None
