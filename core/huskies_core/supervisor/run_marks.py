"""The mark of a run: two variables in the environment of all that it started, but for who cleared theirs."""

import os
from collections.abc import Iterable, Mapping

from huskies_core.supervisor.processes import Process, list_processes, read_environment

RUN_VARIABLE = "HUSKIES_RUN_ID"
_DIGITS = 19
"""A number of so many is no run's: the store holds none."""
PROJECT_VARIABLE = "HUSKIES_PROJECT"


def marked_processes(run_id: int, project: str) -> tuple[Process, ...]:
    """This user's living processes with the mark of that run of that project, the caller left out."""
    mark = {f"{RUN_VARIABLE}={run_id}".encode(), os.fsencode(f"{PROJECT_VARIABLE}={project}")}
    return tuple(
        process
        for process in list_processes()
        if process.pid != os.getpid() and mark <= read_environment(process)
    )


def marked_by_run(project: str) -> Mapping[int, tuple[Process, ...]]:
    """This user's living processes with the mark of any run of that project, by run; the caller left out."""
    own, found = os.fsencode(f"{PROJECT_VARIABLE}={project}"), dict[int, tuple[Process, ...]]()
    for process in list_processes():
        environment = read_environment(process) if process.pid != os.getpid() else frozenset()
        run = _run_in(environment) if own in environment else None
        if run is not None:
            found[run] = (*found.get(run, ()), process)
    return found


def _run_in(environment: Iterable[bytes]) -> int | None:
    names = (entry.partition(b"=") for entry in environment)
    number = next((value for name, _, value in names if name == RUN_VARIABLE.encode()), b"")
    return int(number) if number.isdigit() and len(number) < _DIGITS else None
