"""The address of the gateway and the name of the project there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from huskies_core.errors import HuskiesError
from huskies_core.http import authorization_header

URL_VARIABLE = "HUSKIES_GATEWAY_URL"
PROJECT_VARIABLE = "HUSKIES_GATEWAY_PROJECT"
_SOCKETS = {"http": "ws", "https": "wss"}


@dataclass(frozen=True)
class Gateway:
    """A gateway. `headers` has the user and the password; the address lacks them. repr shows neither."""

    scheme: str
    location: str = field(repr=False)
    project: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def tokens_url(self) -> str:
        return f"{self.scheme}://{self.location}/gateway/tokens"

    def push_url(self, token: str) -> str:
        query = f"token={quote(token, safe='')}&project={quote(self.project, safe='')}"
        return f"{_SOCKETS[self.scheme]}://{self.location}/gateway/events/push?{query}"


def url_of(configured: str | None, environ: Mapping[str, str]) -> str:
    """Return the configured address, or an empty text if no gateway is configured."""
    return configured or environ.get(URL_VARIABLE, "")


def project_of(configured: str | None, environ: Mapping[str, str], folder: str) -> str:
    return configured or environ.get(PROJECT_VARIABLE, "") or folder or "project"


def parse_gateway(url: str, project: str) -> Gateway:
    """Return the gateway at `url`.

    Raise HuskiesError `config_error` without quoting the address, which may contain a password.
    """
    parts = _split(url)
    if parts is None:
        raise HuskiesError(
            "the address of the gateway is not valid",
            hint=f"Write gateway_url, or {URL_VARIABLE}, as https://HOST[:PORT][/PATH].",
            code="config_error",
            subject="gateway_url",
        )
    location = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    return Gateway(parts.scheme, location, project, authorization_header(parts))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    plain = url.isprintable() and url.isascii() and " " not in url and not parts.query and not parts.fragment
    return parts if parts.scheme in _SOCKETS and whole and plain else None
