"""Who runs this process, where the system knows them and where it does not."""

import os
import pwd

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.supervisor.environment import shim_environment
from huskies_core.user import home_folder, login_variables, user_name

NOBODY = 4_000_000_123


def test_what_a_login_would_set_is_read_from_the_system() -> None:
    user = pwd.getpwuid(os.getuid())
    assert login_variables() == {
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell,
    }
    assert (home_folder({}), home_folder({"HOME": "/x"})) == (user.pw_dir, "/x")


def test_a_user_that_the_system_does_not_know_has_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container that was started with a number for a user."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    assert (user_name(), login_variables(), home_folder({"HOME": "/x"})) == (str(NOBODY), {}, "/x")
    assert shim_environment({"PATH": "/bin"}, ()).keys() == {"PATH"}
    with pytest.raises(HuskiesError, match="no home directory"):
        home_folder({})
