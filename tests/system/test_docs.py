"""What README, docs and the sample site say is true: commands run, links lead somewhere, nobody watches."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import unquote, urljoin, urlsplit

import click
import pytest
import yaml
from lxml import etree, html

from publisher import errors
from publisher.cli import frame, root
from publisher.config import KEYS
from publisher.preflight import words
from publisher.renditions import VARIANTS
from tests.conftest import REPOSITORY, SITE_ID, Folder
from tests.pictures import (
    MOST_OCTETS,
    PICTURES,
    SECOND_SLOT,
    served_sample,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pictures import Sample

README = REPOSITORY / "README.md"
PROSE = sorted([README, REPOSITORY / "CHANGELOG.md", *(REPOSITORY / "docs").rglob("*.md")])
PATIENCE_SECONDS = 30
MOST_PAGE_OCTETS = 30_000
ACTING = re.compile(r"/subscribe|/(?:u|preferences)/[A-Za-z0-9_-]+")
"""Addresses that the service answers; there is no file of theirs."""
BANNED = (
    "campaign",
    "broadcast",
    "blocklist",
    "blacklist",
    "drip",
    "dry run",
    "sign-off",
    "dashboard",
    "autoresponder",
)
"""Words of DESIGN's right-hand column that mean nothing else in plain English."""


class Block(NamedTuple):
    """A fenced block of a document."""

    kind: str
    text: str


def _blocks(path: Path, heading: str = "") -> list[Block]:
    """Return the fenced blocks of a document, or of what stands under one heading of it."""
    text = path.read_text("utf-8")
    if heading:
        text = text.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return [
        Block(*found)
        for found in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


# ------------------------------------------------------------------------------- what docs name


def _mentions(path: Path) -> list[tuple[str, bool]]:
    """Return every command a document names, and whether it stands there whole."""
    found: list[tuple[str, bool]] = []
    for block in _blocks(path):
        if block.kind in {"console", "sh"}:
            lines = (line.removeprefix("$ ").strip() for line in block.text.splitlines())
            found += [(line, True) for line in lines if line.startswith("publisher ")]
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return found + [(words, False) for words in re.findall(r"`(publisher [^`]+)`", prose)]


def _fault(mention: str, *, whole: bool) -> str:
    """Return what the command line says against a mention; nothing where it takes it."""
    command: click.Command = root
    context = click.Context(root, info_name="publisher", help_option_names=["-h", "--help"])
    words = shlex.split(mention, comments=True)[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        named = command.get_command(context, words[0])
        if named is None:
            return f"no command {words[0]}"
        command, words = named, words[1:]
    try:
        command.make_context(mention, words, parent=context)
    except click.MissingParameter as error:
        return error.format_message() if whole else ""
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_commands_that_docs_name_exist(path: Path) -> None:
    """Every ``publisher …`` in README and docs is a command, with options that it takes."""
    faults = {
        mention: fault
        for mention, whole in _mentions(path)
        if (fault := _fault(mention, whole=whole))
    }

    assert faults == {}


DEPLOY = REPOSITORY / "docs" / "deploy"


def _started(name: str) -> list[str]:
    """Return the commands that shipped settings start."""
    text = (DEPLOY / name).read_text("utf-8")
    if name.endswith(".service"):
        return re.findall(r"^ExecStart=/opt/publisher/bin/(publisher .+)$", text, re.MULTILINE)
    if name == "Containerfile":
        (command,) = re.findall(r'^CMD \["(.+)"\]$', text, re.MULTILINE)
        return [f"publisher {command}"]
    parts = yaml.safe_load(text)["services"].values()
    return [f"publisher {' '.join(one['command'])}" for one in parts if "command" in one]


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("publisher.service", {"publisher run"}),
        ("publisher-web.service", {"publisher web"}),
        ("publisher-scheduler.service", {"publisher scheduler"}),
        ("publisher-worker@.service", {"publisher worker"}),
        ("Containerfile", {"publisher run"}),
        ("compose.yaml", {"publisher web", "publisher scheduler", "publisher worker"}),
    ],
)
def test_shipped_settings_start_commands_that_exist(name: str, commands: set[str]) -> None:
    """Units, image and compose start what their names say, and stop it no sooner than it needs."""
    text = (DEPLOY / name).read_text("utf-8")

    assert set(_started(name)) == commands
    assert {one: _fault(one, whole=True) for one in commands} == dict.fromkeys(commands, "")
    if commands & {"publisher run", "publisher worker"} and name != "Containerfile":
        assert "TimeoutStopSec=660" in text or "stop_grace_period: 11m" in text


def test_image_copies_what_is_there_and_pins_what_is_tested() -> None:
    """Every file that the Containerfile takes exists, and its packages are those of the tests."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    copied = [
        name
        for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE)
        for name in line.split()
    ]
    pinned = re.findall(r"^\S+==\S+", (DEPLOY / "grown.txt").read_text("utf-8"), re.MULTILINE)
    tested = (REPOSITORY / "tests" / "constraints.txt").read_text("utf-8")

    assert [name for name in copied if not (REPOSITORY / name).exists()] == []
    assert len(copied) > 5
    assert [one for one in pinned if f"{one} " not in tested] == []
    assert any(one.startswith("procrastinate==") for one in pinned)


def _leaves(group: click.Group, before: str) -> Iterator[str]:
    for name, command in group.commands.items():
        here = f"{before} {name}"
        if isinstance(command, click.Group):
            yield from _leaves(command, here)
        else:
            yield here


def test_every_finding_of_a_preflight_is_documented() -> None:
    """The page about letters lists each code that a preflight can give, and no other."""
    text = (REPOSITORY / "docs" / "letters.md").read_text("utf-8")
    sources = "".join(
        file.read_text("utf-8") for file in (REPOSITORY / "publisher/preflight").glob("*.py")
    )
    given = set(re.findall(r'(?:blocking|warning|find)\(\s*"(\w+)"', sources))

    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == given
    assert len(given) > 20


def test_words_of_a_preflight_are_documented() -> None:
    """Every condition and medicine that is looked for in a subject is on the page about letters."""
    text = (REPOSITORY / "docs" / "letters.md").read_text("utf-8").partition("## The words")[2]
    listed = set(re.findall(r"[a-z-]+", text))

    for group in (words._BEGINNINGS, words._WHOLE, words._MEDICINES):
        assert set(group.split()) <= listed


def test_every_command_is_documented() -> None:
    """The operator's page names every command there is."""
    text = (REPOSITORY / "docs" / "operating.md").read_text("utf-8")

    missing = [leaf for leaf in _leaves(root, "publisher") if f"`{leaf}" not in text]

    assert missing == []


def test_keys_that_docs_name_exist() -> None:
    """Every dotted key of the configuration that docs name is one that config.toml takes."""
    tables = "|".join({key.partition(".")[0] for key in KEYS})
    named = {
        key
        for path in PROSE
        for key in re.findall(rf"`((?:{tables})\.[a-zA-Z_.]+)`", path.read_text("utf-8"))
        if not key.endswith((".toml", ".md"))
    }

    assert named - set(KEYS) == set()
    assert "privacy.keep_unconfirmed" in named


def test_exit_codes_are_those_of_the_program() -> None:
    """The table of exit codes has every code that errors, reports and the frame end with, no other."""
    section = README.read_text("utf-8").split("\n## Exit codes", 1)[1].split("\n## ", 1)[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    raised = {errors.PublisherError.exit_code} | {
        one.exit_code for one in errors.PublisherError.__subclasses__()
    }
    some_wait = 6

    assert told == raised | {0, some_wait, frame.INTERRUPTED}


def _anchors(path: Path) -> set[str]:
    """Return the fragments that a Markdown file's headings make."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_links_of_docs_lead_to_files(path: Path) -> None:
    """Every relative link, picture and fragment in README, docs and CHANGELOG is there."""
    text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    lost = []
    for link in links:
        parts = urlsplit(link)
        target = path.parent / unquote(parts.path) if parts.path else path
        if parts.scheme or (
            target.exists() and (not parts.fragment or parts.fragment in _anchors(target))
        ):
            continue
        lost.append(link)

    assert lost == []


def test_pictures_are_the_ones_that_are_taken() -> None:
    """README shows pictures that ``make pictures`` takes, in their size, none too large."""
    shown = set(re.findall(r"docs/([\w-]+\.png)", README.read_text("utf-8")))

    assert shown == {picture.name for picture in PICTURES}
    for picture in PICTURES:
        data = (REPOSITORY / "docs" / picture.name).read_bytes()
        width, _ = struct.unpack(">II", data[16:24])
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert width == picture.width * picture.scale
        assert len(data) <= MOST_OCTETS


def test_words_that_are_not_ours_stay_out() -> None:
    """Docs and templates call our things by the words of the package's map, not by others."""
    files = [*PROSE, *(REPOSITORY / "templates").rglob("*.html"), REPOSITORY / "config.toml"]
    files += (REPOSITORY / "templates").rglob("*.txt")

    found = [
        f"{file.name}: {word}"
        for file in files
        for word in BANNED
        if re.search(rf"\b{word}", file.read_text("utf-8"), re.IGNORECASE)
    ]

    assert found == []


# ------------------------------------------------------------------------- README, step by step


class Step(NamedTuple):
    """A command of a console block, and the lines shown under it."""

    command: str
    shown: list[str]


def _steps(heading: str) -> list[Step]:
    steps: list[Step] = []
    for block in _blocks(README, heading):
        if block.kind == "console":
            for line in block.text.splitlines():
                if line.startswith("$ "):
                    steps.append(Step(line.removeprefix("$ "), []))
                else:
                    steps[-1].shown.append(line)
    return steps


def _pattern(line: str) -> re.Pattern[str]:
    """Return what a shown line matches: its words; numbers, days and months may differ."""
    words = re.sub(r"\b(?:[A-Z][a-z]+day|[A-Z][a-z]+(?= \d{4})|[A-Z]{3,4}(?=,))", "\0", line)
    escaped = re.escape(re.sub(r"\d[\d,]*", "\1", words))
    return re.compile(escaped.replace("\0", r"\S+").replace("\1", r"\d[\d,]*"))


def _assert_reads_as_shown(shown: list[str], output: str) -> None:
    """Compare line by line; ``…`` stands for any lines."""
    # A path may be told whole: README shows it from the folder it is typed in.
    got = output.replace(f"{Path.cwd()}/", "").splitlines()
    at_line = 0
    for number, line in enumerate(shown):
        if line.strip() == "…":
            continue
        left = got[at_line:]
        if number and shown[number - 1].strip() == "…":
            skipped = next((n for n, one in enumerate(left) if _pattern(line).fullmatch(one)), 0)
            at_line += skipped
            left = left[skipped:]
        assert left, f"nothing more was said; shown is: {line}"
        assert _pattern(line).fullmatch(left[0]), f"shown is: {line}\nsaid was: {left[0]}"
        at_line += 1
    if not shown or shown[-1].strip() != "…":
        assert got[at_line:] == []


def _run(
    command: str, at: Path, monkeypatch: pytest.MonkeyPatch, *, program: str = "publisher"
) -> str:
    """Run a command in this process, in a folder, as typed; it must end well, with warnings at most."""
    monkeypatch.chdir(at)
    monkeypatch.setattr(sys, "argv", [program])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            root.main(args=shlex.split(command, comments=True)[1:])
        except SystemExit as end:
            code = end.code
    assert code == 0, command
    assert all(line.startswith(("! ", "  ")) for line in err.getvalue().splitlines()), command
    return err.getvalue() + out.getvalue()


def _serve_shortly(command: str, at: Path, port: int) -> str:
    """Start the service, wait for its first line, end it as Ctrl-C would."""
    argv = [sys.executable, "-m", "publisher", *shlex.split(command)[1:]]
    environ = os.environ | {"PUBLISHER_WEB__LISTEN": f"127.0.0.1:{port}"}
    with (at.parent / "service.log").open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=at, env=environ, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            readable, _, _ = select.select([process.stdout], [], [], PATIENCE_SECONDS)
            first = process.stdout.readline() if readable else "nothing was said"
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    return first


def test_ten_minute_start_runs_as_written(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of README's start run one after the other, end with 0 and say what is shown."""
    at = tmp_path
    seen = []
    for step in _steps("A site of your own, in ten minutes"):
        words = shlex.split(step.command)
        seen.append(words[0])
        if words[0] == "cd":
            at = at / words[1]
        elif words[0] == "$EDITOR":
            draft = at / words[1]
            draft.write_text(draft.read_text("utf-8").replace("draft: true\n", ""), "utf-8")
        elif words == ["publisher", "run"]:
            _assert_reads_as_shown(step.shown, _serve_shortly(step.command, at, free_port))
        else:
            _assert_reads_as_shown(step.shown, _run(step.command, at, monkeypatch))

    assert set(seen) == {"publisher", "cd", "$EDITOR"}
    assert seen.count("publisher") >= 8
    assert (at / "outbox" / "weekly-1" / "000001.eml").is_file()


def test_make_run_says_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What README shows of ``make run`` is what its command says, the first time and the second."""
    recipe = "$(BIN)/publisher publish --now weekly"
    program = ".venv/bin/publisher"
    shutil.copy(REPOSITORY / "config.toml", tmp_path)
    shutil.copytree(REPOSITORY / "posts", tmp_path / "posts")
    steps = [step for step in _steps("Two commands") if step.command == "make run"]
    installing = (REPOSITORY / ".ci" / "environment").read_text("utf-8")

    assert recipe in (REPOSITORY / "Makefile").read_text("utf-8")
    assert len(steps) == 2
    assert steps[0].shown[0] in installing
    for shown in (steps[0].shown[1:], steps[1].shown):
        said = _run("publisher publish --now weekly", tmp_path, monkeypatch, program=program)
        _assert_reads_as_shown(shown, said)


def test_make_test_says_what_is_shown() -> None:
    """What README shows of ``make test`` are words that its scripts say, in their order."""
    scripts = [(REPOSITORY / ".ci" / name).read_text("utf-8") for name in ("environment", "check")]
    said = re.findall(r'(?:say|echo) "([^"$]+)"', "\n".join(scripts))
    shown = next(step.shown for step in _steps("Two commands") if step.command == "make test")

    places = [said.index(line) for line in shown if line != "…"]

    assert places == sorted(places)
    assert len(places) > 1


def test_live_example_passes_the_check(folder: Folder) -> None:
    """The settings README gives for a live site are all that one needs."""
    example = next(
        block.text
        for block in _blocks(README, "A site of your own, in ten minutes")
        if block.kind == "toml"
    )
    own = f'[site]\nname = "Riverside Letters"\nid = "{SITE_ID}"\n'
    (folder.path / "config.toml").write_text(example.replace("[site]\n", own), "utf-8")

    ran = folder.run("--json", "check")

    assert folder.open().config.live
    assert ran.data == {"problems": []}
    assert ran.code == 0


def test_live_site_without_its_address_is_refused(folder: Folder) -> None:
    """A live site that lacks what README lists ends with the documented code; no one is emailed."""
    folder.configure(mail='transport = "smtp"', mail__smtp='host = "smtp.your-relay.net"')
    folder.post("one.md", "One")
    folder.run("subscribers", "add", "anna@your-domain.org")

    ran = folder.run("publish", "--now", "weekly")

    assert ran.code == 5
    for key in ("site.postal_address", "site.url", "mail.from"):
        assert key in ran.err
    assert folder.json("edition", "ls") == []


def test_post_example_loads(folder: Folder) -> None:
    """The post that README shows is one: no problem, its citation and its footnote numbered."""
    section = README.read_text("utf-8").split("\n## A post", 1)[1]
    found = re.search(r"`(posts/[^`]+)`", section)
    assert found
    file = folder.path / found[1]
    file.parent.mkdir(parents=True)
    text = next(block.text for block in _blocks(README, "A post") if block.kind == "markdown")
    file.write_text(text, "utf-8")
    folder.post("first-steps/01-before-a-first-visit.md", "Before a first visit")

    ran = folder.run("--json", "build")

    assert ran.code == 0
    assert ran.data["problems"] == []
    page = folder.public("first-steps/what-a-first-visit-is-like/index.html")
    notes = html.fromstring(page).cssselect("section.notes li")
    assert len(notes) == 2


# ------------------------------------------------------------------------------- the sample site


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """The sample site, built at its two slots and served on loopback."""
    with served_sample(tmp_path_factory.mktemp("sample")) as one:
        yield one


def _file_of(sample: Sample, path: str) -> Path | None:
    """Return the file an address of the site leads to, a directory's page included."""
    file = sample.public / unquote(path).lstrip("/")
    file = file / "index.html" if file.is_dir() else file
    return file if file.is_file() else None


def _texts(tree: Any, xpath: str) -> list[str]:
    """Return the attributes and texts that an XPath finds."""
    return [str(one).strip() for one in cast("list[object]", tree.xpath(xpath))]


def _ids(file: Path) -> set[str]:
    return set(_texts(html.fromstring(file.read_bytes()), "//@id"))


def _lost_links(sample: Sample, source: str, at: str) -> list[str]:
    """Return the internal links of a document at an address that lead nowhere."""
    lost = []
    tree = html.fromstring(source.encode())
    for link in _texts(tree, "//@href | //@src | //@action"):
        parts = urlsplit(urljoin(at, link))
        if f"{parts.scheme}://{parts.netloc}" != sample.url or ACTING.fullmatch(parts.path):
            continue
        file = _file_of(sample, parts.path)
        if file is None or (parts.fragment and parts.fragment not in _ids(file)):
            lost.append(link)
    return lost


def test_sample_site_checks_clean(sample: Sample) -> None:
    """``publisher check`` has nothing to say about the repository's own site but a word of care."""
    ran = Folder(path=sample.path).run("--json", "check")

    # The default subject quotes titles, and here they name what readers may not want seen.
    codes = {problem["code"] for problem in ran.data["problems"]}
    assert codes <= {"preflight.health_word"}
    assert ran.code == 0


def test_internal_links_lead_to_files_and_fragments(sample: Sample) -> None:
    """Every internal link of every page leads to a file or to a page that acts, to a place in it."""
    lost = {}
    for path in sample.pages():
        file = _file_of(sample, path)
        assert file
        if found := _lost_links(sample, file.read_text("utf-8"), sample.url + path):
            lost[path] = found

    assert lost == {}


def test_links_of_letters_lead_to_pages(sample: Sample) -> None:
    """Every link of every letter to the site leads to a page of it, or to one that acts."""
    letters = sample.letters()

    assert len(letters) == 2
    assert [_lost_links(sample, letter, sample.url) for letter in letters] == [[], []]


def test_lists_for_programs_name_only_what_is_there(sample: Sample) -> None:
    """Each address in the sitemap, the feed list and the feeds leads to a file."""
    named: list[str] = []
    for name in ("sitemap.xml", "feeds.opml", "feed.atom", "feed.rss"):
        tree = etree.fromstring((sample.public / name).read_bytes())
        named += _texts(tree, "//*[local-name() = 'loc' or local-name() = 'link']/text()")
        named += _texts(tree, "//@xmlUrl | //@htmlUrl | //*[local-name() = 'link']/@href")
    own = {one for one in named if one.startswith(sample.url)}

    lost = [one for one in own if _file_of(sample, urlsplit(one).path) is None]

    assert lost == []
    assert len(own) > len(sample.pages()) // 2


def test_pages_are_small(sample: Sample) -> None:
    """A page with its style, as they are sent, is under 30 kB; pictures come on top."""
    sizes = {}
    for path in sample.pages():
        file = _file_of(sample, path)
        assert file
        style = _texts(html.fromstring(file.read_bytes()), "//link[@rel='stylesheet']/@href")
        sheet = _file_of(sample, style[0] + VARIANTS[-1])
        assert sheet
        sizes[path] = file.stat().st_size + sheet.stat().st_size

    assert {path: size for path, size in sizes.items() if size >= MOST_PAGE_OCTETS} == {}


# ------------------------------------------------------------------------------ the sample posts


def _sources() -> dict[str, tuple[dict[str, object], str]]:
    """Return front matter and text of every sample post, by path."""
    found = {}
    for file in sorted((REPOSITORY / "posts").rglob("*.md")):
        _, front, text = file.read_text("utf-8").split("---\n", 2)
        name = file.relative_to(REPOSITORY / "posts").as_posix()
        found[name] = (yaml.safe_load(front), text)
    return found


@pytest.mark.parametrize("name", list(_sources()))
def test_sample_references_are_cited_and_pictures_described(name: str) -> None:
    """Each reference of a sample post is cited in its text, and each picture says what it shows."""
    front, text = _sources()[name]
    references = front.get("references", {})
    assert isinstance(references, dict)

    cited = set(re.findall(r"@([\w-]+)", " ".join(re.findall(r"\[@[^\]]+\]", text))))

    assert cited == set(references)
    assert all(alt.strip() for alt in re.findall(r"!\[([^\]]*)\]\(", text))
    assert str(front.get("summary", "")).strip()


def test_sample_series_come_out_in_order(sample: Sample) -> None:
    """In each sample series a later part is dated later, and nothing is dated after the pictures."""
    folder = Folder(path=sample.path)
    site = folder.open()
    from publisher import app  # noqa: PLC0415 - patched by a fixture until here

    _, shelf = app.open_desk(site, now=SECOND_SLOT)
    catalog = shelf.catalog

    assert len(catalog.posts) == len(_sources())
    assert catalog.problems == ()
    assert len(catalog.series) == 2
    for series in catalog.series:
        dates = [post.published_at for post in series.posts]
        assert dates == sorted(set(dates))
        assert [part.number for part in series.parts if part.post] == list(
            range(1, len(series.posts) + 1)
        )
