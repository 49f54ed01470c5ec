"""The shape of the program: layers, fences, sizes and names, as the map in ``publisher`` has them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import publisher
from publisher import app, model
from publisher.cli import root
from publisher.config import KEYS, OPTIONS, sample
from publisher.store import schema
from tests.conftest import REPOSITORY, SITE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGE = REPOSITORY / "publisher"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 500
NO_HOME = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "shared", "utils"}
FENCES = {
    "alembic": "publisher.store",
    "apscheduler": "publisher.engine",
    "argon2": "publisher.staffing.passwords",
    "cryptography": "publisher.mail.keys",
    "cssutils": "publisher.letters",
    "dns": "publisher.probes",
    "feedgen": "publisher.feeds",
    "flufl": "publisher.inbox.oddities",
    "mammoth": "publisher.exchange.documents",
    "premailer": "publisher.letters",
    "sqlalchemy": "publisher.store",
}
"""Library → the one module that may import it."""


def _name(path: object) -> str:
    return str(path).removeprefix(f"{REPOSITORY}/")


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _layers() -> list[list[str]]:
    (layers,) = [one for one in _contracts() if one["type"] == "layers"]
    return [re.split(r"\s*[|:]\s*", row) for row in layers["layers"]]


# ------------------------------------------------------------------------------ what imports what


def test_import_contract_holds() -> None:
    """Imports point down and every fenced library stays in its module."""
    # In a process of its own: it sets up logging for the whole of one.
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache", "--config", str(REPOSITORY / "pyproject.toml")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_import_contract_is_exhaustive() -> None:
    """Every module directly below the package has its place in the layers."""
    (layers,) = [one for one in _contracts() if one["type"] == "layers"]
    placed = {name for row in _layers() for name in row}
    there = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert layers["exhaustive"] is True
    assert layers["exhaustive_ignores"] == ["_shipped"]
    assert placed == there


def test_import_contract_is_the_map() -> None:
    """The layers stand in the contract in the order in which the package's own map tells them."""
    rows = {name: place for place, row in enumerate(_layers()) for name in row}
    told = (publisher.__doc__ or "").partition("The layers")[2].splitlines()
    groups = [names for line in told if (names := _modules_of(line, rows))]
    heights = [[rows[name] for name in names] for names in groups]

    assert {*rows}.difference(*groups) <= {"__main__", "look"}
    assert all(max(upper) < min(lower) for upper, lower in pairwise(heights))


def _modules_of(line: str, known: dict[str, int]) -> list[str]:
    """Return the modules that a line of the map places: its first word, or the list beside it."""
    layer, _, words = line.partition("  ")
    if layer in known:
        return [layer]
    return [word for word in re.split(r"[ ,:]+", words.partition(":")[0]) if word in known]


@pytest.mark.parametrize("library", FENCES)
def test_fenced_library_has_one_importer(library: str) -> None:
    """The contract names, for each of these libraries, exactly one module that may import it."""
    importers = [
        one["allowed_importers"]
        for one in _contracts()
        if library in one.get("protected_modules", ())
    ]

    assert importers == [[FENCES[library]]]


def test_commands_never_ask_the_store() -> None:
    """The contract forbids ``cli`` to import ``store`` directly."""
    (one,) = [one for one in _contracts() if one.get("source_modules") == ["publisher.cli"]]

    assert one["type"] == "forbidden"
    assert one["forbidden_modules"] == ["publisher.store"]


# -------------------------------------------------------------------------------- sizes and names


def test_modules_are_a_few_pages_long() -> None:
    """No module is longer than anybody reads in one go."""
    long = {
        _name(path): lines
        for path in MODULES
        if (lines := path.read_text("utf-8").count("\n")) > MOST_LINES
    }

    assert long == {}


def test_no_module_is_a_drawer() -> None:
    """No module bears a name that says nothing of what is in it."""
    drawers = [_name(path) for path in MODULES if {path.stem, path.parent.name} & NO_HOME]

    assert drawers == []


def test_nothing_is_left_to_do() -> None:
    """The code holds no unfinished part and no note to write one."""
    left = re.compile(r"NotImplemented|\b(?:TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{_name(path)}:{number}"
        for path in MODULES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if left.search(line)
    ]

    assert found == []


@pytest.mark.parametrize("package", [app, model])
def test_every_name_that_loads_late_is_at_home(package: ModuleType) -> None:
    """What ``app`` and ``model`` promise can be had, though it is loaded only when asked for."""
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_test_files_have_names_of_their_own() -> None:
    """No two test files share a name, so that a failure says which one it is in."""
    names = [path.name for path in (REPOSITORY / "tests").rglob("test_*.py")]

    assert sorted(names) == sorted(set(names))


# ------------------------------------------------------------------------------- what is written


def test_sample_config_shows_every_key() -> None:
    """The config.toml that init writes has every documented key, and no other."""
    text = sample(site_id=SITE_ID, name="Letters", url="https://letters.example", timezone="UTC")
    # Of schedule and cron one only may be set: the other stands in a comment.
    document = tomllib.loads(re.sub(r"^# (cron = )", r"\1", text, flags=re.MULTILINE))
    shown = {key.replace("digests.weekly.", "digests.NAME.") for key in _keys(document)}

    assert shown == set(KEYS)


def _keys(table: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and key not in OPTIONS:
            yield from _keys(value, f"{key}.")
        else:
            yield key


def test_every_key_says_what_it_is_for() -> None:
    """``config explain`` has something to say of each key."""
    assert set(KEYS) == set(OPTIONS)
    assert [key for key, about in KEYS.items() if not about.strip()] == []


def _commands(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        command.list_commands(
            click.Context(command)
        )  # the program loads them as they are asked for
        for name, one in command.commands.items():
            yield from _commands(one, f"{words} {name}")


@pytest.mark.parametrize(("words", "command"), list(_commands(root, "publisher")))
def test_every_command_and_option_has_help(words: str, command: click.Command) -> None:
    """Each command says in a sentence what it does, each option what it means."""
    context = click.Context(command, info_name=words, help_option_names=["-h", "--help"])
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]

    assert (command.help or "").strip().endswith(".")
    assert [one.opts for one in options if not one.help] == []


def test_every_table_has_a_comment() -> None:
    """The schema says of each table what one row is."""
    assert schema.metadata.tables
    assert [name for name, table in schema.metadata.tables.items() if not table.comment] == []
