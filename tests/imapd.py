"""A real IMAP server, Dovecot, on loopback, with one mailbox that a test delivers to."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "bounces@example.org", 'geheim "ä\\'
PATIENCE_SECONDS = 20


@dataclass(slots=True)
class MailHost:
    """The server, and the folder its mailbox lies in."""

    port: int
    tls_port: int
    maildir: Path
    owner: tuple[int, int]
    certificate: Path

    def deliver(self, *mails: bytes, folder: str = "") -> None:
        """Put mails into the mailbox, as a mail server does."""
        place = self.maildir / folder
        for part in ("tmp", "new", "cur"):
            (place / part).mkdir(parents=True, exist_ok=True)
        for turn, data in enumerate(mails):
            name = f"{time.monotonic_ns()}.{turn}"
            (place / "tmp" / name).write_bytes(data)
            self._own(place)
            (place / "tmp" / name).rename(place / "new" / name)

    def _own(self, place: Path) -> None:
        for one in (place, *place.rglob("*")):
            os.chown(one, *self.owner)

    def flags(self) -> list[str]:
        """Return the flags of each mail that was looked at, as its file's name has them."""
        return sorted(one.name.partition(":2,")[2] for one in (self.maildir / "cur").iterdir())


@contextmanager
def serve() -> Iterator[MailHost]:
    """Run the server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="publisher-imapd-"))
    folder.chmod(0o755)  # a server that root starts gives up its rights
    root = os.geteuid() == 0
    mailer = pwd.getpwnam("mail") if root else pwd.getpwuid(os.geteuid())
    host = MailHost(
        port=_free_port(),
        tls_port=_free_port(),
        maildir=folder / "mail",
        owner=(mailer.pw_uid, mailer.pw_gid),
        certificate=folder / "cert.pem",
    )
    _make_certificate(folder)
    host.deliver()
    host._own(host.maildir)
    (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n", "utf-8")
    (folder / "dovecot.conf").write_text(_settings(folder, host, mailer, root=root), "utf-8")
    for name in ("users", "dovecot.conf", "cert.pem"):
        (folder / name).chmod(0o644)  # whatever the mask is by now
    program = shutil.which("dovecot") or "/usr/sbin/dovecot"
    process = subprocess.Popen(
        [program, "-F", "-c", str(folder / "dovecot.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(host.port, folder / "log")
        yield host
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, host: MailHost, mailer: pwd.struct_passwd, *, root: bool) -> str:
    me = "" if root else f"default_internal_user = {mailer.pw_name}\n"
    if not root:
        group = grp.getgrgid(os.getegid()).gr_name
        me += f"default_login_user = {mailer.pw_name}\ndefault_internal_group = {group}\n"
    return me + dedent(f"""\
        base_dir = {folder}/run
        state_dir = {folder}/state
        log_path = {folder}/log
        listen = 127.0.0.1
        protocols = imap
        ssl = yes
        ssl_cert = <{folder}/cert.pem
        ssl_key = <{folder}/key.pem
        disable_plaintext_auth = no
        mail_location = maildir:{host.maildir}
        first_valid_uid = 1
        first_valid_gid = 1
        mail_max_userip_connections = 100
        service imap-login {{
          chroot =
          inet_listener imap {{
            port = {host.port}
          }}
          inet_listener imaps {{
            port = {host.tls_port}
            ssl = yes
          }}
        }}
        service anvil {{
          chroot =
        }}
        service stats {{
          chroot =
        }}
        passdb {{
          driver = passwd-file
          args = {folder}/users
        }}
        userdb {{
          driver = static
          args = uid={mailer.pw_uid} gid={mailer.pw_gid} home={folder}
        }}
        """)


def _make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"),
            *("subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/key.pem"),
            *("-out", f"{folder}/cert.pem"),
        ],
        check=True,
        capture_output=True,
    )


def _await(port: int, log: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as wire:
                if wire.recv(4) == b"* OK":
                    return
        except OSError:
            time.sleep(0.05)  # noqa: TID251 - a server is waited for
    told = log.read_text("utf-8", "replace") if log.exists() else "it wrote no log"
    raise AssertionError(f"dovecot did not answer: {told}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
