"""A crontab of the test, behind a `crontab` program that comes first on PATH."""

import os
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).with_name("programs")


class OwnCrontab:
    """A crontab in a file, so that no test changes that of the user."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self._folder = folder
        self._file = folder / "crontab"
        monkeypatch.setenv("CRONTAB_FOLDER", str(folder))
        monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")

    def write(self, content: bytes) -> None:
        self._file.write_bytes(content)

    def read(self) -> bytes | None:
        return self._file.read_bytes() if self._file.exists() else None

    def refuse(self) -> None:
        """Let crontab refuse its user from now on."""
        (self._folder / "refuse").touch()

    def writes(self) -> int:
        """Return the number of writes."""
        calls = self._folder / "calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0
