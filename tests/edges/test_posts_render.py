"""The text of a post: headings, links, images, notes, and what is told to be wrong with it."""

from __future__ import annotations

import re
from struct import pack
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import ContentError
from publisher.model import Note
from publisher.posts import Source, parse, render
from publisher.posts.body import count_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from publisher.model import Body, Post

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + pack(">II", 30, 20)
REFERENCES = """references:
  a: {text: "Lee A. <Sleep> & worry.", doi: 10.1000/182}
  b: {text: "Hill B.", url: "https://b.org/x/?y=1&z=2"}
  c_d-e.2: {text: "Oak C."}
"""
IMAGES = {"p.png": PNG, "two words.png": b"not a picture"}
PATH = "sleep/03-worry/index.md"
FIRST_LINE = 10  # of the text, below this front matter


def source(body: str, path: str = PATH) -> Source:
    """A bundle with two images and three references around this text."""
    data = f"---\ntitle: Worry\ndate: 2027-01-05\n{REFERENCES}---\n\n{body}\n".encode()
    return Source(path=path, data=data, images=IMAGES)


def post(body: str, path: str = PATH, known_paths: Mapping[str, str] | None = None) -> Post:
    """The post of this text."""
    return parse(source(body, path), site_id="x", zone="UTC", known_paths=known_paths)


def rendered(body: str, path: str = PATH, known_paths: Mapping[str, str] | None = None) -> Body:
    """The rendered text."""
    made = post(body, path, known_paths)
    return render(source(body, path), made, known_paths=known_paths)


def html(body: str, path: str = PATH) -> str:
    """The rendered text's HTML, without the line feeds around it."""
    return rendered(body, path).html.strip()


def told(body: str, **options: Mapping[str, str]) -> list[tuple[int, str, str, str]]:
    """Line of the text, code, what was got, and the hint, of every problem."""
    with pytest.raises(ContentError) as raised:
        parse(source(body), site_id="x", zone="UTC", **options)  # type: ignore[arg-type]
    return [
        ((one.line or 0) - FIRST_LINE + 1, one.code, one.got, one.hint)
        for one in raised.value.problems
    ]


def mention(number: int, again: str = "") -> str:
    """What the contract says that a mention is."""
    link = f'<a href="#note-{number}" id="mention-{number}{again}">{number}</a>'
    return f'<sup class="note">{link}</sup>'


# ------------------------------------------------------------------------------------ Markdown


def test_render_speaks_markdown() -> None:
    """Tables with their alignment, tasks, strikes and typographic marks come out as HTML."""
    text = '~~s~~ "q" -- it\'s\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n- [ ] c\n- [x] d\n'

    assert html(text) == (
        "<p><del>s</del> “q” – it’s</p>\n"  # noqa: RUF001
        '<table><thead><tr><th>a</th><th align="right">b</th></tr></thead><tbody>\n'
        '<tr><td>1</td><td align="right">2</td></tr>\n'
        "</tbody></table>\n<ul>\n<li>☐ c</li>\n<li>☑ d</li>\n</ul>"
    )


def test_render_keeps_code_without_classes() -> None:
    """Code keeps its characters and loses its language, which no reader needs."""
    assert html("```python\nif a < b:\n```") == "<pre><code>if a &lt; b:\n</code></pre>"


@pytest.mark.parametrize(
    "text",
    [
        '<p>a<sub>b</sub> <mark>c</mark> <abbr title="d">e</abbr> <q>f</q> <kbd>g</kbd></p>',
        '<ol start="3">\n<li>a</li>\n</ol>',
        '<figure><img src="https://x.org/a.png" alt="A" width="3"><figcaption>c</figcaption></figure>',
        '<table><tbody><tr><td colspan="2">a</td></tr></tbody></table>',
        '<p dir="rtl" lang="he">שלום</p>',
        "<p><math><mfrac><mi>a</mi><mn>2</mn></mfrac></math></p>",
        "<dl><dt>a</dt><dd>b</dd></dl>",
    ],
)  # fmt: skip
def test_render_lets_allowed_html_through(text: str) -> None:
    """What readers of feeds and mail understand may be written as HTML."""
    assert html(text) == text


def test_render_accepts_every_line_end() -> None:
    """A mark at the start, returns at the ends, nothing at the last: the text is the same."""
    plain = source("One.\n\nTwo.").data.rstrip()
    odd = b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")
    old = plain.replace(b"\n", b"\r")

    bodies = [
        render(one, parse(one, site_id="x", zone="UTC"))
        for one in (Source(path="a.md", data=data) for data in (plain, odd, old))
    ]

    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0].html == "<p>One.</p>\n<p>Two.</p>\n"


# ------------------------------------------------------------------------------------ headings


def test_render_leaves_the_first_level_to_the_title() -> None:
    """Where the text uses it, all headings move down by one, the lowest stays."""
    assert html("# A\n\n## B\n\n###### C") == (
        '<h2 id="a">A</h2>\n<h3 id="b">B</h3>\n<h6 id="c">C</h6>'
    )


def test_render_keeps_other_levels() -> None:
    """Without it they stay as they are."""
    assert html("## A\n\n### B") == '<h2 id="a">A</h2>\n<h3 id="b">B</h3>'


def test_render_names_headings_once_each() -> None:
    """Ids grow from the words, are unique, and never those of notes or of the page."""
    text = (
        "## A *b* [@a]\n\n## A b\n\n## A b 2\n\n## Note 1\n\n## Main\n\n## 日本\n\n## A b\n\n##\n"
    )

    ids = [tag["id"] for name, tag in tags(html(text)) if name == "h2"]

    assert ids == [
        "a-b", "a-b-2", "a-b-2-2", "note-1-section", "main-section", "section", "a-b-3", "section-2",
    ]  # fmt: skip


# --------------------------------------------------------------------------------------- notes


def test_render_numbers_notes_by_first_mention() -> None:
    """Footnotes and citations share one list; a repeated mention has an anchor of its own."""
    body = rendered("One [@b], two[^n], three [@a], [@b] again.\n\n[^n]: A *note*.\n")

    assert body.html.strip() == (
        f"<p>One {mention(1)}, two{mention(2)}, three {mention(3)}, {mention(1, '-2')} again.</p>"
    )
    assert body.notes == (
        Note(
            number=1,
            html='Hill B. <a href="https://b.org/x/?y=1&amp;z=2">b.org/x/?y=1&amp;z=2</a>',
            mentions=("mention-1", "mention-1-2"),
        ),
        Note(number=2, html="A <em>note</em>.", mentions=("mention-2",)),
        Note(
            number=3,
            html="Lee A. &lt;Sleep&gt; &amp; worry. "
            '<a href="https://doi.org/10.1000/182">doi.org/10.1000/182</a>',
            mentions=("mention-3",),
        ),
    )


def test_render_takes_citations_side_by_side() -> None:
    """Two citations without a space between them are two mentions with a comma."""
    body = rendered("See [@a][@b][@c_d-e.2] and [the review][@a].")

    comma = "<sup>,</sup>"
    assert body.html.strip() == (
        f"<p>See {mention(1)}{comma}{mention(2)}{comma}{mention(3)} "
        f"and the review{mention(1, '-2')}.</p>"
    )
    assert [note.html for note in body.notes][2] == "Oak C."


def test_render_leaves_other_brackets_alone() -> None:
    """Brackets that hold no key are brackets, though citations stand around them."""
    assert html("[sic] [@a] [me@x.org]") == f"<p>[sic] {mention(1)} [me@x.org]</p>"


def test_render_takes_a_citation_after_a_cry() -> None:
    """An exclamation mark before a citation makes no image of it."""
    assert html("Stop![@a] Now![@b]") == f"<p>Stop!{mention(1)} Now!{mention(2)}</p>"


def test_render_takes_the_same_source_twice_in_a_row() -> None:
    """Even a citation of itself beside itself is numbered as what it is."""
    assert rendered("[@a][@a]").notes[0].mentions == ("mention-1",)


def test_render_numbers_notes_of_notes() -> None:
    """What only a note mentions follows what the text mentions; circles end."""
    body = rendered(
        "A[^x] b[@b].\n\n[^x]: See [@a] and [^y].\n\n[^y]: Back to [^X].\n\n    More.\n"
    )

    assert [note.number for note in body.notes] == [1, 2, 3, 4]
    assert body.notes[0].html == f"See {mention(3)} and {mention(4)}."
    assert body.notes[3].html == f"<p>Back to {mention(1, '-2')}.</p>\n<p>More.</p>"
    assert body.notes[0].mentions == ("mention-1", "mention-1-2")


def test_render_drops_a_footnote_that_nothing_mentions() -> None:
    """It is no part of the text and none of the notes."""
    body = rendered("Text.\n\n[^unused]: Never shown.")

    assert (body.html.strip(), body.notes) == ("<p>Text.</p>", ())


def test_render_takes_footnotes_from_anywhere() -> None:
    """A footnote inside a quotation leaves the quotation; the first of two equal ones counts."""
    body = rendered("> Quote[^1]\n>\n> [^1]: First.\n\n[^1]: Second.")

    assert body.html.strip() == f"<blockquote>\n<p>Quote{mention(1)}</p>\n</blockquote>"
    assert [note.html for note in body.notes] == ["First."]


def test_render_leaves_code_and_escapes_alone() -> None:
    """In code, or after a backslash, brackets are brackets."""
    text = "`[@zz] [^zz]` \\[@zz] \\[^zz]\n\n    [@zz] [^zz]\n"

    assert html(text) == (
        "<p><code>[@zz] [^zz]</code> [@zz] [^zz]</p>\n<pre><code>[@zz] [^zz]\n</code></pre>"
    )


def test_render_lets_nobody_forge_a_note() -> None:
    """HTML that imitates a note, or what the parser makes of one, makes none of its own."""
    text = (
        '<sup class="footnote-reference"><a href="#nope">1</a></sup> '
        '<a href="#cite:@nope">x</a> '
        '<sup class="footnote-reference">z</sup> '
        '<sup class="note"><a href="#note-9" id="mention-9">9</a></sup>'
        '\n\n<div class="footnote-definition" id="9">hidden</div>\n\n<div>shown</div>'
    )

    body = rendered(text)

    assert "class" not in body.html
    assert "id=" not in body.html
    assert "cite:" not in body.html
    assert "hidden" not in body.html
    assert "shown" in body.html
    assert "<div" not in body.html
    assert body.notes == ()


def test_render_closes_what_a_forged_citation_leaves_open() -> None:
    """A citation that holds a table and a link cannot be a mention's words; tags still close."""
    text = '<a href="#cite:@a"><table><tr><td><a href="#cite:@b"><b>y</a></table>[@a]'

    assert [name for name, _ in tags(html(text)) if name == "sup"] == ["sup"] * 3


def test_render_knows_its_own_link_form() -> None:
    """A link written as citations are marked inside is a citation, of what there is."""
    assert html("[x](#cite:@a) [@zz](#cite:@a) [y](#cite:@zz)") == (
        f"<p>x{mention(1)} @zz{mention(1, '-2')} y</p>"
    )


@pytest.mark.parametrize(
    ("text", "line", "got", "hint"),
    [
        ("a\nb [@zz]", 2, "[@zz]", "Add zz to references in the front matter, or write \\[@zz] for plain text."),
        ("[@zz][@a]", 1, "[@zz]", "Add zz to references in the front matter, or write \\[@zz] for plain text."),
        ("[@c_d-e]", 1, "[@c_d-e]", "Did you mean [@c_d-e.2]? Add c_d-e to references in the front matter, or write \\[@c_d-e] for plain text."),
        ("[@a; @b]", 1, "[@a; @b]", "A citation is one key alone; for two write [@one][@two]."),
        ("x\n\n- y [@a, p. 3]", 3, "[@a, p. 3]", "A citation is one key alone; for two write [@one][@two]."),
        ("é [-@zz]", 1, "[-@zz]", "Add zz to references in the front matter, or write \\[-@zz] for plain text."),
    ],
)  # fmt: skip
def test_parse_tells_unknown_citations(text: str, line: int, got: str, hint: str) -> None:
    """A citation of nothing is told with its line and the key that was meant."""
    assert told(text) == [(line, "post.citation", got, hint)]


def test_parse_tells_both_of_two_unknown_citations() -> None:
    """Side by side, each is told."""
    assert [got for _, _, got, _ in told("[@yy][@zz]")] == ["[@yy]", "[@zz]"]


def test_parse_tells_missing_footnotes() -> None:
    """A footnote that is mentioned and not written is told with its line."""
    assert told("One[^1].\n\nTwo[^two words] \\\\[^3]\n\n[^1]: There.") == [
        (3, "post.footnote", "none", "Add a line  [^two words]: …  or write \\[^two words] for plain text."),
        (3, "post.footnote", "none", "Add a line  [^3]: …  or write \\[^3] for plain text."),
    ]  # fmt: skip


# -------------------------------------------------------------------------------------- images


def test_render_shows_images_of_the_bundle() -> None:
    """An image gets the post's address and its size; one in a text stays in the text."""
    assert html("See ![A *cup*](p.png) and ![B](./two%20words.png 'T').") == (
        '<p>See <img src="/sleep/worry/p.png" alt="A cup" width="30" height="20"> and '
        '<img src="/sleep/worry/two%20words.png" alt="B" title="T">.</p>'
    )


def test_render_makes_a_figure_of_a_captioned_image() -> None:
    """An image alone in its paragraph, with a title, is a figure with that caption."""
    assert html('![A cup](p.png "Tea & <milk>")') == (
        '<figure><img src="/sleep/worry/p.png" alt="A cup" width="30" height="20">'
        "<figcaption>Tea &amp; &lt;milk&gt;</figcaption></figure>"
    )


def test_render_keeps_an_image_without_caption_in_its_paragraph() -> None:
    """Without a title there is nothing to caption."""
    assert html("![A](https://x.org/a.png)") == ('<p><img src="https://x.org/a.png" alt="A"></p>')


def test_render_keeps_a_size_that_was_written() -> None:
    """An author who gives a size means it."""
    assert 'width="9"' in html('<img src="p.png" alt="A" width="9">')
    assert "height" not in html('<img src="p.png" alt="A" width="9">')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("![](p.png)", 1),
        ("![A](p.png)\n\n![ ](p.png)", 3),
        ("x\n\n<img src='p.png'>", 3),
        ("x\n\n- ![](https://x.org/a.png)", 3),
    ],
)
def test_parse_demands_a_description(text: str, line: int) -> None:
    """An image without words is an error in its line: some readers have only the words."""
    ((got_line, code, _, hint),) = told(text)

    assert (got_line, code) == (line, "post.alt")
    assert hint.startswith("Say what it shows:  ![…](")


def test_parse_may_do_without_descriptions() -> None:
    """An importer takes old images as they are; the attribute is there all the same."""
    one = source("![](p.png)")

    made = parse(one, site_id="x", zone="UTC", require_alt=False)

    assert 'alt=""' in render(one, made).html


@pytest.mark.parametrize(
    ("text", "line", "got", "hint"),
    [
        ("a\n\n![A](q.png)", 3, "q.png", "Did you mean p.png?"),
        ("![A](zzz.gif)", 1, "zzz.gif", "Put the image beside index.md, in the post's own folder."),
        ("![A](../p.png)", 1, "../p.png", "Did you mean p.png?"),
        ("![A](/p.png)", 1, "/p.png", "Did you mean p.png?"),
        ("![A](//x.org/y)", 1, "//x.org/y", "Put the image beside index.md, in the post's own folder."),
        ("![A](http://x.org/y)", 1, "http://x.org/y", "Write https://x.org/y, or put the image beside index.md."),
        ("![A](data:image/png;base64,xx)", 1, "data:image/png;base64,xx", "Put the image beside index.md, in the post's own folder."),
        ("a < b\n\n![A](data:image/png;base64,xx)", 3, "no address", "Put the image beside index.md, in the post's own folder."),
        ("b\n<IMG alt='A' src='data:x'>", 2, "no address", "Put the image beside index.md, in the post's own folder."),
        ("<img alt='A'>", 1, "no address", "Put the image beside index.md, in the post's own folder."),
    ],
)  # fmt: skip
def test_parse_refuses_images_from_elsewhere(text: str, line: int, got: str, hint: str) -> None:
    """An image is a file of the bundle or loads over https; nothing else reaches a reader."""
    assert told(text) == [(line, "post.image", got, hint)]


def test_parse_tells_each_line_of_a_repeated_mistake() -> None:
    """The same image wrong three times is three lines."""
    assert [line for line, _, _, _ in told("![A](q.png)\n\n![](q.png)\n\n![C](q.png)")] == [
        1,
        3,
        3,
        5,
    ]


def test_parse_tells_the_first_line_where_it_cannot_tell_another() -> None:
    """What a browser makes an image of, though nobody wrote one, is told without its own line."""
    first = 0  # the line below the front matter
    assert told("a\n\n<image src='q.png' alt='A'>")[0][:3] == (first, "post.image", "q.png")


def test_parse_tells_a_hundred_mistakes_at_most() -> None:
    """Nobody reads more, and a broken import must not take for ever."""
    assert len(told("![A](q.png) " * 1_000)) == 100
    assert len(told("[@zz] " * 1_000)) == 100
    assert len(told("[^zz] " * 1_000)) == 100


# --------------------------------------------------------------------------------------- links


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://x.org/a?b=1&c=2", "https://x.org/a?b=1&amp;c=2"),
        ("http://x.org", "http://x.org"),
        ("mailto:me@x.org", "mailto:me@x.org"),
        ("tel:988", "tel:988"),
        ("//x.org/a", "https://x.org/a"),
        ("#part", "#part"),
        ("/mind/a/", "/mind/a/"),
        ("p.png", "/sleep/worry/p.png"),
        ("sub/?q=1#f", "/sleep/worry/sub/?q=1#f"),
        ("?q=1", "/sleep/worry/?q=1"),
        ("../../../a/", "/a/"),
        ("../04-naps.md", "/sleep/naps/"),
        ("../04-naps.md#why", "/sleep/naps/#why"),
        ("../04-naps/index.md", "/sleep/naps/"),
        ("../../mind/01-a%2Db.md", "/mind/a-b/"),
        ("../../loose.md", "/loose/"),
    ],
)
def test_render_makes_links_lead_somewhere(written: str, expected: str) -> None:
    """A relative link becomes a path of the site, a link to a source that post's page."""
    assert html(f"[x]({written})") == f'<p><a href="{expected}">x</a></p>'


def test_render_finds_neighbours_of_a_plain_file() -> None:
    """Beside a file that is no bundle its neighbours are named directly."""
    assert html("[x](04-naps.md)", path="sleep/03-worry.md") == (
        '<p><a href="/sleep/naps/">x</a></p>'
    )


def test_render_follows_the_slug_that_a_post_gave_itself() -> None:
    """Where a post's location is known it is used, whatever its file is called."""
    known = {"sleep/04-naps.md": "sleep/short-sleep"}

    assert 'href="/sleep/short-sleep/"' in rendered("[x](../04-naps.md)", known_paths=known).html


def test_parse_tells_links_to_nothing() -> None:
    """A link to a source that is not there is told with the one that was probably meant."""
    known = {"sleep/04-naps.md": "sleep/naps", "mind/01-grief.md": "mind/grief"}

    problems = told("[x](../04-nap.md)\n\n[y](../../zzz.md) [z](../04-naps.md)", known_paths=known)

    assert problems == [
        (1, "post.link", "../04-nap.md", "Did you mean ../04-naps.md?"),
        (3, "post.link", "../../zzz.md", ""),
    ]


def test_parse_tells_links_out_of_the_folder() -> None:
    """No post lies outside the folder of posts, known or not."""
    assert told("[x](../../../a.md)")[0][:3] == (1, "post.link", "../../../a.md")


def test_parse_tells_a_forgotten_scheme() -> None:
    """Www without https:// would lead to a page of the site's own."""
    assert told("<b>a</b>\n\n[x](www.example.org/a)") == [
        (3, "post.link", "www.example.org/a", "Write https://www.example.org/a")
    ]


def test_render_believes_a_link_that_parse_does_not_know() -> None:
    """A post kept by the store is rendered though what it links to is gone."""
    made = post("[x](../04-naps.md)")

    body = render(source("[x](../04-naps.md)"), made, known_paths={})

    assert 'href="/sleep/naps/"' in body.html


# ------------------------------------------------------------------------------------ in words


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("# Head\n\n![A](p.png)\n\nFirst *words* [@a]. More.\n\nSecond.", "First words. More."),
        ("Fish &amp; <b>chips</b>\non two lines", "Fish & chips on two lines"),
        ("```\n<p>code</p>\n```\n\nText.", "Text."),
        ("| a |\n|---|\n| b |", "Worry"),
        ("", "Worry"),
        (f"{'One. ' * 20}{'word ' * 60}", ("One. " * 20).strip()),
        (f"One. {'word ' * 80}", f"One. {'word ' * 54}word…"),
        ("x" * 300, "x" * 279 + "…"),
        ("a" + "&#1;b", "ab"),
    ],
)
def test_parse_begins_a_summary_with_the_text(text: str, summary: str) -> None:
    """Without one of its own the summary is the first paragraph, cut at a sentence or a word."""
    assert post(text).summary == summary
    assert len(summary) <= 280


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("One two [@a], three.", 3),
        ("One*two*three[^1]\n\n[^1]: not counted", 1),
        ("| a | b |\n|---|---|\n| c | d |", 4),
        ("# One\n\n- two\n- three\n\n`four`", 4),
        ("", 0),
    ],
)
def test_parse_counts_words(text: str, words: int) -> None:
    """The words of the text, without its notes and their numbers."""
    assert post(text).words == words


def test_parse_signs_the_source_and_its_images() -> None:
    """A review's digest changes with the text, an image, its name, and where one ends."""
    first = Source(path="a.md", data=source("a").data, images={"p.png": b"12", "q.png": b"3"})
    others = [
        Source(path="a.md", data=source("b").data, images=first.images),
        Source(path="a.md", data=first.data, images={"p.png": b"1", "q.png": b"23"}),
        Source(path="a.md", data=first.data, images={"p.png1": b"2", "q.png": b"3"}),
        Source(path="a.md", data=first.data, images={"p.png": b"12"}),
    ]

    digests = {parse(one, site_id="x", zone="UTC").source_sha256 for one in (first, *others)}

    again = Source(
        path="b.md", data=first.data, images=dict(sorted(first.images.items(), reverse=True))
    )
    assert len(digests) == 5
    assert parse(again, site_id="x", zone="UTC").source_sha256 in digests


# ---------------------------------------------------------------------------------- properties


TAG = re.compile(r"<(/?)([a-z0-9]+)((?: [a-z]+=\"[^\"]*\")*)>")
ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')


def tags(text: str) -> list[tuple[str, dict[str, str]]]:
    """The tags of HTML in which each that opens also closes, and no < is left over."""
    found: list[tuple[str, dict[str, str]]] = []
    unclosed: list[str] = []
    for closes, name, attributes in TAG.findall(text):
        if closes:
            assert unclosed.pop() == name
            continue
        found.append((name, dict(ATTRIBUTE.findall(attributes))))
        if name not in {"img", "br", "hr"}:
            unclosed.append(name)
    assert unclosed == []
    assert "<" not in TAG.sub("", text)
    return found


pieces = st.sampled_from(
    [
        "[@a]",
        "[@b]",
        "[^1]",
        "[^2]",
        "\n\n",
        "[^1]:",
        "[^2]:",
        ">",
        "-",
        "#",
        "##",
        "*",
        "**",
        "`",
        "[x](a.md)",
        "![y](p.png)",
        "<b>",
        "</b>",
        "<div>",
        "</div>",
        "<p>",
        "</p>",
        "<a",
        "href=/>",
        "</a>",
        "<table>",
        "<td>",
        "<sup>",
        "|",
        "---",
        "\\",
        "&",
        "!",
        "[",
        "]",
        "(",
        ")",
        "\n",
    ]
)


@settings(deadline=None)
@given(st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=40).map("".join))
def test_render_makes_balanced_tags_and_one_list_of_notes(text: str) -> None:
    """Whatever is written, tags close, ids are unique, and mentions and notes belong together."""
    try:
        body = rendered(text)
    except ContentError:
        return

    found = tags(body.html)
    inside = [tag for note in body.notes for tag in tags(note.html)]
    ids = [tag["id"] for _, tag in (*found, *inside) if "id" in tag]
    mentions = [name for note in body.notes for name in note.mentions]
    led_to = {
        tag["href"] for _, tag in (*found, *inside) if tag.get("href", "").startswith("#note-")
    }
    assert len(ids) == len(set(ids))
    assert sorted(mentions) == sorted(one for one in ids if one.startswith("mention-"))
    assert led_to == {f"#note-{note.number}" for note in body.notes}


@settings(deadline=None)
@given(st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=40).map("".join))
def test_parse_reads_what_render_shows(text: str) -> None:
    """The quick reading that checks a post counts the words that are published."""
    try:
        made = post(text)
    except ContentError:
        return

    assert made.words == count_words(render(source(text), made).html)


def test_a_link_follows_a_post_to_its_new_number_and_into_its_folder() -> None:
    """A link to a file that was renumbered, or got a folder for its images, leads where it did."""
    source = Source(
        path="sleep/02-two.md",
        data=b"---\ntitle: Two\ndate: 2026-01-01\n---\n[one](01-one.md#end) [lamp](03-lamp.md)\n",
    )
    known = {"sleep/07-one.md": "sleep/one", "sleep/03-lamp/index.md": "sleep/lamp-light"}

    post = parse(source, site_id="x", zone="UTC", known_paths=known)

    body = render(source, post, known_paths=known)
    assert 'href="/sleep/one/#end"' in body.html
    assert 'href="/sleep/lamp-light/"' in body.html
