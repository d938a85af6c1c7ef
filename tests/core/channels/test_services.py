"""The package apprise, real, with a service that is a web server on loopback."""

import sys
from collections.abc import Iterator

import pytest

from huskies_core.channels.services import send
from huskies_core.errors import HuskiesError
from support.messages import ONE
from support.webhooks import Webhook, opened_webhook

# What it still asks of the standard library before Python 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


def trouble(url: str) -> str:
    with pytest.raises(HuskiesError) as caught:
        send(ONE, url)
    return caught.value.message


def test_a_service_gets_title_and_text(server: Webhook) -> None:
    send(ONE, f"json://127.0.0.1:{server.port}/hook")
    (told,) = server.told
    assert (told["title"], told["message"]) == (ONE.title, ONE.text)


def test_a_service_that_refuses_is_told_and_nothing_of_its_address(
    server: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    server.status = 500
    told = trouble(f"json://ann:secret@127.0.0.1:{server.port}/hook")
    assert (told, capfd.readouterr()) == ("the service did not take it", ("", ""))


def test_an_address_that_apprise_does_not_know_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert trouble("nowhere://secret") == "apprise knows no such address"
    assert capfd.readouterr() == ("", "")


def test_without_the_package_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert trouble("json://x") == "the package apprise is not installed"
