"""`huskies service`: what ticks where nobody types."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from huskies_cli import render
from huskies_cli.output import Result
from huskies_cli.session import session_of
from huskies_core.context import Context, open_context
from huskies_core.errors import UsageError
from huskies_core.operations.services import Installation, Part, inspect, install, left_out, uninstall
from huskies_core.project import find_place, find_project
from huskies_core.sanitize import without_controls
from huskies_core.services.service import ServiceJob, ServiceKind, captured
from huskies_core.supervisor.scope import lingers
from huskies_core.user import user_name

Where = Annotated[
    ServiceKind, typer.Argument(metavar="systemd|cron", help="Who starts it.", show_default=False)
]
Watch = Annotated[
    bool, typer.Option("--watch", help="One 'huskies watch' that stays, not a tick each minute.")
]
AllowSudo = Annotated[
    bool, typer.Option("--allow-sudo", help="Leave sudo to agents and gates, which else have none.")
]
Dry = Annotated[bool, typer.Option("--dry-run", help="Print what would be written and change nothing.")]


def install_service(
    ctx: typer.Context,
    kind: Where,
    watch: Watch = False,
    allow_sudo: AllowSudo = False,
    dry_run: Dry = False,
) -> Result:
    """Have systemd or cron tick for this project.

    systemd: units of your user manager, a tick each minute or, with --watch, 'huskies watch' as a service. cron: a line
    of your crontab. Either gets PATH and the language of this shell. Again, it puts right what differs.
    """
    if watch and kind is ServiceKind.CRON:
        raise UsageError("cron starts nothing that stays", hint="Leave --watch out, or use systemd.")
    if allow_sudo and kind is ServiceKind.CRON:
        raise UsageError("cron takes sudo from nobody", hint="Leave --allow-sudo out.")
    job, may_sudo = ServiceJob.WATCH if watch else ServiceJob.TICK, allow_sudo or kind is ServiceKind.CRON
    with open_context(session_of(ctx).start) as context:
        talk = tuple(_advice(context, kind))
        act = inspect if dry_run else install
        before = act(context, kind, job, may_sudo=may_sudo)
    changed = tuple(part for part in before.parts if part.found != part.wanted)
    text = _written(changed) if dry_run else "\n".join(map(_change, changed))
    return Result({**_document(before), "changed": [part.place for part in changed]}, text, talk=talk)


def uninstall_service(ctx: typer.Context, kind: Where) -> Result:
    """Take away what ticks for this project.

    Agents, gates and merges that are at work go on. It works for a project that is gone, too.
    """
    session = session_of(ctx)
    with open_context(Path(session.place) if session.place else session.start, find=find_place) as context:
        removed = uninstall(context, kind)
    if not removed:
        # Neither a project nor what ticks for one: then another place was meant.
        find_project(session.start)
    return Result(
        {"kind": kind, "removed": list(removed)}, "\n".join(f"removed {place}" for place in removed)
    )


def show_service(ctx: typer.Context, kind: Where) -> Result:
    """Show what ticks for this project.

    And whether it is what 'install' would write from this shell; where not, the lines that differ.
    """
    with open_context(session_of(ctx).start) as context:
        found = inspect(context, kind)
    return Result(_document(found), text=lambda: _shown(found))


def _document(found: Installation) -> dict[str, object]:
    parts = [{"place": part.place, "found": part.found, "wanted": part.wanted} for part in found.parts]
    about = {"kind": found.kind, "job": found.job, "allow_sudo": found.may_sudo}
    states = {"installed": found.is_there, "started": found.is_started, "current": found.is_current}
    return {**about, **states, "parts": parts}


def _advice(context: Context, kind: ServiceKind) -> Iterator[str]:
    yield f"Taken from this shell: {', '.join(captured(context.environ))}. Install again when one changes."
    missing = left_out(context)
    if missing:
        yield (
            f"Set here, but not for the service: {', '.join(missing)}."
            f" Write what agents need into {context.project.env_file} and 'chmod 600' it."
        )
    if context.environ.get("HUSKIES_GATEWAY_URL") and not context.config.project.gateway_url:
        yield "Set here, but not for the service: HUSKIES_GATEWAY_URL. Set gateway_url in project.toml."
    if kind is ServiceKind.SYSTEMD and not lingers(user_name()):
        yield "It ends when you log out: 'loginctl enable-linger' lets it stay."


def _change(part: Part) -> str:
    return f"{'removed' if part.wanted is None else 'wrote'} {part.place}"


def _written(parts: tuple[Part, ...]) -> str:
    texts = (
        f"remove {part.place}" if part.wanted is None else f"write {part.place}\n\n{_indented(part.wanted)}"
        for part in parts
    )
    return render.paragraphs(*texts)


def _indented(text: str) -> str:
    return render.block(text, indent=4)


def _shown(found: Installation) -> str:
    if not found.is_there:
        return f"{found.kind}: not installed"
    states = ("started" if found.is_started else "not started", "current" if found.is_current else "differs")
    sudo = ("with sudo",) if found.kind is ServiceKind.SYSTEMD and found.may_sudo else ()
    head = f"{found.kind}: {', '.join((found.job, *sudo, *states))}"
    parts = (_part(part) for part in found.parts if part.found is not None or part.wanted is not None)
    return render.paragraphs(head, *parts)


def _part(part: Part) -> str:
    if part.found == part.wanted:
        return f"{part.place}\n\n{_indented(part.found or '')}"
    found, wanted = ((text or "").splitlines() for text in (part.found, part.wanted))
    lines = difflib.unified_diff(found, wanted, "as it is", "as it would be written", lineterm="", n=1)
    return f"{part.place} differs:\n\n{_indented(without_controls(chr(10).join(lines)))}"
