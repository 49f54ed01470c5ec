"""Everything out: Markdown, CSV and JSON that others can read, and no secret."""

from __future__ import annotations

import csv
import json
import stat
from typing import TYPE_CHECKING

import pytest

from publisher.store import exporting, subscribers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Folder


@pytest.fixture
def written(folder: Folder) -> Folder:
    """A site with two posts that were mailed to one reader; the file of one is gone since."""
    folder.post("sleep/01-worry.md", "Worry at night")
    gone = folder.post("sleep/02-light.md", "Light and the clock")
    folder.run("subscribers", "add", "anna@example.org", "--consent", "asked at the desk")
    assert folder.run("publish", "--now", "weekly").code == 0
    gone.unlink()
    return folder


def test_export_holds_everything_but_keys(written: Folder, tmp_path: Path) -> None:
    """Posts as they were published, people as CSV, every table as JSON; no key among them."""
    target = tmp_path / "out"
    ran = written.run("--json", "export", str(target))
    site = written.open()
    with site.store.read() as tx:
        secrets = [key.secret.hex() for key in subscribers.load_keys(tx, "link")]
    texts = {one: one.read_text("utf-8") for one in target.rglob("*") if one.is_file()}
    people = list(csv.DictReader(texts[target / "subscribers.csv"].splitlines()))
    tables = {one.stem: json.loads(texts[one]) for one in (target / "tables").iterdir()}

    assert ran.code == 0
    assert ran.data["written"]["posts"] == 2
    assert "Light and the clock" in texts[target / "posts" / "sleep" / "02-light.md"]
    assert [one["email"] for one in people] == ["anna@example.org"]
    assert sorted(tables) == exporting.table_names()
    assert "keys" not in tables
    assert tables["deliveries"][0]["state"] == "accepted"
    assert tables["consents"][0]["wording"] == "asked at the desk"
    assert len(tables["rehearsal_receipts"]) == 2
    assert tables["suppressions"] == []
    assert tables["editions"][0]["fire_at"].endswith("+00:00")
    assert not any(secret in text for secret in secrets for text in texts.values())
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) & 0o077 for one in (target / "tables").iterdir()} == {
        0
    }


def test_export_is_read_by_our_own_import(written: Folder, folder: Folder, tmp_path: Path) -> None:
    """People written out are taken in again, with the time of their consent."""
    target = tmp_path / "out"
    written.run("export", str(target))
    folder.path = tmp_path / "other"
    folder.path.mkdir()
    folder.configure()
    taken = folder.json("subscribers", "import", str(target / "subscribers.csv"))

    assert taken["subscribers"][0]["added"] == 1
    assert [one["email"] for one in folder.json("subscribers", "ls")] == ["anna@example.org"]


def test_export_never_writes_over_anything(written: Folder, tmp_path: Path) -> None:
    """A folder that holds something, or a file, is left as it is: exit 5."""
    (tmp_path / "file").write_text("mine")
    into_file = written.run("export", str(tmp_path / "file"))
    into_full = written.run("export", str(written.path))
    (tmp_path / "empty").mkdir()
    into_empty = written.run("export", str(tmp_path / "empty"))

    assert (into_file.code, into_full.code, into_empty.code) == (5, 5, 0)
    assert (tmp_path / "file").read_text() == "mine"
    assert not (written.path / "tables").exists()
    assert "2 posts, 1 person" in into_empty.out
