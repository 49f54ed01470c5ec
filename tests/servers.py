"""Real web servers before a site's files: our own, and nginx and Caddy with the shipped settings."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx

from publisher import app, site
from publisher.engine.embedded import make_server
from publisher.web import make_site
from publisher.web.console import make_console
from publisher.web.site import StaticSite
from publisher.web.wire import make_protocol
from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tests.conftest import Folder

Kind = Literal["service", "nginx", "nginx without brotli", "caddy"]
DEPLOY = REPOSITORY / "docs" / "deploy"
PATIENCE_SECONDS = 20
_BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")


@dataclass(frozen=True)
class Answered:
    """What came back, with the names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class House:
    """A site's files and the server before them."""

    root: Path
    port: int
    kind: Kind = "service"

    def write(self, path: str, data: bytes, *, compressed: bool = False) -> Path:
        site.write(Path(path), data, root=self.root, compressed=compressed)
        return self.root / path

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answered:
        """Ask for exactly this path; a header's name is written with underscores."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as wire:
            wire.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                wire.putheader(name.replace("_", "-"), value)
            wire.endheaders()
            said = wire.getresponse()
            named = {name.lower(): value for name, value in said.getheaders()}
            return Answered(said.status, named, said.read())


@contextmanager
def serve(root: Path, kind: Kind = "service", **options: Any) -> Iterator[House]:
    """Run a real server, before our own where it is another's, until the block ends."""
    with _service(root, **options) as port:
        if kind == "service":
            yield House(root, port)
        else:
            start = _caddy if kind == "caddy" else nginx
            root.mkdir(parents=True, exist_ok=True)
            with start(root, port, kind, **options) as front:
                yield House(root, front, kind)


@contextmanager
def _service(root: Path, **options: Any) -> Iterator[int]:
    files = StaticSite(root, **options)
    server = make_server(files, make_protocol(files), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.005)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def visited(folder: Folder, clock: Callable[[], datetime]) -> Iterator[httpx.Client]:
    """Serve a built site whole, with the pages that act, and visit it."""
    opened = folder.open()
    asgi = make_site(
        opened.config,
        opened.store,
        app.make_pages(opened.config),
        clock,
        console=make_console(opened, app.make_console_pages(opened.config), clock),
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = make_server(asgi, make_protocol(asgi), host="127.0.0.1", port=0)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            port = listener.getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def written_for_here(text: str, changes: dict[str, str]) -> str:
    """Return shipped settings with the operator's own lines filled in; each must be there."""
    for pattern, filled in changes.items():
        assert re.search(pattern, text, re.MULTILINE), pattern
        text = re.sub(pattern, filled.replace("\\", r"\\"), text, flags=re.MULTILINE)
    return text


@contextmanager
def nginx(
    root: Path, service: int, kind: Kind, *, hub: str = "", url: str = "", **_options: Any
) -> Iterator[int]:
    """Run nginx with the shipped settings before these files and that port of ours; yield its own."""
    port = _free_port()
    with_brotli = kind == "nginx"
    changes = {
        r"listen 443 .*": f"listen 127.0.0.1:{port};",
        r"listen \[::\]:443 .*": "",
        r"ssl_certificate.*": "",
        r"https://letters\.example\.org;": f"{url.rstrip('/')};" if url else '"";',
        r'publisher_hub "";': f'publisher_hub "{hub}";',
        r"/srv/letters/public": str(root),
        r"error_log .*": "",
        r"127\.0\.0\.1:8000": f"127.0.0.1:{service}",
    }
    if with_brotli:
        changes["# brotli_static on"] = "brotli_static on"
    with _folder("nginx") as folder:
        server = written_for_here((DEPLOY / "nginx.conf").read_text("utf-8"), changes)
        (folder / "site.conf").write_text(server, "utf-8")
        temporary = "".join(
            f"{name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            (f"load_module {_BROTLI};\n" if with_brotli else "")
            + ("user root;\n" if os.geteuid() == 0 else "")
            + f"daemon off;\nworker_processes 1;\npid {folder}/pid;\n"
            f"error_log {folder}/errors crit;\nevents {{ }}\n"
            f"http {{\nsendfile on;\ntcp_nopush on;\n{temporary}include {folder}/site.conf;\n}}\n",
            "utf-8",
        )
        command = ["nginx", "-p", str(folder), "-e", f"{folder}/errors", "-c"]
        with _running([*command, f"{folder}/nginx.conf"], port):
            yield port


@contextmanager
def _caddy(
    root: Path, service: int, _kind: Kind, *, hub: str = "", url: str = "", **_options: Any
) -> Iterator[int]:
    port = _free_port()
    changes = {
        r"^letters\.example\.org": f"http://127.0.0.1:{port}",
        r"/srv/letters/public": f'"{root}"',
        r"127\.0\.0\.1:8000": f"127.0.0.1:{service}",
    }
    if hub:
        changes |= {
            "# header @feed": "header @feed",
            r"https://hub\.example\.org/": hub,
            r"https://letters\.example\.org": url.rstrip("/"),
        }
    with _folder("caddy") as folder:
        server = written_for_here((DEPLOY / "Caddyfile").read_text("utf-8"), changes)
        apart = "{\n\tadmin off\n\tauto_https off\n}\n"
        (folder / "Caddyfile").write_text(apart + server, "utf-8")
        command = ["caddy", "run", "--adapter", "caddyfile", "--config"]
        home = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with _running([*command, f"{folder}/Caddyfile"], port, **home):
            yield port


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"publisher-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(command: list[str], port: int, **environment: str) -> Iterator[None]:
    """Run a server from when it listens until the block ends."""
    environ = {**os.environ, **environment, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=environ, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not _listens(port):
                said.seek(0)
                assert process.poll() is None, said.read().decode()
                assert time.monotonic() < deadline
                time.sleep(0.01)  # noqa: TID251 - a process is starting
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()  # nothing is left behind, and the test still fails
                process.wait()
                raise


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
