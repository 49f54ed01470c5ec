"""A real site in a folder of its own, and the real commands on it."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import socket
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from premailer import Premailer

import publisher
from publisher import app
from publisher.cli import root
from publisher.store import Store
from tests.postgres import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from playwright.sync_api import Browser

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SITE_ID = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"
REPOSITORY = Path(__file__).parent.parent

# A machine that is busy with something else makes no test wrong, nor does chance: the same tree has the
# same examples everywhere. `make explore` looks for others.
settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", settings.get_profile("tests"), derandomize=False, max_examples=2_000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure coverage where it tells something: it doubles the time of what it watches.

    A browser shows no line that the others do not reach, and a flow's lines are the same on both
    databases. Every module is there before: the one that loads it may be one that is not measured.
    """
    for module in pkgutil.walk_packages(publisher.__path__, "publisher."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
    for item in items:
        part = item.path.relative_to(REPOSITORY / "tests").parts[0]
        if part == "browser" or (part in {"flows", "edges"} and "postgresql" in item.name):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Measure nothing in what a test stands on, either: a server's thread is watched for ever."""
    with _unmeasured(item):
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """The same for its end."""
    with _unmeasured(item):
        yield


@contextlib.contextmanager
def _unmeasured(item: pytest.Item) -> Iterator[None]:
    plugin = item.config.pluginmanager.get_plugin("_cov")
    controller = plugin and plugin.cov_controller
    if not controller or not item.get_closest_marker("no_cover"):
        yield
        return
    controller.pause()
    try:
        yield
    finally:
        controller.resume()


@dataclass(slots=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


@dataclass(slots=True)
class Folder:
    """A site's folder: written to as staff would, run as the operator would."""

    path: Path
    settings: dict[str, str] = field(default_factory=dict)

    def configure(self, **settings: str) -> None:
        """Write config.toml; keys are tables (``mail__smtp``), values TOML lines."""
        self.settings.update(settings)
        tables = "\n".join(
            f"[{name.replace('__', '.')}]\n{dedent(lines)}\n"
            for name, lines in self.settings.items()
        )
        (self.path / "config.toml").write_text(tables, "utf-8")

    def post(
        self, path: str, title: str, *, date: str = "2026-11-01", body: str = "", **front: str
    ) -> Path:
        """Write a post; extra front matter as YAML lines."""
        file = self.path / "posts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        extra = "".join(f"{key}: {value}\n" for key, value in front.items())
        text = body or f"Text of {title}, a sentence to read.\n"
        file.write_text(f'---\ntitle: "{title}"\ndate: {date}\n{extra}---\n\n{text}', "utf-8")
        return file

    def run(self, *words: str) -> Ran:
        """Run a command in this process, as the program would."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                root.main(args=["--config", str(self.path / "config.toml"), *words])
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return Ran(code=code, out=out.getvalue(), err=err.getvalue())

    def json(self, *words: str) -> Any:
        """Run a command with ``--json`` and return its data."""
        return self.run("--json", *words).data

    def open(self) -> app.Site:
        """Open the site for use cases."""
        return app.open_site(self.path / "config.toml", {})

    def public(self, file: str) -> str:
        """Return a public file's text."""
        return (self.path / "public" / file).read_text("utf-8")

    def outbox(self) -> list[Path]:
        """Return the mails in the outbox."""
        return sorted((self.path / "outbox").rglob("*.eml"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty site with one digest, on the embedded defaults."""
    return empty_site(tmp_path / "site")


def empty_site(path: Path) -> Folder:
    """Make an empty site with one digest, on the embedded defaults."""
    site = Folder(path=path)
    (site.path / "posts").mkdir(parents=True)
    site.configure(
        site=f'name = "Riverside Letters"\nid = "{SITE_ID}"\ntimezone = "America/New_York"',
        digests__weekly='title = "Weekly letter"\nschedule = "every tuesday at 07:30"',
    )
    return site


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this process's own."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def inlinings() -> Iterator[list[str]]:
    """The runs of premailer, by the thread that ran it, as they happen; the interpreter tells."""
    runs: list[str] = []

    def count(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code is Premailer.transform.__code__:
            runs.append(threading.current_thread().name)

    sys.setprofile(count)
    threading.setprofile(count)
    try:
        yield runs
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.fixture
def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _closed_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened, so that nothing is left to the collector."""
    opened = []

    def remember(*args: Any) -> Store:
        store = Store(*args)
        opened.append(store)
        return store

    monkeypatch.setattr("publisher.app.opening.Store", remember)
    yield
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium, one for all tests of a process; a machine without one fails here."""
    from tests.pictures import chromium  # noqa: PLC0415 - most tests need none

    with chromium() as one:
        yield one
