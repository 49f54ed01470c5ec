"""Preflight: each finding where it belongs, blocking only what would harm, silent on a good letter."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.model import EditionContent, Letter, LetterPost, SeriesLine
from publisher.preflight import (
    BUDGET,
    MOST_OCTETS,
    WAYS_OUT_WITHIN,
    Facts,
    inspect,
    mailers,
    words,
)
from publisher.preflight.document import Colours, read

if TYPE_CHECKING:
    from publisher.errors import Problem

SITE = "https://letters.example.org"
PATHS = frozenset({"/", "/mood/", "/mood/1/", "/mood/2/", "/editions/weekly/12/"})

HTML = f"""<!DOCTYPE html>
<html lang="en-US">
<head><title>Letters</title>
<style>
@media (prefers-color-scheme: dark) {{
.paper {{ background-color: #14181b !important }}
.ink, .soft {{ color: #e7e4dd !important }}
}}
</style>
</head>
<body class="paper" style="background-color:#fdfcf9">
<div style="display:none; color:#fdfcf9">@@PREHEADER@@</div>
<h1 class="ink" style="color:#1d2327">Letters</h1>
<p class="ink" style="color:#1d2327"><a href="{SITE}/mood/2/">Read part 2: Walking</a></p>
<p class="ink" style="color:#1d2327"><a href="@@PREFERENCES_URL@@">Change what you get</a>
<a href="@@UNSUBSCRIBE_URL@@">Unsubscribe</a> <a href="mailto:a@letters.example.org">Write to us</a></p>
</body>
</html>
"""
TEXT = (
    f"Letters\n{SITE}/mood/2/\n@@PREFERENCES_URL@@\n@@UNSUBSCRIBE_URL@@\na@letters.example.org\n"
)


def make_post(**changes: Any) -> LetterPost:
    values: dict[str, Any] = {
        "post_id": "urn:2",
        "path": "mood/02-walking.md",
        "source_sha256": "0" * 64,
        "title": "Walking",
        "url": f"{SITE}/mood/2/",
        "summary": "A short walk is enough to begin with.",
        "html": "",
        "text": "",
        "words": 900,
        "series": "mood",
        "series_title": "On moods",
        "series_url": f"{SITE}/mood/",
        "part": 2,
        "total": 2,
        "lines": (
            SeriesLine(number=1, title="Resting", url=f"{SITE}/mood/1/", post_id="urn:1"),
            SeriesLine(number=2, title="Walking", url=f"{SITE}/mood/2/", post_id="urn:2"),
        ),
    }
    return LetterPost(**(values | changes))


def make_content(*posts: LetterPost, **changes: Any) -> EditionContent:
    values: dict[str, Any] = {
        "digest": "weekly",
        "number": 12,
        "rehearsal": False,
        "title": "Weekly letter",
        "dated_on": "2026-11-24",
        "subject": "Weekly letter: Walking",
        "discreet_subject": "Your weekly reading",
        "preheader": "A short walk is enough to begin with.",
        "intro": "Two parts.",
        "posts": posts or (make_post(),),
        "site_name": "Letters",
        "site_url": SITE,
        "language": "en-US",
        "author": "A practice",
        "accent": "#0b5c6e",
        "notice": "General information.",
        "crisis": "Call 988.",
        "postal_address": "12 River Street, Philadelphia",
        "web_url": f"{SITE}/editions/weekly/13/",
        "audience_rule": "everyone",
        "templates_sha256": "2" * 64,
    }
    return EditionContent(**(values | changes))


def make_letter(html: str = HTML, text: str = TEXT) -> Letter:
    return Letter(key="k", post_ids=("urn:2",), html=html, text=text)


def look(
    content: EditionContent | None = None, letter: Letter | None = None, **facts: Any
) -> list[Problem]:
    """Return what a preflight of a live site finds."""
    values: dict[str, Any] = {"live": True, "answers": PATHS.__contains__}
    return inspect(content or make_content(), letter or make_letter(), Facts(**(values | facts)))


def told(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.code.removeprefix("preflight."), problem.level) for problem in problems]


def add(html: str, text: str = "") -> Letter:
    """A good letter with something more before its end, on line 18."""
    return make_letter(HTML.replace("</body>", f"{html}</body>"), TEXT + text)


def test_good_letter_passes_in_silence() -> None:
    """A letter with nothing wrong is told nothing, live or rehearsed."""
    assert look() == []
    assert look(live=False) == []


# ---------------------------------------------------------------------------------------- wording


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"subject": " "}, [("subject", "error")]),
        ({"subject": "Walking " * 9}, [("subject_length", "warning")]),
        ({"subject": "WALKING IS GOOD"}, [("loud", "warning")]),
        ({"subject": "WALKING"}, [("loud", "warning")]),
        ({"subject": "Walking after COVID-19 (NHS)"}, []),
        ({"subject": "Walking, free!!!"}, [("loud", "warning")]),
        ({"preheader": "Act now, and walk"}, [("loud", "warning")]),
        ({"subject": "Re: Walking"}, [("loud", "warning")]),
        ({"preheader": " "}, [("preheader", "warning")]),
        ({"preheader": "weekly  LETTER: walking"}, [("preheader", "warning")]),
        ({"preheader": "A walk " * 20}, [("preheader", "warning")]),
        ({"subject": "A guide to sertraline"}, [("health_word", "warning")]),
        ({"preheader": "Also: Living with bipolar disorder"}, [("health_word", "warning")]),
        ({"discreet_subject": "Your depression letter"}, [("discreet_subject", "error")]),
        ({"postal_address": " "}, [("postal_address", "error")]),
        ({"intro": "Hello {{ name }}"}, [("left_over", "error")]),
        ({"intro": "Lorem ipsum dolor"}, [("left_over", "error")]),
        ({"intro": "Hello @@FIRST_NAME@@"}, [("left_over", "error")]),
        ({"notice": "Hello *|FNAME|*"}, [("left_over", "error")]),
        ({"intro": "XXX goes here"}, [("left_over", "warning")]),
        ({"crisis": "Call [insert number]"}, [("left_over", "warning")]),
    ],
)
def test_words_are_looked_at(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each slip of subject, preheader and what stands around the posts is found once."""
    assert told(look(make_content(**changes))) == expected


def test_address_may_be_missing_where_nobody_is_reached() -> None:
    """A rehearsal without a postal address is held by nothing."""
    assert look(make_content(postal_address=""), live=False) == []


def test_bare_addresses_are_told_once() -> None:
    """A list of sources may have many links that are their own text; one finding counts them."""
    urls = [f"https://example.org/{number}" for number in range(3)]
    letter = add("".join(f'<a href="{url}">{url}</a>' for url in urls), " ".join(urls))

    (problem,) = look(letter=letter)

    assert problem.got == "3 of which the text is an address, such as https://example.org/0"


def test_finding_says_where_and_how_to_mend_it() -> None:
    """A finding has the key of the configuration, what was expected and got, and the way out."""
    problem = look(make_content(subject="A guide to sertraline"))[0]

    assert problem.path == "digests.weekly.subject"
    assert problem.got == "“sertraline” in: A guide to sertraline"
    assert "locked phone" in problem.hint


def test_discreet_sender_tells_nothing() -> None:
    """Readers who asked for discreet mail are not sent it by a name that says what it is."""
    assert told(look(discreet_sender="Riverside Psychiatry")) == [("discreet_sender", "warning")]
    assert look(discreet_sender="Riverside Letters") == []


def test_line_of_a_post_is_named() -> None:
    """What is left over in a post, or cites nothing, is named with the post's own line."""
    post = make_post(html="<p>Hello {{ x }} and [^2], TBD.</p>", text="x")
    sources = {post.path: "---\ntitle: Walking\n---\n\nHello {{ x }}\nand [^2], TBD."}

    problems = look(make_content(post), sources=sources)

    assert [(one.path, one.line, one.got) for one in problems] == [
        ("posts/mood/02-walking.md", 5, "“{{”"),
        ("posts/mood/02-walking.md", 6, "“[^2]”"),
        ("posts/mood/02-walking.md", 6, "“TBD”"),
    ]


def test_code_of_a_post_is_let_be() -> None:
    """A post about templates may show what would be left over elsewhere."""
    html = "<p>Write <code>{{ name }}</code>.</p><pre><code>lorem ipsum [^1] XXX</code></pre>"

    assert look(make_content(make_post(html=html, text="x"))) == []


@pytest.mark.parametrize("mention", ["[^1]", "[@smith2020]", "[^a-note]"])
def test_unresolved_citation_blocks(mention: str) -> None:
    """A mention that came to nothing would be read by everybody."""
    post = make_post(summary=f"Walking helps {mention}.")

    assert told(look(make_content(post))) == [("citation", "error")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Depression and work", "Depression"),
        ("How antidepressants are chosen", "antidepressants"),
        ("Psychosis, explained", "Psychosis"),
        ("On Prozac", "Prozac"),
        ("self-harm", "self-harm"),
        ("Why worry gets louder at night", ""),
        ("The manicurist's alibi", ""),
        ("Romania by train", ""),
        ("A panel discussion", ""),
    ],
)
def test_health_words(text: str, found: str) -> None:
    """Conditions and medicines are found by how they begin, never inside another word."""
    assert words.health_word(text) == found


# ------------------------------------------------------------------------------------------ size


def test_size_warns_then_blocks() -> None:
    """Above the budget is told, above what Gmail shows is refused, with what weighs most."""
    near = add("<!--" + "x" * (BUDGET - len(HTML)) + "-->")
    over = add("<!--" + "x" * (MOST_OCTETS - len(HTML)) + "-->")
    content = make_content(intro="Long " * 400)

    assert told(look(content, near)) == [("size", "warning")]
    (problem,) = look(content, over)
    assert (problem.code, problem.level) == ("preflight.size", "error")
    assert problem.expected == "at most 100,000 octets"
    assert "the largest: the intro (2,000 octets); posts/mood/02-walking.md" in problem.hint


def test_ways_out_come_early() -> None:
    """The links to leave stand where no mail program cuts; without them nothing goes."""
    late = HTML.replace("<h1", f"<!--{'x' * WAYS_OUT_WITHIN}--><h1")
    none = HTML.replace('<a href="@@UNSUBSCRIBE_URL@@">Unsubscribe</a>', "")

    assert told(look(letter=make_letter(late))) == [("way_out", "error"), ("way_out", "error")]
    (problem,) = look(letter=make_letter(none))
    assert (problem.expected, problem.got) == (
        "the unsubscribe link within the first 60,000 octets",
        "none",
    )


# ----------------------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("/mood/2/", "link"),
        ("#note-1", "link"),
        ("javascript:alert(1)", "link"),
        ("http://", "link"),
        ("http://[::1", "link"),
        (f"{SITE}/gone/", "link"),
        (f"{SITE}/mood", "link"),
        (f"{SITE}/u/@@UNSUBSCRIBE_URL@@", "reader_link"),
        ("@@PREHEADER@@", "reader_link"),
    ],
)
def test_link_that_leads_nowhere_blocks(href: str, expected: str) -> None:
    """A relative, broken or personal link is found, with its line in letter.html."""
    (problem,) = look(letter=add(f'<a href="{href}">The study</a>', href))

    assert (problem.code, problem.level) == (f"preflight.{expected}", "error")
    assert (problem.path, problem.line) == ("letter.html", 17)


@pytest.mark.parametrize(
    "href",
    [
        SITE,
        f"{SITE}/mood/1/#note-1",
        f"{SITE}/editions/weekly/13/",
        "https://letters.example.org.evil.example/x",
        "tel:988",
        "https://doi.org/10.1016/j.jad.2023.02.064",
    ],
)
def test_link_that_leads_somewhere_passes(href: str) -> None:
    """Pages of the site, this edition's own page and other sites are let be."""
    assert look(letter=add(f'<a href="{href}">The study</a>', href)) == []


def test_link_that_tells_who_follows_it_is_told() -> None:
    """What marks a reader or a mailing in an address is shown, whoever wrote it."""
    href = "https://example.org/x?utm_source=letter"

    assert told(look(letter=add(f'<a href="{href}">The study</a>', href))) == [
        ("tracking", "warning")
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("click here", ("link_text", "warning")),
        ("Read more…", ("link_text", "warning")),
        ("here.", ("link_text", "warning")),
        ("https://example.org/x", ("link_text", "warning")),
        ("", ("link_text", "error")),
        ('<img alt="A path by the river">', None),
        ("The 2023 study", None),
    ],
)
def test_link_text_says_where_it_leads(text: str, expected: tuple[str, str] | None) -> None:
    """Link text is read alone by many; an empty one cannot be read at all."""
    letter = add(f'<a href="https://example.org/x">{text}</a>', "https://example.org/x")

    assert told(look(letter=letter)) == ([expected] if expected else [])


def test_text_part_must_have_every_link() -> None:
    """A link that only the HTML has blocks."""
    letter = add('<a href="https://example.org/x">The study</a>')

    (problem,) = look(letter=letter)

    assert (problem.code, problem.path) == ("preflight.text", "letter.txt")
    assert problem.got == "https://example.org/x is missing"


# --------------------------------------------------------------------------- pictures and colours


def test_picture_without_words_blocks() -> None:
    """A picture without alt text blocks; one that loads is another finding."""
    assert told(look(letter=add("<img>"))) == [("alt", "error")]
    assert told(look(letter=add('<img src="x.png" alt="">'))) == [("loads", "error")]


@pytest.mark.parametrize(
    ("html", "got"),
    [
        ('<p style="color:#aaaaaa">Pale</p>', "2.3:1, #aaaaaa on #fdfcf9"),
        (
            '<p class="soft" style="color:#e0e0e0; background:#ffffff">x</p>',
            "1.3:1, #e0e0e0 on #ffffff",
        ),
    ],
)
def test_pale_text_blocks(html: str, got: str) -> None:
    """Text that cannot be read on its ground is found in the light scheme, with its line."""
    problems = [one for one in look(letter=add(html)) if "light" in one.expected]

    assert [(one.code, one.line, one.got) for one in problems] == [("preflight.contrast", 17, got)]


def test_dark_scheme_is_computed_too() -> None:
    """A colour that the dark rules leave alone is found on the dark ground."""
    letter = make_letter(HTML.replace(".ink, .soft {", ".other {"))

    problems = look(letter=letter)

    assert {(one.code, one.got) for one in problems} == {
        ("preflight.contrast", "1.1:1, #1d2327 on #14181b")
    }
    assert "dark scheme" in problems[0].expected


def test_tokens_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a token of the look too pale, the accent or the table would be named."""
    monkeypatch.setitem(dict_of_tokens("light"), "quiet", "#b0b0b0")

    problems = look()

    assert {problem.code for problem in problems} == {"preflight.contrast"}
    assert {problem.path for problem in problems} == {"site.accent"}


def dict_of_tokens(scheme: str) -> Any:
    from publisher.look import TOKENS  # noqa: PLC0415 - one test changes it

    return TOKENS[scheme]


# ------------------------------------------------------------------------- what loads, is dropped


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://example.org/dot.png" alt="">',
        '<table background="https://example.org/x.png"></table>',
        "<!--[if mso]><v:fill src='x.png'><![endif]-->",
        '<!--[if mso]><link href="https://example.org/x.css"><![endif]-->',
    ],
)
def test_what_loads_blocks(html: str) -> None:
    """Whatever would ask a machine when the mail is opened is found, in comments too."""
    assert told(look(letter=add(html)))[0] == ("loads", "error")


@pytest.mark.parametrize(
    ("html", "level", "by"),
    [
        ("<script></script>", "error", "Gmail, Outlook, Apple Mail and Yahoo drop it"),
        ("<form></form>", "error", "html-form"),
        ("<svg></svg>", "error", "html-svg"),
        ("<picture></picture>", "warning", "html-picture"),
        ('<p style="background-image: url(x.png)">x</p>', "error", "drop it"),
        ('<p style="color: var(--ink)">x</p>', "warning", "css-variables"),
        ('<p style="display: flex">x</p>', "warning", "Outlook drops it"),
        ('<p style="display: grid">x</p>', "warning", "css-display-grid"),
        ('<p style="position: absolute">x</p>', "warning", "css-position"),
        ('<p style="margin: 0 -8px">x</p>', "warning", "css-margin"),
        ('<p style="font-size: 1.2rem">x</p>', "warning", "css-unit-rem"),
        ("<style>@import 'x.css';</style>", "error", "drop it"),
        ("<style>@font-face { font-family: x }</style>", "warning", "css-at-font-face"),
        ("<style>\n.x { float: left }</style>", "warning", "css-float"),
    ],
)
def test_what_mail_programs_drop_is_told(html: str, level: str, by: str) -> None:
    """What a mail program drops is named with the program and the page that says so."""
    problems = look(letter=add(html))

    assert told(problems) == [("dropped", level)]
    assert by in problems[0].got


@pytest.mark.parametrize(
    "style",
    ["position: relative", "margin: 8px 0", "display: inline-block", "margin-left: 28px", "x"],
)
def test_what_every_mail_program_knows_passes(style: str) -> None:
    """Plain CSS passes."""
    assert look(letter=add(f'<p style="{style}">x</p>')) == []


def test_style_block_keeps_to_what_gmail_reads() -> None:
    """A block that is too long, or that mixes what Gmail drops with what it reads, is told."""
    long = add(f"<style>{'.a { color: #000000 } ' * 400}</style>")
    mixed = add("<style>[data-ogsc] .a { color: #000000 }\n@media print { }</style>")

    assert told(look(letter=long)) == [("style", "warning")]
    assert told(look(letter=mixed)) == [("style", "warning")]


def test_rules_have_sources() -> None:
    """Every rule names who drops it, and the page that says so unless all of them do."""
    rules = (*mailers.ELEMENTS, *mailers.DECLARATIONS, *mailers.AT_RULES)

    for rule in rules:
        assert set(rule.dropped_by) <= set(mailers.EVERY)
        assert (
            re.fullmatch("(?:css|html)-[a-z-]+", rule.source) or rule.dropped_by == mailers.EVERY
        )


# --------------------------------------------------------------------------------------- document


def test_document_is_read_line_by_line() -> None:
    """Texts know their line, their colours in both schemes, and whether they are code."""
    document = read(HTML.replace("Letters</h1>", "Letters</h1>\n<p>\n\n<code>x</code></p></i>"))
    code = next(text for text in document.texts if text.is_code)
    name = document.texts[0]

    assert (name.text, name.line) == ("Letters", 13)
    assert name.light == Colours("#1d2327", "#fdfcf9")
    assert name.dark == Colours("#e7e4dd", "#14181b")
    assert code.line == 16
    assert "@@PREHEADER@@" not in {text.text for text in document.texts}


@given(
    st.lists(st.sampled_from([*"<>!-[]&;:/='\" ax", "style", "href", "<a ", "@@"])).map("".join),
    st.text(max_size=20),
)
def test_nothing_makes_a_preflight_fail(html: str, text: str) -> None:
    """Whatever stands in a letter, a preflight ends with findings, never with an error of its own."""
    content = make_content(make_post(html=html, title=text), subject=text, intro=html)

    for problem in look(content, add(html, text)):
        assert problem.code.startswith("preflight.")


def test_html_that_cannot_be_read_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where reading ends before the end, nothing after it was looked at: that blocks."""

    def stumble(_self: object, _at: int) -> int:
        raise AssertionError("unknown status keyword 'x'")

    monkeypatch.setattr(HTMLParser, "parse_html_declaration", stumble)

    codes = [code for code, level in told(look()) if level == "error"]

    assert codes[0] == "unreadable"


def test_findings_come_worst_first_and_once() -> None:
    """Errors stand before warnings, and what is found twice is told once."""
    content = make_content(replace(make_post(), summary="{{ x }}"), subject="FREE!!! {{ x }}")
    twice = add('<p style="float:left">x</p><p style="float:left">x</p>')

    levels = [level for _, level in told(look(content, twice))]

    assert levels == sorted(levels)
    assert told(look(letter=twice)) == [("dropped", "warning")]
