"""Writer of exit.json, which reserves its disk space before the first step: a full disk does not prevent the record."""

import json
import os
from dataclasses import asdict, replace

from huskies_core.atomic_file import sync_folder
from huskies_core.supervisor.records import Exit
from huskies_core.supervisor.run_directory import RunDirectory

_RESERVED_BYTES = 16 * 1024
_MOST_CHARACTERS = 1000


class ExitFile:
    """A padded file that becomes exit.json. If the shim dies first, exit.json is missing: the run crashed."""

    def __init__(self, directory: RunDirectory) -> None:
        """Raise OSError when the disk has no room for the file. Then no run may start."""
        self._folder = directory.path
        self._path = directory.exit
        self._reserved = f"{directory.exit}.reserved"
        self._descriptor = os.open(
            self._reserved, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        _write_all(self._descriptor, b" " * _RESERVED_BYTES)
        os.fsync(self._descriptor)

    def publish(self, result: Exit) -> None:
        """Write the result, rename the file to exit.json and sync both. Shorten texts that do not fit."""
        content = json.dumps(asdict(result)).encode()
        if len(content) > _RESERVED_BYTES:
            content = json.dumps(asdict(_shorten(result))).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        _write_all(self._descriptor, content)
        os.ftruncate(self._descriptor, len(content))
        os.fsync(self._descriptor)
        os.rename(self._reserved, self._path)
        sync_folder(self._folder)


def _shorten(result: Exit) -> Exit:
    """Cut the texts. The figures, which costs depend on, stay."""
    steps = tuple(replace(step, detail=step.detail[:100]) for step in result.steps)
    progress = replace(result.progress, last_words=result.progress.last_words[-_MOST_CHARACTERS:])
    return replace(result, steps=steps, progress=progress, survivors=result.survivors[:20])


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
