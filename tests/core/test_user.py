"""The user of this process, with and without an entry in the user database."""

import os
import pwd

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.supervisor.environment import shim_environment
from huskies_core.user import home_folder, login_variables, user_name

NOBODY = 4_000_000_123


def test_login_variables_come_from_the_user_database() -> None:
    user = pwd.getpwuid(os.getuid())
    assert login_variables() == {
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell,
    }
    assert (home_folder({}), home_folder({"HOME": "/x"})) == (user.pw_dir, "/x")


def test_an_unknown_user_has_the_values_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A container that was started with a number as its user has no entry."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: NOBODY)
    assert (user_name(), login_variables(), home_folder({"HOME": "/x"})) == (str(NOBODY), {}, "/x")
    assert shim_environment({"PATH": "/bin"}, ()).keys() == {"PATH"}
    with pytest.raises(HuskiesError, match="no home directory"):
        home_folder({})
