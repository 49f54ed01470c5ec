"""The package as it is installed: a wheel built from this checkout works alone, wherever it is."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that this checkout builds, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The wheel unpacked into a folder of its own, as an installer lays it out."""
    folder = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def _run(installed: Path, elsewhere: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the unpacked wheel; the dependencies are those of this environment."""
    elsewhere.mkdir(exist_ok=True)
    own = {name: value for name, value in os.environ.items() if not name.startswith("PUBLISHER_")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=elsewhere,
        env={**own, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_wheel_holds_what_the_program_needs(wheel: Path) -> None:
    """Code, templates, sample posts and licence are in the wheel; tests and what runs made are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    shipped = {
        f"publisher/_shipped/{path.relative_to(REPOSITORY)}"
        for folder in ("templates", "posts")
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file()
    }
    tops = {name.partition("/")[0] for name in names}
    assert shipped <= set(names)
    assert {"publisher/__main__.py", "publisher/cli/frame.py"} <= set(names)
    assert tops == {"publisher", next(top for top in tops if top.endswith(".dist-info"))}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_wheel_makes_and_publishes_a_site(installed: Path, tmp_path: Path) -> None:
    """From the wheel alone: init lays down a site, publish makes its pages, feeds and a letter."""
    elsewhere = tmp_path / "elsewhere"

    found = _run(installed, elsewhere, "-c", "import publisher; print(publisher.__file__)")
    made = _run(installed, elsewhere, "-m", "publisher", "init", "letters")
    site = elsewhere / "letters"
    ran = _run(
        installed,
        elsewhere,
        "-m",
        "publisher",
        "--config",
        "letters/config.toml",
        "publish",
        "--now",
        "weekly",
    )

    assert found.stdout == f"{installed / 'publisher' / '__init__.py'}\n"
    assert (made.returncode, made.stderr) == (0, "")
    assert "Next: cd letters && publisher publish --now weekly" in made.stdout
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "weekly/1  rehearsal sent: 1 person, 1 letter; 1 accepted" in ran.stdout
    page = (site / "public/sleep-slowly/worry-at-night/index.html").read_text("utf-8")
    assert "Part 4 of" in page
    assert "Worry at night" in (site / "public/feed.atom").read_text("utf-8")
    assert [one.name for one in (site / "outbox").rglob("*.eml")] == ["000001.eml"]


def test_wheel_tells_its_version(installed: Path, tmp_path: Path, wheel: Path) -> None:
    """The version it tells is the version it is called by."""
    ran = _run(installed, tmp_path / "elsewhere", "-m", "publisher", "--version")

    assert ran.returncode == 0
    assert f"publisher-{ran.stdout.split()[-1]}-py3-none-any.whl" == wheel.name
