"""The files of one run: what is where, and reading it. A broken file raises; it never reads as none."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from huskies_core.atomic_file import replace_file
from huskies_core.errors import HuskiesError
from huskies_core.supervisor.records import Exit, Progress, ShimRecord, StepEnd
from huskies_core.supervisor.spec import RunSpec

Record = TypeVar("Record")


class RunDirectory:
    """`.huskies/runs/<id>`. Its attributes are paths, whether or not anything is there yet."""

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
    def run_id(self) -> int:
        return int(os.path.basename(self.path))

    def clear(self) -> None:
        """Removes all but the lock: a run of the same number, before a store was begun anew, may have left it."""
        for entry in os.scandir(self.path):
            if entry.path != self.lock:
                os.unlink(entry.path)

    def write_prompt(self, text: str) -> None:
        replace_file(self.prompt, text.encode(errors="surrogateescape"))

    def read_spec(self) -> RunSpec:
        """The spec without the environment's values. Raises HuskiesError when it is missing or broken."""
        spec = _read(self.spec, lambda raw: RunSpec.from_json(raw, {}))
        if spec is None:
            raise HuskiesError(
                f"{self.spec} is missing", hint="The run was never started.", code="run_directory"
            )
        return spec

    def read_progress(self) -> Progress | None:
        return _read(self.progress, lambda raw: Progress.from_raw(json.loads(raw)))

    def read_exit(self) -> Exit | None:
        """How the run ended, or None: it still runs, or its lock is free and it crashed."""
        return _read(self.exit, lambda raw: Exit.from_raw(json.loads(raw)))

    def read_kill(self) -> Mapping[str, object] | None:
        return _read(self.kill, _mapping)

    def read_shim(self) -> ShimRecord | None:
        return _read(self.shim, lambda raw: ShimRecord(**json.loads(raw)))

    def read_output(self, step: StepEnd, limit: int = 20_000) -> str:
        """The last `limit` bytes that the step printed, what is no UTF-8 replaced."""
        length = min(step.length, limit)
        with open(self.output, "rb") as log:
            log.seek(step.offset + step.length - length)
            return log.read(length).decode(errors="replace")


def _mapping(raw: bytes) -> Mapping[str, object]:
    parsed: dict[str, Any] = json.loads(raw)
    return dict(parsed)


def _read(path: str, parse: Callable[[bytes], Record]) -> Record | None:
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return None
    try:
        return parse(raw)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HuskiesError(
            f"{path} is broken: {error}",
            hint="Look at the run's other files.",
            code="run_directory",
        ) from error
