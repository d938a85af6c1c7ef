"""Commands called by `main` in this process: `huskies("add", "x")`."""

import io
import os
import sys
from pathlib import Path

import pytest

from huskies_cli.main import main
from support.cli import Finished


class Commands:
    """Calls of commands in `place`: `commands("add", "x")` returns the result of `huskies add x`."""

    def __init__(
        self, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(place)

    def __call__(self, *args: str | os.PathLike[str], stdin: bytes = b"") -> Finished:
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            code = main([os.fspath(arg) for arg in args])
        printed = self._capsys.readouterr()
        return Finished(code, printed.out, printed.err)
