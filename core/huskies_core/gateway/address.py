"""Where the gateway is, and under which name a project is known there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from huskies_core.errors import HuskiesError
from huskies_core.http import credentials_of

URL_VARIABLE = "HUSKIES_GATEWAY_URL"
PROJECT_VARIABLE = "HUSKIES_GATEWAY_PROJECT"
_SOCKETS = {"http": "ws", "https": "wss"}


@dataclass(frozen=True)
class Gateway:
    """Its address without user and password, which are in `headers`: neither is shown when this is."""

    scheme: str
    place: str = field(repr=False)
    project: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def tokens_url(self) -> str:
        return f"{self.scheme}://{self.place}/gateway/tokens"

    def push_url(self, token: str) -> str:
        query = f"token={quote(token, safe='')}&project={quote(self.project, safe='')}"
        return f"{_SOCKETS[self.scheme]}://{self.place}/gateway/events/push?{query}"


def url_of(configured: str | None, environ: Mapping[str, str]) -> str:
    """The address as it was given, empty where no gateway is set."""
    return configured or environ.get(URL_VARIABLE, "")


def project_of(configured: str | None, environ: Mapping[str, str], folder: str) -> str:
    return configured or environ.get(PROJECT_VARIABLE, "") or folder or "project"


def parse_gateway(url: str, project: str) -> Gateway:
    """Raises HuskiesError `config_error`, which does not repeat the address: a password may stand in it."""
    parts = _split(url)
    if parts is None:
        raise HuskiesError(
            "the address of the gateway cannot be used",
            hint=f"Write gateway_url, or {URL_VARIABLE}, as https://HOST[:PORT][/PATH].",
            code="config_error",
            subject="gateway_url",
        )
    place = parts.netloc.rpartition("@")[2] + parts.path.rstrip("/")
    return Gateway(parts.scheme, place, project, credentials_of(parts))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    plain = url.isprintable() and url.isascii() and " " not in url and not parts.query and not parts.fragment
    return parts if parts.scheme in _SOCKETS and whole and plain else None
