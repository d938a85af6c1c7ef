"""Check with a sleeping test run that runs survive the process that starts them on this machine."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.canary_job import ERROR_FILE, canary_in
from huskies_core.doctor.check import DoctorCheck
from huskies_core.errors import HuskiesError
from huskies_core.operations.services import installed_services
from huskies_core.runs.own_program import installed_program
from huskies_core.services import system_programs
from huskies_core.services.service import Service, ServiceJob, ServiceKind, service_of
from huskies_core.services.units import properties_of, unit_name, units_of
from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.liveness import is_alive
from huskies_core.supervisor.processes import find_process, wait_for_exit
from huskies_core.supervisor.run_directory import RunDirectory
from huskies_core.user import home_folder, user_name

PREFIX = "canary-"
"""The prefix of the temporary folder in `.huskies`. A killed doctor leaves it behind."""
_MOST_SECS = 30
_SETTLED_SECS = 1.0
"""The time after which systemd or a shell has killed the processes that it kills at the end of a job."""

Start = Callable[[Service, str], None]


def check_survival(context: Context) -> Iterator[DoctorCheck]:
    """Check with each installed kind of service. Inside a run, check nothing: agents must not start runs."""
    if context.inside_run is None:
        kinds = {service.kind for service in installed_services(context)}
        yield from (_try(context, kind) for kind in ServiceKind if kind in kinds)


def check_survival_everywhere(context: Context) -> Iterator[DoctorCheck]:
    """Check with each kind of service, installed or not."""
    yield from (_try(context, kind) for kind in ServiceKind)


def _try(context: Context, kind: ServiceKind) -> DoctorCheck:
    name = f"canary {kind}"
    if kind is ServiceKind.CRON:
        return _survival(context, name, partial(_start_as_cron_does, context.environ), "the job", "")
    try:
        system_programs.require_user_manager(context.environ)
    except HuskiesError as error:
        return DoctorCheck(name, detail=f"not tried from systemd: {error.message}")
    unit = f"{unit_name(str(context.project.root))}.service"
    fix = f"Check that no drop-in sets KillMode ('systemctl --user cat {unit}') and that busctl is on PATH."
    return _survival(context, name, partial(_start_in_unit, context.environ), "the unit", fix)


def _survival(context: Context, name: str, start: Start, starter: str, fix: str) -> DoctorCheck:
    service = service_of(str(context.project.root), installed_program(), ServiceJob.TICK, context.environ)
    with _folder(context.project.state_dir) as folder:
        try:
            start(service, folder)
        except HuskiesError as error:
            path = Path(folder, ERROR_FILE)
            cause = path.read_text(encoding="utf-8", errors="replace") if path.exists() else error.message
            return DoctorCheck(name, f"no run could be started: {cause}", error.hint)
        detached = _detachment(RunDirectory(canary_in(folder)))
    if detached is None:
        fix = fix or "Start runs from systemd, or with 'huskies watch'."
        return DoctorCheck(name, f"a run ends with {starter} that started it", fix)
    container = "scope" if detached == "scope" else "session"
    return DoctorCheck(name, detail=f"a run in its own {container} survives {starter} that started it")


@contextmanager
def _folder(state_dir: Path) -> Iterator[str]:
    """Yield a folder next to the runs; afterwards end the test run and remove the folder.

    Raise HuskiesError `survivors` and leave the folder if the run cannot be ended.
    """
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=state_dir)
    try:
        yield folder
    finally:
        directory = RunDirectory(canary_in(folder))
        if os.path.exists(directory.lock) and not kill_run(directory, {"outcome": "stopped"}).ended:
            fact = f"the test run in {directory.path} cannot be ended"
            raise HuskiesError(fact, hint="It ends by itself within a minute.", code="survivors")
        shutil.rmtree(folder)


def _detachment(directory: RunDirectory) -> str | None:
    """Return how the run was detached, "scope" or "session"; None if it ended with its starter."""
    record = directory.read_shim()
    shim = None if record is None else find_process(record.pid)
    if record is None or shim is None or wait_for_exit((shim,), _SETTLED_SECS) or not is_alive(directory):
        return None
    return record.detached


def _start_in_unit(environ: Mapping[str, str], service: Service, folder: str) -> None:
    """Start the job in a unit like the one for `tick`, with the KillMode of the installed one.

    Drop-ins for all units of huskies apply to it because of its name.
    """
    unit = f"{unit_name(service.root)}.service"
    properties = properties_of(units_of(service)[unit])
    if system_programs.setting_of(environ, unit, "LoadState") == "loaded":
        kill_mode = system_programs.setting_of(environ, unit, "KillMode")
        properties["KillMode"] = kill_mode or properties["KillMode"]
    name = f"huskies-canary-{os.getpid()}"
    system_programs.run_unit(environ, name, properties, service.environment, _argv(folder))


def _start_as_cron_does(environ: Mapping[str, str], service: Service, folder: str) -> None:
    """Start the job in a shell with its own session and a minimal environment, then end the rest of its process group.

    cron may do the same at the end of a job.
    """
    minimal = {"HOME": home_folder(environ), "LOGNAME": user_name(), "SHELL": "/bin/sh"}
    variables = [f"{name}={value}" for name, value in {**minimal, **service.environment}.items()]
    argv = ("env", "-i", *variables, "/bin/sh", "-c", '"$@"; exit $?', "sh", *_argv(folder))
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as job:
        try:
            status = job.wait(_MOST_SECS)
        except subprocess.TimeoutExpired:
            job.kill()
            raise HuskiesError(f"the job took longer than {_MOST_SECS} s", code="timeout") from None
    for signum in (signal.SIGHUP, signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signum)
    if status:
        raise HuskiesError(f"the job exited with {status}", code="canary_failed")


def _argv(folder: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "huskies_core.doctor.canary_job", folder)
