"""Posting to a webhook that answers, refuses, leads elsewhere or says nothing."""

from collections.abc import Iterator

import pytest

from huskies_core.channels.webhook import post
from huskies_core.errors import HuskiesError
from support.messages import ONE
from support.webhooks import Webhook, opened_webhook


@pytest.fixture
def server() -> Iterator[Webhook]:
    with opened_webhook() as server:
        yield server


def trouble(url: str, within: float = 5.0) -> str:
    with pytest.raises(HuskiesError) as caught:
        post(ONE, url, within)
    return f"{caught.value.message} {caught.value.hint}".strip()


def test_the_message_is_posted_as_json(server: Webhook) -> None:
    post(ONE, f"{server.url}?key=1")
    ((path, headers),) = server.asked
    assert (path, headers["Content-Type"], headers["User-Agent"]) == (
        "/hook?key=1",
        "application/json",
        "huskies",
    )
    assert server.told == [ONE.document()]


def test_a_user_and_a_password_go_in_a_header_alone(server: Webhook) -> None:
    post(ONE, server.url.replace("//", "//ann:w%40rd@"))
    ((path, headers),) = server.asked
    assert (path, headers["Host"], headers["Authorization"]) == (
        "/hook",
        f"127.0.0.1:{server.port}",
        "Basic YW5uOndAcmQ=",
    )


@pytest.mark.parametrize("status", [404, 500])
def test_an_answer_that_is_no_success_is_told(server: Webhook, status: int) -> None:
    server.status = status
    assert trouble(server.url) == f"it answered {status}"


def test_a_redirect_is_not_followed(server: Webhook) -> None:
    with opened_webhook() as elsewhere:
        server.status, server.location = 307, elsewhere.url
        assert (trouble(server.url), elsewhere.asked) == ("it answered 307", [])


def test_one_that_says_nothing_is_left(server: Webhook) -> None:
    server.answers.clear()
    assert trouble(server.url, within=0.2) == "no answer in time"


def test_nobody_there_is_told_without_the_address() -> None:
    assert trouble("http://127.0.0.1:9/secret") == "Connection refused"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "https:///x", "http://host/a\nb", "http://a b/", "", "http://[x/secret"]
)
def test_an_address_that_cannot_be_one_is_refused_without_being_told(url: str) -> None:
    assert trouble(url).removesuffix(" Write https://HOST/PATH.") == "the address cannot be used"
