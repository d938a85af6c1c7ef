"""What ticks for the project, and what it needs to reach others: services, the relay, the MCP server."""

import json
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

from huskies_core.context import Context
from huskies_core.doctor.check import Check
from huskies_core.doctor.settings import loads
from huskies_core.doctor.state import is_current
from huskies_core.errors import HuskiesError
from huskies_core.humanize import count
from huskies_core.operations.mcp_file import NAME as MCP_FILE
from huskies_core.operations.pause import is_paused
from huskies_core.operations.scheduler_check import ticked_lately
from huskies_core.operations.services import Installation, installed_services
from huskies_core.passes.relay import is_on, unreached
from huskies_core.runs.own_program import installed_program, mcp_problem
from huskies_core.scheduler.snapshot import MOVING
from huskies_core.services.service import ServiceJob, ServiceKind
from huskies_core.store import stories
from huskies_core.supervisor.scope import lingers
from huskies_core.user import user_name

_ENVIRONMENT = ("Environment=", "export ")


def look_at_services(context: Context) -> Iterator[Check]:
    installed: tuple[Installation, ...] = ()
    try:
        installed = installed_services(context)
    except HuskiesError as error:
        yield Check("services", error.message, error.hint)
    yield from (_service(found) for found in installed)
    if is_current(context):
        yield _ticking(context, installed)
        yield Check(
            "pause", detail="no agent is started until 'huskies resume'" if is_paused(context) else ""
        )
    if is_current(context) and loads(context) and is_on(context):
        yield _relay(context)
    if os.path.lexists(context.project.root / MCP_FILE):
        yield _mcp(context)


def _service(found: Installation) -> Check:
    name, again = f"service {found.kind}", _install(found)
    if not found.is_started:
        return Check(name, f"it is installed and not in force ({found.job})", f"Run '{again}'.")
    if not _says_the_same(found):
        differs = f"it is not what would be installed now; 'huskies service show {found.kind}' shows how"
        return Check(name, differs, f"Run '{again}'.")
    return Check(name, detail=_told(found))


def _install(found: Installation) -> str:
    watch = " --watch" if found.job is ServiceJob.WATCH else ""
    sudo = " --allow-sudo" if found.kind is ServiceKind.SYSTEMD and found.may_sudo else ""
    return f"huskies service install {found.kind}{watch}{sudo}"


def _says_the_same(found: Installation) -> bool:
    """But for the environment: a doctor that cron calls has not the one of the shell that installed."""
    return all(_bare(part.found) == _bare(part.wanted) for part in found.parts)


def _bare(text: str | None) -> list[str] | None:
    return None if text is None else [line for line in text.splitlines() if not line.startswith(_ENVIRONMENT)]


def _told(found: Installation) -> str:
    ends = found.kind is ServiceKind.SYSTEMD and not lingers(user_name())
    end = ", ends when you log out ('loginctl enable-linger' lets it stay)" if ends else ""
    return f"{found.kind} has '{found.job}'{end}"


def _ticking(context: Context, installed: tuple[Installation, ...]) -> Check:
    """Nothing ticks in a project that is new, or rests: that is a fault only where something waits for it."""
    if ticked_lately(context):
        return Check("ticking", detail="ticked in the last two minutes")
    with context.store.reading() as db:
        waiting = len(stories.in_stages(db, MOVING))
    if installed:
        return Check("ticking", "no tick in the last two minutes, though a service is there", _why(installed))
    if waiting:
        fix = "Run 'huskies watch', or 'huskies service install systemd' or 'cron'."
        return Check(
            "ticking",
            f"no tick in the last two minutes, with {count(waiting, 'story', 'stories')} under way",
            fix,
        )
    return Check("ticking", detail="nothing ticks")


def _why(installed: tuple[Installation, ...]) -> str:
    if any(found.kind is ServiceKind.SYSTEMD for found in installed):
        return "Look at 'systemctl --user status \"huskies-*\"' and 'journalctl --user -u \"huskies-*\"'."
    return "Is cron running? What a tick complains of is in the mail of this user."


def _relay(context: Context) -> Check:
    if find_spec("websockets") is None:
        return Check("relay", "the package websockets is not installed", "Run: pip install 'huskies[relay]'")
    with context.store.reading() as db:
        trouble = unreached(context, db)
    if trouble is None:
        return Check("relay")
    fact = f"the gateway was not reached {trouble.failures} times in a row: {trouble.why}"
    return Check("relay", fact, f"{trouble.waiting} transitions wait and are sent once it answers.")


def _mcp(context: Context) -> Check:
    """Only where the file names our server: others may be in it."""
    try:
        servers = json.loads((context.project.root / MCP_FILE).read_text(encoding="utf-8"))["mcpServers"]
        command = str(servers["huskies"]["command"])
    except (OSError, ValueError, LookupError, TypeError):
        return Check("mcp")
    problem = mcp_problem()
    if problem:
        return Check("mcp", f"{MCP_FILE} names the server, and {problem}", "Run: pip install 'huskies[mcp]'")
    if shutil.which(command, path=context.environ.get("PATH")) is None:
        fact = f"{MCP_FILE} has {command}, which is not there"
        return Check("mcp", fact, f"Run 'huskies config mcp': this one is {installed_program()}.")
    return Check("mcp")
