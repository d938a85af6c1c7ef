"""Programs that a channel runs, and the channel that is a program of the project."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from huskies_core.channels.channel import STEP_SECS, channel_error
from huskies_core.channels.message import Message
from huskies_core.sanitize import one_line, tail

TEXT_VARIABLE = "HUSKIES_NOTIFICATION"
_MOST_READ = 4096


def run(
    message: Message,
    command: Sequence[str],
    root: Path,
    environ: Mapping[str, str],
    within: float = STEP_SECS,
) -> None:
    """Run `command` at the project's root with the message as JSON on stdin and its text in HUSKIES_NOTIFICATION."""
    data = message.to_json()
    variables = {**environ, TEXT_VARIABLE: str(data["text"])}
    run_to_end(command, variables, root, stdin=json.dumps(data).encode(), within=within)


def run_to_end(
    command: Sequence[str],
    environ: Mapping[str, str],
    root: Path,
    *,
    stdin: bytes = b"",
    within: float = STEP_SECS,
    hint: str = "",
) -> None:
    """Run `command` at `root`; kill its process group after `within` seconds.

    Raise HuskiesError if it fails, takes too long or, with `hint`, cannot be started. stdin and stderr are files: a
    program that does not read, or a child that keeps stderr open, cannot block.
    """
    with TemporaryFile() as errors, TemporaryFile() as text:
        text.write(stdin)
        text.seek(0)
        try:
            process = _start(command, environ, root, text, errors)
            code = process.wait(within)
        except OSError as error:
            raise channel_error(f"{command[0]} cannot be run: {error.strerror}", hint) from error
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise channel_error(f"{command[0]} was killed after {within:g} s") from error
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - _MOST_READ))
        output = one_line(tail(errors.read().decode(errors="replace").strip(), 200))
    if code:
        raise channel_error(f"{command[0]} exited with {code}{f': {output}' if output else ''}")


def _start(
    command: Sequence[str], environ: Mapping[str, str], root: Path, stdin: IO[bytes], stderr: IO[bytes]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        cwd=root,
        env=dict(environ),
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )
