"""What is wrong is told with file, line and fix; the rest goes on; nothing is lost, nothing is sent."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from publisher.cli import mailing
from publisher.cli.frame import current_time
from tests.conftest import SITE_ID, Folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD_CONFIG = f"""\
[site]
name = "Riverside Letters"
id = "{SITE_ID}"
timezone = "America/New_York"
[digests.weekly]
schedule = "every tuesday at 07:30"
"""
SECRET = "nobody may read this sentence"


def _files(root: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes; what the database writes by itself is left out."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "publisher.sqlite3" not in path.name
    }


def _public(folder: Folder) -> dict[str, bytes]:
    return _files(folder.path / "public")


def _error(problem: dict[str, Any]) -> str:
    """Return the line that a person reads for a problem as a program reads it."""
    path = problem["file"] if "file" in problem else problem["path"]
    where = f"{path}:{problem['line']}" if problem["line"] else path
    return f"✗ {where}  expected {problem['expected']}; got {problem['got']}\n"


@pytest.fixture
def published(folder: Folder) -> Folder:
    """A site whose series of three is out."""
    folder.post("sleep/01-worry.md", "Worry at night", date="2026-10-01")
    folder.post("sleep/02-light.md", "Light & the clock", date="2026-10-08")
    folder.post("sleep/03-help.md", "When to ask for help", date="2026-10-15")
    folder.run("build")
    return folder


# ------------------------------------------------------------------------------------------ posts


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A post that cannot be published, and what is said of it."""

    path: str
    data: bytes = b""
    lay: Callable[[Path], None] | None = None
    """How the file comes about, where bytes do not say it."""
    code: str
    line: int | None
    expected: str
    got: str
    hint: str

    def put(self, folder: Folder) -> None:
        """Lay the file into the folder of posts."""
        file = folder.path / "posts" / self.path
        file.parent.mkdir(parents=True, exist_ok=True)
        if self.lay:
            self.lay(file)
        else:
            file.write_bytes(self.data)


def _with(front: str, body: str = "Text.") -> bytes:
    return f"---\n{front}\n---\n\n{body}\n".encode()


def _make_sparse(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(50_000_000)


def _make_link(file: Path) -> None:
    outside = file.parent.parent / "outside.md"
    outside.write_text(f'---\ntitle: "Out"\ndate: 2026-10-01\n---\n\n{SECRET}\n', "utf-8")
    file.symlink_to(outside)


DATED = 'title: "A title"\ndate: 2026-10-01'
BAD_POSTS = {
    "broken_yaml": Bad(
        path="a-yaml.md",
        data=_with("title: Grief: a guide\ndate: 2026-10-01"),
        code="post.front_matter",
        line=2,
        expected="text in quotes, since it holds a colon",
        got="title: Grief: a guide",
        hint='Put it in quotes:  title: "Grief: a guide"',
    ),
    "bad_utf8": Bad(
        path="b-encoding.md",
        data=_with(DATED, "One line.\nCaf\xe9").replace(b"\xc3\xa9", b"\xe9"),
        code="post.encoding",
        line=7,
        expected="text in UTF-8",
        got="the byte 0xE9",
        hint="Save the file again with the encoding UTF-8.",
    ),
    "nul": Bad(
        path="c-nul.md",
        data=_with(DATED, "One line.\n\nAnother \0 line."),
        code="post.control",
        line=8,
        expected="text without control characters",
        got="U+0000",
        hint="Remove it",
    ),
    "duplicate_part": Bad(
        path="sleep/02-night.md",
        data=_with(DATED),
        code="series.double_part",
        line=None,
        expected="a part of its own in sleep",
        got="part 2, as posts/sleep/02-light.md has",
        hint="Give one of them another number",
    ),
    "unknown_series": Bad(
        path="d-series.md",
        data=_with(f"{DATED}\nseries: slep"),
        code="post.series",
        line=4,
        expected="a series that there is",
        got='"slep"',
        hint="Did you mean sleep?",
    ),
    "missing_alt": Bad(
        path="e-alt.md",
        data=_with(DATED, "Look:\n\n![](https://example.org/lamp.png)"),
        code="post.alt",
        line=8,
        expected="words for those who do not see the image",
        got="none",
        hint="Say what it shows:  ![…](https://example.org/lamp.png)",
    ),
    "unresolved_citation": Bad(
        path="f-citation.md",
        data=_with(f"{DATED}\nreferences:\n  smith2020: {{text: Smith}}", "So [@smith2021]."),
        code="post.citation",
        line=8,
        expected="a key of references",
        got="[@smith2021]",
        hint="Did you mean [@smith2020]?",
    ),
    "unknown_key": Bad(
        path="g-key.md",
        data=_with(f"{DATED}\ntagz: [Sleep]"),
        code="post.unknown_key",
        line=4,
        expected="a key that is known here",
        got="tagz",
        hint="Did you mean tags?",
    ),
    "no_date": Bad(
        path="h-date.md",
        data=_with('title: "A title"\ndate: next week'),
        code="post.date",
        line=3,
        expected="a date, with a time or without",
        got='"next week"',
        hint="Such as 2027-01-31",
    ),
    "empty": Bad(
        path="i-empty.md",
        code="post.front_matter",
        line=1,
        expected="front matter, opened by --- on line 1",
        got="an empty file",
        hint="Begin the file with  ---",
    ),
    "huge": Bad(
        path="j-huge.md",
        lay=_make_sparse,
        code="posts.size",
        line=None,
        expected="at most 5 MB",
        got="50.0 MB",
        hint="Split the post.",
    ),
    "link_out_of_posts": Bad(
        path="k-link.md",
        lay=_make_link,
        code="posts.symlink",
        line=None,
        expected="a file or a folder of its own",
        got="a link to",
        hint="Links are never followed.",
    ),
    "own_path": Bad(
        path="feeds.md",
        data=_with(DATED),
        code="posts.own_path",
        line=None,
        expected="a post whose address is not one of the site's own",
        got="/feeds",
        hint="Rename it.",
    ),
}


@pytest.mark.parametrize("name", BAD_POSTS)
def test_bad_post_is_told_and_leaves_the_rest_alone(published: Folder, name: str) -> None:
    """A bad post: exit 4 with file, line, expected, got and fix; what is out stays byte for byte."""
    bad, before = BAD_POSTS[name], _public(published)
    bad.put(published)

    ran = published.run("--json", "build")
    told = published.run("build")

    (problem,) = ran.data["problems"]
    assert (ran.code, told.code) == (4, 4)
    assert problem["file"] == f"posts/{bad.path}"
    assert (problem["code"], problem["line"], problem["level"]) == (bad.code, bad.line, "error")
    assert problem["expected"] == bad.expected
    assert problem["got"].startswith(bad.got)
    assert bad.hint in problem["hint"]
    assert told.err == f"{_error(problem)}  {problem['hint']}\n"
    assert (ran.data["written"], ran.data["removed"]) == ([], [])
    assert _public(published) == before


def test_every_bad_post_is_told_at_once_and_the_good_ones_go(published: Folder) -> None:
    """With all of them together each is told, a new good post is published, only good ones are sent."""
    for bad in BAD_POSTS.values():
        bad.put(published)
    published.post("rest.md", "A good rest")

    checked = published.run("--json", "check")
    told = published.run("check")
    ran = published.run("--json", "publish", "--now", "weekly")

    problems = checked.data["problems"]
    assert (checked.code, told.code, ran.code) == (4, 4, 4)
    assert {one["file"] for one in problems} == {f"posts/{b.path}" for b in BAD_POSTS.values()}
    assert [_error(one) for one in problems] == [
        f"{line}\n" for line in told.err.splitlines() if line.startswith("✗ ")
    ]
    assert told.out == f"{len(problems)} errors, 0 warnings.\n"
    assert "A good rest" in published.public("rest/index.html")
    (mail,) = [one.read_text("utf-8") for one in published.outbox()]
    assert "A good rest" in mail
    assert "A title" not in mail
    assert all(SECRET.encode() not in data for data in _public(published).values())


def test_a_new_series_with_two_equal_parts_waits(published: Folder) -> None:
    """Nothing of a new series with two equal parts is published until one has another number."""
    published.post("calm/01-breath.md", "Breath")
    published.post("calm/01-walk.md", "A walk")

    refused = published.run("build")
    before = (published.path / "public/calm").exists()
    (published.path / "posts/calm/01-walk.md").rename(published.path / "posts/calm/02-walk.md")
    mended = published.run("build")

    assert (refused.code, before, mended.code) == (4, False, 0)
    assert "Part 2 of 2" in published.public("calm/walk/index.html")


def test_broken_series_file_is_told_and_its_posts_stay(published: Folder) -> None:
    """A mistake in series.toml is told with its line; the series stays as last published."""
    file = published.path / "posts/sleep/series.toml"
    file.write_text('title = "Sleep, slowly"\nplanned_parts = 5\n')
    published.run("build")
    before = _public(published)
    file.write_text('status = "ongoing"\ntitel = "x"\n')
    (published.path / "var/build.memory").unlink()

    ran = published.run("--json", "build")

    (problem,) = ran.data["problems"]
    assert ran.code == 4
    assert _public(published) == before
    assert (problem["file"], problem["line"]) == ("posts/sleep/series.toml", 2)
    assert problem["hint"] == "Did you mean title?"
    assert "Part 2 of 5" in published.public("sleep/light/index.html")


def test_image_of_fifty_megabytes_is_told(published: Folder) -> None:
    """An image over the limit keeps its post from changing, and is never read."""
    before = _public(published)
    Bad(
        path="lamp/index.md", data=_with(DATED), code="", line=1, expected="", got="", hint=""
    ).put(published)
    _make_sparse(published.path / "posts/lamp/lamp.png")

    ran = published.run("--json", "build")

    assert ran.code == 4
    assert [one["file"] for one in ran.data["problems"]] == ["posts/lamp/lamp.png"]
    assert "lamp/index.html" not in before


# --------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("old", "new", "expected", "got", "hint"),
    [
        ('name = "Riverside Letters"', "", "site.name to be set", "nothing", "publisher init"),
        ("timezone", "timezon", "a key of [site]", "site.timezon", "Did you mean site.timezone?"),
        (
            "[digests.weekly]",
            "[digest.weekly]",
            "a table that publisher knows",
            "digest",
            "digests",
        ),
        (
            'schedule = "every tuesday at 07:30"',
            'cron = "30 7 * *"',
            "five cron fields",
            '4 in "30 7 * *"',
            '"30 7 * * 2" is every Tuesday at 07:30.',
        ),
        (
            'schedule = "every tuesday at 07:30"',
            'cron = "99 7 * * 2"',
            "digests.weekly.cron",
            "99",
            "",
        ),
        ("every tuesday at", "every tuesdy at", "digests.weekly.schedule", "tuesdy", "tuesday"),
        (
            "America/New_York",
            "America/NewYork",
            "an IANA time zone",
            "America/NewYork",
            "New_York",
        ),
        (
            SITE_ID,
            "5f2b0c1e-7d3a",
            "site.id to be a UUID, or another word without spaces",
            '"5f2b0c1e-7d3a"',
            "publisher init",
        ),
        ('"Riverside Letters"', '"Riverside\0Letters"', "UTF-8 text", "a NUL character", "UTF-8"),
        ('"Riverside Letters"', '"\udce9t\udce9"', "UTF-8 text", "the byte 0xe9", "UTF-8"),
        ('"Riverside Letters"', "Riverside", "TOML", "invalid value", "double quotes"),
    ],
)
def test_bad_config_is_told_and_nothing_is_done(
    published: Folder, old: str, new: str, expected: str, got: str, hint: str
) -> None:
    """A bad key of config.toml: exit 3 with line, expected, got and fix, and not a byte is changed."""
    assert GOOD_CONFIG.count(old) == 1
    line = GOOD_CONFIG[: GOOD_CONFIG.index(old)].count("\n") + 1
    config = published.path / "config.toml"
    config.write_bytes(GOOD_CONFIG.replace(old, new).encode("utf-8", "surrogateescape"))
    before = _files(published.path)

    ran = published.run("--json", "publish", "--now", "weekly")
    told = published.run("check")

    error = ran.data["error"]
    assert (ran.code, told.code) == (3, 3)
    assert error["path"] == str(config)
    assert error["line"] == (line if new else 1)
    assert expected in error["expected"]
    assert got in error["got"]
    assert hint in error["hint"]
    assert told.err.startswith(_error(error))
    assert _files(published.path) == before


def test_every_mistake_of_the_config_is_told_at_once(folder: Folder) -> None:
    """All problems of config.toml come together, by line, and no state is made."""
    folder.configure(site='nam = "x"\nid = "3"', mail='from = "nobody"')

    ran = folder.run("--json", "build")
    told = folder.run("build")

    errors = ran.data["errors"]
    assert ran.data["error"] == errors[0]
    assert [one["line"] for one in errors] == sorted(one["line"] for one in errors)
    assert told.err.count("✗ ") == len(errors) == 4
    assert not (folder.path / "var").exists()


@pytest.mark.parametrize("words", [("build",), ("publish", "--now", "weekly"), ("check",)])
def test_no_config_names_init(folder: Folder, words: tuple[str, ...]) -> None:
    """Without a configuration: exit 3, the command that makes one, and nothing made."""
    elsewhere = Folder(path=folder.path / "elsewhere")

    ran = elsewhere.run("--json", *words)

    assert ran.code == 3
    assert ran.data["error"]["code"] == "config.missing_file"
    assert ran.data["error"]["path"] == str(elsewhere.path / "config.toml")
    assert "publisher init" in ran.data["error"]["hint"]
    assert not elsewhere.path.exists()


# ------------------------------------------------------------------------------------- the words


@pytest.mark.parametrize(
    ("words", "command", "got"),
    [
        (["frobnicate"], "publisher", "No such command 'frobnicate'."),
        (["edition", "agree", "1"], "publisher edition", "No such command 'agree'."),
        (["build", "--fast"], "publisher build", "No such option '--fast'."),
        (["import"], "publisher import", "Missing argument 'SOURCES...'."),
        (["import", "x", "--as", "old"], "publisher import", "'old' is not one of"),
        (["plan", "--until", "soon"], "--until", "soon"),
    ],
)
def test_wrong_words_are_usage(folder: Folder, words: list[str], command: str, got: str) -> None:
    """Words that no command takes: exit 2, the command, and what was wrong with them."""
    ran = folder.run("--json", *words)
    told = folder.run(*words)

    error = ran.data["error"]
    assert (ran.code, told.code) == (2, 2)
    assert (error["code"], error["path"]) == ("usage", command)
    assert got in error["got"]
    assert told.err.startswith(_error(error))
    assert told.out == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["publish", "--now", "daily"], "digest.unknown"),
        (["plan", "daily"], "digest.unknown"),
        (["edition", "show", "weekly/9"], "edition.unknown"),
        (["edition", "approve", "x"], "edition.unknown"),
        (["withdraw", "sleep/nowhere"], "post.unknown"),
        (["preview", "weekly", "--for", "ada@example.net"], "subscriber.unknown"),
        (["config", "explain", "mail.form"], "config.unknown_key"),
    ],
)
def test_what_does_not_exist_is_not_found(published: Folder, words: list[str], code: str) -> None:
    """A digest, edition, post, subscriber or key that is not there: exit 7, and nothing is done."""
    before = _files(published.path)

    ran = published.run("--json", *words)

    assert ran.code == 7
    assert ran.data["error"]["code"] == code
    assert ran.data["error"]["hint"]
    assert published.json("edition", "ls") == []
    assert _files(published.path) == before


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.net\r\nBcc: eve@example.net",
        "ada\n@example.net",
        "ada example.net",
        "",
        "a@b@c",
    ],
)
def test_address_that_is_none_is_usage(folder: Folder, address: str) -> None:
    """An address with CR, LF or no sense: exit 2, nobody is added, nothing is sent."""
    added = folder.run("--json", "subscribers", "add", address)
    tested = folder.run("--json", "test", "weekly", "--to", address)

    assert (added.code, tested.code) == (2, 2)
    assert added.data["error"]["code"] == "subscriber.address"
    assert "\n" not in folder.run("subscribers", "add", address).err.splitlines()[0]
    assert folder.json("subscribers", "ls") == []
    assert folder.outbox() == []


def test_address_with_a_line_break_in_a_list_is_refused_alone(folder: Folder) -> None:
    """A row whose address holds a header is refused with its line; the others come in."""
    file = folder.path / "people.csv"
    rows = '"ada@example.net\r\nBcc: eve@example.net",2026-01-01\r\nbo@example.net,2026-01-01\r\n'
    file.write_bytes(b"email,confirmed_at\r\n" + rows.encode())

    ran = folder.run("--json", "subscribers", "import", str(file))

    (problem,) = ran.data["problems"]
    assert ran.code == 4
    assert (problem["file"], problem["line"]) == (str(file), 2)
    assert problem["expected"] == "an address on one line, without control characters"
    assert [one["email"] for one in folder.json("subscribers", "ls")] == ["bo@example.net"]


def test_sender_with_a_line_break_is_a_config_error(folder: Folder) -> None:
    """A From that would add a header is refused before anything is done."""
    folder.configure(mail='from = "Ada <ada@example.net>\\r\\nBcc: eve@example.net"')

    ran = folder.run("--json", "publish", "--now", "weekly")

    assert ran.code == 3
    assert ran.data["error"]["expected"].startswith("mail.from")
    assert folder.outbox() == []


# ------------------------------------------------------------------------------------ a live site


@pytest.mark.parametrize(
    ("site", "mail", "missing"),
    [
        ("", "", ["site.postal_address", "site.url", "mail.from"]),
        ('url = "https://letters.test.invalid"\n', "", ["site.postal_address", "mail.from"]),
        (
            'url = "https://riverside.health"\npostal_address = "1 River Road"\n',
            'from = "Riverside <letters@riverside.example>"\n',
            ["mail.from"],
        ),
    ],
)
def test_live_site_that_is_not_ready_sends_nothing(
    published: Folder, site: str, mail: str, missing: list[str]
) -> None:
    """Without postal address, https and a From of its own a live site is refused: exit 5."""
    published.configure(
        site=f'name = "Riverside Letters"\nid = "{SITE_ID}"\n{site}',
        mail=f'transport = "smtp"\n{mail}',
        mail__smtp='host = "relay.invalid"',
    )

    ran = published.run("--json", "publish", "--now", "weekly")
    tested = published.run("test", "weekly", "--to", "ada@riverside.health")
    checked = published.run("--json", "check")

    errors = ran.data.get("errors", [ran.data["error"]])
    assert (ran.code, tested.code, checked.code) == (5, 5, 5)
    assert [one["expected"].split()[0] for one in errors] == missing
    told = [one["code"] for one in checked.data["problems"] if one["level"] == "error"]
    assert told == ["config.live"] * len(missing)
    assert all(one["hint"] for one in errors)
    assert published.json("edition", "ls") == []
    assert published.outbox() == []


# --------------------------------------------------------------------------- the life of a post


def test_renamed_post_needs_its_alias(published: Folder) -> None:
    """A renamed post is refused with the alias to write; with it the id and the old address live on."""
    before, ids = _public(published), _ids(published)
    old, new = "posts/sleep/02-light.md", "posts/sleep/02-light-and-clock.md"
    (published.path / old).rename(published.path / new)

    refused = published.run("--json", "build")
    checked = published.run("check")
    unchanged = _public(published)
    alias = re.search(r"aliases: \[[^]]*\]", refused.data["problems"][0]["hint"])
    assert alias
    text = (published.path / new).read_text("utf-8")
    (published.path / new).write_text(text.replace("date:", f"{alias[0]}\ndate:", 1), "utf-8")
    mended = published.run("build")

    assert (refused.code, checked.code, mended.code) == (5, 5, 0)
    assert refused.data["problems"][0]["file"] == new
    assert unchanged == before
    assert _ids(published) == ids
    assert "/sleep/light/ /sleep/light-and-clock/ 301\n" in published.public("_redirects")
    assert "Part 2 of 3" in published.public("sleep/light-and-clock/index.html")


def _ids(folder: Folder) -> list[str]:
    return re.findall(r"<id>(urn:uuid:[^<]+)</id>", folder.public("sleep/feed.atom"))


def test_drafts_and_posts_to_come_are_nowhere(published: Folder) -> None:
    """A draft and a post of the future are in no file and no letter; the plan says why."""
    published.post("draft.md", "Still a draft", draft="true")
    published.post("later.md", "Out in a lifetime", date="2126-01-01")

    ran = published.run("--json", "publish", "--now", "weekly")
    planned = published.json("plan", "weekly")["editions"][0]["posts"]

    verdicts = {one["path"]: one["verdict"] for one in planned}
    assert ran.code == 0
    assert (verdicts["posts/draft.md"], verdicts["posts/later.md"]) == ("draft", "future")
    everywhere = [*_public(published).values(), *(one.read_bytes() for one in published.outbox())]
    assert not [data for data in everywhere if b"Still a draft" in data or b"lifetime" in data]


@pytest.mark.parametrize("front", [{"draft": "true"}, {"date": "2126-01-01"}])
def test_published_post_is_not_taken_back_by_its_file(
    published: Folder, front: dict[str, str]
) -> None:
    """A published post marked as a draft, or dated ahead, stays as it was: exit 4 and the way out."""
    before = _public(published)
    published.post("sleep/02-light.md", "Light & the clock", **{"date": "2026-10-08", **front})

    ran = published.run("--json", "build")

    assert ran.code == 4
    assert ran.data["problems"][0]["file"] == "posts/sleep/02-light.md"
    assert "It stays as last published." in ran.data["problems"][0]["hint"]
    assert _public(published) == before


def test_post_withdrawn_in_its_file_is_gone_from_the_start(published: Folder) -> None:
    """A post whose own front matter takes it back answers 410 and says why; it is in no feed."""
    published.post("sleep/03-help.md", "When to ask for help", withdrawn='"2026-11-02 It erred."')

    ran = published.run("build")

    assert ran.code == 0
    assert "/sleep/help/ /archive/gone/sleep/help.html 410\n" in published.public("_redirects")
    assert "It erred." in published.public("archive/gone/sleep/help.html")
    assert "When to ask for help" not in published.public("sleep/feed.rss")


def test_new_post_is_a_draft_with_an_address_of_its_own(published: Folder) -> None:
    """``new`` makes the next part as a draft; a second of the same title gets another address."""
    before = _public(published)

    first = published.json("new", "Tea & rest", "--series", "sleep")
    second = published.json("new", "Tea & rest", "--series", "sleep")
    nameless = published.run("--json", "new", "!?")
    built = published.run("build")

    posts = published.path / "posts"
    assert first["path"] == str(posts / "sleep/04-tea-rest.md")
    assert second["path"] == str(posts / "sleep/05-tea-rest-2.md")
    assert (nameless.code, nameless.data["error"]["code"]) == (5, "post.title")
    assert built.code == 0
    assert _public(published) == before


def test_withdraw_leaves_the_number_and_the_reason(published: Folder) -> None:
    """Withdrawn by command: 410, a page that says so, out of feeds and lists, its number kept."""
    ran = published.run("--json", "withdraw", "sleep/light", "--reason", "The dose was wrong.")
    (published.path / "posts/sleep/02-light.md").unlink()
    again = published.run("--json", "build")

    assert (ran.code, again.code) == (0, 0)
    assert ran.data["withdrawn"] == "sleep/light"
    assert "/sleep/light/ /archive/gone/sleep/light.html 410\n" in published.public("_redirects")
    page = published.public("archive/gone/sleep/light.html")
    assert not (published.path / "public/sleep/light/index.html").exists()
    assert "This post was withdrawn" in page
    assert "The dose was wrong." in page
    assert "Part 3 of 3" in published.public("sleep/help/index.html")
    for file in ("feed.atom", "feed.rss", "feed.json", "sleep/feed.atom", "sitemap.xml"):
        assert "sleep/light" not in published.public(file)
    assert "/sleep/light/" not in published.public("sleep/help/index.html")


def test_post_moved_under_a_link_is_told_whatever_is_remembered(published: Folder) -> None:
    """A post that links to a source that went is told at the next check, though it did not change."""
    text = "See [the first](01-worry.md).\n"
    published.post("sleep/04-more.md", "More", date="2026-10-20", body=text)
    assert published.run("build").code == 0
    (published.path / "posts/sleep/01-worry.md").rename(published.path / "posts/sleep/01-night.md")

    codes = {problem["code"] for problem in published.json("check")["problems"]}

    assert "post.link" in codes


def test_deleted_file_stays_published(published: Folder) -> None:
    """A published post whose file is gone stays everywhere, is told with exit 4, and can be sent."""
    before = _public(published)
    (published.path / "posts/sleep/02-light.md").unlink()

    ran = published.run("--json", "build")
    after = _public(published)
    sent = published.run("--json", "publish", "--now", "weekly")

    (problem,) = ran.data["problems"]
    assert (ran.code, sent.code) == (4, 4)
    assert (problem["file"], problem["code"]) == ("posts/sleep/02-light.md", "post.gone")
    assert "publisher withdraw sleep/light" in problem["hint"]
    assert after == before
    assert "sleep/light/" in published.outbox()[0].read_text("utf-8")


def test_folder_of_posts_that_is_gone_loses_nothing(published: Folder) -> None:
    """Were the whole folder gone, the site would stay; the files come back as if nothing had been."""
    before = _public(published)
    (published.path / "posts").rename(published.path / "away")

    gone = published.run("--json", "build")
    kept = _public(published)
    (published.path / "away").rename(published.path / "posts")
    back = published.run("--json", "build")

    assert (gone.code, back.code) == (4, 0)
    assert gone.data["problems"][0]["file"] == "posts"
    assert kept == before
    assert _public(published) == before


# ---------------------------------------------------------------------------------------- templates


def test_letter_template_that_fails_mails_nobody(
    published: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in the site's own letter: exit 4, file and line, the edition failed, nobody mailed."""
    template = published.path / "templates/letters/letter.html"
    template.parent.mkdir(parents=True)
    template.write_text("<html>\n<body>\n{{ content.nonsense }}\n</body>\n</html>\n", "utf-8")

    checked = published.run("--json", "check")
    ran = published.run("--json", "publish", "--now", "weekly")
    mailed = published.outbox()
    template.unlink()
    # Two editions of one digest are never made in the same second.
    monkeypatch.setattr(mailing, "current_time", lambda: current_time() + timedelta(seconds=2))
    mended = published.run("--json", "publish", "--now", "weekly")

    (problem,) = ran.data["problems"]
    assert (checked.code, ran.code, mended.code) == (4, 4, 0)
    assert checked.data["problems"] == [problem]
    assert (problem["code"], problem["file"]) == ("letter.template", str(template))
    assert problem["line"] == 3
    states = [one["state"] for one in ran.data["editions"] if one["slot"].startswith("now:")]
    assert states == ["failed"]
    assert mailed == []
    assert len(published.outbox()) == 1


def test_page_template_that_fails_changes_no_page(published: Folder) -> None:
    """A fault in the site's own page: exit 4 with file and line, no page changed, nobody mailed."""
    before = _public(published)
    template = published.path / "templates/pages/post.html"
    template.parent.mkdir(parents=True)
    template.write_text("<html>\n{{ nonsense }}\n</html>\n", "utf-8")

    ran = published.run("--json", "publish", "--now", "weekly")
    template.unlink()
    mended = published.run("--json", "build")

    assert (ran.code, mended.code) == (4, 0)
    assert (ran.data["error"]["path"], ran.data["error"]["line"]) == (str(template), 2)
    assert published.outbox() == []
    assert _public(published) == before


# -------------------------------------------------------------------------------------- same bytes


def test_lost_memory_changes_no_byte(published: Folder) -> None:
    """The build's memory is a convenience: without it, or damaged, the same bytes come out."""
    published.run("publish", "--now", "weekly")
    before, memory = _public(published), published.path / "var/build.memory"

    memory.unlink()
    lost = published.json("build")
    memory.write_bytes(b"no memory of ours")
    damaged = published.json("build")

    assert (lost["written"], damaged["written"]) == ([], [])
    assert _public(published) == before


def test_second_clone_makes_the_same_bytes(published: Folder, tmp_path: Path) -> None:
    """Posts and configuration alone decide every public byte, however the site came to be."""
    published.post("rest/index.md", "A rest", tags="[Sleep, Calm]", updated="2026-11-03")
    published.run("build")
    published.post("sleep/04-tea.md", "Tea", references="{a: {text: Smith}}", body="So [@a].\n")
    published.run("build")
    clone = Folder(path=tmp_path / "another" / "place")
    shutil.copytree(published.path / "posts", clone.path / "posts", copy_function=shutil.copyfile)
    shutil.copyfile(published.path / "config.toml", clone.path / "config.toml")

    first = clone.run("build")
    again = clone.json("build")

    assert first.code == 0
    assert again["written"] == []
    assert _public(clone) == _public(published)


# ------------------------------------------------------------------------------------------ options


def test_options_stand_before_or_after_the_verb(published: Folder) -> None:
    """Shared options mean the same before the noun, between noun and verb, and after the verb."""
    plans = [
        published.run("--json", "plan").data,
        published.run("plan", "--json").data,
    ]
    lists = [
        published.run("--json", "edition", "ls").data,
        published.run("edition", "--json", "ls").data,
        published.run("edition", "ls", "--json").data,
    ]
    elsewhere = published.run("build", "--config", str(published.path / "none.toml"))

    assert plans[0] == plans[1]
    assert lists == [[], [], []]
    assert elsewhere.code == 3
    assert published.run("plan").out.startswith("weekly: ")  # nothing of --json lingers


def test_quiet_says_errors_only(published: Folder) -> None:
    """``--quiet`` leaves the report out, never what is wrong; ``--json`` speaks all the same."""
    fine = published.run("--quiet", "publish", "--now", "weekly")
    BAD_POSTS["broken_yaml"].put(published)
    wrong = published.run("build", "--quiet")
    data = published.run("build", "--quiet", "--json")

    assert (fine.code, fine.out, fine.err) == (0, "", "")
    assert (wrong.code, wrong.out) == (4, "")
    assert wrong.err.startswith("✗ posts/a-yaml.md:2  ")
    assert len(data.data["problems"]) == 1


def test_dry_run_of_publish_does_nothing(published: Folder) -> None:
    """``publish --dry-run`` tells what would go and writes nothing, adds nobody, makes no edition."""
    published.post("rest.md", "A good rest")
    before = _files(published.path)

    ran = published.run("publish", "--now", "weekly", "--dry-run")
    data = published.run("--dry-run", "--json", "publish")

    assert (ran.code, data.code) == (0, 0)
    assert "Nothing was written and no one was emailed." in ran.out
    assert "A good rest" in [one["title"] for one in data.data["editions"][0]["posts"]]
    assert _files(published.path) == before
    assert published.json("edition", "ls") == []
    assert published.json("subscribers", "ls") == []


@pytest.mark.parametrize(
    "words",
    [
        ["build"],
        ["new", "A title"],
        ["withdraw", "sleep/light"],
        ["test", "weekly", "--to", "ada@example.net"],
        ["subscribers", "add", "ada@example.net"],
        ["keys", "rotate"],
        ["run"],
    ],
)
def test_dry_run_is_never_swallowed(published: Folder, words: list[str]) -> None:
    """A command that cannot be tried out refuses ``--dry-run`` instead of acting: exit 2."""
    published.post("rest.md", "A good rest")
    before = _files(published.path)

    first = published.run("--dry-run", *words)
    last = published.run(*words, "--dry-run")

    assert (first.code, last.code) == (2, 2)
    assert "No such option '--dry-run'." in first.err
    assert _files(published.path) == before
    assert published.json("subscribers", "ls") == []


# --------------------------------------------------------------------------- what cannot be written


def test_outbox_that_cannot_be_written_keeps_the_mail(published: Folder) -> None:
    """No place for the letters: exit 75, they wait; the next run hands over each once."""
    outbox = published.path / "outbox"
    outbox.write_text("in the way")

    stuck = published.run("--json", "publish", "--now", "weekly")
    outbox.unlink()
    freed = published.run("--json", "publish")

    (edition,) = [one for one in stuck.data["editions"] if one["state"] == "sending"]
    assert (stuck.code, freed.code) == (75, 0)
    assert edition["counts"]["pending"] == 1
    assert stuck.data["problems"][0]["code"] == "transport.outbox"
    assert stuck.data["problems"][0]["file"].startswith(str(outbox))
    assert len(published.outbox()) == 1


@pytest.mark.parametrize(
    ("in_the_way", "code"), [("public", 75), ("public/sleep/light", 5), ("var", 75)]
)
def test_place_that_cannot_be_written_stops_before_any_mail(
    folder: Folder, in_the_way: str, code: int
) -> None:
    """A file where a directory belongs: refused by name before any mail; cleared, all is done."""
    folder.post("sleep/01-light.md", "Light & the clock")
    obstacle = folder.path / in_the_way
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("in the way")

    stuck = folder.run("--json", "publish", "--now", "weekly")
    mailed = folder.outbox()
    obstacle.unlink()
    freed = folder.run("--json", "publish", "--now", "weekly")

    assert (stuck.code, freed.code) == (code, 0)
    assert stuck.data["error"]["path"].startswith(str(obstacle))
    assert stuck.data["error"]["hint"]
    assert mailed == []
    assert len(folder.outbox()) == 1
    assert "Light &amp; the clock" in folder.public("sleep/light/index.html")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["init", "{}"], 75),
        (["init", "{}/letters"], 75),
        (["preview", "weekly", "--out", "{}"], 75),
        (["new", "Tea", "--series", "taken"], 5),
    ],
)
def test_place_a_command_was_given_that_is_a_file(
    published: Folder, words: list[str], code: int
) -> None:
    """A path given to a command where a file is in the way is told by name; the file stays."""
    file = published.path / "posts/taken"
    file.write_text("in the way")

    ran = published.run("--json", *(word.format(file) for word in words))

    assert ran.code == code
    assert ran.data["error"]["path"].startswith(str(file))
    assert file.read_text() == "in the way"


def test_database_that_is_none_is_told_and_left_alone(folder: Folder) -> None:
    """A file that is no database: exit 75, and it is not touched."""
    database = folder.path / "var/publisher.sqlite3"
    database.parent.mkdir()
    database.write_bytes(b"a spreadsheet, perhaps" * 100)

    ran = folder.run("--json", "build")

    assert ran.code == 75
    assert ran.data["error"]["path"] == "database"
    assert database.read_bytes() == b"a spreadsheet, perhaps" * 100
