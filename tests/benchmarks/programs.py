"""The programs that are compared: how each is installed, started and checked.

Hugo comes from the system's packages. Pelican and Eleventy are installed beside our own environment,
each in a folder of its own, from the pins in ``pelican_site/`` and ``eleventy_site/``; so is Mailman,
which only sends, from those in ``mailman/``.
"""

from __future__ import annotations

import compileall
import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
PEERS = REPOSITORY / ".venv" / "peers"
"""Where the peers are installed: ignored by git, removed by ``make clean``."""
_HERE = Path(__file__).parent
_PELICAN, _ELEVENTY = PEERS / "pelican", PEERS / "eleventy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program that makes a site of a folder of posts."""

    name: str
    texts: str
    """The folder of posts below the site."""
    command: Callable[[Path], list[str]]
    """What builds the site in this folder; it is run there."""
    leaves: tuple[str, ...] = ("public",)
    """What an earlier build left, below the site."""
    feed: str = "feed.xml"
    """What the RSS feed of a page is called."""
    is_slow: bool = False
    """Whether it takes so long that only its full build is measured, and less often."""


def _publish(site: Path) -> list[str]:
    config = str(site / "config.toml")
    return [sys.executable, "-m", "publisher", "--config", config, "--quiet", "build"]


PUBLISHER = Program(
    name="publisher",
    texts="posts",
    command=_publish,
    leaves=("public", "var"),
    feed="feed.rss",
)
HUGO = Program(
    name="Hugo",
    texts="content",
    command=lambda site: ["hugo", "--quiet", "--source", str(site)],
    leaves=("public", "resources"),
    feed="index.xml",
)
PELICAN = Program(
    name="Pelican",
    texts="content",
    command=lambda site: [
        str(_PELICAN / "bin" / "pelican"),
        "--quiet",
        "--settings",
        str(site / "pelicanconf.py"),
    ],
    leaves=("public", "__pycache__"),
    is_slow=True,
)
ELEVENTY = Program(
    name="Eleventy",
    texts="content",
    command=lambda _: ["node", str(_ELEVENTY / "node_modules/@11ty/eleventy/cmd.cjs"), "--quiet"],
    is_slow=True,
)
QUICK = (PUBLISHER, HUGO)
ALL = (PUBLISHER, HUGO, PELICAN, ELEVENTY)


def install(program: Program) -> None:
    """Install what the program needs where it is missing; raises RuntimeError where that fails."""
    if program is PUBLISHER:
        # As pip does where it installs us: without it, every command would compile us anew.
        compileall.compile_dir(REPOSITORY / "publisher", quiet=1)
    if program is HUGO and shutil.which("hugo") is None:
        raise RuntimeError("Hugo is not installed. Type:  sudo apt-get install hugo")
    if program is PELICAN:
        install_python(_PELICAN, _HERE / "pelican_site" / "requirements.txt")
    if program is ELEVENTY:
        pins = _HERE / "eleventy_site" / "package.json"
        # A dependency's own scripts are not run, and what it asks for is not written down.
        npm = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--no-package-lock",
        ]
        _install(
            _ELEVENTY,
            pins,
            ["cp", str(pins), str(_ELEVENTY)],
            [*npm, "--prefix", str(_ELEVENTY)],
        )


def install_python(folder: Path, pins: Path) -> Path:
    """Make an environment of pinned packages where it is missing, and return its Python."""
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _install(
        folder,
        pins,
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "--no-deps", "-r", str(pins)],
    )
    return python


def _install(folder: Path, pins: Path, *commands: list[str]) -> None:
    """Run the commands in a new folder, unless these pins are installed there already."""
    stamp = folder / "installed"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    stamp.write_text(wanted)


def attach(program: Program, site: Path) -> None:
    """Let a site find what was installed for it."""
    if program is ELEVENTY:
        (site / "node_modules").symlink_to(_ELEVENTY / "node_modules")


def version(program: Program) -> str:
    """Return the program's name and version as it tells them itself."""
    if program is HUGO:
        told = _ask("hugo", "version").split()[1]
        return f"Hugo {told.split('-')[0].replace('+', ' ')}"
    if program is PELICAN:
        return f"Pelican {_ask(str(_PELICAN / 'bin' / 'pelican'), '--version')}"
    if program is ELEVENTY:
        eleventy = _ask(*ELEVENTY.command(Path())[:2], "--version")
        return f"Eleventy {eleventy} on Node.js {_ask('node', '--version')}"
    return _ask(sys.executable, "-m", "publisher", "--version")


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
