"""The environment that a service takes from a shell."""

import pytest

from huskies_core.errors import HuskiesError
from huskies_core.services.service import ServiceJob, captured, service_of


def test_locations_and_locale_are_kept_and_secrets_are_not() -> None:
    shell = {
        "PATH": "/usr/bin:bin::.:/opt/bin:/usr/bin",
        "LANG": "C.UTF-8",
        "LC_TIME": "de_DE.UTF-8",
        "XDG_CONFIG_HOME": "/home/ada/cfg",
        "ANTHROPIC_API_KEY": "secret",
        "SSH_AUTH_SOCK": "/run/1",
        "HOME": "/home/ada",
        "TZ": "",
    }
    assert captured(shell) == {
        "LANG": "C.UTF-8",
        "LC_TIME": "de_DE.UTF-8",
        "PATH": "/usr/bin:/opt/bin",
        "XDG_CONFIG_HOME": "/home/ada/cfg",
    }


def test_a_value_that_is_not_one_line_is_omitted() -> None:
    assert captured({"PATH": "/usr/bin", "LANG": "C\nX", "LC_ALL": "\udcff"}) == {"PATH": "/usr/bin"}


@pytest.mark.parametrize("path", ["/a\nb", "/a\x1b[1m", "/a\udcff"])
def test_a_path_that_is_not_one_line_is_refused(path: str) -> None:
    for root, program in ((path, "/bin/huskies"), ("/shop", path)):
        with pytest.raises(HuskiesError) as caught:
            service_of(root, program, ServiceJob.TICK, {})
        assert caught.value.code == "unusable_path"
