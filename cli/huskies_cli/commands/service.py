"""`huskies service`: systemd units and cron lines that run tick."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from huskies_cli import render
from huskies_cli.command import own_command
from huskies_cli.output import Result
from huskies_cli.project_context import open_context
from huskies_cli.session import Session
from huskies_core.argument import Argument
from huskies_core.context import Context
from huskies_core.errors import UsageError
from huskies_core.operations.operation import Command
from huskies_core.operations.services import (
    Installation,
    Part,
    inspect,
    install,
    uncaptured_variables,
    uninstall,
)
from huskies_core.project import find_former_project, find_project
from huskies_core.sanitize import without_controls
from huskies_core.services.service import ServiceJob, ServiceKind, captured
from huskies_core.supervisor.scope import lingers
from huskies_core.user import user_name

Scheduler = Annotated[ServiceKind, Argument("The scheduler.", metavar="systemd|cron", positional=True)]


@own_command(Command("service install"))
def install_service(
    session: Session,
    kind: Scheduler,
    *,
    watch: Annotated[
        bool, Argument("Run 'huskies watch' permanently instead of a tick each minute.")
    ] = False,
    allow_sudo: Annotated[bool, Argument("Let agents and gates use sudo; by default they cannot.")] = False,
    dry_run: Annotated[bool, Argument("Print the files and change nothing.")] = False,
) -> Result:
    """Run tick from systemd or cron.

    For systemd, the command writes units of your user manager: a tick each minute or, with --watch, 'huskies watch' as
    a service. For cron, it adds a line to your crontab. Both get PATH and the language of this shell. A second install
    updates the parts that differ.
    """
    if watch and kind is ServiceKind.CRON:
        raise UsageError("--watch is for systemd only", hint="Leave --watch out, or use systemd.")
    if allow_sudo and kind is ServiceKind.CRON:
        raise UsageError("--allow-sudo is for systemd only", hint="Leave --allow-sudo out.")
    job, may_sudo = ServiceJob.WATCH if watch else ServiceJob.TICK, allow_sudo or kind is ServiceKind.CRON
    with session.open() as context:
        messages = tuple(_advice(context, kind))
        act = inspect if dry_run else install
        before = act(context, kind, job, may_sudo=may_sudo)
    changed = tuple(part for part in before.parts if not part.is_current)
    text = render.paragraphs(*map(_planned, changed)) if dry_run else "\n".join(map(_done, changed))
    return Result({**_json(before), "changed": [part.path for part in changed]}, text, messages=messages)


@own_command(Command("service uninstall"))
def uninstall_service(session: Session, kind: Scheduler) -> Result:
    """Remove the systemd units or the cron line of this project.

    Live agents, gates and merges continue. The command also works for a project that no longer exists.
    """
    start = Path(session.project_path) if session.project_path else session.start
    with open_context(start, find=find_former_project) as context:
        removed = uninstall(context, kind)
    if not removed:
        # The path is probably a mistake if there is neither a service nor a project.
        find_project(session.start)
    text = "\n".join(f"removed {path}" for path in removed)
    return Result({"kind": kind, "removed": list(removed)}, text)


@own_command(Command("service show"))
def show_service(session: Session, kind: Scheduler) -> Result:
    """Show the systemd units or the cron line of this project.

    If they differ from the output of 'install' in this shell, the command prints the differences.
    """
    with session.open() as context:
        installation = inspect(context, kind)
    return Result(_json(installation), text=lambda: _shown(installation))


def _json(service: Installation) -> dict[str, object]:
    parts = [{"place": part.path, "found": part.installed, "wanted": part.expected} for part in service.parts]
    about = {"kind": service.kind, "job": service.job, "allow_sudo": service.may_sudo}
    states = {"installed": service.is_installed, "started": service.is_started, "current": service.is_current}
    return {**about, **states, "parts": parts}


def _advice(context: Context, kind: ServiceKind) -> Iterator[str]:
    yield f"Copied from this shell: {', '.join(captured(context.environ))}. Install again after a change."
    missing = uncaptured_variables(context)
    if missing:
        yield (
            f"Set in this shell, but not for the service: {', '.join(missing)}."
            f" Add those that agents need to {context.project.env_file} (mode 0600)."
        )
    if context.environ.get("HUSKIES_GATEWAY_URL") and not context.config.project.gateway_url:
        yield "Set in this shell, but not for the service: HUSKIES_GATEWAY_URL. Set gateway_url in project.toml."
    if kind is ServiceKind.SYSTEMD and not lingers(user_name()):
        yield "The service ends when you log out; 'loginctl enable-linger' keeps it running."


def _done(part: Part) -> str:
    return f"{'removed' if part.expected is None else 'wrote'} {part.path}"


def _planned(part: Part) -> str:
    if part.expected is None:
        return f"remove {part.path}"
    return f"write {part.path}\n\n{render.block(part.expected, 4)}"


def _shown(service: Installation) -> str:
    if not service.is_installed:
        return f"{service.kind}: not installed"
    states = (
        "started" if service.is_started else "not started",
        "current" if service.is_current else "differs",
    )
    sudo = ("with sudo",) if service.kind is ServiceKind.SYSTEMD and service.may_sudo else ()
    head = f"{service.kind}: {', '.join((service.job, *sudo, *states))}"
    parts = (_part(part) for part in service.parts if part.installed is not None or part.expected is not None)
    return render.paragraphs(head, *parts)


def _part(part: Part) -> str:
    if part.is_current:
        return f"{part.path}\n\n{render.block(part.installed or '', 4)}"
    installed, expected = ((text or "").splitlines() for text in (part.installed, part.expected))
    lines = difflib.unified_diff(installed, expected, "installed", "of this shell", lineterm="", n=1)
    return f"{part.path} differs:\n\n{render.block(without_controls(chr(10).join(lines)), 4)}"
