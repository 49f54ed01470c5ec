"""Where a request comes from: the visitor's address behind our proxies, and the site that sent it."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request


class Sender(StrEnum):
    """Which site's page a form was on."""

    OURS = "ours"  # or a program that does not say, and then must have our form
    FRIEND = "friend"  # one that the configuration lets show the form
    STRANGER = "stranger"


def visitor_of(request: Request, trusted: Sequence[str]) -> str:
    """Return the visitor's IP address: the last that no proxy of ours has.

    What a stranger writes into the header is not believed: each proxy adds to its end.
    """
    nets = [ipaddress.ip_network(one) for one in trusted]
    told = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    hops = [*(one.strip() for one in told if one.strip())]
    found = request.client.host if request.client else ""
    while hops and _is_in(found, nets):
        found = hops.pop()
    return found


def _is_in(address: str, nets: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in net for net in nets if net.version == found.version)


def sender_of(request: Request, url: str, friends: Sequence[str]) -> tuple[Sender, str]:
    """Return whose page sent a form, and the origin of a friend's.

    ``Origin`` counts before ``Sec-Fetch-Site``; a page that tells no site where it is (as ours do
    not) has the origin ``null``.
    """
    origin = request.headers.get("origin", "").lower()
    if origin in friends:
        return Sender.FRIEND, origin
    if origin == origin_of(url):
        return Sender.OURS, ""
    site = request.headers.get("sec-fetch-site", "none")
    if origin in {"", "null"} and site in {"same-origin", "none"}:
        return Sender.OURS, ""
    return Sender.STRANGER, ""


def origin_of(url: str) -> str:
    """Return an address's scheme and host, as browsers say them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
