"""The mark of a run: two variables in the environment of all that it started, but for who cleared theirs."""

import os

from huskies_core.runs.processes import Process, list_processes, read_environment

RUN_VARIABLE = "HUSKIES_RUN_ID"
PROJECT_VARIABLE = "HUSKIES_PROJECT"


def marked_processes(run_id: int, project: str) -> tuple[Process, ...]:
    """This user's living processes with the mark of that run of that project, the caller left out."""
    mark = {f"{RUN_VARIABLE}={run_id}".encode(), os.fsencode(f"{PROJECT_VARIABLE}={project}")}
    return tuple(
        process
        for process in list_processes()
        if process.pid != os.getpid() and mark <= read_environment(process)
    )
