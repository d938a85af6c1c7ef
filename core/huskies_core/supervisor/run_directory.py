"""Files of one run: their paths, and their records. A damaged file raises; it never counts as missing."""

import json
import os
from collections.abc import Callable, Mapping
from typing import TypeVar

from huskies_core.atomic_file import replace_file
from huskies_core.errors import HuskiesError
from huskies_core.ids import RunId
from huskies_core.supervisor.records import Exit, Progress, ShimRecord, StepEnd
from huskies_core.supervisor.spec import RunSpec

Record = TypeVar("Record")


class RunDirectory:
    """`.huskies/runs/<id>`. Its attributes are paths, which need not exist."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(path)
        self.lock = os.path.join(self.path, "lock")
        self.spec = os.path.join(self.path, "spec.json")
        self.prompt = os.path.join(self.path, "prompt.md")
        self.mcp_config = os.path.join(self.path, "mcp.json")
        self.output = os.path.join(self.path, "output.log")
        self.progress = os.path.join(self.path, "progress.json")
        self.exit = os.path.join(self.path, "exit.json")
        self.kill = os.path.join(self.path, "kill.json")
        self.shim = os.path.join(self.path, "shim.json")
        self.shim_log = os.path.join(self.path, "shim.log")
        self.advance_log = os.path.join(self.path, "advance.log")

    @property
    def run_id(self) -> RunId:
        return RunId(int(os.path.basename(self.path)))

    def clear(self) -> None:
        """Remove all files but the lock. A run of the same number in an earlier store may have left them."""
        for entry in os.scandir(self.path):
            if entry.path != self.lock:
                os.unlink(entry.path)

    def write_prompt(self, text: str) -> None:
        replace_file(self.prompt, text.encode(errors="surrogateescape"))

    def read_spec(self) -> RunSpec:
        """Return the spec without the values of the environment. Raise HuskiesError if it is missing or damaged."""
        spec = _read(self.spec, lambda content: RunSpec.from_json(content, {}))
        if spec is None:
            raise HuskiesError(
                f"{self.spec} is missing", hint="The run was never started.", code="run_directory"
            )
        return spec

    def read_progress(self) -> Progress | None:
        return _read(self.progress, lambda content: Progress.from_json(json.loads(content)))

    def read_exit(self) -> Exit | None:
        """Return how the run ended. None: it is still running, or its lock is free and it crashed."""
        return _read(self.exit, lambda content: Exit.from_json(json.loads(content)))

    def read_kill(self) -> Mapping[str, object] | None:
        return _read(self.kill, lambda content: dict(json.loads(content)))

    def read_shim(self) -> ShimRecord | None:
        return _read(self.shim, lambda content: ShimRecord(**json.loads(content)))

    def read_output(self, step: StepEnd, limit: int = 20_000) -> str:
        """Return the last `limit` bytes of the step's output. Replace bytes that are not UTF-8."""
        length = min(step.length, limit)
        with open(self.output, "rb") as log:
            log.seek(step.offset + step.length - length)
            return log.read(length).decode(errors="replace")


def _read(path: str, parse: Callable[[bytes], Record]) -> Record | None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return None
    try:
        return parse(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HuskiesError(
            f"{path} is damaged: {error}",
            hint="Look at the run's other files.",
            code="run_directory",
        ) from error
