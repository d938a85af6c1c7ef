"""Start a test run and exit, as a pass does: `python -P -m huskies_core.doctor.canary_job FOLDER`.

The run only sleeps. An error is written to the file `error` in FOLDER.
"""

import os
import sys
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.supervisor.environment import shim_environment
from huskies_core.supervisor.launch import launch
from huskies_core.supervisor.processes import PROJECT_VARIABLE, RUN_VARIABLE
from huskies_core.supervisor.records import Limits, Role, RunSpec, Step
from huskies_core.supervisor.run_directory import RunDirectory, take_lock

ERROR_FILE = "error"
_LONGEST_SECS = 60
"""The run ends after this time even if the doctor was killed."""


def main(folder: str) -> int:
    directory = RunDirectory(canary_in(folder))
    try:
        lock = take_lock(directory)
        if lock is None:
            raise HuskiesError("another process has the lock of the test run")
        launch(directory, lock, _spec(directory, folder), shim_env=shim_environment(os.environ, ()))
    except (HuskiesError, OSError) as error:
        Path(folder, ERROR_FILE).write_text(str(error), encoding="utf-8", errors="replace")
        return 1
    return 0


def canary_in(folder: str) -> str:
    """Return the directory of the test run."""
    return os.path.join(folder, "1")


def _spec(directory: RunDirectory, folder: str) -> RunSpec:
    """Return a spec that names the folder as the project, so that no process is taken for one of the real project."""
    mark = {RUN_VARIABLE: str(directory.run_id), PROJECT_VARIABLE: folder}
    return RunSpec(
        run_id=directory.run_id,
        project=folder,
        steps=(Step("canary", Role.AGENT, ("sleep", str(_LONGEST_SECS)), folder),),
        env={"PATH": os.environ.get("PATH", os.defpath), **mark},
        limits=Limits(max_wall_secs=_LONGEST_SECS),
        reader="huskies_core.runtimes.command",
        advance=("true",),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
