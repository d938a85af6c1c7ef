"""The systemd units or the cron line of a project that run tick: install, inspect and uninstall."""

import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from huskies_core.context import Context
from huskies_core.errors import HuskiesError, LockBusy
from huskies_core.file_lock import file_locked
from huskies_core.operations.authorization import refuse_inside_run
from huskies_core.operations.files import write_whole
from huskies_core.runs.programs import installed_program
from huskies_core.services import system_programs
from huskies_core.services.crontab import block_of, script_of, split_crontab, with_block
from huskies_core.services.service import ServiceJob, ServiceKind, captured, service_of
from huskies_core.services.units import SUDO_MARK, starter_of, unit_name, units_of
from huskies_core.supervisor.environment import read_env_file
from huskies_core.user import home_folder

CRONTAB = "crontab"
_SCRIPT = "cron"
_LOCK_SECS = 10.0
_OF_WATCH = "\nType=notify\n"


@dataclass(frozen=True)
class Part:
    """A file, or the project's block of the crontab: its current text and the text to install; None if absent."""

    place: str
    found: str | None
    wanted: str | None


@dataclass(frozen=True)
class Installation:
    """An installation. `is_started` is set if it is enabled and active, or in the crontab. `may_sudo` is set if agents
    and gates can use sudo, as with cron they always can."""

    kind: ServiceKind
    job: ServiceJob
    may_sudo: bool
    parts: tuple[Part, ...]
    is_started: bool

    @property
    def is_there(self) -> bool:
        """Return whether any part is installed."""
        return any(part.found is not None for part in self.parts)

    @property
    def is_current(self) -> bool:
        return all(part.found == part.wanted for part in self.parts)


def installed_services(context: Context) -> tuple[Installation, ...]:
    """Return the installations of the project, also incomplete ones. Raise HuskiesError `crontab_failed`."""
    kinds = [kind for kind in ServiceKind if kind is ServiceKind.SYSTEMD or _has_cron(context.environ)]
    return tuple(found for kind in kinds if (found := inspect(context, kind)).is_there)


def inspect(
    context: Context, kind: ServiceKind, job: ServiceJob | None = None, *, may_sudo: bool | None = None
) -> Installation:
    """Compare the installation with what `install` would write for `job` and `may_sudo`; the defaults are those of
    the installed service."""
    found = _found(context, kind)
    there = ServiceJob.WATCH if _says(found, _OF_WATCH) else ServiceJob.TICK
    if may_sudo is None:
        may_sudo = kind is ServiceKind.CRON or _says(found, SUDO_MARK)
    wanted = _wanted(context, kind, job or there, may_sudo=may_sudo)
    parts = tuple(Part(place, text, wanted.get(place)) for place, text in found.items())
    return Installation(kind, job or there, may_sudo, parts, _is_started(context, kind, there, found))


def install(
    context: Context, kind: ServiceKind, job: ServiceJob, *, may_sudo: bool | None = None
) -> Installation:
    """Install and start it, and return the state before. A second call updates what differs.

    A crash leaves files that nothing starts, or the old service running; the next install continues from there. Raise
    HuskiesError `inside_a_run`, `no_home`, `no_user_manager`, `no_cron`, and the errors of the programs.
    """
    refuse_inside_run(context)
    if kind is ServiceKind.SYSTEMD:
        system_programs.require_user_manager(context.environ)
    with _services_locked(context.environ):
        before = inspect(context, kind, job, may_sudo=may_sudo)
        if kind is ServiceKind.SYSTEMD:
            _install_units(context, before)
        else:
            _install_line(context, before)
    return before


def uninstall(context: Context, kind: ServiceKind) -> tuple[str, ...]:
    """Remove all parts and return their places. Processes that it started continue. Raise as `install` does."""
    refuse_inside_run(context)
    if kind is ServiceKind.SYSTEMD:
        system_programs.require_user_manager(context.environ)
    with _services_locked(context.environ):
        there = tuple(place for place, text in _found(context, kind).items() if text is not None)
        if kind is ServiceKind.SYSTEMD:
            _remove_units(context, there)
        else:
            _remove_line(context)
    return there


def uncaptured_variables(context: Context) -> tuple[str, ...]:
    """Return the variables of this shell that agents may have and a service does not get. Units are public, and the
    values may be secret."""
    known = {*captured(context.environ), *read_env_file(context.project.env_file)}
    allowed = {name for agent in context.config.agents for name in agent.env_allow if name not in agent.env}
    return tuple(sorted(name for name in allowed - known if name in context.environ))


def _found(context: Context, kind: ServiceKind) -> dict[str, str | None]:
    """Return each part of an installation with its text, in the order in which they are written."""
    root = str(context.project.root)
    if kind is ServiceKind.CRON:
        block = split_crontab(system_programs.read_crontab(context.environ), root).block
        return {str(_script(context)): _text(_script(context)), CRONTAB: block}
    folder = system_programs.unit_folder(context.environ)
    places = (folder / f"{unit_name(root)}{end}" for end in (".service", ".timer"))
    return {str(place): _text(place) for place in places}


def _says(found: Mapping[str, str | None], mark: str) -> bool:
    return any(text is not None and mark in text for text in found.values())


def _wanted(context: Context, kind: ServiceKind, job: ServiceJob, *, may_sudo: bool) -> dict[str, str]:
    root, environ = str(context.project.root), context.environ
    service = service_of(root, installed_program(), job, environ, may_sudo=may_sudo)
    if kind is ServiceKind.CRON:
        script = str(_script(context))
        return {script: script_of(service), CRONTAB: block_of(service.root, script)}
    folder = system_programs.unit_folder(context.environ)
    return {str(folder / name): text for name, text in units_of(service).items()}


def _is_started(
    context: Context, kind: ServiceKind, job: ServiceJob, found: Mapping[str, str | None]
) -> bool:
    if kind is ServiceKind.CRON:
        return found[CRONTAB] is not None
    starter = starter_of(str(context.project.root), job)
    return any(found.values()) and system_programs.is_started(context.environ, starter)


def _install_units(context: Context, before: Installation) -> None:
    """Write and start the units. First disable those of the other job: otherwise a service could stay enabled that only
    a timer may start."""
    environ, root = context.environ, str(context.project.root)
    folder = system_programs.unit_folder(environ)
    service, timer = before.parts
    if before.job is ServiceJob.TICK and _OF_WATCH in (service.found or ""):
        system_programs.systemctl(environ, "disable", "--now", os.path.basename(service.place))
    if before.job is ServiceJob.WATCH and timer.found is not None:
        system_programs.systemctl(environ, "disable", "--now", os.path.basename(timer.place))
    _make_folder(folder)
    for part in before.parts:
        if part.wanted is None:
            Path(part.place).unlink(missing_ok=True)
        elif part.wanted != part.found:
            write_whole(Path(part.place), part.wanted)
    system_programs.systemctl(environ, "daemon-reload")
    system_programs.systemctl(environ, "enable", starter_of(root, before.job))
    system_programs.systemctl(environ, "restart", starter_of(root, before.job))


def _remove_units(context: Context, there: tuple[str, ...]) -> None:
    """Stop and disable the units before their files are removed: afterwards systemctl does not know them."""
    for place in reversed(there):
        system_programs.systemctl(context.environ, "disable", "--now", os.path.basename(place))
        Path(place).unlink(missing_ok=True)
    system_programs.systemctl(context.environ, "daemon-reload")


def _install_line(context: Context, before: Installation) -> None:
    """Write the script, then the line that starts it."""
    script, line = before.parts
    if script.wanted is not None and script.wanted != script.found:
        write_whole(Path(script.place), script.wanted)
    if line.wanted is not None and line.wanted != line.found:
        text = system_programs.read_crontab(context.environ)
        changed = with_block(text, str(context.project.root), line.wanted)
        system_programs.write_crontab(context.environ, changed)


def _remove_line(context: Context) -> None:
    split = split_crontab(system_programs.read_crontab(context.environ), str(context.project.root))
    if split.block is not None:
        system_programs.write_crontab(context.environ, split.without)
    _script(context).unlink(missing_ok=True)


def _script(context: Context) -> Path:
    return context.project.state_dir / _SCRIPT


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HuskiesError(
            f"{folder} cannot be created: {error.strerror}",
            hint="Set HOME to one of your folders.",
            code="no_home",
            subject=str(folder),
        ) from error


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _has_cron(environ: Mapping[str, str]) -> bool:
    return shutil.which("crontab", path=environ.get("PATH")) is not None


def _services_locked(environ: Mapping[str, str]) -> AbstractContextManager[None]:
    """Hold the lock for the services of this user: the crontab is read, changed and written as a whole."""
    folder = Path(environ.get("XDG_STATE_HOME") or f"{home_folder(environ)}/.local/state", "huskies")
    _make_folder(folder)
    busy = LockBusy("another 'huskies service' is running", hint="Try again.")
    return file_locked(folder / "services.lock", wait=_LOCK_SECS, busy=busy)
