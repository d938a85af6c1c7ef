"""Write a compressed archive completely, under a name that is not in use."""

import errno
import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from huskies_core.errors import HuskiesError


def refuse_existing(path: Path) -> None:
    """Raise HuskiesError if `path` exists or its folder does not."""
    if os.path.lexists(path):
        raise _exists(path)
    if not path.absolute().parent.is_dir():
        fact = f"the folder {path.absolute().parent} does not exist"
        raise HuskiesError(fact, hint="Create it, or give another name.", code="not_found", subject=str(path))


def packed(members: Mapping[str, str], now: datetime) -> bytes:
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
    """Link the file to its name. FAT and exFAT lack hard links (EPERM, ENOTSUP with some drivers): rename it there."""
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
