"""A compressed archive that is there whole, under a name that was free."""

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
    """Raises HuskiesError before the work is done, where it would be in vain."""
    if os.path.lexists(path):
        raise _exists(path)
    if not path.absolute().parent.is_dir():
        fact = f"there is no folder {path.absolute().parent}"
        raise HuskiesError(fact, hint="Make it, or name another.", code="not_found", subject=str(path))


def packed(members: Mapping[str, str], now: datetime) -> bytes:
    """The texts as files of those names, for their owner alone."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, text in members.items():
            content = text.encode("utf-8", "backslashreplace")
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=int(now.timestamp()))


def put_new(path: Path, content: bytes) -> None:
    """Writes it whole, for its owner alone, or not at all: it is given its name as a second one, which fails where the
    name is taken. Raises HuskiesError `exists`, and `not_writable` where the place takes nothing.

    Killed before, it leaves a hidden temporary file beside it.
    """
    beside = path.with_name(f".huskies-report.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _name(beside, path)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        fact = f"{path} cannot be written: {error.strerror}"
        raise HuskiesError(
            fact, hint="Name another place.", code="not_writable", subject=str(path)
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _name(beside: Path, path: Path) -> None:
    """A stick in FAT or exFAT knows no second names (EPERM, with some drivers ENOTSUP): there it is moved."""
    try:
        os.link(beside, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        refuse_existing(path)
        beside.rename(path)


def _exists(path: Path) -> HuskiesError:
    return HuskiesError(
        f"{path} is there already", hint="Name another file, or remove it.", code="exists", subject=str(path)
    )
