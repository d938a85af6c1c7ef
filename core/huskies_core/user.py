"""Who runs this process. In a container the system's database of users may not know them: then only the environment
does."""

import getpass
import os
import pwd
from collections.abc import Mapping

from huskies_core.errors import HuskiesError


def user_name() -> str:
    """The number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def login_variables() -> dict[str, str]:
    """HOME, USER, LOGNAME and SHELL as a login would set them; none where the system does not know the user."""
    try:
        user = pwd.getpwuid(os.getuid())
    except KeyError:
        return {}
    return {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name, "SHELL": user.pw_shell}


def home_folder(environ: Mapping[str, str]) -> str:
    """Raises HuskiesError `no_home` where neither `environ` nor the system names one."""
    home = environ.get("HOME") or login_variables().get("HOME")
    if not home:
        raise HuskiesError(
            "this user has no home directory", hint="Set HOME to a folder of yours.", code="no_home"
        )
    return home
