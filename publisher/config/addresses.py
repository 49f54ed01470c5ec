"""The kinds of value that name a place on the net or a mailbox."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from publisher.config.hosts import is_address, is_host_name, is_loopback
from publisher.config.kinds import Kind, Unfit, check_line, refuse
from publisher.config.tree import Imap, Listen, Mailbox, Rate

_LISTEN = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:]+)):([0-9]{1,5})")
_HIGHEST_PORT = 65535

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LONGEST_LOCAL_PART = 64
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^"\\<>@,;:]*?))\s*<([^<>]*)>')

_RATE = re.compile(r"([1-9][0-9]{0,6})/(sec|min|hour)")
_RATE_UNITS = {
    "sec": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "hour": timedelta(hours=1),
}
_DSN_SCHEME = "postgresql+psycopg"
_IMAP_PORTS = {"imaps": 993, "imap": 143}


def web_address() -> Kind:
    """Take an absolute http or https address; gives it without a slash at the end."""

    def read(value: str) -> str:
        parts = _split(value, "http", "https")
        if parts.query or parts.fragment or "?" in value or "#" in value:
            raise Unfit(hint="Leave out everything from ? or # on.")
        if "@" in parts.netloc:
            raise Unfit(hint="Leave out the user and the password.")
        return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"

    return Kind(takes=str, expected="an absolute http or https address", read=read)


def endpoint() -> Kind:
    """Take an absolute http or https address, exactly as written."""

    def read(value: str) -> str:
        _split(value, "http", "https")
        return value

    return Kind(takes=str, expected="an absolute http or https address", read=read)


def origin() -> Kind:
    """Take a scheme and host, and a port perhaps (RFC 6454); gives it in lower case."""

    def read(value: str) -> str:
        parts = _split(value, "http", "https")
        if "@" in value or value.lower() != f"{parts.scheme}://{parts.netloc.lower()}":
            raise Unfit(hint="Write scheme and host only, such as https://www.example.com.")
        return value.lower()

    return Kind(takes=str, expected="an origin such as https://www.example.com", read=read)


def host() -> Kind:
    """Take a host name or an IP address."""

    def read(value: str) -> str:
        return value if is_host_name(value) or is_address(value) else refuse()

    return Kind(takes=str, expected="a host name or an IP address", read=read)


def domain() -> Kind:
    """Take a host name; gives it in lower case."""

    def read(value: str) -> str:
        return value.lower() if is_host_name(value) else refuse()

    return Kind(takes=str, expected="a host name such as mail.example.org", read=read)


def network() -> Kind:
    """Take an IP address or a network of them."""

    def read(value: str) -> str:
        try:
            ip_network(value)
        except ValueError:
            raise Unfit(hint='Write an address, or a network such as "10.0.0.0/8".') from None
        return value

    return Kind(takes=str, expected="an IP address or network", read=read)


def listen() -> Kind:
    """Take a host and a port to listen on; port 0 is any free one."""

    def read(value: str) -> Listen:
        match = _LISTEN.fullmatch(value)
        if match is None or int(match[3]) > _HIGHEST_PORT:
            raise Unfit(hint="An IPv6 address stands in brackets: [::1]:8000.")
        name = match[1] or match[2]
        sound = is_address(name) if match[1] else is_host_name(name) or is_address(name)
        return Listen(host=name, port=int(match[3])) if sound else refuse()

    return Kind(takes=str, expected="host:port such as 127.0.0.1:8000", read=read)


def dsn() -> Kind:
    """Take the address of a PostgreSQL database."""

    def read(value: str) -> str:
        check_line(value)
        try:
            scheme = urlsplit(value).scheme
        except ValueError:
            refuse()
        return value if scheme == _DSN_SCHEME and "://" in value else refuse()

    return Kind(takes=str, expected=f"{_DSN_SCHEME}://user@host/database", read=read)


def imap() -> Kind:
    """Take the address of a mailbox; without TLS on this machine only, and never a password."""

    def read(value: str) -> Imap:
        parts = _split(value, *_IMAP_PORTS)
        if parts.password is not None:
            raise Unfit(hint="The password goes into feedback.imap_password.")
        name, mailbox = str(parts.hostname), unquote(parts.path.removeprefix("/"))
        if not parts.username or not mailbox:
            raise Unfit(
                hint='For user me@example.org write "imaps://me%40example.org@host/INBOX".'
            )
        if parts.scheme == "imap" and not is_loopback(name):
            raise Unfit(hint="Only this machine is asked without TLS; write imaps://.")
        return Imap(
            host=name,
            port=parts.port or _IMAP_PORTS[parts.scheme],
            user=unquote(parts.username),
            mailbox=mailbox,
            has_tls=parts.scheme == "imaps",
        )

    return Kind(takes=str, expected="imaps://user@host/INBOX", read=read)


# -------------------------------------------------------------------------------------------- mail


def mailbox() -> Kind:
    """Take one mailbox (RFC 5322 section 3.4), its address in ASCII."""

    def read(value: str) -> Mailbox:
        check_line(value)
        match = _NAMED.fullmatch(value.strip())
        if match is None:
            return _mailbox("", value.strip())
        quoted = re.sub(r"\\(.)", r"\1", match[1] or "")
        return _mailbox(quoted or match[2] or "", match[3])

    return Kind(takes=str, expected='one mailbox such as "Name <name@example.org>"', read=read)


def rate() -> Kind:
    """Take a number a second, minute or hour."""

    def read(value: str) -> Rate:
        match = _RATE.fullmatch(value)
        if match is None:
            raise Unfit(hint="Write a number and /sec, /min or /hour.")
        return Rate(count=int(match[1]), per=_RATE_UNITS[match[2]])

    return Kind(takes=str, expected='a rate such as "600/min"', read=read)


# ----------------------------------------------------------------------------------------- shared


def _split(value: str, *schemes: str) -> SplitResult:
    """Return the parts of an absolute address, its host sound, its scheme one of some."""
    # urlsplit drops line breaks and tabs silently, and takes any character for part of a host.
    if not value.isascii() or not value.isprintable() or " " in value:
        raise Unfit(
            hint="Write it in ASCII without spaces: an IDN host as xn--…, the rest as %XX."
        )
    try:
        parts = urlsplit(value)
        name, _ = parts.hostname or "", parts.port
    except ValueError:
        refuse()
    if parts.scheme not in schemes or not (is_host_name(name) or is_address(name)):
        refuse()
    return parts


def _mailbox(name: str, address: str) -> Mailbox:
    local, at, name_of_host = address.rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or len(local) > _LONGEST_LOCAL_PART:
        raise Unfit(hint="A name with a comma, colon or quote stands in double quotes.")
    if not is_host_name(name_of_host):
        raise Unfit(hint="Write the domain in ASCII; an international one begins with xn--.")
    low = name_of_host.lower()
    return Mailbox(name=" ".join(name.split()), address=f"{local}@{low}", domain=low)
