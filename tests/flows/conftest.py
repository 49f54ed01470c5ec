"""Every flow runs on a site with each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stores import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Folder
    from tests.postgres import Server


@pytest.fixture(params=DIALECTS)
def folder(request: pytest.FixtureRequest, folder: Folder) -> Folder:
    """An empty site with one digest, on each database."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        folder.configure(database=f'url = "{server.prepare()}"')
    return folder


@pytest.fixture
def renew(request: pytest.FixtureRequest, folder: Folder) -> Callable[[str], None]:
    """Make ``folder`` an empty site again, under a name, with an empty database."""
    base = folder.path.parent

    def begin(name: str) -> None:
        folder.path = base / name
        folder.path.mkdir()
        if "database" in folder.settings:
            server: Server = request.getfixturevalue("postgres")
            folder.settings["database"] = f'url = "{server.copy()}"'
        folder.configure()

    return begin
