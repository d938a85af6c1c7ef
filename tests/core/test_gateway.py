import pytest

from huskies_core.errors import HuskiesError
from huskies_core.gateway import parse_gateway, project_of, url_of


@pytest.mark.parametrize(
    ("url", "tokens", "push"),
    [
        ("http://host", "http://host/gateway/tokens", "ws://host/gateway/events/push"),
        (
            "https://Host:8443/kennel/",
            "https://Host:8443/kennel/gateway/tokens",
            "wss://Host:8443/kennel/gateway/events/push",
        ),
        ("http://ann:word@[::1]:80", "http://[::1]:80/gateway/tokens", "ws://[::1]:80/gateway/events/push"),
    ],
)
def test_both_addresses_are_made_from_the_configured_one(url: str, tokens: str, push: str) -> None:
    gateway = parse_gateway(url, "shop & co")
    assert (gateway.tokens_url, gateway.push_url("a/b&c")) == (
        tokens,
        f"{push}?token=a%2Fb%26c&project=shop%20%26%20co",
    )


def test_user_and_password_become_a_header_and_are_not_shown() -> None:
    gateway = parse_gateway("https://ann:p%40ss@host", "shop")
    assert gateway.headers == {"Authorization": "Basic YW5uOnBAc3M="}
    assert "ann" not in repr(gateway)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://ann:word@host", "host", "https://", "https://ann:word@", "http://ann:word@host:99999"),
        *("http://ann:word@host:x", "http://ho st/ann:word", "http://ann:word@host?a=b", "http://[ann:word"),
        *("http://ann:word@host\n", "http://ann:word@hóst"),
    ],
)
def test_an_invalid_address_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(HuskiesError) as caught:
        parse_gateway(url, "shop")
    assert (caught.value.code, "word" in caught.value.message + caught.value.hint) == (
        "config_error",
        False,
    )


def test_the_config_overrides_the_environment_and_the_folder() -> None:
    environ = {"HUSKIES_GATEWAY_URL": "http://b", "HUSKIES_GATEWAY_PROJECT": "b"}
    assert [url_of("http://a", environ), url_of(None, environ), url_of(None, {})] == [
        "http://a",
        "http://b",
        "",
    ]
    assert [
        project_of("a", environ, "c"),
        project_of(None, environ, "c"),
        project_of(None, {"HUSKIES_GATEWAY_PROJECT": ""}, "c"),
        project_of(None, {}, ""),
    ] == ["a", "b", "c", "project"]
