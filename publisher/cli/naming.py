"""The command about DNS: dns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from publisher.cli.frame import Command, Frame, with_frame
from publisher.config import is_reserved_domain
from publisher.errors import Problem, Refused, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from publisher.cli.frame import Group
    from publisher.probes import Finding, Record

_PORT = 53


def register(root: Group) -> None:
    """Add the command to the program."""
    root.add_command(dns)


@click.command(cls=Command)
@click.option("--make-keys", is_flag=True, help="Make the keys to sign with that are not there.")
@click.option("--check", is_flag=True, help="Ask DNS, and say what is missing.")
@click.option(
    "--resolver",
    metavar="ADDRESS",
    help="Ask this DNS server, as 9.9.9.9 or 127.0.0.1:5353; this machine's own if absent.",
)
@with_frame
def dns(frame: Frame, make_keys: bool, check: bool, resolver: str | None) -> None:  # noqa: FBT001 - click gives them by name
    """Print the DNS records that mail needs, one line to copy each."""
    from publisher import app, probes  # noqa: PLC0415

    site = frame.open()
    server = read_server(resolver) if resolver else None
    made = app.make_keys(site.config, replace_existing=frame.yes) if make_keys else []
    records = app.list_records(site.config, site.environ)
    findings = _ask(records, server) if check else []
    lacking = app.describe_signing(site.config)
    if frame.json:
        shapes = [_finding_shape(one) for one in findings] or [_shape(one) for one in records]
        frame.give({"records": shapes, "made": list(map(str, made)), "configure": lacking})
    if is_reserved_domain(site.config.mail.from_.domain):
        frame.complain([_reserved(site.config.mail.from_.domain)])
    frame.say(*(f"Made {file}, for this user alone." for file in made))
    if findings:
        _tell_findings(frame, findings)
    else:
        _tell_records(frame, records)
    if lacking:
        frame.say("", "Mails are signed once config.toml has these lines:", "", lacking)
    if not any(one.kind is probes.RecordKind.DKIM for one in records):
        frame.say(
            "", "The relay signs, or nobody: ask it for its DKIM record, or use --make-keys."
        )
    raise click.exceptions.Exit(_exit_code(findings))


def _reserved(domain: str) -> Problem:
    return Problem(
        code="dns.reserved",
        path="mail.from",
        level="warning",
        expected="a domain of yours",
        got=f"{domain}, which is for examples only",
        hint="Set mail.from first: these records are for that domain.",
    )


def _ask(records: Sequence[Record], server: tuple[str, int] | None) -> list[Finding]:
    from publisher import probes  # noqa: PLC0415

    lookup = probes.make_lookup(server)
    return [probes.check(record, lookup) for record in records]


def _exit_code(findings: Sequence[Finding]) -> int:
    states = {str(one.state) for one in findings}
    if states & {"missing", "differs"}:
        return Refused.exit_code
    return Unavailable.exit_code if "unanswered" in states else 0


def _tell_records(frame: Frame, records: Sequence[Record]) -> None:
    for one in records:
        frame.say(f"{one.kind.upper()}: {one.why}.", one.line, "")
    frame.say("Many DNS pages add the domain to the name themselves: leave it out there.")


def _tell_findings(frame: Frame, findings: Sequence[Finding]) -> None:
    for one in findings:
        mark = "✓" if one.state == "ok" else "!" if one.state == "unanswered" else "✗"
        frame.say(f"{mark} {one.record.kind.upper()} {one.record.name}: {one.state}, {one.got}")
        if one.state != "ok":
            frame.say(f"  {one.hint}", f"  {one.record.line}")


def _shape(record: Record) -> dict[str, object]:
    return {
        "kind": str(record.kind),
        "type": record.type,
        "name": record.name,
        "value": record.value,
        "strings": list(record.strings) if record.type == "TXT" else [],
        "line": record.line,
        "why": record.why,
    }


def _finding_shape(finding: Finding) -> dict[str, object]:
    found = {"state": str(finding.state), "got": finding.got, "hint": finding.hint}
    return _shape(finding.record) | found


def read_server(text: str) -> tuple[str, int]:
    """Return address and port of a DNS server as they were typed; raises UsageError."""
    from ipaddress import ip_address  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    try:
        parts = urlsplit(f"//[{text}]" if text.count(":") > 1 and "[" not in text else f"//{text}")
        return str(ip_address(parts.hostname or "")), parts.port or _PORT
    except ValueError as error:
        raise UsageError(
            Problem(
                code="usage",
                path="--resolver",
                expected="an address such as 9.9.9.9, 127.0.0.1:5353 or [::1]:5353",
                got=text,
                hint="Nothing was done.",
            )
        ) from error
