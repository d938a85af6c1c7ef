"""Checks of what runs `tick` for the project, and of what services, the relay and the MCP server need."""

import json
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck
from huskies_core.doctor.settings import loads
from huskies_core.doctor.state import is_current
from huskies_core.errors import HuskiesError
from huskies_core.humanize import format_count
from huskies_core.operations.mcp_file import NAME as MCP_FILE
from huskies_core.operations.pause import is_paused
from huskies_core.operations.scheduler_check import ADVICE, ticked_lately
from huskies_core.operations.services import Installation, installed_services
from huskies_core.passes.relay import is_on, unreached
from huskies_core.runs.own_program import installed_program, mcp_problem
from huskies_core.scheduler.snapshot import MOVING
from huskies_core.services.service import ServiceJob, ServiceKind
from huskies_core.store import stories
from huskies_core.supervisor.scope import lingers
from huskies_core.user import user_name

_ENVIRONMENT = ("Environment=", "export ")


def check_services(context: Context) -> Iterator[DoctorCheck]:
    installed: tuple[Installation, ...] = ()
    try:
        installed = installed_services(context)
    except HuskiesError as error:
        yield DoctorCheck("services", error.message, error.hint)
    yield from map(_service, installed)
    if is_current(context):
        yield _ticking(context, installed)
        paused = "no agent starts until 'huskies resume'" if is_paused(context) else ""
        yield DoctorCheck("pause", detail=paused, applies=bool(paused))
    if is_current(context) and loads(context) and is_on(context):
        yield _relay(context)
    if os.path.lexists(context.project.root / MCP_FILE):
        yield _mcp(context)


def _service(service: Installation) -> DoctorCheck:
    kind = service.kind
    watch = " --watch" if service.job is ServiceJob.WATCH else ""
    sudo = " --allow-sudo" if kind is ServiceKind.SYSTEMD and service.may_sudo else ""
    name, fix = f"service {kind}", f"Run 'huskies service install {kind}{watch}{sudo}'."
    if not service.is_started:
        return DoctorCheck(name, f"the service is installed but not active ({service.job})", fix)
    # Compare without the environment: cron's differs from that of the shell that installed the service.
    if any(_settings(part.found) != _settings(part.wanted) for part in service.parts):
        fact = f"the installed service is out of date; compare with 'huskies service show {kind}'"
        return DoctorCheck(name, fact, fix)
    ends = kind is ServiceKind.SYSTEMD and not lingers(user_name())
    end = ", until you log out (to change that: 'loginctl enable-linger')" if ends else ""
    return DoctorCheck(name, detail=f"{kind} runs '{service.job}'{end}")


def _settings(text: str | None) -> list[str] | None:
    return None if text is None else [line for line in text.splitlines() if not line.startswith(_ENVIRONMENT)]


def _ticking(context: Context, installed: tuple[Installation, ...]) -> DoctorCheck:
    """Check for a recent tick. It is a problem only if a service is installed or a story waits for it."""
    if ticked_lately(context):
        return DoctorCheck("ticking", detail="ticked in the last two minutes")
    with context.store.reading() as db:
        waiting = len(stories.in_stages(db, MOVING))
    if installed:
        fix = "Check that cron is running. It mails error messages of a tick to this user."
        if any(service.kind is ServiceKind.SYSTEMD for service in installed):
            fix = "Check 'systemctl --user status \"huskies-*\"' and 'journalctl --user -u \"huskies-*\"'."
        return DoctorCheck("ticking", "no tick in the last two minutes, but a service is installed", fix)
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
    missing = mcp_problem()
    if missing:
        return DoctorCheck(
            "mcp", f"{MCP_FILE} uses the server, but {missing}", "Run: pip install 'huskies[mcp]'"
        )
    if shutil.which(command, path=context.environ.get("PATH")) is None:
        fact = f"{MCP_FILE} has {command}, which does not exist"
        fix = f"Run 'huskies config mcp' to write {installed_program()}."
        return DoctorCheck("mcp", fact, fix)
    return DoctorCheck("mcp")
