"""Checks of what runs `tick`, of the relay and the MCP server, and of runs that must survive their starter."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from huskies_core.context import Context
from huskies_core.doctor.canary_job import ERROR_FILE, canary_in
from huskies_core.doctor.check import DoctorCheck, is_current
from huskies_core.errors import HuskiesError
from huskies_core.humanize import format_count
from huskies_core.operations.mcp_file import NAME as MCP_FILE
from huskies_core.operations.pause import is_paused
from huskies_core.operations.scheduler_check import ADVICE, ticked_lately
from huskies_core.operations.services import Installation, installed_services
from huskies_core.passes.relay import is_on, unreached
from huskies_core.runs.programs import installed_program, mcp_problem
from huskies_core.scheduler.snapshot import MOVING
from huskies_core.services import system_programs
from huskies_core.services.service import (
    Service,
    ServiceJob,
    ServiceKind,
    properties_of,
    service_of,
    unit_name,
    units_of,
)
from huskies_core.store import stories
from huskies_core.supervisor.kill import kill_run
from huskies_core.supervisor.processes import find_process, wait_for_exit
from huskies_core.supervisor.run_directory import RunDirectory, is_alive
from huskies_core.supervisor.scope import lingers
from huskies_core.user import home_folder, user_name

CANARY_PREFIX = "canary-"
"""The prefix of the temporary folder in `.huskies`. A killed doctor leaves it behind."""
_ENVIRONMENT = ("Environment=", "export ")
_MOST_SECS = 30
_SETTLED_SECS = 1.0
"""The time after which systemd or a shell has killed the processes that it kills at the end of a job."""

Start = Callable[[Service, str], None]


def check_services(context: Context) -> Iterator[DoctorCheck]:
    """Check the installed services, the last tick, a pause, the relay and the entry in .mcp.json."""
    installed: tuple[Installation, ...] = ()
    try:
        installed = installed_services(context)
    except HuskiesError as error:
        yield DoctorCheck("services", error.message, error.hint)
    yield from map(_service, installed)
    if is_current(context):
        yield _ticking(context, {service.kind for service in installed})
        paused = "no agent starts until 'huskies resume'" if is_paused(context) else ""
        yield DoctorCheck("pause", detail=paused, applies=bool(paused))
    if is_current(context) and context.valid_config and is_on(context):
        yield _relay(context)
    if os.path.lexists(context.project.root / MCP_FILE):
        yield _mcp(context)


def check_survival(context: Context) -> Iterator[DoctorCheck]:
    """Check with a test run that runs survive the process that starts them, for each installed kind of service.

    Inside a run, check nothing: agents must not start runs.
    """
    if context.inside_run is None:
        kinds = {service.kind for service in installed_services(context)}
        yield from (_try(context, kind) for kind in ServiceKind if kind in kinds)


def check_survival_everywhere(context: Context) -> Iterator[DoctorCheck]:
    """Check with each kind of service, installed or not."""
    yield from (_try(context, kind) for kind in ServiceKind)


def _service(service: Installation) -> DoctorCheck:
    kind = service.kind
    watch = " --watch" if service.job is ServiceJob.WATCH else ""
    sudo = " --allow-sudo" if kind is ServiceKind.SYSTEMD and service.may_sudo else ""
    name, fix = f"service {kind}", f"Run 'huskies service install {kind}{watch}{sudo}'."
    if not service.is_started:
        return DoctorCheck(name, f"the service is installed but not active ({service.job})", fix)
    # Compare without the environment: cron's differs from that of the shell that installed the service.
    if any(_settings(part.installed) != _settings(part.expected) for part in service.parts):
        fact = f"the installed service is out of date; compare with 'huskies service show {kind}'"
        return DoctorCheck(name, fact, fix)
    ends = kind is ServiceKind.SYSTEMD and not lingers(user_name())
    end = ", until you log out (to change that: 'loginctl enable-linger')" if ends else ""
    return DoctorCheck(name, detail=f"{kind} runs '{service.job}'{end}")


def _settings(text: str | None) -> list[str] | None:
    return None if text is None else [line for line in text.splitlines() if not line.startswith(_ENVIRONMENT)]


def _ticking(context: Context, kinds: set[ServiceKind]) -> DoctorCheck:
    """Check for a recent tick. It is a problem only if a service is installed or a story waits for it."""
    if ticked_lately(context):
        return DoctorCheck("ticking", detail="ticked in the last two minutes")
    if kinds:
        fix = "Check that cron is running. It mails error messages of a tick to this user."
        if ServiceKind.SYSTEMD in kinds:
            fix = "Check 'systemctl --user status \"huskies-*\"' and 'journalctl --user -u \"huskies-*\"'."
        return DoctorCheck("ticking", "no tick in the last two minutes, but a service is installed", fix)
    with context.store.reading() as db:
        waiting = len(stories.in_stages(db, MOVING))
    if waiting:
        fact = f"no tick in the last two minutes, and {format_count(waiting, 'story', 'stories')} in progress"
        return DoctorCheck("ticking", fact, ADVICE)
    return DoctorCheck("ticking", detail="not installed", applies=False)


def _relay(context: Context) -> DoctorCheck:
    if find_spec("websockets") is None:
        fact = "the package websockets is not installed"
        return DoctorCheck("relay", fact, "Run: pip install 'huskies[relay]'")
    with context.store.reading() as db:
        failed = unreached(context, db)
    if failed is None:
        return DoctorCheck("relay")
    fact = f"the gateway could not be reached {failed.failures} times in a row: {failed.why}"
    return DoctorCheck("relay", fact, f"{failed.waiting} transitions are sent when it answers again.")


def _mcp(context: Context) -> DoctorCheck:
    """Check the entry of the huskies server, if the file has one. Other servers are not checked."""
    try:
        servers = json.loads((context.project.root / MCP_FILE).read_text(encoding="utf-8"))["mcpServers"]
        command = str(servers["huskies"]["command"])
    except (OSError, ValueError, LookupError, TypeError):
        return DoctorCheck("mcp")
    if missing := mcp_problem():
        fact = f"{MCP_FILE} uses the server, but {missing}"
        return DoctorCheck("mcp", fact, "Run: pip install 'huskies[mcp]'")
    is_program = shutil.which(command, path=context.environ.get("PATH")) is not None
    problem = "" if is_program else f"{MCP_FILE} has {command}, which does not exist"
    return DoctorCheck("mcp", problem, f"Run 'huskies config mcp' to write {installed_program()}.")


def _try(context: Context, kind: ServiceKind) -> DoctorCheck:
    name = f"canary {kind}"
    if kind is ServiceKind.CRON:
        fix = "Start runs from systemd, or with 'huskies watch'."
        return _survival(context, name, partial(_start_as_cron_does, context.environ), "the job", fix)
    try:
        system_programs.require_user_manager(context.environ)
    except HuskiesError as error:
        return DoctorCheck(name, detail=f"not tried from systemd: {error.message}")
    unit = f"{unit_name(str(context.project.root))}.service"
    fix = f"Check that no drop-in sets KillMode ('systemctl --user cat {unit}') and that busctl is on PATH."
    return _survival(context, name, partial(_start_in_unit, context.environ), "the unit", fix)


def _survival(context: Context, name: str, start: Start, starter: str, fix: str) -> DoctorCheck:
    service = service_of(str(context.project.root), installed_program(), ServiceJob.TICK, context.environ)
    with _canary_folder(context.project.state_dir) as folder:
        try:
            start(service, folder)
        except HuskiesError as error:
            path = Path(folder, ERROR_FILE)
            cause = path.read_text(encoding="utf-8", errors="replace") if path.exists() else error.message
            return DoctorCheck(name, f"no run could be started: {cause}", error.hint)
        detached = _detachment(RunDirectory(canary_in(folder)))
    if detached is None:
        return DoctorCheck(name, f"a run ends with {starter} that started it", fix)
    container = "scope" if detached == "scope" else "session"
    return DoctorCheck(name, detail=f"a run in its own {container} survives {starter} that started it")


@contextmanager
def _canary_folder(state_dir: Path) -> Iterator[str]:
    """Yield a folder next to the runs; afterwards end the test run and remove the folder.

    Raise HuskiesError `survivors` and leave the folder if the run cannot be ended.
    """
    folder = tempfile.mkdtemp(prefix=CANARY_PREFIX, dir=state_dir)
    try:
        yield folder
    finally:
        directory = RunDirectory(canary_in(folder))
        if os.path.exists(directory.lock) and not kill_run(directory, {"outcome": "stopped"}).ended:
            fact = f"the test run in {directory.path} cannot be ended"
            raise HuskiesError(fact, hint="The run ends by itself within a minute.", code="survivors")
        shutil.rmtree(folder)


def _detachment(directory: RunDirectory) -> str | None:
    """Return how the run was detached, "scope" or "session"; None if it ended with its launcher."""
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
    system_programs.run_unit(environ, name, properties, service.environment, _canary_command(folder))


def _start_as_cron_does(environ: Mapping[str, str], service: Service, folder: str) -> None:
    """Start the job in a shell with its own session and a minimal environment, then end the rest of its process group.

    cron may do the same at the end of a job.
    """
    minimal = {"HOME": home_folder(environ), "LOGNAME": user_name(), "SHELL": "/bin/sh"}
    variables = [f"{name}={value}" for name, value in {**minimal, **service.environment}.items()]
    argv = ("env", "-i", *variables, "/bin/sh", "-c", '"$@"; exit $?', "sh", *_canary_command(folder))
    null = subprocess.DEVNULL
    with subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True) as job:
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


def _canary_command(folder: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", "huskies_core.doctor.canary_job", folder)
