"""Whether a web address that a person typed may be asked, and how to ask that very address and no other.

Where many people share the app, an address could be used to reach what only this machine can reach: its own services, its network, the
cloud's metadata. So every address that the name stands for must be public; the connection goes to the address that was checked, not to
what the name means a moment later; redirects are never followed. On a machine of one's own all addresses are allowed.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.errors import ModelError, PlanError

if TYPE_CHECKING:
    import httpx2

Resolve = Callable[[str, int], Sequence[str]]
HEADERS = frozenset({"host", "content-type", "content-length", "accept", "accept-encoding", "connection", "user-agent", "authorization"})
"""What may leave. A client library adds others from this machine's environment (organisation, project)."""


def shared_machine() -> bool:
    """Whether other people's runs happen here, too: on a Space, or where the app says so to the runs that it starts."""
    return bool(os.environ.get("SPACE_ID") or os.environ.get("BAKEOFF_PUBLIC"))


def check_form(url: str, where: str) -> None:
    """Refuse an address that is none, or that holds a secret. The message never repeats it, for the same reason.

    Raises:
        PlanError: as above.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in url):
        raise PlanError(
            f"{where} must be an http or https address of a server.", "For example https://host/v1, or http://127.0.0.1:8000/v1."
        )
    if parts.username or parts.password or "@" in parts.netloc:
        raise PlanError(
            f"{where} must not hold a user name or a key: it is stored and shown.", "Give the key by BAKEOFF_JUDGE_KEY or the page's field."
        )
    if parts.query or parts.fragment:
        raise PlanError(f"{where} must end before '?' and '#': what stands there is stored and shown.", "Give a key by BAKEOFF_JUDGE_KEY.")


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name.

    Raises:
        ModelError: it has none.
    """
    try:
        return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError):
        raise ModelError("The name of the judge's endpoint stands for no address.", "Check judge.endpoint.url and the network.") from None


def public_address(host: str, port: int, lookup: Resolve = resolve) -> str:
    """The address to connect to, all addresses of the name being public.

    Raises:
        ModelError: one of them is not.
    """
    found = [host] if _is_address(host) else list(lookup(host, port))
    if not found or not all(_is_public(address) for address in found):
        raise ModelError(
            "The judge's endpoint stands at an address that is not public, and this app is shared.",
            "Name a public server, or run the app yourself.",
        )
    return found[0]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_public(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if inner is not None and not _is_public(str(inner)):
        return False
    if address in ipaddress.ip_network("64:ff9b::/96"):  # an IPv4 address seen through a translator
        return _is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
    return address.is_global and not address.is_multicast


def client(timeout_s: float, *, has_key: bool, public_only: bool, lookup: Resolve = resolve) -> httpx2.Client:
    """An HTTP client that follows no redirect, sends no header of this machine's own, and keeps to public addresses where it must."""
    import httpx2

    def only_ours(request: httpx2.Request) -> None:
        for name in list(request.headers):
            if name.lower() not in HEADERS or (name.lower() == "authorization" and not has_key):
                del request.headers[name]

    class Pinned(httpx2.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            host = request.url.host
            request.url = request.url.copy_with(host=public_address(host, request.url.port or 443, lookup))
            request.extensions = {**request.extensions, "sni_hostname": host}
            return super().handle_request(request)

    options = {"timeout": timeout_s, "follow_redirects": False, "event_hooks": {"request": [only_ours]}}
    if public_only:
        return httpx2.Client(transport=Pinned(trust_env=False), trust_env=False, **options)  # type: ignore[arg-type]
    return httpx2.Client(**options)  # type: ignore[arg-type]
