"""How fast mails leave, beside other senders, into the same sink: numbers are printed.

Usage: python -m tests.benchmarks.bench_sending [--readers N] [--rounds N]

The sink is Postfix's smtp-sink, which takes mails and keeps none. Our sender is the product's own
job on an edition that is open: ledger on SQLite, flushed at every commit, one mail a connection.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from publisher import app, editing, tokens
from publisher.deliverability import parse_address
from publisher.delivering import committing, composing, feed
from publisher.mail.keys import make_ed25519_key, make_rsa_key
from publisher.model import Consent, SubscriberState
from publisher.store import editions, subscribers
from publisher.store.subscribers import Joining
from publisher.transport import lines
from tests.benchmarks.build import as_table
from tests.benchmarks.programs import PEERS, REPOSITORY, install_python
from tests.benchmarks.verdict import Measure, write_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_POSTFIX = PEERS / "postfix"
SINK, SOURCE = (str(_POSTFIX / "usr/sbin" / name) for name in ("smtp-sink", "smtp-source"))
_LIBRARIES = {**os.environ, "LD_LIBRARY_PATH": str(_POSTFIX / "usr/lib/postfix")}
CONNECTIONS = 32
C, OURS, SIGNED = "smtp-source -d", "publisher", "publisher, signed by RSA and Ed25519"
SMTPLIB, NODEMAILER = "smtplib, a ready mail", "nodemailer, a pool, composing"
MAILMAN = "Mailman 3, VERP and a copy for each"
_PEER_CONNECTIONS = 8
_NODEMAILER, _MAILMAN = (Path(__file__).parent / name for name in ("nodemailer", "mailman"))
_FEWEST = 100
"""Mails of a sender, however small its share."""
_NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
_SITE = """\
[site]
name = "Riverside Letters"
id = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"
[digests.weekly]
title = "Weekly letter"
schedule = "every tuesday at 07:30"
content = "full"
[mail]
transport = "smtp"
from = "Letters <letters@example.org>"
expire_after = "3650d"
[mail.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
connections = {connections}
"""
_KEYS = """\
[mail.dkim]
domain = "example.org"
selector = "s1"
rsa_key = { file = "rsa.pem" }
ed25519_key = { file = "ed25519.pem" }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One way to send mails: takes the folder, the sink's port and how many, returns seconds."""

    name: str
    send: Callable[[Path, int, int], float]
    share: float = 1.0
    """Which part of the mails it sends: slow ones send fewer."""

    def count(self, readers: int) -> int:
        """Return how many mails it sends."""
        return min(readers, max(int(readers * self.share), _FEWEST))


def main() -> int:
    """Measure, and print the table."""
    options = _read_options()
    if options.child:
        _send_as_child(Path(options.child), stages=options.stages)
        return 0
    with tempfile.TemporaryDirectory(prefix="publisher-bench-") as folder:
        try:
            print(_compare(Path(folder), readers=options.readers, rounds=options.rounds))
        except RuntimeError as error:
            sys.exit(str(error))
    return 0


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_sending")
    parser.add_argument("--readers", type=int, default=20_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--stages", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# ------------------------------------------------------------------------------------ one round


def _compare(folder: Path, *, readers: int, rounds: int) -> str:
    install_postfix()
    _install_nodemailer()
    mailman = install_python(PEERS / "mailman", _MAILMAN / "requirements.txt")
    prepared = {name: folder / name for name in ("unsigned", "signed")}
    for name, place in prepared.items():
        _prepare(place, readers, signed=name == "signed")
    octets = _measure_mail(prepared["unsigned"])
    (folder / "mail.eml").write_bytes(octets)
    senders = _list_senders(len(octets), mailman)
    figures: dict[str, list[float]] = {one.name: [] for one in senders}
    for turn in range(rounds):
        for one in senders[turn % len(senders) :] + senders[: turn % len(senders)]:
            with sink() as port:
                count = one.count(readers)
                figures[one.name].append(count / one.send(folder, port, count))
    with sink() as port:
        _send(folder, "unsigned", port, "--stages")
    return _write(figures, len(octets), readers)


def _write(figures: dict[str, list[float]], octets: int, readers: int) -> str:
    goals = [
        Measure(name=name, goal=goal, floor=floor, at_least=True, figures=_ratios(figures, *pair))
        for name, goal, floor, pair in (
            ("unsigned, of smtp-source", 1.0, 0.8, (OURS, C)),
            ("unsigned, of nodemailer, which composes too", 10.0, 7.0, (OURS, NODEMAILER)),
            ("unsigned, of smtplib with a ready mail", 3.0, None, (OURS, SMTPLIB)),
            ("unsigned, of Mailman 3 with VERP", 50.0, None, (OURS, MAILMAN)),
            ("with both signatures, of smtp-source", 0.3, None, (SIGNED, C)),
        )
    ]
    costs = [1e6 * one for one in _costs["unsigned"]]
    goals.append(Measure(name="CPU a mail, unsigned", goal=250, unit=" µs", figures=costs))
    rows = [["sender", "mails a second"], ["---", "---"]]
    for name, rates in figures.items():
        rows.append([name, f"{median(rates):,.0f} [{min(rates):,.0f} to {max(rates):,.0f}]"])
    return "\n".join(
        [
            (
                f"{readers:,} readers, {octets:,} octets a mail, {CONNECTIONS} connections of ours, "
                f"{_PEER_CONNECTIONS} of the others.\n"
            ),
            write_verdict(goals),
            "",
            as_table(rows),
            "\nWhere the processor's time of a mail goes, unsigned, in a run of its own:\n",
            as_table([["stage", "µs a mail"], ["---", "---"], *_stages]),
        ]
    )


def _ratios(figures: dict[str, list[float]], ours: str, theirs: str) -> list[float]:
    return [mine / other for mine, other in zip(figures[ours], figures[theirs], strict=True)]


@contextmanager
def sink() -> Iterator[int]:
    """Start a relay that takes mails and keeps none; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [SINK, *user, f"127.0.0.1:{port}", "1024"]
    sink = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=_LIBRARIES)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)  # noqa: TID251 - a program that starts
        yield port
    finally:
        sink.kill()
        sink.wait()


# ----------------------------------------------------------------------------------- the senders

_costs: dict[str, list[float]] = {"unsigned": [], "signed": []}
"""CPU seconds a mail, by kind."""
_stages: list[list[str]] = []


def _list_senders(octets: int, mailman: Path) -> list[Sender]:
    def source(_folder: Path, port: int, count: int) -> float:
        size = ["-m", str(count), "-l", str(octets)]
        people = ["-f", "letters@example.org", "-t", "reader@example.net"]
        lines = ["-d", "-s", str(_PEER_CONNECTIONS)]
        return _time([SOURCE, *lines, *size, *people, f"127.0.0.1:{port}"])

    def ours(kind: str) -> Callable[[Path, int, int], float]:
        return lambda place, port, _count: _send(place, kind, port)

    return [
        Sender(name=C, send=source),
        Sender(name=OURS, send=ours("unsigned")),
        Sender(name=SIGNED, send=ours("signed")),
        Sender(name=SMTPLIB, send=_send_by_smtplib, share=0.2),
        Sender(name=NODEMAILER, send=_send_by_nodemailer, share=0.1),
        Sender(name=MAILMAN, send=partial(_send_by_mailman, mailman), share=0.02),
    ]


def _time(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=_LIBRARIES)
    return time.perf_counter() - started


def _send(folder: Path, kind: str, port: int, *words: str) -> float:
    """Send one edition by the product's own job, in a process of its own."""
    site = folder / "round"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(folder / kind, site)
    _configure(site, port, signed=kind == "signed")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_sending", "--child", str(site), *words],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    cost = json.loads(ran.stdout)
    if words:
        _stages.extend(
            [name, f"{1e6 * spent / cost['sent']:.0f}"] for name, spent in cost["stages"]
        )
    else:
        _costs[kind].append(cost["cpu"] / cost["sent"])
    return float(cost["wall"])


def _send_as_child(folder: Path, *, stages: bool) -> None:
    spent = _watch_stages() if stages else {}
    site = app.open_site(folder / "config.toml", {})
    with site.store.read() as tx:  # a service has its libraries and its database open by then
        editions.read_all(tx)
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    done = app.deliver_open(
        site,
        clock=lambda: datetime.now(UTC),  # noqa: TID251 - as the engine
        is_stopping=lambda: False,
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    if done.problems:
        sys.exit(str(done.problems))
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    cost = {"sent": done.handed_over, "wall": wall, "cpu": user + system}
    rest = user + system - sum(spent.values())
    print(json.dumps(cost | {"stages": [*spent.items(), ("the rest of the loop", rest)]}))
    site.store.close()


def _watch_stages() -> dict[str, float]:
    """Put a stopwatch of processor time around what the sender does; return what it fills."""
    places = {
        "reading rows": (feed.Feed, "_read_more"),
        "composing": (composing.Writer, "write"),
        "the wire: sockets and replies": (lines.SmtpLines, "wait"),
        "the wire: first commands": (lines.SmtpLines, "begin"),
        "the wire: bodies": (lines.SmtpLines, "send"),
        "the ledger's commits": (committing.Book, "commit"),
    }
    spent = dict.fromkeys(places, 0.0)
    for name, (owner, method) in places.items():
        setattr(owner, method, _timed(getattr(owner, method), name, spent))
    return spent


def _timed(real: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*given: Any, **named: Any) -> Any:
        started = time.thread_time()
        try:
            return real(*given, **named)
        finally:
            spent[name] += time.thread_time() - started

    return timed


def _send_by_smtplib(folder: Path, port: int, count: int) -> float:
    octets = (folder / "mail.eml").read_bytes()
    started = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for number in range(count):
            relay.sendmail("letters@example.org", f"reader{number}@example.net", octets)
    return time.perf_counter() - started


def _send_by_nodemailer(folder: Path, port: int, count: int) -> float:
    script = str(_NODEMAILER / "send.cjs")
    modules = PEERS / "nodemailer" / "node_modules"
    ran = subprocess.run(
        ["node", script, str(port), str(count), str(folder / "letter.json")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    return float(ran.stdout)


def _send_by_mailman(python: Path, folder: Path, port: int, count: int) -> float:
    script = str(_MAILMAN / "deliver.py")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [str(python), script, place, str(port), str(count), str(folder / "mail.eml")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"Mailman: {ran.stderr.strip().splitlines()[-1]}")
    return float(ran.stdout)


def install_postfix() -> None:
    """Unpack Postfix's two test programs beside our environment: nothing is installed or started."""
    if Path(SINK).exists():
        return
    _POSTFIX.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "-qq", "postfix"], cwd=_POSTFIX, check=True)
    (package,) = _POSTFIX.glob("postfix_*.deb")
    subprocess.run(["dpkg", "-x", package.name, "."], cwd=_POSTFIX, check=True)


def _install_nodemailer() -> None:
    place = PEERS / "nodemailer"
    if (place / "node_modules").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(_NODEMAILER / "package.json", place)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    subprocess.run([*command, "--no-package-lock"], cwd=place, check=True)


# ------------------------------------------------------------------------------------- the site


def _configure(folder: Path, port: int, *, signed: bool) -> None:
    text = _SITE.format(port=port, connections=CONNECTIONS) + (_KEYS if signed else "")
    (folder / "config.toml").write_text(text, "utf-8")


def _prepare(folder: Path, readers: int, *, signed: bool) -> None:
    """Make a site whose one edition is open to so many readers, nothing sent."""
    (folder / "posts").mkdir(parents=True)
    body = "Was hilft, wenn es nachts laut wird? Drei schöne Dinge, und ein viertes.\n\n" * 165
    post = f'---\ntitle: "A post"\ndate: 2026-11-01\n---\n\n{body}'
    (folder / "posts" / "one.md").write_text(post, "utf-8")
    for name, make in (("rsa.pem", make_rsa_key), ("ed25519.pem", make_ed25519_key)):
        file = folder / name
        file.write_bytes(make())
        file.chmod(0o600)
    _configure(folder, 25, signed=signed)
    site = app.open_site(folder / "config.toml", {})
    _join(site, readers)
    desk, _ = app.open_desk(site, now=_NOW)
    editing.advance(desk, now=_NOW - timedelta(days=2))
    editing.advance(desk, now=_NOW, one_more=site.config.digests["weekly"])
    site.store.close()


def _join(site: app.Site, readers: int) -> None:
    agreed = Consent(wording="yes", source="form", requested_at=_NOW, confirmed_at=_NOW)
    with site.store.write() as tx:
        pepper = subscribers.load_keys(tx, "pepper")[0]
        addresses = [parse_address(f"reader{n}@example.net") for n in range(readers)]
        people = [
            Joining(
                address=one,
                address_hash=tokens.keyed_hash(pepper, one.key),
                state=SubscriberState.ACTIVE,
                consent=agreed,
            )
            for one in addresses
        ]
        subscribers.add(tx, people)


def _measure_mail(folder: Path) -> bytes:
    """Return one mail of the edition, and leave its parts for those who compose it themselves."""
    from publisher import delivering  # noqa: PLC0415

    site = app.open_site(folder / "config.toml", {})
    with site.store.read() as tx:
        (edition,) = [one for one in editions.read_all(tx) if str(one.state) == "sending"]
        content = editions.read_content(tx, edition.id)
        letter = editions.read_letter(tx, edition.id, 1)
    parts = {"subject": content.subject, "text": letter.text, "html": letter.html}
    (folder.parent / "letter.json").write_text(json.dumps(parts), "utf-8")
    reader = delivering.Reader(
        address=parse_address("reader@example.net"),
        discreet=False,
        confirmed_at=_NOW,
        token="t" * 40,
    )
    compiled = delivering.compile_for(site.config, content, letter)
    data = delivering.address_letter(
        site.config,
        content,
        compiled,
        reader,
        heading=delivering.heading_of(content, letter),
        mark="m" * 24,
        at=_NOW,
    )
    site.store.close()
    return data


if __name__ == "__main__":
    sys.exit(main())
