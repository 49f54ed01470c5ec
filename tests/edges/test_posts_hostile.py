"""Hostile and broken posts: nothing that acts is published, and nothing stops the others."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import ContentError
from publisher.model import Post
from publisher.posts import Source, parse, render
from publisher.posts.text import clean, is_clean

if TYPE_CHECKING:
    from publisher.errors import Problem

FRONT = b"---\ntitle: T\ndate: 2027-01-05\nreferences: {a: {text: A}}\n---\n"
LIVE = re.compile(r"\s*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
LOADING = {"script", "style", "iframe", "object", "embed", "svg", "form", "input", "link", "meta"}


def parsed(data: bytes) -> Post:
    """The post of these bytes."""
    return parse(Source(path="s/01-a.md", data=data), site_id="x", zone="UTC", require_alt=False)


def outcome(data: bytes) -> Post | tuple[Problem, ...]:
    """The post of these bytes, or what is wrong with it."""
    try:
        return parsed(data)
    except ContentError as error:
        return error.problems


def published(text: str) -> str:
    """Everything of a text that would be published: body and notes."""
    data = FRONT + text.encode()
    source = Source(path="s/01-a.md", data=data)
    body = render(source, parsed(data))
    return "".join([body.html, *(note.html for note in body.notes)])


def acting(html: str) -> list[str]:
    """What a browser would run, load or obey in a text; `HTMLParser` reads as they do."""
    found: list[str] = []
    reader = HTMLParser()

    def look(tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found.extend([tag] if tag in LOADING else [])
        for name, value in attributes:
            is_live = name in {"href", "src"} and LIVE.match(value or "")
            is_act = name.startswith("on") or name in {"style", "srcset", "formaction", "action"}
            found.extend([f"{tag} {name}={value}"] if is_live or is_act else [])

    reader.handle_starttag = look  # type: ignore[assignment,method-assign]
    reader.feed(html)
    reader.close()
    return found


CORPUS = {
    "script": "<script>alert(1)</script>ok",
    "script in a paragraph": "ok <script src=//x.org/a.js></script>",
    "script across lines": "<scr\nipt>alert(1)</script >\n\nok",
    "handler": '<p onclick="alert(1)">ok</p>',
    "handler on a link": '<a href="https://x.org" onmouseover=alert(1)>ok</a>',
    "javascript": "[ok](javascript:alert(1)) <a href=' java\tscript:alert(1)'>x</a>",
    "javascript by entity": "<a href='&#106;avascript:alert(1)'>ok</a> [x](&#x6A;avascript:a)",
    "javascript behind a control": "<a href='java&#1;script:alert(1)'>ok</a> [y](&#2;javascript:a)",
    "vbscript and data": "[ok](vbscript:x) [x](data:text/html,<script>a</script>)",
    "styled image": '<b>ok</b><p><img src="https://x.org/a" alt="a" style="background:url(//x)"></p>',
    "style": "<style>p{display:none}</style>ok",
    "style attribute": '<p style="p">ok</p><p class="MsoNormal" style="mso-x:y">b</p>',
    "iframe": '<iframe src="https://x.org">no</iframe>ok',
    "form": '<form action="//x.org"><input name=a><button>ok</button></form>',
    "svg": "<svg onload=alert(1)><script>alert(1)</script></svg>ok",
    "svg in math": "<math><mtext><svg><style><img src=https://x.org/a onerror=alert(1)></style></svg></mtext></math>ok",
    "template": "<template><script>alert(1)</script></template>ok",
    "mso comment": "<!--[if mso]><table><tr><td><![endif]-->ok<!--[if mso]></td></tr></table><![endif]-->",
    "comment with a script": "<!-- --!><script>alert(1)</script>-->ok",
    "cdata": "<![CDATA[<script>alert(1)</script>]]>ok",
    "end of cdata": "ok ]]> and `]]>`",
    "processing instruction": "<?php system('x') ?>ok",
    "base and meta": "<base href='//x.org'><meta http-equiv=refresh content=0>ok",
    "unclosed": "<div><b>ok<i><a href='https://x.org'>",
    "closed twice": "ok</p></div></b></table>",
    "noscript": "<noscript><p title='</noscript><img src=https://x.org/a onerror=alert(1)>'></noscript>ok",
    "textarea": "<textarea></textarea><script>alert(1)</script>ok",
    "attribute breakout": '[ok](https://x.org/"onmouseover="alert(1))',
    "title breakout": "[ok](https://x.org '\"><script>alert(1)</script>')",
    "code breakout": "```<script>\nok</code></pre><script>alert(1)</script>\n```",
    "id": '<p id="main" name="x">ok</p>',
    "right to left": "\u202eok\u202c שלום",
    "emoji": "ok \U0001f469\u200d\u2695\ufe0f \U0010fffd",
    "references": "ok &#0; &#1; &#xD800; &#xFFFE; &#x110000; &lt;script&gt;",
}  # fmt: skip


@pytest.mark.parametrize("text", CORPUS.values(), ids=CORPUS)
def test_render_publishes_nothing_that_acts(text: str) -> None:
    """What runs, loads or styles is gone; the words stay; XML can carry the rest."""
    html = published(text)

    assert "ok" in html
    assert acting(html) == []
    assert re.search(r"<[a-z]+ [^>]*\b(?:id|class)=", html) is None
    assert is_clean(html)


@pytest.mark.parametrize("name", ["script", "style", "iframe", "svg", "template", "noscript"])
def test_render_drops_what_stands_inside(name: str) -> None:
    """The text of a script is no text of the post."""
    assert "inside" not in published(f"ok <{name}>inside</{name}>")


def test_render_leaves_words_alone() -> None:
    """A post about attacks may name them: it is text."""
    html = published("Never write `<script>` or javascript: or onclick=.")

    assert html.strip() == (
        "<p>Never write <code>&lt;script&gt;</code> or javascript: or onclick=.</p>"
    )


fragments = st.sampled_from(
    [
        "<script>",
        "</script>",
        "<p",
        "<a",
        "<img",
        "href=",
        "src=",
        "onerror=",
        "onclick=",
        "style=",
        "=",
        "javascript:",
        "java&#1;script:",
        "&#106;",
        "data:text/html,",
        "x",
        "'",
        '"',
        ">",
        "/>",
        "<!--",
        "-->",
        "<svg>",
        "<math>",
        "<style>",
        "</style>",
        "<table>",
        "<td>",
        "<b>",
        "</b>",
        "]]>",
        "<![CDATA[",
        "`",
        "```",
        "[",
        "]",
        "(",
        ")",
        "![",
        "[@a]",
        "[^1]",
        "[^1]:",
        "\\",
        "&",
        "&lt;",
        "\n",
        "\n\n",
        "-",
        ">",
        "#",
        "|",
        "\x85",
        "\u2028",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(fragments, st.text(max_size=4)), max_size=30).map("".join))
def test_render_never_publishes_what_acts(text: str) -> None:
    """The same for any text that is accepted at all."""
    try:
        html = published(text)
    except ContentError:
        return

    assert acting(html) == []
    assert "<script" not in html
    assert is_clean(html)


# --------------------------------------------------------------------------------------- bytes


def problems(data: bytes) -> list[tuple[int | None, str, str]]:
    """Line, code and what was got."""
    with pytest.raises(ContentError) as raised:
        parsed(data)
    return [(one.line, one.code, one.got) for one in raised.value.problems]


def test_parse_tells_bad_utf8() -> None:
    """Bytes that are no UTF-8 are told with their line (fault X1)."""
    assert problems(FRONT + b"one\ncaf\xe9\n") == [(7, "post.encoding", "the byte 0xE9")]


def test_parse_tells_utf16() -> None:
    """A file saved for another program is told by name."""
    assert problems("---\ntitle: T\n".encode("utf-16")) == [(1, "post.encoding", "UTF-16")]


def test_parse_tells_control_characters() -> None:
    """NUL and other characters that no feed can carry are told, each line once."""
    assert problems(FRONT + "a\0b\0\n\x0cc\n\ufffe".encode()) == [
        (6, "post.control", "U+0000"),
        (7, "post.control", "U+000C"),
        (8, "post.control", "U+FFFE"),
    ]


def test_parse_tells_the_first_few_control_characters() -> None:
    """Of a file full of them, some are enough."""
    assert len(problems(FRONT + b"\0\n" * 1_000)) == 5


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"", "an empty file"),
        (b"\n---\n", "an empty line"),
        (b"# Title\n", '"# Title"'),
        (b"----\n", '"----"'),
        (b"---", "no end of it"),
        (b"---\ntitle: T\n--\n", "no end of it"),
    ],
)
def test_parse_tells_missing_front_matter(data: bytes, got: str) -> None:
    """A file without front matter, or with half of it, is told how it begins."""
    assert problems(data) == [(1, "post.front_matter", got)]


def test_parse_takes_front_matter_alone() -> None:
    """A post may have nothing but front matter, without a line end after it."""
    assert parsed(b"---\ntitle: T\ndate: 2027-01-05\n---").words == 0
    assert problems(b"---\n---") == [
        (1, "post.title", "nothing"),
        (1, "post.date", "nothing"),
    ]


@settings(deadline=None)
@given(st.one_of(st.binary(), st.binary().map(lambda tail: FRONT + tail)))
def test_parse_gives_a_post_or_a_content_error(data: bytes) -> None:
    """Any bytes are a post, or told to be none with a line for each problem."""
    came = outcome(data)

    if isinstance(came, Post):
        assert came.title
    else:
        assert came
        assert all(one.line and one.expected and one.got for one in came)


yamlish = st.sampled_from(
    [
        "title:",
        "date:",
        "2027-01-05",
        "tags:",
        "references:",
        "x-a:",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "-",
        "?",
        "|",
        ">",
        "&",
        "*",
        "!",
        "%",
        "@",
        "`",
        "'",
        '"',
        "#",
        "\n",
        "\n\n",
        "\n-",
        "\n",
        "",
        "\t",
        "1",
        "yes",
        "~",
        "<<",
        "a",
        "b",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(yamlish, st.text(max_size=3)), max_size=25).map(" ".join))
def test_parse_survives_any_front_matter(front: str) -> None:
    """The same for anything that resembles YAML."""
    came = outcome(f"---\n{front}\n---\n".encode("utf-8", "ignore"))

    assert isinstance(came, Post) or all(one.line for one in came)


@settings(deadline=None)
@given(st.text())
def test_clean_leaves_what_xml_allows(text: str) -> None:
    """Cleaning drops forbidden characters and nothing else, and is done at once."""
    cleaned = clean(text)

    assert is_clean(cleaned)
    assert cleaned == clean(cleaned)
    assert (cleaned == text) == is_clean(text)


def test_clean_drops_lone_surrogates() -> None:
    """Half a character of an old archive goes."""
    assert clean("a\ud800b\x00c\uffff") == "abc"


# ---------------------------------------------------------------------------------------- size


def test_render_takes_a_long_post() -> None:
    """A text of 1 MB is a post like any other."""
    paragraph = "A word, *two* and [a link](https://x.org). " * 20

    html = published(f"{paragraph}\n\n" * 1_200)

    assert len(html) > 1_000_000


BOMBS = {
    "quotations": ">" * 100_000,
    "lists": "- " * 50_000 + "a",
    "emphasis": "*a **b " * 5_000 + "b** a*" * 5_000,
    "divisions": "<div>" * 100_000,
    "wrong ends": "<x></y>" * 50_000,
    "ends in comments": "<x><!--</x>-->" * 50_000,
    "ends in attributes": "<x a='</x>'>" * 50_000,
    "ends in styles": "<div>\n" + "<x><style></x></style>" * 50_000,
    "links": "<a href=x>" * 50_000,
    "tables": "<table><tr><td>" * 30_000,
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_parse_refuses_depth(text: str) -> None:
    """What nests without end is refused before anything slow or recursive sees it."""
    began = time.monotonic()

    assert [code for _, code, _ in problems(FRONT + text.encode())] == ["post.depth"]

    assert time.monotonic() - began < 20


SHALLOW = {
    "brackets": "[" * 200_000,
    "cut images": "![[" * 100_000,
    "cut links": "[a](" * 100_000,
    "stars": "*a_ " * 100_000,
    "ticks": "".join("`" * n + " " for n in range(800)),
    "cut comments": "<p>\n" + "<!--" * 100_000,
    "cut tags": "<div\n" + "<a" * 100_000,
    "cut attributes": "<div\n" + "<a '" * 100_000,
    "items": "<li>" * 50_000,
    "wide tables": "|" * 50_000 + "\n" + "|-" * 50_000,
    "same headings": "# a\n" * 30_000,
    "citations": "[@a][@a]" * 30_000,
    "footnotes": "".join(f"[^{n}] " for n in range(9_000))
    + "\n\n"
    + "".join(f"[^{n}]: x\n" for n in range(9_000)),
}


@pytest.mark.parametrize("text", SHALLOW.values(), ids=SHALLOW)
def test_render_takes_no_time_over_odd_text(text: str) -> None:
    """No text makes the work grow faster than its length."""
    began = time.monotonic()

    published(text)

    assert time.monotonic() - began < 20
