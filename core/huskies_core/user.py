"""The user of this process. In a container, the user database may not contain them; then the environment decides."""

import getpass
import os
import pwd
from collections.abc import Mapping

from huskies_core.errors import HuskiesError


def user_name() -> str:
    """Return the user's name, or their number without one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def login_variables() -> dict[str, str]:
    """Return HOME, USER, LOGNAME and SHELL as after a login, or {} for a user without an entry in the database."""
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        return {}
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell}


def home_folder(environ: Mapping[str, str]) -> str:
    """Return the home folder. Raise HuskiesError `no_home` if neither `environ` nor the user database has one."""
    home = environ.get("HOME") or login_variables().get("HOME")
    if not home:
        raise HuskiesError(
            "this user has no home directory", hint="Set HOME to a folder that you own.", code="no_home"
        )
    return home
