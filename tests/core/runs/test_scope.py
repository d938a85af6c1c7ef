"""Which control groups a run must leave, and how it asks for it."""

import pytest

from huskies_core.runs.scope import needs_scope

USER = "/user.slice/user-1000.slice"


@pytest.mark.parametrize(
    ("cgroup", "lingers", "needs"),
    [
        (f"{USER}/user@1000.service/app.slice/huskies-tick.service", False, True),
        (f"{USER}/user@1000.service/huskies-tick.service", True, True),
        (f"{USER}/user@1000.service/app.slice/app-gnome-terminal-7.scope", True, False),
        (f"{USER}/user@1000.service/init.scope", True, False),
        (f"{USER}/session-3.scope", True, True),
        (f"{USER}/session-3.scope", False, False),
        ("/system.slice/cron.service", True, False),
        ("/", True, False),
        ("", True, False),
    ],
)
def test_a_scope_is_needed_where_the_starters_end_would_be_the_runs(
    cgroup: str, *, lingers: bool, needs: bool
) -> None:
    assert needs_scope(cgroup, lingers=lingers) is needs
