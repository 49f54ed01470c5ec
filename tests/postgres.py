"""A private PostgreSQL server for tests: of Debian's programs, on a socket of its own, ended by id.

It is a stranger's server in what strangers' servers differ in: its zone is far from UTC, and it
sorts words as a dictionary does.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from publisher.store import Store, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path("/usr/lib/postgresql")
USER = "publisher"
_PATIENCE_SECONDS = 60
_INITDB = (
    "--no-sync",
    "--auth=trust",
    f"--username={USER}",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--locale-provider=icu",
    "--icu-locale=en-US",
)
_SETTINGS = """
listen_addresses = ''
timezone = 'Pacific/Chatham'
lc_messages = 'C'
fsync = {durable}
synchronous_commit = {durable}
full_page_writes = {durable}
autovacuum = {durable}
max_wal_size = 4GB
shared_buffers = 128MB
"""
_AS_MADE = ("site", "standing", "keys", "alembic_version")
"""Tables that a new database already has rows in."""


class Server:
    """One server; the tests' own one survives no loss of power, and is the faster for it."""

    def __init__(self, *, durable: bool = False) -> None:
        """Make an empty cluster and start it."""
        # A short path: the name of a socket has 107 octets at most.
        self.folder = Path(tempfile.mkdtemp(prefix="publisher-pg-"))
        self._numbers = count(1)
        self._pristine = self._prepared = ""
        if os.getuid() == 0:  # the programs refuse to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", *_INITDB).wait(_PATIENCE_SECONDS)
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS.format(durable="on" if durable else "off"))
        self.start()

    def start(self) -> None:
        """Start it, again after ``kill``."""
        self._process = self._run("postgres", "-k", str(self.folder))
        self._wait()

    def kill(self) -> None:
        """End it at once, as if it had crashed."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_PATIENCE_SECONDS)

    def _run(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        newest = max(PROGRAMS.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
        command = ["setpriv", "--pdeathsig=QUIT"]  # it ends with us, however we end
        if os.getuid() == 0:
            command += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, str(newest), "-D", str(self.folder / "data"), *words],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def _wait(self) -> None:
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > ends_at:
                    raise RuntimeError((self.folder / "log").read_text()) from error
                time.sleep(0.02)  # noqa: TID251 - a process is starting
            else:
                return

    def connect(self, name: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection to a database; each of its statements is kept at once."""
        return psycopg.connect(host=str(self.folder), user=USER, dbname=name, autocommit=True)

    def url(self, name: str) -> str:
        """Return a database's address as ``database.url`` takes it."""
        return f"postgresql+psycopg://{USER}@/{name}?host={self.folder}"

    def make(self, options: str = "") -> str:
        """Make an empty database; return its address."""
        name = f"d{next(self._numbers)}"
        with self.connect() as admin:
            admin.execute(f"CREATE DATABASE {name} {options}".encode())
        return self.url(name)

    def copy(self) -> str:
        """Make a database with every table, of which nothing was used; return its address."""
        if not self._pristine:
            url = self.make()
            store = Store(url, Path("unused"))
            store.prepare()
            store.close()
            self._pristine = _name_of(url)
            with self.connect(self._pristine) as tx:
                tx.execute("CREATE SCHEMA kept")
                for table in _AS_MADE:
                    tx.execute(f"CREATE TABLE kept.{table} AS TABLE public.{table}".encode())
        return self.make(f"TEMPLATE {self._pristine}")

    def prepare(self) -> str:
        """Return the address of a database with every table, as new; it is the same one each time.

        Copying one takes a tenth of a second, and emptying it a few thousandths.
        """
        if not self._prepared:
            self._prepared = self.copy()
            return self._prepared
        with self.connect(_name_of(self._prepared)) as tx:
            tx.execute("\n".join(_as_new()).encode())
        return self._prepared

    def stop(self) -> None:
        """End the server at once, and remove every trace."""
        self.kill()
        shutil.rmtree(self.folder)


def _name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _as_new() -> Iterator[str]:
    """Yield what makes a used database as it was when it was made."""
    yield (
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid();"
    )
    yield "SET session_replication_role = replica;"  # the order of the tables does not matter
    for table in (*schema.metadata.tables, "alembic_version"):
        yield f"DELETE FROM {table};"  # noqa: S608 - names of our own
    for table in _AS_MADE:
        yield f"INSERT INTO {table} SELECT * FROM kept.{table};"  # noqa: S608 - the same
    yield (
        "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"
        " WHERE seqrelid <> 'keys_id_seq'::regclass;"
    )
    yield "SELECT setval('keys_id_seq', (SELECT max(id) FROM keys));"
