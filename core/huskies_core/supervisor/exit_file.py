"""exit.json, which must be written on a full disk too: its room is taken before the first step starts."""

import json
import os
from dataclasses import asdict, replace

from huskies_core.atomic_file import sync_folder
from huskies_core.supervisor.records import Exit
from huskies_core.supervisor.run_directory import RunDirectory

_ROOM = 16 * 1024
_WORDS = 1000


class ExitFile:
    """A padded file that becomes exit.json. Dies the shim before, there is no exit.json: crashed."""

    def __init__(self, directory: RunDirectory) -> None:
        """Raises OSError when the disk has no room even for this; then no run should start."""
        self._folder = directory.path
        self._path = directory.exit
        self._reserved = f"{directory.exit}.reserved"
        self._descriptor = os.open(
            self._reserved, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
        _write_whole(self._descriptor, b" " * _ROOM)
        os.fsync(self._descriptor)

    def publish(self, ended: Exit) -> None:
        """The end, whole and on the disk, under its name. More words than the room holds are cut."""
        content = json.dumps(asdict(ended)).encode()
        if len(content) > _ROOM:
            content = json.dumps(asdict(_shortened(ended))).encode()
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        _write_whole(self._descriptor, content)
        os.ftruncate(self._descriptor, len(content))
        os.fsync(self._descriptor)
        os.rename(self._reserved, self._path)
        sync_folder(self._folder)


def _shortened(ended: Exit) -> Exit:
    """Without the words that could be too many; the figures, which are counted on, stay."""
    steps = tuple(replace(step, detail=step.detail[:100]) for step in ended.steps)
    progress = replace(ended.progress, last_words=ended.progress.last_words[-_WORDS:])
    return replace(ended, steps=steps, progress=progress, survivors=ended.survivors[:20])


def _write_whole(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
