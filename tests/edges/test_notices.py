"""Notices: tiny, topic-free, the same words as text and as HTML, and nothing that loads or acts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from publisher import look
from publisher.errors import ContentError
from publisher.notices import SAMPLES, Kind, Notices, NoticeSite
from publisher.site import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from publisher.model import Notice

SITE = NoticeSite(
    name="Riverside Letters",
    language="en-US",
    accent="#0b5c6e",
    postal_address="12 River Street\nPhiladelphia, PA 19103",
)
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)


def render(kind: Kind, *paths: Path, site: NoticeSite = SITE, **changes: Any) -> Notice:
    return Notices([*paths, shipped("templates")], site).render(
        kind, **(dict(SAMPLES[kind]) | changes)
    )


def links(notice: Notice) -> list[str]:
    tree = html.fromstring(notice.html)
    return [str(one) for one in cast("list[object]", tree.xpath("//@href"))]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


@pytest.mark.parametrize("kind", Kind)
def test_notice_says_the_same_in_both_parts(kind: Kind) -> None:
    """Text and HTML have the same words and the same links, in the same order."""
    notice = render(kind)

    body = html.fromstring(notice.html).find("body")
    assert body is not None
    shown = " ".join(str(one) for one in body.itertext())
    plain = re.sub(r"https?://\S+", "", notice.text)
    assert words(shown) == ["Riverside", "Letters", *words(plain)]  # the name stands on top
    assert links(notice) == re.findall(r"https?://\S+", notice.text)
    assert notice.text.endswith(
        "\n-- \nRiverside Letters\n12 River Street\nPhiladelphia, PA 19103\n"
    )


@pytest.mark.parametrize("kind", Kind)
def test_notice_is_tiny_and_inert(kind: Kind) -> None:
    """A notice is under 5 kB, loads nothing and acts on nothing; lines of text have 72 columns."""
    notice = render(kind)

    tree = html.fromstring(notice.html)
    assert len(notice.html.encode()) < 5_000
    assert notice.html.startswith("<!DOCTYPE html>")
    assert (
        tree.xpath("//img | //script | //link | //form | //iframe | //*[@src or @background]")
        == []
    )
    assert not re.search(r"url\(|@import|\bon\w+=", notice.html)
    assert max(len(line) for line in notice.text.split("\n")) <= 72
    assert "\n\n\n" not in notice.text


@pytest.mark.parametrize("kind", Kind)
def test_notice_is_the_same_every_time(kind: Kind) -> None:
    """The same values give the same notice."""
    assert render(kind) == render(kind)


def test_confirm_has_one_link_unless_asked() -> None:
    """A confirmation has the one link; the way to hear nothing ever again is added where there is one."""
    alone = render(Kind.CONFIRM, never_link="")

    assert links(alone) == [SAMPLES[Kind.CONFIRM]["link"]]
    assert "Never" not in alone.text
    assert len(links(render(Kind.CONFIRM))) == 2


def test_notice_names_no_topic() -> None:
    """Subjects are about the address, never about what is written; only staff hear of editions."""
    assert {kind: render(kind).subject for kind in Kind} == {
        Kind.CONFIRM: "Please confirm your address",
        Kind.WELCOME: "Your address is confirmed",
        Kind.KNOWN: "You are on the list already",
        Kind.SIGN_IN: "Your link to sign in",
        Kind.ERASE: "What we keep about you",
        Kind.MOVE: "Please confirm your new address",
        Kind.ALERT: "For staff: weekly/12 is held",
    }


def test_alert_may_have_nothing_but_its_subject_to_say() -> None:
    """What happened is enough; details and a link come where there are some."""
    short = render(Kind.ALERT, details=["The relay is down."], link="")

    assert links(short) == []
    assert short.text.startswith("The relay is down.\n\n-- \n")


def test_button_can_be_read_by_day_and_by_night() -> None:
    """The button's words have the contrast of text on its ground, in both schemes."""
    for accent in ("#0b5c6e", "#ffee00", "#000000", "#ffffff"):
        colours = look.palette(accent)
        assert look.contrast(colours.light.accent, colours.light.paper) >= look.TEXT_CONTRAST
        assert look.contrast(colours.dark.accent, colours.dark.paper) >= look.TEXT_CONTRAST


def test_notice_is_read_the_way_of_its_language() -> None:
    """A site in Hebrew has its notices from right to left."""
    page = render(Kind.CONFIRM, site=replace(SITE, language="he")).html

    assert '<html lang="he" dir="rtl">' in page
    assert "text-align:right" in page
    assert "text-align:left" not in page


@given(what=LINE, detail=LINE, name=LINE)
@settings(max_examples=100, deadline=None)
def test_values_are_words_and_nothing_else(what: str, detail: str, name: str) -> None:
    """No value is markup, a template, a paragraph of its own or a link we did not mean."""
    site = replace(SITE, name=f"{name}.")
    notice = render(Kind.ALERT, what=f"{what}.", details=[f"{detail}."], link="", site=site)

    body = html.fromstring(notice.html).find("body")
    assert body is not None
    paragraphs = [" ".join("".join(map(str, p.itertext())).split()) for p in body.iter("p")]
    assert links(notice) == []
    assert notice.subject == f"For staff: {what}."
    assert paragraphs[0] == " ".join(f"{detail}.".split())


def test_detail_that_looks_like_a_link_is_none() -> None:
    """Only an address we were given as a link is one."""
    notice = render(Kind.ALERT, details=["[Click here] https://evil.example/"], link="")

    assert links(notice) == []


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Kind.CONFIRM, {"title": "Sleep"}),
        (Kind.CONFIRM, {"link": "javascript:x"}),
        (Kind.CONFIRM, {"link": "https://example.org/ü"}),
        (Kind.CONFIRM, {"within": "7 days\n\n[x] https://example.org/"}),
        (Kind.ALERT, {"details": ["one\ntwo"]}),
        (Kind.ALERT, {"what": "a\rb"}),
    ],
)
def test_value_that_does_not_fit_is_a_mistake(kind: Kind, changes: dict[str, Any]) -> None:
    """What is not the kind's, is no address or breaks its line makes no notice."""
    with pytest.raises(ValueError, match="expected"):
        render(kind, **changes)


def test_value_left_out_is_a_mistake() -> None:
    """A confirmation without its link is none."""
    with pytest.raises(ValueError, match="link, never_link, within"):
        Notices([shipped("templates")], SITE).render(Kind.CONFIRM, within="7 days")


def test_site_may_say_it_in_its_own_words(tmp_path: Path) -> None:
    """A site's own template is taken in place of the shipped one, for words alone or for the look."""
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices/sign-in.txt").write_text("Entrez\n\nBonjour.\n\n[Entrer] {{ link }}\n")

    notice = render(Kind.SIGN_IN, tmp_path)

    assert notice.subject == "Entrez"
    assert notice.text.startswith("Bonjour.\n\nEntrer:\nhttps://example.org/sample\n")
    assert render(Kind.ERASE, tmp_path) == render(Kind.ERASE)


@pytest.mark.parametrize(
    ("name", "source", "line", "got"),
    [
        ("sign-in.txt", "Hello\n\n{{ nobody }}\n", 3, "UndefinedError"),
        ("sign-in.txt", "Hello\n\n{% if %}\n", 3, "TemplateSyntaxError"),
        ("sign-in.txt", "Hello\n", None, "fewer lines"),
        ("notice.html", "\n{{ nobody }}\n", 2, "UndefinedError"),
    ],
)
def test_template_that_fails_is_named(
    tmp_path: Path, name: str, source: str, line: int | None, got: str
) -> None:
    """Whatever is wrong with a site's own template, its file and line are told."""
    file = tmp_path / "notices" / name
    file.parent.mkdir()
    file.write_text(source)

    with pytest.raises(ContentError) as caught:
        render(Kind.SIGN_IN, tmp_path)

    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == ("notice.template", line)
    assert problem.path.endswith(f"notices/{name}")
    assert got in problem.got


def test_template_that_is_nowhere_is_named(tmp_path: Path) -> None:
    """An installation without its templates says which one it lacks."""
    with pytest.raises(ContentError) as caught:
        Notices([tmp_path], SITE).render(Kind.SIGN_IN, **SAMPLES[Kind.SIGN_IN])

    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("notices/sign-in.txt", None)
