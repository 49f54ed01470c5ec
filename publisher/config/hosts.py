"""Host names: which are well formed, which are this machine, which can never be reached by mail."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME = 253

_RESERVED_TOPS = frozenset({"example", "invalid", "local", "localhost", "test"})
_RESERVED_DOMAINS = frozenset({"example.com", "example.net", "example.org"})


def is_host_name(text: str) -> bool:
    """Whether the text is a host name in ASCII and no number (RFC 1123 section 2.1)."""
    last = text.rpartition(".")[2]
    sound = _HOST_NAME.fullmatch(text) and len(text) <= _LONGEST_NAME
    return bool(sound) and not last.isdigit()


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address, without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host name or address, brackets allowed, can only be this machine (RFC 6761)."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def is_reserved_domain(domain: str) -> bool:
    """Whether no mail can ever reach the domain or any below it (RFC 2606, RFC 6761, RFC 6762)."""
    labels = domain.lower().rstrip(".").split(".")
    return labels[-1] in _RESERVED_TOPS or ".".join(labels[-2:]) in _RESERVED_DOMAINS
