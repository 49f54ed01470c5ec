"""Questions to DNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.exception
import dns.rdtypes.txtbase
import dns.resolver

from publisher.errors import Problem, Unavailable

if TYPE_CHECKING:
    from publisher.probes.records import Lookup

_SECONDS = 5.0


def make_lookup(server: tuple[str, int] | None = None, *, seconds: float = _SECONDS) -> Lookup:
    """Return what asks this machine's own name service, or one server by address and port.

    A text of a TXT record is its strings joined; a name has no dot at its end. The look-up raises
    Unavailable where no server answers within ``seconds``, or none can. Raises Unavailable.
    """
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
    except dns.exception.DNSException as error:
        raise _unanswered("this machine's name service", str(error)) from error
    if server:
        resolver.nameservers = [server[0]]
        resolver.port = server[1]
    resolver.lifetime = seconds

    def look_up(name: str, kind: str) -> tuple[str, ...]:
        try:
            answer = resolver.resolve(f"{name}.", kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            raise _unanswered(name, _reason(error)) from error
        return tuple(map(_as_text, answer))

    return look_up


def _as_text(data: object) -> str:
    if isinstance(data, dns.rdtypes.txtbase.TXTBase):
        return b"".join(data.strings).decode("utf-8", "replace")
    text = str(data)
    return text if text.endswith(" .") else text.rstrip(".")


def _reason(error: dns.exception.DNSException) -> str:
    match error:
        case dns.resolver.LifetimeTimeout():
            return "no answer in time"
        case dns.resolver.NoNameservers():
            return "servers that cannot say"
        case _:
            return str(error)


def _unanswered(path: str, got: str) -> Unavailable:
    return Unavailable(
        Problem(
            code="dns.unanswered",
            path=path,
            expected="an answer from DNS",
            got=got,
            hint="Try again later, or ask another server: --resolver 9.9.9.9",
        )
    )
