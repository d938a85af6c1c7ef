"""The real package apprise with a local web server as its service."""

import sys
from collections.abc import Iterator

import pytest

from huskies_core.channels.addresses import send_by_apprise
from huskies_core.errors import HuskiesError
from support.messages import ONE
from support.webhooks import Webhook, opened_webhook

# apprise imports imghdr before Python 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


def error_of(url: str) -> str:
    with pytest.raises(HuskiesError) as caught:
        send_by_apprise(ONE, url)
    return caught.value.message


def test_a_service_gets_title_and_text(server: Webhook) -> None:
    send_by_apprise(ONE, f"json://127.0.0.1:{server.port}/hook")
    (body,) = server.received
    assert (body["title"], body["message"]) == (ONE.title, ONE.text)


def test_a_service_that_refuses_is_an_error_without_its_address(
    server: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    server.status = 500
    error = error_of(f"json://ann:secret@127.0.0.1:{server.port}/hook")
    assert (error, capfd.readouterr()) == ("the service did not accept the message", ("", ""))


def test_an_unknown_address_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert error_of("nowhere://secret") == "apprise does not accept the address"
    assert capfd.readouterr() == ("", "")


def test_a_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert error_of("json://x") == "the package apprise is not installed"
