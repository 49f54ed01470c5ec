"""Rich text as Word, Docs, Pages and browsers put it on the clipboard, turned into Markdown."""

from __future__ import annotations

import io
import re
import zipfile
from html import escape, unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from publisher import posts
from publisher.errors import ContentError
from publisher.exchange.documents import read_document
from publisher.exchange.richtext import read_rich_text
from publisher.posts.markdown import spots
from tests.edges.test_posts_metadata import _png

WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta name=Generator
content="Microsoft Word 15"><style><!-- p.MsoNormal {margin:0cm} --></style>
<!--[if gte mso 9]><xml><o:OfficeDocumentSettings/></xml><![endif]--></head>
<body lang=EN-US><!--StartFragment-->
<h1>Sleep and worry<o:p></o:p></h1>
<p class=MsoNormal>Worry is <b><span lang=EN-US>loud</span></b><b> at night</b>.<span
style='mso-spacerun:yes'>\u00a0 </span>It is <i>not</i> new.<a style='mso-footnote-id:ftn1'
href="#_ftn1" name="_ftnref1" title=""><span class=MsoFootnoteReference><span
style='mso-special-character:footnote'><![if !supportFootnotes]><span>[1]</span><![endif]></span></span></a></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if
!supportLists]><span style='font-family:Symbol'><span style='mso-list:Ignore'>·<span
style='font:7.0pt "Times New Roman"'>\u00a0\u00a0 </span></span></span><![endif]>Get up</p>
<p class=MsoListParagraphCxSpMiddle style='mso-list:l0 level2 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>o<span>\u00a0 </span></span><![endif]>at <b>seven</b></p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='mso-list:Ignore'>·<span>\u00a0 </span></span><![endif]>Go out</p>
<p class=MsoNormal><img width=40 src="file:///C:/Users/x/clip_image001.png"></p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><span style='mso-list:Ignore'>1.<span>
</span></span>First</p>
<table class=MsoTableGrid border=1><tr><td><p>Hour</p></td><td><p>Light</p></td></tr>
<tr><td><p>7</p></td><td><p>a | b<o:p></o:p></p></td></tr></table>
<p class=MsoNormal><del cite="mailto:Ann" datetime="2026-01-01">gone</del><span
style='mso-hide:all'>hidden</span>See <a href="https://example.org/a?utm_source=x&amp;id=1">here</a>.</p>
<div style='mso-element:footnote-list'><hr><div style='mso-element:footnote' id=ftn1>
<p class=MsoFootnoteText><a style='mso-footnote-id:ftn1' href="#_ftnref1" name="_ftn1"><span
class=MsoFootnoteReference>[1]</span></a> Smith J. <i>Sleep.</i> 2020.</p></div></div>
<!--EndFragment--></body></html>"""

DOCS = """<meta charset='utf-8'><b style="font-weight:normal;" id="docs-internal-guid-1"><h2
dir="ltr"><span style="font-size:16pt;font-weight:400">A heading</span></h2><p dir="ltr"><span
style="font-weight:700;font-style:normal">Bold</span><span style="font-weight:400"> and </span><span
style="font-weight:400;font-style:italic">italic</span><span
style="text-decoration:line-through"> gone</span> <a
href="https://www.google.com/url?q=https://example.org/b%3Fx%3D1&amp;sa=D&amp;ust=1">a link</a><sup><a
href="#ftnt1" id="ftnt_ref1">[1]</a></sup></p><ul><li dir="ltr" aria-level="1"><p><span>one</span></p></li><ul><li
aria-level="2"><p>one and a half</p></li></ul><li><p>two</p></li></ul><ol start="3"><li>three</li></ol><br
class="Apple-interchange-newline"><img src="https://lh3.example.com/x"><img src="x"><div><p><a
href="#ftnt_ref1" id="ftnt1">[1]</a><span> A source.</span></p></div></b>"""


def _markdown(html: str) -> str:
    return read_rich_text(html).markdown


def test_a_page_of_word_keeps_what_it_means() -> None:
    """Headings, looks, nested lists, tables, footnotes and links; no mark, style or track of Word."""
    pasted = read_rich_text(WORD)

    assert pasted.markdown == (
        "## Sleep and worry\n"
        "\n"
        "Worry is **loud at night**. It is _not_ new.[^1]\n"
        "\n"
        "- Get up\n"
        "  - at **seven**\n"
        "- Go out\n"
        "\n"
        "1. First\n"
        "\n"
        "| Hour | Light |\n"
        "| --- | --- |\n"
        "| 7 | a \\| b |\n"
        "\n"
        "See [here](https://example.org/a?id=1).\n"
        "\n"
        "***\n"
        "\n"
        "[^1]: Smith J. _Sleep._ 2020.\n"
    )
    assert (pasted.images, pasted.notes) == (
        1,
        ("An image was left out: add it with words for those who do not see it.",),
    )


def test_a_page_of_google_docs_keeps_what_it_means() -> None:
    """The bold that Docs puts around everything is none, and its links lead where they say."""
    pasted = read_rich_text(DOCS, first_note=4)

    assert pasted.markdown == (
        "## A heading\n"
        "\n"
        "**Bold** and _italic_ [a link](https://example.org/b?x=1)[^4]\n"
        "\n"
        "- one\n"
        "  - one and a half\n"
        "- two\n"
        "\n"
        "3. three\n"
        "\n"
        "[^4]: A source.\n"
    ).replace("_italic_ ", "_italic_ ~~gone~~ ")
    assert pasted.images == 2
    assert pasted.notes[0].startswith("2 images were left out")


def test_a_web_page_loses_what_acts_loads_and_tracks() -> None:
    """Scripts, frames, forms and hidden pixels are gone; quotations, code and lines stay."""
    html = (
        "<script>alert(1)</script><style>p{}</style><form>x<input></form><iframe src=x></iframe>"
        "<nav>Home</nav><blockquote><p>She said:<br>“sleep”.</p><ul><li>so</li></ul></blockquote>"
        "<pre>a  &lt;b&gt;\n  ``` c</pre><p><code>x `y`</code> <a href='javascript:alert(1)'>no</a>"
        " <a href='/relative'>no</a> <a href='mailto:a@example.org'>mail</a>"
        " <a href='https://example.org/(a b)?fbclid=1&q=%22'>q</a><a href='https://e.org'> </a></p><hr>"
        "<table><tr><td><table><tr><td>layout</td></tr></table></td></tr></table>"
        "<div style='display:none'>hidden</div><p>\u00ad</p><svg><text>svg</text></svg>"
    )

    assert _markdown(html) == (
        "Home\n\n> She said:\\\n> “sleep”.\n>\n> - so\n\n````\na  <b>\n  ``` c\n````\n\n"
        "``x `y` `` no no [mail](mailto:a@example.org) [q](https://example.org/%28a%20b%29?q=%22)"
        "\n\n***\n\nlayout\n"
    ).replace("``x `y` ``", "`` x `y` ``")


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>1. one</p>", "1\\. one"),
        ("<p># no <b># heading</b></p>", "\\# no **# heading**"),
        ("<p>- a<br>+ b<br>---<br>===<br>&gt; c</p>", "\\- a\\\n\\+ b\\\n\\---\\\n\\===\\\n\\> c"),
        ("<p>*a* _b_ c_d `e` [f](g) &lt;h&gt; ~~i~~ |j| \\</p>", None),
        ("<p>&amp;copy; &amp; &amp;#65; AT&amp;T</p>", "\\&copy; & \\&#65; AT&T"),
        ("<h3>C #</h3>", "### C \\#"),
        ("<p>Stop!<a href='https://e.org'>x</a></p>", "Stop\\![x](https://e.org)"),
        ("<p>a<b>b</b>c <b>d.</b>e <i>f</i>g</p>", "a**b**c d.e fg"),
        ("<p><b> a </b><b>b</b> <i><b>c</b></i></p>", "**a b** **_c_**"),
        ("<p><b>a</b><i>b</i></p>", "**a**b"),
        ("<p>a<br><br> <br>b<br></p>", "a\\\nb"),
        ("<p></p><b></b><ul><li></li></ul><h1> </h1><table></table>", ""),
        ("", ""),
        ("<!-- only a comment -->", ""),
        ("plain <words> here", "plain here"),
        ("<ul><li>a</li>loose<li><p>b</p><p>c</p></li></ul>", "- a\n\n- loose\n\n- b\n\n  c"),
        ("<p>x<a href='#_ftn9'>[9]</a> <a href='#top'>up</a></p>", "x\\[9\\] up"),
        ("<dl><dt>term</dt><dd>what</dd></dl>", "term\n\nwhat"),
        ("<p style='mso-list:l0 level2 lfo1'>in</p>", "- in"),
        ("<h1>A</h1><h6>B</h6>", "## A\n\n###### B"),
        ("<p class=MsoTitle>T</p><p class=MsoHeading2>S</p>", "## T\n\n### S"),
        ("<a href='http://[bad'>x</a>", "x"),
        ("<p><code> </code>a<code></code></p>", "a"),
        ("<p><b>a<br>b</b></p>", "**a**\\\n**b**"),
        ("<p><s>a</s>~</p>", "a\\~"),
        ("<table><tr><td></td><td> </td></tr></table>", ""),
        (
            (
                "<p style='mso-list:l0 level1 lfo1'>a</p><p style='mso-list:l0 level1 lfo2'>"
                "<span style='mso-list:Ignore'>1)</span>b</p>"
            ),
            "- a\n\n1. b",
        ),
    ],
)
def test_words_are_words(html: str, markdown: str | None) -> None:
    """What Markdown would take for a mark is escaped, and nothing more than that."""
    expected = (
        r"\*a\* \_b\_ c_d \`e\` \[f\](g) \<h> \~\~i\~\~ \|j\| \\" if markdown is None else markdown
    )

    assert _markdown(html) == (f"{expected}\n" if expected else "")


def test_a_paste_of_more_than_anybody_writes_is_refused() -> None:
    """It is told before anything reads it."""
    with pytest.raises(ContentError):
        read_rich_text("a" * 5_000_001)


WORDS = st.text(
    st.sampled_from("abz 019*_#->+`~|[]()!<>&;:=\\.,@^$%{}/'éß睡“”\u00a0\n"), max_size=12
)
INLINE = ["b", "i", "s", "code", "span", "u", "a href='https://example.org/a_(b)*'", "sup"]
OUTER = [
    "p",
    "div",
    "h1",
    "h4",
    "blockquote",
    "ul",
    "ol",
    "li",
    "table",
    "tr",
    "td",
    "pre",
    "section",
]


def _element(tag: str, inner: list[str]) -> str:
    return f"<{tag}>{''.join(inner)}</{tag.partition(' ')[0]}>"


TREES = st.recursive(
    WORDS.map(escape) | st.just("<br>"),
    lambda inner: st.builds(
        _element, st.sampled_from(INLINE + OUTER), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


def _rendered(markdown: str) -> str:
    source = posts.Source(
        path="x.md", data=f"---\ntitle: x\ndate: 2026-01-01\n---\n\n{markdown}".encode()
    )
    post = posts.parse(source, site_id="x", zone="UTC")
    return posts.render(source, post).html


def _letters(text: str) -> str:
    """Return the words of a text: what is not space, and quotes as smart punctuation leaves them."""
    plain = unescape(text).translate({ord(one): "'" for one in "\u2018\u2019"})
    plain = plain.translate({ord(one): "-" for one in "\u2013\u2014"}).replace("\u2026", "...")
    return re.sub(r"-+", "-", "".join(plain.split()))


@given(TREES)
@example("<span>-- -</span>")
@example("<a href='https://example.org/a_(b)*'><code>]:</code></a>")
@example("<h1>#</h1>")
@example("<code>0<b>0</b></code>")
@example("<a href='https://example.org/a_(b)*'><b>:</b>0</a>")
def test_every_paste_parses_holds_no_html_and_keeps_the_words(html: str) -> None:
    """Whatever is pasted, the post it makes says the same words in the same order."""
    markdown = _markdown(html)

    assert not [spot for spot in spots(markdown) if spot.kind in {"html", "image"}]
    rendered = _rendered(markdown)
    said = re.sub(r"<[^>]*>", "", re.sub(r"</(p|h\d|li|td|th|pre)>", " ", rendered))
    meant = re.sub(r"<[^>]*>", "", html)
    assert _letters(said) == _letters(meant)


def test_depth_that_nobody_writes_is_made_flat() -> None:
    """A hundred lists in each other come to a post that loads, with all its words."""
    html = "<ul><li>a" * 80 + "</li></ul>" * 80 + "<blockquote>q" * 80 + "</blockquote>" * 80

    rendered = _rendered(_markdown(html))

    assert rendered.count("a") >= 80
    assert rendered.count("<ul>") <= 7


# ------------------------------------------------------------------------------------- documents


def _docx(body: str, **parts: bytes) -> bytes:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
            f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="png" ContentType="image/png"/></Types>',
        )
        archive.writestr(
            "word/_rels/document.xml.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="i1" Type="{office}/image" '
            'Target="media/one.png"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{word}" xmlns:r="{office}" '
            'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
            'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
            'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture">'
            f"<w:body>{body}</w:body></w:document>",
        )
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return made.getvalue()


def test_a_document_of_word_is_read() -> None:
    """Headings, looks and the images, with what the document says they show."""
    body = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Sleep</w:t></w:r></w:p>'
        "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>Bold</w:t></w:r><w:r><w:t> &amp; plain</w:t></w:r>"
        '<w:r><w:drawing><wp:inline><wp:docPr id="1" name="x" descr="A lamp"/><a:graphic>'
        '<a:graphicData><pic:pic><pic:blipFill><a:blip r:embed="i1"/></pic:blipFill></pic:pic>'
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )

    document = read_document(_docx(body, word__media__one_png=_png()), "sleep.docx")

    assert document.text.markdown in {
        "## Sleep\n\n**Bold** & plain\n",
        "Sleep\n\n**Bold** & plain\n",
    }
    assert document.text.images == 1
    assert [(one.alt, one.data) for one in document.pictures] == [("A lamp", _png())]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "paste.document"),
        (b"PK\x03\x04 no zip", "paste.document"),
        (_docx("<w:p>"), "paste.document"),
        (b"x" * 20_000_001, "paste.size"),
        (_docx("", word__big_xml=b" " * 31_000_000), "paste.size"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, code: str) -> None:
    """Another file, a damaged one, or one that unpacks to more than any text."""
    with pytest.raises(ContentError) as caught:
        read_document(data, "a.docx")

    assert caught.value.problems[0].code == code


def test_a_zip_without_a_text_is_no_document() -> None:
    """A zip of something else is told as that."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", "a")

    with pytest.raises(ContentError):
        read_document(made.getvalue(), "a.docx")
