"""The `huskies` program in a process of its own, and `Finished`, the result of a call."""

import json
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HUSKIES = Path(sysconfig.get_path("scripts")) / "huskies"


@dataclass(frozen=True)
class Finished:
    """The result of a command. `outcome` has all of it, for comparisons."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def outcome(self) -> tuple[int, str, str]:
        return self.exit_code, self.stdout, self.stderr

    def json(self) -> dict[str, Any]:
        """Return the only document on stdout. Fail the test for no document, or several."""
        document = json.loads(self.stdout)
        assert isinstance(document, dict), self.stdout
        return document

    @property
    def data(self) -> dict[str, Any]:
        """Return `data` of the JSON envelope of a successful command."""
        assert self.exit_code == 0, self
        data = self.json()["data"]
        assert isinstance(data, dict), self.stdout
        return data


def run_huskies(
    *args: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float = 60,
) -> Finished:
    """Run the program to its end. `env` is added to the environment of the test."""
    done = subprocess.run(
        [str(HUSKIES), *map(str, args)],
        cwd=cwd,
        env=os.environ | dict(env or {}),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def start_huskies(
    *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None, log: Path | None = None
) -> subprocess.Popen[str]:
    """Start the program in its own session; the test ends it. Its stderr joins its stdout, which is a pipe
    unless there is a `log` to write it to."""
    with nullcontext(subprocess.PIPE) if log is None else log.open("w") as stdout:
        return subprocess.Popen(
            [str(HUSKIES), *map(str, args)],
            cwd=cwd,
            env=os.environ | dict(env or {}),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
