"""Whether a run outlives what started it on this machine: tried with one that only sleeps, and ended again."""

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
from huskies_core.doctor.canary_job import SAID, canary_in
from huskies_core.doctor.check import Check
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
"""How its folder in `.huskies` begins: one that is left is of a doctor that was killed."""
_MOST_SECS = 30
_SETTLED_SECS = 1.0
"""What systemd or a shell ends with itself is gone by then."""

Start = Callable[[Service, str], None]


def look_at_survival(context: Context) -> Iterator[Check]:
    """Tried with what is installed, but not from inside a run: an agent starts nothing."""
    if context.inside_run is None:
        kinds = {found.kind for found in installed_services(context)}
        yield from (_try(context, kind) for kind in ServiceKind if kind in kinds)


def prove_survival(context: Context) -> Iterator[Check]:
    """Tried with all that there is here."""
    yield from (_try(context, kind) for kind in ServiceKind)


def _try(context: Context, kind: ServiceKind) -> Check:
    name = f"canary {kind}"
    if kind is ServiceKind.CRON:
        return _released(context, name, partial(_start_as_cron_does, context.environ), "the job", "")
    try:
        system_programs.require_user_manager(context.environ)
    except HuskiesError as error:
        return Check(name, detail=f"not tried from systemd: {error.message}")
    unit = f"{unit_name(str(context.project.root))}.service"
    fix = f"'systemctl --user cat {unit}' shows whether a drop-in sets KillMode; is busctl on PATH?"
    return _released(context, name, partial(_start_in_unit, context.environ), "the unit", fix)


def _released(context: Context, name: str, start: Start, starter: str, fix: str) -> Check:
    service = service_of(str(context.project.root), installed_program(), ServiceJob.TICK, context.environ)
    with _folder(context.project.state_dir) as folder:
        try:
            start(service, folder)
        except HuskiesError as error:
            return Check(name, f"no run could be started: {_said(folder) or error.message}", error.hint)
        directory = RunDirectory(canary_in(folder))
        detached = _lives_on(directory)
    if detached is None:
        return Check(
            name, f"a run ends with {starter} that started it", fix or "Start runs by systemd, or 'watch'."
        )
    place = "in a scope" if detached == "scope" else "in a session"
    return Check(name, detail=f"a run {place} of its own outlives {starter} that started it")


@contextmanager
def _folder(state_dir: Path) -> Iterator[str]:
    """A folder where runs have theirs; the canary in it is ended before it goes. Raises HuskiesError `survivors` where
    that cannot be: the folder stays then."""
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=state_dir)
    try:
        yield folder
    finally:
        _end(RunDirectory(canary_in(folder)))
        shutil.rmtree(folder)


def _end(directory: RunDirectory) -> None:
    if os.path.exists(directory.lock) and not kill_run(directory, {"outcome": "stopped"}).gone:
        fact = f"the canary in {directory.path} could not be ended"
        raise HuskiesError(fact, hint="It ends by itself in a minute.", code="survivors")


def _lives_on(directory: RunDirectory) -> str | None:
    """How it left its starter, "scope" or "session"; None when it did not outlive it."""
    record = directory.read_shim()
    shim = None if record is None else find_process(record.pid)
    if record is None or shim is None or wait_for_exit((shim,), _SETTLED_SECS) or not is_alive(directory):
        return None
    return record.detached


def _start_in_unit(environ: Mapping[str, str], service: Service, folder: str) -> None:
    """From a unit as ours for `tick` is, under a name that drop-ins for all of ours are for, with what is in force for
    the one that is installed."""
    unit = f"{unit_name(service.root)}.service"
    properties = properties_of(units_of(service)[unit])
    in_force = (
        system_programs.setting_of(environ, unit, "KillMode")
        if system_programs.is_known(environ, unit)
        else ""
    )
    wanted = {**properties, "KillMode": in_force or properties["KillMode"]}
    system_programs.run_unit(
        environ, f"huskies-canary-{os.getpid()}", wanted, service.environment, _argv(folder)
    )


def _start_as_cron_does(environ: Mapping[str, str], service: Service, folder: str) -> None:
    """A shell in a session of its own with next to no environment; what is left of its group is told to go, as a job's
    may be when it is over."""
    given = {"HOME": home_folder(environ), "LOGNAME": user_name(), "SHELL": "/bin/sh"}
    variables = [f"{name}={value}" for name, value in {**given, **service.environment}.items()]
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
            raise HuskiesError(f"it took longer than {_MOST_SECS} s", code="timeout") from None
    for signum in (signal.SIGHUP, signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signum)
    if status:
        raise HuskiesError(f"the job ended with {status}", code="canary_failed")


def _argv(folder: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "huskies_core.doctor.canary_job", folder)


def _said(folder: str) -> str:
    path = Path(folder, SAID)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
