"""Foreign pages and lists come in by the real commands, once, and go the whole way."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import feedparser
import pytest
import sqlalchemy as sa
import yaml

from publisher import moving
from publisher.errors import Refused
from publisher.store import schema
from tests.conftest import REPOSITORY, SITE_ID, Folder

if TYPE_CHECKING:
    from typing import Any

OWN_TEXT = """\
Light Therapy: What a Lamp Can Do in Winter

Introduction:

Every autumn some people's mood falls with the light. A bright lamp in the morning is one of the few treatments that can be tried at home & stopped at any time.

The lamp acts on the body's clock (the circadian rhythm), not on the eyes alone.

How it is used:

Half an hour at 10,000 lux, soon after waking, *every* day. See [a] in the leaflet.

Conclusion:

Light therapy helps about half of those who keep it up; ask a clinician before you start.

Citations:

  1. https://www.example.org/light/one/

  2. https://journal.example.net/articles/PMC0000002/

  3. https://www.example.com/lamps?kind=white&lux=10000

  4. https://www.example.org/books/a-winter-without-gloom/0123456789

  5. https://www.example.net/guides/morning-light/

Previous
Previous

Sleep & the Clock (A Guide)

Next
Next

Walking: Exercise as a Path Through Winter"""


def _find_seeds() -> list[str]:
    """Return the texts of real article pages, where somebody has put some."""
    folder = Path(os.environ.get("PUBLISHER_SEED_DIR") or REPOSITORY.parent / "shared" / "seeds")
    return [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))]


PAGES = [OWN_TEXT, *_find_seeds()]
every_page = pytest.mark.parametrize("text", PAGES, ids=lambda text: text.partition("\n")[0][:40])


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _addresses(text: str) -> list[str]:
    return re.findall(r"^\s*\d+\. (https?://\S+)\s*$", text, re.MULTILINE)


def _put(folder: Folder, name: str, text: str) -> str:
    file = folder.path.parent / name
    file.write_text(text, "utf-8")
    return str(file)


def _posts(folder: Folder) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder.path / "posts")): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted((folder.path / "posts").rglob("*.md"))
    }


def _page(title: str) -> str:
    return f"{title}\n\nIntroduction:\n\nA few words on {title}.\n\nConclusion:\n\nThe end.\n"


def _notes(html: str) -> list[str]:
    """Return where the notes of a page lead, in order."""
    section = html[html.index('<section class="notes"') :]
    links = re.findall(r'href="(https?:[^"]+)"', section[: section.index("</section>")])
    return [link.replace("&amp;", "&") for link in links]


# ------------------------------------------------------------------------------------------ pages


@every_page
def test_page_becomes_a_post(folder: Folder, text: str) -> None:
    """Title, headings, numbered citations with links, neighbours and origin are all in the post."""
    source, lines = _put(folder, "page.txt", text), _lines(text)

    ran = folder.run("--json", "import", source, "--series", "therapies")

    (arrived,) = ran.data["posts"]
    assert (ran.code, ran.data["problems"]) == (0, [])
    assert (arrived["source"], arrived["title"], arrived["new"]) == (source, lines[0], True)
    assert re.fullmatch(r"posts/therapies/01-[a-z0-9-]+\.md", arrived["path"])
    _, front, body = (folder.path / arrived["path"]).read_text("utf-8").split("---\n", 2)
    keys: dict[str, Any] = yaml.safe_load(front)
    assert keys["title"] == lines[0]
    assert [one["url"] for one in keys["references"].values()] == _addresses(text)
    assert len(keys["references"]) == 5
    assert keys["x-previous"] == lines[lines.index("Previous") + 2]
    assert keys["x-next"] == lines[lines.index("Next") + 2]
    assert keys["x-source"] == hashlib.sha256(text.encode()).hexdigest()
    headings = [line for line in lines if line.endswith(":") and line != "Citations:"]
    assert re.findall(r"^## (.+)$", body, re.MULTILINE) == [one[:-1] for one in headings]
    assert len(arrived["notes"]) == 3


@every_page
def test_page_goes_the_whole_way(folder: Folder, text: str) -> None:
    """Imported, checked and published: page, feeds and letter carry the text with its citations."""
    folder.configure(
        digests__weekly='schedule = "every tuesday at 07:30"\ncontent = "full"',
    )
    source = _put(folder, "page.txt", text)
    path = folder.json("import", source, "--series", "therapies")["posts"][0]["path"]
    location = path.removeprefix("posts/").replace("/01-", "/").removesuffix(".md")

    checked = folder.run("--json", "check")
    ran = folder.run("--json", "publish", "--now", "weekly")

    assert checked.code == 0
    assert {one["level"] for one in checked.data["problems"]} <= {"warning"}
    assert ran.code == 0
    assert ran.data["editions"][0]["state"] == "sent"
    page = folder.public(f"{location}/index.html")
    assert _notes(page) == _addresses(text)
    assert "Part 1 of 1" in page
    for name in ("feed.atom", "feed.rss", "therapies/feed.atom", "therapies/feed.rss"):
        (entry,) = feedparser.parse(folder.public(name)).entries
        content = entry.content[0].value.replace("&amp;", "&")
        assert entry.title == _lines(text)[0]
        assert all(address in content for address in _addresses(text))
    (letter,) = folder.outbox()
    preview = folder.json("preview", "weekly", "--out", str(folder.path / "preview"))
    shown = (folder.path / "preview/letter.txt").read_text("utf-8")
    assert preview["posts"] == 1
    assert _lines(text)[0].partition(":")[0] in letter.read_text("utf-8")
    assert f"/{location}/" in shown
    assert all(address in re.sub(r"\s+", "", shown) for address in _addresses(text))


@every_page
def test_second_import_changes_nothing(folder: Folder, text: str) -> None:
    """The same page again, whatever it is called and wherever it should go, changes no file."""
    source = _put(folder, "page.txt", text)
    folder.run("import", source, "--series", "therapies")
    before, again = _posts(folder), _put(folder, "again.txt", text)

    first = folder.run("--json", "import", source, "--series", "therapies")
    second = folder.run("import", again, source, "--series", "other", "--as", "sent")

    assert (first.code, second.code) == (0, 0)
    assert [one["new"] for one in first.data["posts"]] == [False]
    assert second.out.count("Unchanged: ") == 2
    assert _posts(folder) == before


def test_dry_run_of_import_writes_nothing(folder: Folder) -> None:
    """``import --dry-run`` says which posts would be made, each with a name of its own; none is."""
    sources = [_put(folder, f"{name}.txt", _page(name)) for name in ("Tea", "Rest")]

    ran = folder.run("import", *sources, "--series", "calm", "--dry-run")
    data = folder.json("--dry-run", "import", *sources, "--series", "calm")

    assert ran.code == 0
    assert ran.out.startswith(f"Would make posts/calm/01-tea.md from {sources[0]}\n")
    assert [one["path"] for one in data["posts"]] == [
        "posts/calm/01-tea.md",
        "posts/calm/02-rest.md",
    ]
    assert _posts(folder) == {}
    assert not (folder.path / "posts/calm").exists()


def test_single_page_is_new_and_can_count_as_sent(folder: Folder) -> None:
    """One page is new to digests; ``--as sent`` publishes it and keeps it out of every letter."""
    folder.run("import", _put(folder, "tea.txt", _page("Tea")), "--series", "calm")
    folder.run(
        "import", _put(folder, "rest.txt", _page("Rest")), "--series", "calm", "--as", "sent"
    )

    ran = folder.run("--json", "publish", "--now", "weekly")
    planned = folder.json("plan", "weekly")["editions"][0]["posts"]

    (letter,) = folder.outbox()
    assert ran.code == 0
    assert "A few words on Tea." in letter.read_text("utf-8")
    assert "A few words on Rest." not in letter.read_text("utf-8")
    assert "Part 2 of 2" in folder.public("calm/rest/index.html")
    reasons = {one["title"]: one["reason"] for one in planned}
    assert reasons["Rest"] == "counts as sent: it came with an archive"


@pytest.mark.parametrize(("option", "letters"), [([], 0), (["--as", "new"], 1)])
def test_archive_counts_as_sent_unless_told(
    folder: Folder, option: list[str], letters: int
) -> None:
    """Several pages at once are an archive, in the order given: published, and mailed only if told."""
    titles = ("Tea", "Rest", "Walks")
    sources = [_put(folder, f"{title}.txt", _page(title)) for title in titles]

    folder.run("import", *sources, "--series", "calm", *option)
    ran = folder.run("--json", "publish", "--now", "weekly")

    assert ran.code == 0
    assert len(folder.outbox()) == letters
    page = folder.public("calm/rest/index.html")
    assert "Part 2 of 3" in page
    assert '<a href="/calm/tea/"' in page
    assert '<a href="/calm/walks/"' in page


def test_import_cut_short_is_finished_by_the_next(folder: Folder) -> None:
    """A post whose import was never recorded is known by its x-source, and recorded the next time."""
    source = _put(folder, "tea.txt", _page("Tea"))
    folder.run("import", source, "--series", "calm", "--as", "sent")
    before = _posts(folder)
    shutil.rmtree(folder.path / "var")

    again = folder.run("--json", "import", source, "--series", "calm", "--as", "sent")
    ran = folder.run("publish", "--now", "weekly")

    assert (again.code, ran.code) == (0, 0)
    assert [one["new"] for one in again.data["posts"]] == [False]
    assert _posts(folder) == before
    assert folder.outbox() == []


def test_each_post_gets_a_number_and_an_address_of_its_own(folder: Folder) -> None:
    """Equal titles, and titles that are the site's own words, get addresses nothing else has."""
    folder.post("calm/05-tea/index.md", "Tea")
    folder.post("archive-2.md", "Another archive")
    revised = _put(folder, "tea.txt", _page("Tea"))
    archive = _put(folder, "archive.txt", _page("Archive"))

    inside = folder.json("import", revised, archive, "--series", "calm")
    loose = folder.json("import", archive.replace("archive", "tea"), "--series", "calm")
    alone = folder.json("import", _put(folder, "a.txt", f"{_page('Archive')}More.\n"))

    assert [one["path"] for one in inside["posts"]] == [
        "posts/calm/06-tea-2.md",
        "posts/calm/07-archive-2.md",
    ]
    assert [one["new"] for one in loose["posts"]] == [False]
    assert [one["path"] for one in alone["posts"]] == ["posts/archive-3.md"]
    assert folder.run("check").err.count("✗ ") == 0


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    """Where a file system takes two names for one, the file that is there stays."""
    (tmp_path / "tea.md").write_text("written by hand")

    with pytest.raises(Refused, match="Nothing was overwritten"):
        moving._write_new(tmp_path, "tea.md", "imported")

    assert (tmp_path / "tea.md").read_text() == "written by hand"


@pytest.mark.parametrize("series", ["feeds", "Sleep Well", "../out"])
def test_series_that_cannot_be_published_is_refused(folder: Folder, series: str) -> None:
    """A series under an address of the site's own, or no folder name: exit 5, nothing made."""
    source = _put(folder, "tea.txt", _page("Tea"))

    ran = folder.run("--json", "import", source, "--series", series)
    new = folder.run("new", "Tea", "--series", series)

    assert (ran.code, new.code) == (5, 5)
    assert (ran.data["error"]["path"], ran.data["error"]["got"]) == ("--series", series)
    assert ran.data["error"]["hint"]
    assert list((folder.path / "posts").iterdir()) == []


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "import.empty", None),
        (b"A title alone\n", "import.page_text", 1),
        (b"Introduction:\n\nThe title is lost.\n", "import.page_text", 1),
        (b"Tea\n\nSome \0 text.\n", "import.binary", 3),
        (b"Tea\n\nSome \x81\xff text.\n", "import.encoding", 3),
    ],
)
def test_page_that_cannot_be_read_is_told_and_the_others_come(
    folder: Folder, data: bytes, code: str, line: int | None
) -> None:
    """A source that is no page: exit 4 with file and line; the other sources are taken in."""
    bad = Path(_put(folder, "bad.txt", ""))
    bad.write_bytes(data)
    missing = str(folder.path / "missing.txt")

    ran = folder.run("--json", "import", str(bad), missing, _put(folder, "tea.txt", _page("Tea")))

    problems = {one["file"]: one for one in ran.data["problems"]}
    assert ran.code == 4
    assert (problems[str(bad)]["code"], problems[str(bad)]["line"]) == (code, line)
    assert problems[missing]["code"] == "import.source"
    assert list(_posts(folder)) == ["tea.md"]


# ------------------------------------------------------------------------------------------ lists

HEAD = "email,state,subscribed_at,confirmed_at,source,digests,series,discreet\n"
PEOPLE = (
    f"{HEAD}"
    "Ada@Example.net,active,2026-01-02T10:00:00Z,2026-01-02T10:05:00Z,desk,weekly,sleep,true\n"
    "bo@example.net,active,2026-02-03T09:00:00Z,2026-02-03T09:30:00Z,page,,,false\n"
)
LEFT = f"{HEAD}cy@example.net,unsubscribed,,,,,,\ndee@example.net,cleaned,,,,,,\n"


def test_list_goes_round(folder: Folder, tmp_path: Path) -> None:
    """What one site exports another takes in, times and choices kept; again it changes nothing."""
    other = Folder(path=tmp_path / "other")
    (other.path / "posts").mkdir(parents=True)
    other.configure(site=f'name = "Other"\nid = "{SITE_ID}"')

    came = folder.json("import", _put(folder, "people.csv", PEOPLE))
    exported = folder.run("subscribers", "export").out
    moved = other.json("subscribers", "import", _put(other, "moved.csv", exported))
    again = other.json("subscribers", "import", _put(other, "moved.csv", exported))

    assert [one["added"] for one in came["subscribers"]] == [2]
    assert exported.replace("\r\n", "\n") == PEOPLE.replace("Ada@Example.net", "Ada@example.net")
    assert [one["added"] for one in moved["subscribers"]] == [2]
    assert [(one["added"], one["known"]) for one in again["subscribers"]] == [(0, 2)]
    assert other.run("subscribers", "export").out == exported


def test_nobody_is_mailed_without_consent(folder: Folder) -> None:
    """A row without a confirmation is refused with its line, unless it is said how they agreed."""
    file = _put(folder, "people.csv", "email,status\nada@example.net,\nbo@example.net,pending\n")

    refused = folder.run("--json", "subscribers", "import", file)
    nobody = folder.json("subscribers", "ls")
    agreed = folder.run("subscribers", "import", file, "--consent", "signed at the desk")

    (unproven, unconfirmed) = refused.data["problems"]
    assert (refused.code, agreed.code, nobody) == (4, 0, [])
    assert (unproven["code"], unproven["line"]) == ("subscriber.consent", 2)
    assert "--consent" in unproven["hint"]
    assert (unconfirmed["code"], unconfirmed["level"]) == ("subscriber.pending", "warning")
    assert [one["email"] for one in folder.json("subscribers", "ls")] == ["ada@example.net"]
    with folder.open().store.read() as tx:
        assert tx.scalars(sa.select(schema.consents.c.wording)).all() == ["signed at the desk"]


def test_people_who_left_cannot_be_added_again(folder: Folder) -> None:
    """Unsubscribed and cleaned rows become standing do-not-mail facts, by list and by hand."""
    left = folder.json("subscribers", "import", _put(folder, "left.csv", LEFT))
    back = _put(folder, "back.csv", "email\nCY@example.net\nada@example.net\n")

    added = [
        folder.run("--json", "subscribers", "add", a)
        for a in ("cy@EXAMPLE.net", "Dee@example.net")
    ]
    listed = folder.json("subscribers", "import", back, "--consent", "they asked")

    assert [one["suppressed"] for one in left["subscribers"]] == [2]
    assert [ran.code for ran in added] == [5, 5]
    assert {ran.data["error"]["code"] for ran in added} == {"subscriber.suppressed"}
    assert "cy@" not in added[0].out.lower()
    assert [one["added"] for one in listed["subscribers"]] == [1]
    assert [one["email"] for one in folder.json("subscribers", "ls")] == ["ada@example.net"]


def test_dry_run_of_a_list_adds_nobody(folder: Folder) -> None:
    """``--dry-run`` counts and keeps nobody, by either command, and suppresses nobody."""
    people, left = _put(folder, "people.csv", PEOPLE), _put(folder, "left.csv", LEFT)

    ran = folder.json("import", people, left, "--dry-run")
    same = folder.json("subscribers", "import", people, left, "--dry-run")

    assert [(one["added"], one["suppressed"]) for one in ran["subscribers"]] == [(2, 0), (0, 2)]
    assert same["subscribers"] == ran["subscribers"]
    assert folder.json("subscribers", "ls") == []
    assert folder.run("subscribers", "add", "cy@example.net").code == 0


def test_list_without_addresses_is_told(folder: Folder) -> None:
    """A table without a column of addresses: exit 4, its first line, and what to write there."""
    file = _put(folder, "people.csv", "name,phone\nAda,1\n")

    ran = folder.run("--json", "import", file)

    (problem,) = ran.data["problems"]
    assert ran.code == 4
    assert (problem["file"], problem["line"], problem["code"]) == (file, 1, "import.no_email")
    assert folder.json("subscribers", "ls") == []
