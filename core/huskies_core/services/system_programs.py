"""systemctl and crontab, run for the user who asks."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from huskies_core.errors import HuskiesError
from huskies_core.user import home_folder

_MOST_SECS = 60
_NONE_YET = re.compile(rb"no crontab for|can't open .*: No such file", re.IGNORECASE)


def unit_folder(environ: Mapping[str, str]) -> Path:
    """Where the user manager looks for what its user wrote. Raises HuskiesError `no_home`."""
    return Path(environ.get("XDG_CONFIG_HOME") or f"{home_folder(environ)}/.config", "systemd", "user")


def require_user_manager(environ: Mapping[str, str]) -> None:
    """Raises HuskiesError `no_user_manager` where systemd would not answer this user."""
    done = _run(("systemctl", "--user", "show", "--property=Version"), environ)
    if done is None:
        fact, hint = "systemd is not on this machine", "Use cron: huskies service install cron."
    elif done.returncode:
        fact = f"no systemd user manager answers: {_last_line(done)}"
        hint = (
            "Log in as this user, not by su or sudo; or export XDG_RUNTIME_DIR=/run/user/$(id -u)."
            " Without systemd: huskies service install cron."
        )
    else:
        return
    raise HuskiesError(fact, hint=hint, code="no_user_manager", subject="systemd")


def systemctl(environ: Mapping[str, str], *arguments: str) -> None:
    """Raises HuskiesError `systemctl_failed` with what it said."""
    done = _run(("systemctl", "--user", "--quiet", *arguments), environ)
    if done is None or done.returncode:
        raise HuskiesError(
            f"systemctl --user {' '.join(arguments)}: {_last_line(done)}",
            hint="What was written stays: the same command goes on from there.",
            code="systemctl_failed",
            subject="systemd",
        )


def is_started(environ: Mapping[str, str], unit: str) -> bool:
    """Whether the unit is active now, and will be at the next login."""
    asked = (
        _run(("systemctl", "--user", "--quiet", verb, unit), environ) for verb in ("is-enabled", "is-active")
    )
    return all(done is not None and done.returncode == 0 for done in asked)


def setting_of(environ: Mapping[str, str], unit: str, name: str) -> str:
    """What is in force for a unit, drop-ins among it; empty where that is not known."""
    done = _run(("systemctl", "--user", "show", f"--property={name}", "--value", unit), environ)
    return "" if done is None or done.returncode else done.stdout.decode(errors="replace").strip()


def is_known(environ: Mapping[str, str], unit: str) -> bool:
    """Whether the user manager has a file of that unit."""
    return setting_of(environ, unit, "LoadState") == "loaded"


def run_unit(
    environ: Mapping[str, str],
    unit: str,
    properties: Mapping[str, str],
    environment: Mapping[str, str],
    argv: Sequence[str],
) -> None:
    """Has the user manager run a service of that name to its end; nothing of the unit is left. Raises HuskiesError
    `unit_failed`."""
    set_ = [f"--property={name}={value}" for name, value in properties.items()]
    variables = [f"--setenv={name}={value}" for name, value in environment.items()]
    how = ("--user", "--wait", "--collect", "--quiet", f"--unit={unit}")
    done = _run(("systemd-run", *how, *set_, *variables, "--", *argv), environ)
    if done is None or done.returncode:
        raise HuskiesError(
            f"systemd-run --user: {_last_line(done)}",
            hint=f"'journalctl --user -u {unit}' has what it said.",
            code="unit_failed",
            subject="systemd",
        )


def read_crontab(environ: Mapping[str, str]) -> str:
    """The user's crontab, its bytes kept; "" where there is none. Raises HuskiesError `no_cron`, and `crontab_failed`
    where it cannot be read: then it must not look empty."""
    done = _run(("crontab", "-l"), environ)
    if done is None:
        hint = "Install cron, or use systemd: huskies service install systemd."
        raise HuskiesError("crontab is not on PATH", hint=hint, code="no_cron", subject="cron")
    if done.returncode == 0:
        return done.stdout.decode(errors="surrogateescape")
    if _NONE_YET.search(done.stderr):
        return ""
    raise _crontab_failed("crontab -l", done)


def write_crontab(environ: Mapping[str, str], text: str) -> None:
    """Puts it in the place of the old one at once; an empty one is removed. Raises HuskiesError `crontab_failed`."""
    argv = ("crontab", "-") if text else ("crontab", "-r")
    done = _run(argv, environ, text.encode(errors="surrogateescape"))
    if done is None or done.returncode:
        raise _crontab_failed(" ".join(argv), done)


def _crontab_failed(command: str, done: "subprocess.CompletedProcess[bytes] | None") -> HuskiesError:
    fact = f"{command}: {_last_line(done)}"
    return HuskiesError(fact, hint="The crontab is as it was.", code="crontab_failed", subject="cron")


def _run(
    argv: Sequence[str], environ: Mapping[str, str], text: bytes = b""
) -> "subprocess.CompletedProcess[bytes] | None":
    """None where there is no such program."""
    try:
        return subprocess.run(
            argv, input=text, capture_output=True, env={**environ, "LC_ALL": "C"}, timeout=_MOST_SECS
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired as error:
        fact = f"{' '.join(argv)} did not answer in {_MOST_SECS} s"
        raise HuskiesError(fact, hint="Try again.", code="timeout", subject=argv[0]) from error


def _last_line(done: "subprocess.CompletedProcess[bytes] | None") -> str:
    if done is None:
        return "not found"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"
