"""Checks of the environment, git, the store, the config, agents and notifications."""

import os
import platform
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from huskies_core.config.document import ConfigError, KeyFinding
from huskies_core.config.records import Notify
from huskies_core.context import Context
from huskies_core.doctor.check import DoctorCheck, is_current
from huskies_core.errors import HuskiesError
from huskies_core.git.host import network_filesystem, require_git
from huskies_core.git.settings import harmful_settings, is_ignored, is_shallow, notable_settings
from huskies_core.operations import machine_checks
from huskies_core.passes.audit_log import last_seq
from huskies_core.runs.programs import installed_program
from huskies_core.store import integrity, journal
from huskies_core.store.connection import Connection
from huskies_core.store.schema import NEWEST
from huskies_core.supervisor.environment import read_env_file

_FEWEST_FILES = 256
_RESTORE = "Keep .huskies/state.db unchanged and restore a copy. Branches and worktrees are not affected."
_REPORT = "Keep a copy of .huskies/state.db and report it, with the file that 'huskies doctor --bundle FILE' writes."


def check_environment(context: Context) -> Iterator[DoctorCheck]:
    """Check the program, the folders of variables, the locale, the file system and the limit of open files."""
    yield DoctorCheck("python", detail=f"Python {platform.python_version()}")
    yield _program(context)
    for name in ("HOME", "TMPDIR"):
        problem, fix = _folder_problem(name, context.environ.get(name))
        yield DoctorCheck(name, problem, fix)
    encoding = sys.getfilesystemencoding()
    problem = f"the locale uses {encoding}, which lacks characters of names and titles"
    yield DoctorCheck(
        "text", "" if encoding == "utf-8" else problem, "Set LC_ALL to a UTF-8 locale such as C.UTF-8."
    )
    yield _file_system(context)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    problem = f"only {soft} files may be open at once" if 0 <= soft < _FEWEST_FILES else ""
    yield DoctorCheck("open files", problem, "Run 'ulimit -n 1024'.")


def check_git(context: Context) -> Iterator[DoctorCheck]:
    """Check the version of git, its identity and settings, and whether the clone has the whole history."""
    yield DoctorCheck("git", detail=require_git())
    # A missing identity is not a problem: then Huskies and the agents use their own.
    unknown = "user.name and user.email are not set: merges are committed by huskies <huskies@localhost>"
    yield DoctorCheck("git identity", detail=unknown if context.repository.identity else "")
    for hurt in harmful_settings(context.repository):
        yield DoctorCheck(
            f"git {hurt.key}", f"{hurt.key} is set so that {hurt.why}", f"Run '{hurt.command}'."
        )
    yield DoctorCheck("git settings", detail="; ".join(notable_settings(context.repository)))
    shallow = "the clone is shallow: the commit where a branch began may be missing"
    problem = shallow if is_shallow(context.repository) else ""
    yield DoctorCheck("git history", problem, "Run 'git fetch --unshallow'.")


def check_store(context: Context) -> Iterator[DoctorCheck]:
    """Check the version of the store, its integrity and the consistency of its tables."""
    version = context.store.version()
    if version < NEWEST:
        fact = f"the store has version {version}, this huskies uses {NEWEST}"
        fix = "Run 'huskies doctor --fix', or any other command, to migrate it."
        yield DoctorCheck("store", fact, fix, repair=partial(_migrate, context))
    if is_current(context):
        with context.store.reading() as db:
            checks = tuple(_of_tables(context, db))
        yield from checks


def check_config(context: Context) -> Iterator[DoctorCheck]:
    """Check the env file, both config files, the base branch, and that git ignores the store and the keys."""
    yield _env_file(context)
    try:
        _ = context.config
    except ConfigError as error:
        yield from (DoctorCheck("config", str(problem), problem.hint) for problem in error.problems)
    else:
        yield DoctorCheck("config")
        if context.config.project.base_branch or is_current(context):
            base = context.base_branch
            missing = "" if context.repository.branch_tip(base) else f"the branch {base} does not exist"
            fix = "Create it, or choose another: huskies config set base_branch NAME."
            yield DoctorCheck("base branch", missing, fix, "" if missing else f"base branch {base}")
    # Otherwise 'git add .' would commit them.
    paths = (context.project.database, context.project.env_file)
    names = [f".huskies/{path.name}" for path in paths if not is_ignored(context.repository, path)]
    fix = "If .huskies/.gitignore is missing, run 'huskies init'. Otherwise let it ignore all but the config."
    yield DoctorCheck("ignored files", f"git does not ignore {' and '.join(names)}" if names else "", fix)


def check_agents(context: Context) -> Iterator[DoctorCheck]:
    """Check that each agent and each gate can start on this machine."""
    if config := context.valid_config:
        for agent in config.agents:
            yield _first_of(f"agent {agent.name}", machine_checks.agent_problems(context, agent))
        for gate in config.project.gates:
            yield _first_of(f"gate {gate.name}", machine_checks.gate_problems(context, gate))


def check_notify(context: Context) -> Iterator[DoctorCheck]:
    """Check that this machine can send the notifications of the config."""
    if config := context.valid_config:
        notify = config.project.notify
        if notify == Notify():
            yield DoctorCheck("notify", detail="none configured", applies=False)
        else:
            yield _first_of("notify", machine_checks.notify_problems(context, notify))


def _first_of(name: str, problems: Iterable[KeyFinding]) -> DoctorCheck:
    """Return a check with the first problem. 'huskies config check' lists all of them."""
    first = next(iter(problems), None)
    return DoctorCheck(name) if first is None else DoctorCheck(name, first.message, first.hint)


def _program(context: Context) -> DoctorCheck:
    """Check that PATH has this installation. Runs and services call it by its path, people and agents by its name."""
    on_path, own = shutil.which("huskies", path=context.environ.get("PATH")), installed_program()
    if on_path is None or os.path.realpath(on_path) == os.path.realpath(own):
        return DoctorCheck("program", detail="" if on_path else "huskies is not on PATH")
    fix = f"Put {os.path.dirname(own)} first on PATH, or remove one of the two."
    return DoctorCheck("program", f"huskies on PATH is {on_path}, but this is {own}", fix)


def _folder_problem(name: str, path: str | None) -> tuple[str, str]:
    """Return problem and fix of the folder of a variable. Without the variable, the system's default is used."""
    if path and not os.path.isdir(path):
        return f"{name} is {path}, which is not a folder", f"Create it, or change {name}."
    try:
        if path:
            tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        fact = f"{name}, {path}, is not writable: {error.strerror}"
        return fact, f"Fix its permissions, or change {name}."
    return "", ""


def _file_system(context: Context) -> DoctorCheck:
    root, state = context.project.root, context.project.state_dir
    kind = network_filesystem(root)
    if kind is not None:
        fix = "Locks and the store work on one host only: clone the repository to a local disk."
        return DoctorCheck("file system", f"{root} is on a network file system ({kind})", fix)
    problem = "" if os.access(state, os.W_OK | os.X_OK) else f"{state} is not writable"
    return DoctorCheck("file system", problem, "Check its owner and its mode.")


def _migrate(context: Context) -> str:
    with context.store.exclusive():
        return f"migrated to version {NEWEST}"


def _of_tables(context: Context, db: Connection) -> Iterator[DoctorCheck]:
    damage = "; ".join(integrity.damage(db))
    yield DoctorCheck("store", damage, _RESTORE)
    if damage:
        return
    yield DoctorCheck("journal", "; ".join(integrity.contradictions(db)), _REPORT)
    fix = "An older copy of the store may have been restored. 'huskies doctor --fix' moves the cursors to the end."
    ahead = "; ".join(integrity.ahead_of_journal(db))
    yield DoctorCheck("cursors", ahead, fix, repair=partial(_pull_back, context))
    yield DoctorCheck("counters", "; ".join(integrity.low_counters(db)), _REPORT)
    yield _audit_log(context, db)


def _pull_back(context: Context) -> str:
    with context.store.exclusive() as db:
        integrity.pull_back(db)
    return "the cursors continue at the end of the journal"


def _audit_log(context: Context, db: Connection) -> DoctorCheck:
    """Check the last line of the audit log, which is the cursor of the pass that writes it."""
    try:
        last = last_seq(context.project.audit_log)
    except HuskiesError:
        fix = "Remove the last line, or move the file away; then run 'huskies audit-log'."
        return DoctorCheck("audit log", "the last line is not valid", fix)
    head = journal.head(db)
    fact = f"the log ends at {last}, the journal at {head}: nothing is added until the journal passes {last}"
    fix = (
        "An older copy of the store may have been restored. Move the log away; then run 'huskies audit-log'."
    )
    return DoctorCheck("audit log", fact if last > head else "", fix)


def _env_file(context: Context) -> DoctorCheck:
    """Check the file that agents need to start. A mode that is too open is repaired, but not through a link: the file
    behind it may be shared on purpose."""
    path = context.project.env_file
    try:
        read_env_file(path)
    except HuskiesError as error:
        is_open = path.stat().st_mode & 0o077 and not path.is_symlink()
        repair = partial(_make_private, path) if is_open else None
        return DoctorCheck("env file", error.message, error.hint, repair=repair)
    return DoctorCheck("env file")


def _make_private(path: Path) -> str:
    path.chmod(0o600)
    return f"only the owner can read {path.name} now"
