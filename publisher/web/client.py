"""Who asks: the visitor's address, as far as proxies that are believed tell it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import Request


def address_of(request: Request, trusted: Iterable[str]) -> str:
    """Return the address of the visitor: the last one told that is no proxy of ours."""
    networks = [ip_network(one, strict=False) for one in trusted]
    asked_by = request.client.host if request.client else ""
    hops = [*_told(request.headers.get("x-forwarded-for", "")), asked_by]
    for hop in reversed(hops):
        try:
            address = ip_address(hop)
        except ValueError:
            break
        if not any(address in network for network in networks):
            return str(address)
    return asked_by


def _told(header: str) -> list[str]:
    return [hop.strip() for hop in header.split(",") if hop.strip()]
