"""Posting to a webhook that answers, refuses, redirects or does not answer."""

from collections.abc import Iterator

import pytest

from huskies_core.channels.addresses import post
from huskies_core.errors import HuskiesError
from support.messages import ONE
from support.webhooks import Webhook, opened_webhook


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


def error_of(url: str, within: float = 5.0) -> str:
    with pytest.raises(HuskiesError) as caught:
        post(ONE, url, within)
    return f"{caught.value.message} {caught.value.hint}".strip()


def test_the_message_is_posted_as_json(server: Webhook) -> None:
    post(ONE, f"{server.url}?key=1")
    ((path, headers),) = server.requests
    assert (path, headers["Content-Type"], headers["User-Agent"]) == (
        "/hook?key=1",
        "application/json",
        "huskies",
    )
    assert server.received == [ONE.to_json()]


def test_user_and_password_are_sent_only_in_a_header(server: Webhook) -> None:
    post(ONE, server.url.replace("//", "//ann:w%40rd@"))
    ((path, headers),) = server.requests
    assert (path, headers["Host"], headers["Authorization"]) == (
        "/hook",
        f"127.0.0.1:{server.port}",
        "Basic YW5uOndAcmQ=",
    )


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_answer_is_an_error(server: Webhook, status: int) -> None:
    server.status = status
    assert error_of(server.url) == f"the server answered {status}"


def test_a_redirect_is_not_followed(server: Webhook) -> None:
    with opened_webhook() as elsewhere:
        server.status, server.location = 307, elsewhere.url
        assert (error_of(server.url), elsewhere.requests) == ("the server answered 307", [])


def test_the_address_of_a_redirect_is_not_read(server: Webhook) -> None:
    server.status, server.location = 302, "http://[x/"
    assert error_of(server.url) == "the server answered 302"


def test_a_missing_answer_is_a_timeout(server: Webhook) -> None:
    server.answers.clear()
    assert error_of(server.url, within=0.2) == "no answer in time"


def test_a_refused_connection_is_an_error_without_the_address() -> None:
    assert error_of("http://127.0.0.1:9/secret") == "Connection refused"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "https:///x", "http://host/a\nb", "http://a b/", "", "http://[x/secret"]
)
def test_an_invalid_address_is_refused_and_not_quoted(url: str) -> None:
    assert error_of(url).removesuffix(" Write https://HOST/PATH.") == "the address cannot be used"
