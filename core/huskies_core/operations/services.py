"""The systemd units or the cron line of a project that run tick: install, inspect and uninstall."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.file_lock import file_locked
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.files import write_whole
from huskies_core.runs.programs import installed_program
from huskies_core.services import system_programs
from huskies_core.services.crontab import block_of, script_of, split_crontab, with_block
from huskies_core.services.service import (
    SUDO_MARK,
    ServiceJob,
    ServiceKind,
    captured,
    service_of,
    starter_of,
    unit_name,
    units_of,
)
from huskies_core.supervisor.environment import read_env_file
from huskies_core.user import home_folder

CRONTAB = "crontab"
_SCRIPT = "cron"
_LOCK_SECS = 10.0
_OF_WATCH = "\nType=notify\n"


class Part(Struct, frozen=True):
    """A file at `path`, or the project's block of the crontab: its text and the text to install; None if absent."""

    path: str
    installed: str | None
    expected: str | None

    @property
    def is_current(self) -> bool:
        return self.installed == self.expected


class Installation(Struct, frozen=True):
    """An installed or missing service. `is_started` is true if it is enabled and active, or in the crontab.

    `may_sudo` is true if agents and gates can use sudo; with cron they always can.
    """

    kind: ServiceKind
    job: ServiceJob
    may_sudo: bool
    parts: tuple[Part, ...]
    is_started: bool

    @property
    def is_installed(self) -> bool:
        """Return whether any part is installed."""
        return any(part.installed is not None for part in self.parts)

    @property
    def is_current(self) -> bool:
        return all(part.is_current for part in self.parts)


def installed_services(context: Context) -> tuple[Installation, ...]:
    """Return the installations of the project, also incomplete ones. Raise HuskiesError `crontab_failed`."""
    has_cron = shutil.which("crontab", path=context.environ.get("PATH")) is not None
    kinds = [kind for kind in ServiceKind if kind is ServiceKind.SYSTEMD or has_cron]
    return tuple(service for kind in kinds if (service := inspect(context, kind)).is_installed)


def inspect(
    context: Context, kind: ServiceKind, job: ServiceJob | None = None, *, may_sudo: bool | None = None
) -> Installation:
    """Return the installed files beside those that `install` would write for `job` and `may_sudo`.

    `job` and `may_sudo` default to those of the installed service.
    """
    texts = _installed_texts(context, kind)
    content = "\n".join(filter(None, texts.values()))
    installed_job = ServiceJob.WATCH if _OF_WATCH in content else ServiceJob.TICK
    job = job or installed_job
    if may_sudo is None:
        may_sudo = kind is ServiceKind.CRON or SUDO_MARK in content
    root = str(context.project.root)
    service = service_of(root, installed_program(), job, context.environ, may_sudo=may_sudo)
    if kind is ServiceKind.CRON:
        script, _ = texts
        expected = {script: script_of(service), CRONTAB: block_of(root, script)}
        is_started = texts[CRONTAB] is not None
    else:
        folder, starter = system_programs.unit_folder(context.environ), starter_of(root, installed_job)
        expected = {str(folder / name): text for name, text in units_of(service).items()}
        is_started = bool(content) and system_programs.is_started(context.environ, starter)
    parts = tuple(Part(path, text, expected.get(path)) for path, text in texts.items())
    return Installation(kind, job, may_sudo, parts, is_started)


def install(
    context: Context, kind: ServiceKind, job: ServiceJob, *, may_sudo: bool | None = None
) -> Installation:
    """Install and start the service, and return its earlier state. A second call updates the parts that differ.

    A crash leaves files that nothing starts, or the old service running; the next install continues from there. Raise
    HuskiesError `inside_a_run`, `no_home`, `no_user_manager`, `no_cron`, and the errors of the programs.
    """
    with _services_locked(context, kind):
        before = inspect(context, kind, job, may_sudo=may_sudo)
        if kind is ServiceKind.SYSTEMD:
            _install_units(context, before)
        else:
            _write_parts(context, before)
    return before


def uninstall(context: Context, kind: ServiceKind) -> tuple[str, ...]:
    """Remove all parts and return their paths. Processes that it started continue. Raise as `install` does."""
    with _services_locked(context, kind):
        paths = tuple(path for path, text in _installed_texts(context, kind).items() if text is not None)
        for path in reversed(paths):
            _remove_part(context, kind, path)
        if kind is ServiceKind.SYSTEMD:
            system_programs.systemctl(context.environ, "daemon-reload")
    return paths


def uncaptured_variables(context: Context) -> tuple[str, ...]:
    """Return the variables of this shell that agents may have and a service does not get. Units are public, and the
    values may be secret."""
    known = {*captured(context.environ), *read_env_file(context.project.env_file)}
    allowed = {name for agent in context.config.agents for name in agent.env_allow if name not in agent.env}
    return tuple(sorted(name for name in allowed - known if name in context.environ))


def _installed_texts(context: Context, kind: ServiceKind) -> dict[str, str | None]:
    """Return each part of an installation with its text, in the order in which they are written."""
    root = str(context.project.root)
    if kind is ServiceKind.CRON:
        script = context.project.state_dir / _SCRIPT
        block = split_crontab(system_programs.read_crontab(context.environ), root).block
        return {str(script): _text(script), CRONTAB: block}
    folder = system_programs.unit_folder(context.environ)
    units = (folder / f"{unit_name(root)}{end}" for end in (".service", ".timer"))
    return {str(unit): _text(unit) for unit in units}


def _install_units(context: Context, before: Installation) -> None:
    """Write and start the units. First disable those of the other job: otherwise a service could stay enabled that only
    a timer may start."""
    environ, starter = context.environ, starter_of(str(context.project.root), before.job)
    service, timer = before.parts
    if before.job is ServiceJob.TICK and _OF_WATCH in (service.installed or ""):
        system_programs.systemctl(environ, "disable", "--now", os.path.basename(service.path))
    if before.job is ServiceJob.WATCH and timer.installed is not None:
        system_programs.systemctl(environ, "disable", "--now", os.path.basename(timer.path))
    _make_folder(system_programs.unit_folder(environ))
    _write_parts(context, before)
    system_programs.systemctl(environ, "daemon-reload")
    system_programs.systemctl(environ, "enable", starter)
    system_programs.systemctl(environ, "restart", starter)


def _write_parts(context: Context, before: Installation) -> None:
    """Write the parts that differ. Those of cron are in this order: the script, then the line that starts it."""
    for part in before.parts:
        if part.is_current:
            continue
        if part.expected is None:
            Path(part.path).unlink(missing_ok=True)
        elif part.path == CRONTAB:
            text = system_programs.read_crontab(context.environ)
            changed = with_block(text, str(context.project.root), part.expected)
            system_programs.write_crontab(context.environ, changed)
        else:
            write_whole(Path(part.path), part.expected)


def _remove_part(context: Context, kind: ServiceKind, path: str) -> None:
    if path == CRONTAB:
        parts = split_crontab(system_programs.read_crontab(context.environ), str(context.project.root))
        system_programs.write_crontab(context.environ, parts.without)
        return
    if kind is ServiceKind.SYSTEMD:
        # systemctl does not know the unit without its file.
        system_programs.systemctl(context.environ, "disable", "--now", os.path.basename(path))
    Path(path).unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fact, hint = f"{folder} cannot be created: {error.strerror}", "Set HOME to one of your folders."
        raise HuskiesError(fact, hint=hint, code="no_home", subject=str(folder)) from error


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


@contextmanager
def _services_locked(context: Context, kind: ServiceKind) -> Iterator[None]:
    """Hold the lock for the services of this user: the crontab is read, changed and written as a whole.

    Raise HuskiesError inside a run, and if the user's systemd does not answer.
    """
    refuse_inside_run(context)
    environ = context.environ
    if kind is ServiceKind.SYSTEMD:
        system_programs.require_user_manager(environ)
    folder = Path(environ.get("XDG_STATE_HOME") or f"{home_folder(environ)}/.local/state", "huskies")
    _make_folder(folder)
    busy = LockBusy("another 'huskies service' is running", hint="Try again.")
    with file_locked(folder / "services.lock", wait=_LOCK_SECS, busy=busy):
        yield
