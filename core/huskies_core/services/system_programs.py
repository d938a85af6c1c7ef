"""Calls of systemctl, systemd-run and crontab for the current user."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.user import home_folder

_MOST_SECS = 60
_NOT_FOUND = 127
_NONE_YET = re.compile(rb"no crontab for|can't open .*: No such file", re.IGNORECASE)


def unit_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the user's own units. Raise HuskiesError `no_home`."""
    return Path(environ.get("XDG_CONFIG_HOME") or f"{home_folder(environ)}/.config", "systemd", "user")


def require_user_manager(environ: Mapping[str, str]) -> None:
    """Raise HuskiesError `no_user_manager` if systemd's user manager does not answer."""
    done = _run(("systemctl", "--user", "show", "--property=Version"), environ)
    fact = f"systemd's user manager does not answer: {_last_line(done)}"
    hint = (
        "Log in as this user without su or sudo, or export XDG_RUNTIME_DIR=/run/user/$(id -u)."
        " Without systemd: huskies service install cron."
    )
    if done.returncode == _NOT_FOUND:
        fact, hint = "systemctl is not installed", "Use cron: huskies service install cron."
    if done.returncode:
        raise HuskiesError(fact, hint=hint, code="no_user_manager", subject="systemd")


def systemctl(environ: Mapping[str, str], *arguments: str) -> None:
    """Run systemctl. Raise HuskiesError `systemctl_failed` with its last line."""
    done = _run(("systemctl", "--user", "--quiet", *arguments), environ)
    if done.returncode:
        fact = f"systemctl --user {' '.join(arguments)}: {_last_line(done)}"
        hint = "The written files stay. Run the same command again to continue."
        raise HuskiesError(fact, hint=hint, code="systemctl_failed", subject="systemd")


def is_started(environ: Mapping[str, str], unit: str) -> bool:
    """Return whether the unit is active and enabled."""
    return all(
        _run(("systemctl", "--user", "--quiet", verb, unit), environ).returncode == 0
        for verb in ("is-enabled", "is-active")
    )


def setting_of(environ: Mapping[str, str], unit: str, name: str) -> str:
    """Return a setting of a unit, including drop-ins; empty if systemd does not know it."""
    done = _run(("systemctl", "--user", "show", f"--property={name}", "--value", unit), environ)
    return "" if done.returncode else done.stdout.decode(errors="replace").strip()


def run_unit(
    environ: Mapping[str, str],
    unit: str,
    properties: Mapping[str, str],
    environment: Mapping[str, str],
    argv: Sequence[str],
) -> None:
    """Run a transient service of that name and wait for its end. Raise HuskiesError `unit_failed`."""
    settings = [f"--property={name}={value}" for name, value in properties.items()]
    variables = [f"--setenv={name}={value}" for name, value in environment.items()]
    options = ("--user", "--wait", "--collect", "--quiet", f"--unit={unit}")
    done = _run(("systemd-run", *options, *settings, *variables, "--", *argv), environ)
    if done.returncode:
        hint = f"See its output with 'journalctl --user -u {unit}'."
        fact = f"systemd-run --user: {_last_line(done)}"
        raise HuskiesError(fact, hint=hint, code="unit_failed", subject="systemd")


def read_crontab(environ: Mapping[str, str]) -> str:
    """Return the user's crontab, or "" if the user has none; bytes that are not UTF-8 become surrogates.

    Raise HuskiesError `no_cron` if cron is not installed, `crontab_failed` if the crontab cannot be read.
    """
    done = _run(("crontab", "-l"), environ)
    if done.returncode == _NOT_FOUND:
        hint = "Install cron, or use systemd: huskies service install systemd."
        raise HuskiesError("crontab is not on PATH", hint=hint, code="no_cron", subject="cron")
    if done.returncode == 0:
        return done.stdout.decode(errors="surrogateescape")
    if _NONE_YET.search(done.stderr):
        return ""
    raise _crontab_failed("crontab -l", done)


def write_crontab(environ: Mapping[str, str], text: str) -> None:
    """Replace the crontab atomically; remove it if `text` is empty. Raise HuskiesError `crontab_failed`."""
    argv = ("crontab", "-") if text else ("crontab", "-r")
    done = _run(argv, environ, text.encode(errors="surrogateescape"))
    if done.returncode:
        raise _crontab_failed(" ".join(argv), done)


def _crontab_failed(command: str, done: subprocess.CompletedProcess[bytes]) -> HuskiesError:
    fact = f"{command}: {_last_line(done)}"
    return HuskiesError(fact, hint="The crontab was not changed.", code="crontab_failed", subject="cron")


def _run(
    argv: Sequence[str], environ: Mapping[str, str], text: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end. Return exit code 127, as a shell does, if it is not installed."""
    try:
        return subprocess.run(
            argv, input=text, capture_output=True, env={**environ, "LC_ALL": "C"}, timeout=_MOST_SECS
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(argv, _NOT_FOUND, b"", b"not found")
    except subprocess.TimeoutExpired as error:
        fact = f"{' '.join(argv)} did not answer in {_MOST_SECS} s"
        raise HuskiesError(fact, hint="Try again.", code="timeout", subject=argv[0]) from error


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"
