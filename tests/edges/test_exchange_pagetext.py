"""The plain text of an article page: words in, a post with references out, nothing lost."""

from __future__ import annotations

import html
import os
import re
from hashlib import sha256
from pathlib import Path

import pyromark
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from publisher.errors import ContentError, Problem
from publisher.exchange import ImportedPost, recognise
from publisher.exchange.pagetext import read_page_text

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(os.environ.get("PUBLISHER_SEED_DIR") or ROOT.parent / "shared" / "seeds")

PAGE = """Why a Dark Room Helps: Notes on Sleep

Introduction:

Most people sleep better in the dark.\u00a0\u2009 A lamp in the hall is often enough to wake them.

Light tells the body's clock that it is day.

Conclusion:

Draw the curtains, and try it for a week.\x20\x20

Citations:

  1. https://www.example.org/sleep/light-at-night/

  2. Moth A. Lamps and moths. 2019. https://doi.example/10.1000/xyz.

  3. A book without an address.

Previous
Previous

Warm Milk: A History

Next
Next

The Quiet Hour
"""

EXTENSIONS = (
    pyromark.Options.ENABLE_DEFINITION_LIST
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_GFM
    | pyromark.Options.ENABLE_HEADING_ATTRIBUTES
    | pyromark.Options.ENABLE_MATH
    | pyromark.Options.ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_SUBSCRIPT
    | pyromark.Options.ENABLE_SUPERSCRIPT
    | pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_WIKILINKS
    | pyromark.Options.ENABLE_YAML_STYLE_METADATA_BLOCKS
)


def read(text: str) -> ImportedPost:
    return read_page_text(text.encode(), "page.txt")


def shown(markdown: str) -> list[str]:
    """Return what a reader sees of each paragraph or heading, however much Markdown is spoken."""
    rendered = pyromark.html(markdown, options=EXTENSIONS)
    blocks = re.findall(r"<(p|h2)>(.*?)</\1>\n", rendered, re.DOTALL)
    assert rendered == "".join(f"<{tag}>{inside}</{tag}>\n" for tag, inside in blocks)
    assert not any("<" in inside for _, inside in blocks)
    return [html.unescape(inside) for _, inside in blocks]


def refusal(data: bytes) -> Problem:
    with pytest.raises(ContentError) as caught:
        read_page_text(data, "page.txt")
    (problem,) = caught.value.problems
    assert problem.path == "page.txt"
    return problem


def test_page_becomes_title_sections_and_paragraphs() -> None:
    """The first line is the title, lines ending in a colon are headings, the rest paragraphs."""
    post = read(PAGE)

    assert post.title == "Why a Dark Room Helps: Notes on Sleep"
    assert post.slug == "why-a-dark-room-helps-notes-on-sleep"
    assert post.body == (
        "## Introduction\n\n"
        "Most people sleep better in the dark. A lamp in the hall is often enough to wake them.\n\n"
        "Light tells the body's clock that it is day.\n\n"
        "## Conclusion\n\n"
        "Draw the curtains, and try it for a week. [@c1] [@c2] [@c3]\n"
    )


def test_citations_become_references_mentioned_once_in_order() -> None:
    """The numbered list becomes references, so that the page shows it once, with its links."""
    post = read(PAGE)

    assert post.references == {
        "c1": {
            "text": "example.org/sleep/light-at-night",
            "url": "https://www.example.org/sleep/light-at-night/",
        },
        "c2": {
            "text": "Moth A. Lamps and moths. 2019.",
            "url": "https://doi.example/10.1000/xyz",
        },
        "c3": {"text": "A book without an address."},
    }
    assert list(post.references) == ["c1", "c2", "c3"]
    assert "Citations" not in post.body


def test_tail_is_taken_off_and_its_titles_are_kept() -> None:
    """The neighbours' titles leave the text and stay as x- keys."""
    post = read(PAGE)

    assert post.extra == {"x-previous": "Warm Milk: A History", "x-next": "The Quiet Hour"}
    assert "Quiet" not in post.body


def test_what_was_taken_off_is_said() -> None:
    """Every liberty taken with the page is told, a sentence each."""
    post = read(PAGE)

    expected = """\
The link to the previous article was taken off the end; its title, "Warm Milk: A History", is kept.
The link to the next article was taken off the end; its title, "The Quiet Hour", is kept.
The page does not say where each citation belongs; 3 of 3 are mentioned at the end."""
    assert expected.splitlines() == list(post.notes)


def test_post_knows_its_source_and_no_date() -> None:
    """The hash is of the bytes; a page without a date gets none, whatever its words."""
    post = read("A title\n\nMarch 3, 2024\n\nWords.\n")

    assert sha256(b"A title\n\nMarch 3, 2024\n\nWords.\n").hexdigest() == post.source_sha256
    assert post.date is None
    assert post.body == "March 3, 2024\n\nWords.\n"
    assert post.notes == ()


@pytest.mark.parametrize(
    ("tail", "extra"),
    [
        ("Previous\nPrevious\n\nOne", {"x-previous": "One"}),
        ("Next\nNext\nTwo\n\n\n", {"x-next": "Two"}),
        ("Previous\n\nOne\n\nNext\n\nTwo", {"x-previous": "One", "x-next": "Two"}),
        ("Next\nNext\n\nTwo\n\nPrevious\nPrevious\n\nOne", {"x-previous": "One", "x-next": "Two"}),
        (
            "Zurück\nZurück\n\nEins\n\nWeiter\nWeiter\n\nZwei",
            {"x-previous": "Eins", "x-next": "Zwei"},
        ),
        ("PREVIOUS\n\nprevious\n\nOne", {"x-previous": "One"}),
        ("Next\nNext\n\nIs it so.", {"x-next": "Is it so."}),
    ],
)
def test_tail_is_known_in_its_variants(tail: str, extra: dict[str, str]) -> None:
    """Labels once or twice, either side alone, either order, blank lines or none."""
    post = read(f"A title\n\nThe words.\n\n{tail}")

    assert extra == post.extra
    assert post.body == "The words.\n"


@pytest.mark.parametrize(
    "text",
    [
        "Next\n\nWe shall look at dreams.",
        "Next\nNext\n\nTwo\n\nAnd a last paragraph",
        "Previous\nPrevious",
        "Previous\nPrevious\n\nNext\nNext",
        "Next\nNext\n\n" + "So it went on and on " * 20,
        "Next:\n\nTwo",
    ],
)
def test_words_that_only_look_like_a_tail_stay(text: str) -> None:
    """A tail stands at the very end, with a label and a title; anything else is the article."""
    post = read(f"A title\n\nThe words.\n\n{text}")

    assert post.extra == {}
    assert " ".join(text.replace(":", "").split()) in " ".join(post.body.replace("##", "").split())


def test_only_one_block_a_side_is_taken_off() -> None:
    """A second block of the same side is the article's own."""
    post = read("A title\n\nWords.\n\nNext\nNext\n\nOne\n\nNext\nNext\n\nTwo")

    assert post.extra == {"x-next": "Two"}
    assert post.body == "Words.\n\nNext\n\nNext\n\nOne\n"


@pytest.mark.parametrize(
    ("line", "following", "is_heading"),
    [
        ("Introduction:", "Words.", True),
        ("What the night does:", "Words.", True),
        ("Introduction:", "1. One", True),
        ("Things that help:", "1. Curtains", False),
        ("Things that help:", "• Curtains", False),
        ("Things that help:", "a) Curtains", False),
        ("Things that help:", "J. Moth said so.", True),
        ("It is dark. Then I say this:", "Words.", False),
        ("A line that goes on for much longer than any heading would ever do:", "Words.", False),
        (":", "Words.", False),
        ("What is this::", "Words.", False),
        ("No colon", "Words.", False),
    ],
)
def test_short_lines_with_a_colon_are_headings(
    line: str, following: str, is_heading: bool
) -> None:
    """A heading is one short phrase; a sentence or the lead of a list is a paragraph."""
    post = read(f"A title\n\n{line}\n\n{following}\n\nThe end.")

    assert is_heading is post.body.startswith("## ")


@pytest.mark.parametrize(
    "line",
    [
        "1. Not a list",
        "12) Nor this",
        "1986. A great year",
        "# Not a heading",
        "- Not a bullet",
        "+ Nor this",
        "--- - ---",
        "***",
        "___",
        "===",
        "+++",
        "> Not a quote",
        ": Not a definition",
        "~~~ not code",
        "snake_case and *stars* and **more**",
        "<b>bold</b> and <https://example.org>",
        "[a link](https://example.org) and ![a picture](x.png)",
        "[@c1] and [^1] and [x]: y",
        "[[wiki]] `code` ~gone~ $5 and $6 H^2^O",
        "AT&amp;T &#35; &copy; & so on",
        r"C:\posts\new \* a",
        "a | b | c",
        "Heading {#id}",
        "![x] (y) [1] \\",
    ],
)
def test_words_appear_as_written(line: str) -> None:
    """What Markdown takes for a mark is escaped, at the start of a line and inside it."""
    post = read(f"A title\n\n{line}\n\nThe end.")

    assert [line, "The end."] == shown(post.body)


@given(line=st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1))
@example(line="1.")
@example(line="&lt;")
def test_any_words_appear_as_written(line: str) -> None:
    """For whatever line, the reader sees its words."""
    post = read(f"A title\n\n{line} x\n\nThe end.")

    assert [" ".join(f"{line} x".split()), "The end."] == shown(post.body)


@given(heading=st.text(st.sampled_from("ab #*_<>[]{}\\`&;1.-"), min_size=1, max_size=40))
@example(heading="C #")
@example(heading="Sleep {#id}")
def test_any_heading_appears_as_written(heading: str) -> None:
    """A heading keeps its words too, closing hashes included."""
    post = read(f"A title\n\nx {heading}x #:\n\nThe end.")

    seen = shown(post.body)

    assert " ".join(f"x {heading}x #".split()) == seen[0].removesuffix(":")


def test_numbers_in_the_text_are_mentions() -> None:
    """Where the page does say which sentence a citation belongs to, it is kept there."""
    post = read(
        "A title\n\nDark [1, 3], and[2](so) [1]: yes [9].\n\nThe end.\n\n"
        "References\n\n1. One\n2. Two\n3. Three\n4. Four",
    )

    assert post.body == (
        "Dark [@c1] [@c3], and[@c2]\\(so) [@c1]\\: yes \\[9\\].\n\nThe end. [@c4]\n"
    )
    assert (
        "The page does not say where each citation belongs; 1 of 4 are mentioned at the end."
        in (post.notes)
    )


def test_nothing_is_appended_when_every_citation_is_mentioned() -> None:
    """A page that mentions all its citations is left as it is."""
    post = read("A title\n\nDark [1] [2].\n\nSources:\n1. One\n2. Two")

    assert post.body == "Dark [@c1] [@c2].\n"
    assert post.notes == ()


def test_list_numbered_otherwise_is_numbered_anew() -> None:
    """Numbers that do not run from 1 are told, and tie no mention in the text."""
    post = read("A title\n\nDark [7].\n\nSources:\n7. One\n9. Two")

    assert post.body == "Dark \\[7\\]. [@c1] [@c2]\n"
    assert "The citations are not numbered from 1 without gaps; they were numbered anew." in (
        post.notes
    )


def test_citation_may_run_over_lines_and_text_may_follow() -> None:
    """A line right below a citation continues it; what stands apart belongs to the article."""
    post = read(
        "A title\n\nDark.\n\nSources:\n\n[1] Moth A.\nLamps and moths.\n\n[2] Two\n\n"
        "Written for a friend.\n\n3. Not a source",
    )

    assert post.references == {"c1": {"text": "Moth A. Lamps and moths."}, "c2": {"text": "Two"}}
    assert post.body == "Dark. [@c1] [@c2]\n\nWritten for a friend.\n\n3\\. Not a source\n"
    assert "The text below the citations was put above them." in post.notes


def test_list_without_numbers_is_kept_as_text() -> None:
    """A list that is not numbered is not guessed at."""
    post = read("A title\n\nDark.\n\nCitations:\n\nMoth A.")

    assert post.body == "Dark.\n\n## Citations\n\nMoth A.\n"
    assert post.references == {}
    assert post.notes == ("The list of citations is not numbered and was kept as text.",)


@pytest.mark.parametrize(
    "text", ["A title\n\nSources:\n1. One", "A title\n\nIntro:\n\nSources:\n1. One"]
)
def test_mentions_never_join_a_heading(text: str) -> None:
    """Without a paragraph to end, the mentions are one of their own."""
    post = read(text)

    assert post.body.endswith("[@c1]\n")
    assert post.body.strip().splitlines()[-1] == "[@c1]"


@pytest.mark.parametrize(
    ("item", "reference"),
    [
        ("https://EXAMPLE.org", {"text": "example.org", "url": "https://EXAMPLE.org"}),
        (
            "http://www.example.org/a%20b/?q=1#top",
            {"text": "example.org/a b", "url": "http://www.example.org/a%20b/?q=1#top"},
        ),
        (
            "https://example.org/%FF",
            {"text": "https://example.org/%FF"},
        ),
        (
            "https://example.org/%00",
            {"text": "example.org/%00", "url": "https://example.org/%00"},
        ),
        ("https://[half", {"text": "https://[half"}),
        ("https:///path", {"text": "https:///path"}),
        ("Moth (https://example.org/a).", {"text": "Moth", "url": "https://example.org/a"}),
        (
            "Moth, https://example.org/a_(b), p. 3",
            {"text": "Moth, https://example.org/a_(b), p. 3", "url": "https://example.org/a_(b)"},
        ),
        ("https://example.org/" + "x" * 3000, {"text": "https://example.org/" + "x" * 3000}),
    ],
)
def test_reference_has_words_and_an_address(item: str, reference: dict[str, str]) -> None:
    """An address alone becomes host and path; words keep their own; what leads nowhere is words."""
    post = read(f"A title\n\nDark.\n\nSources:\n1. {item}")

    assert reference == post.references["c1"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Größe & Mut", "grosse-mut"),
        ("It's \u2018Fine\u2019: 5 Ways", "its-fine-5-ways"),
        ("word " * 30, "word-" * 15 + "word"),
        ("w" * 200, "w" * 80),
    ],
)
def test_slug_is_plain_words_of_the_title(title: str, slug: str) -> None:
    """A slug is lower-case ASCII, cut between words."""
    assert slug == read(f"{title}\n\nWords.").slug


def test_slug_of_a_title_without_latin_letters_is_of_its_source() -> None:
    """Where nothing of the title can stand in a path, the source's hash does."""
    post = read("眠り\n\nWords.")

    assert f"post-{post.source_sha256[:8]}" == post.slug


def test_invisible_characters_are_taken_out_and_told() -> None:
    """What XML refuses or nobody sees leaves the text; words, joiners and line breaks stay."""
    post = read("\ufeffA ti\u00adtle\n\nWo\x07rds\ufffe and\x0bmore 👩\u200d⚕️.\n")

    assert post.title == "A title"
    assert post.body == "Words and\n\nmore 👩\u200d⚕️.\n"
    assert post.notes == ("3 invisible or control characters were taken out.",)


def test_windows_text_is_read_with_a_note() -> None:
    """A file that is not UTF-8 is read as Windows-1252, and that is said."""
    post = read_page_text("Caf\xe9\r\n\r\nIt\x92s dark.\r\n".encode("latin-1"), "page.txt")

    assert post.title == "Café"
    assert post.body == "It\N{RIGHT SINGLE QUOTATION MARK}s dark.\n"
    assert post.notes == ("The file is not UTF-8; it was read as Windows-1252.",)


@pytest.mark.parametrize(
    ("data", "code", "line", "got"),
    [
        (b"", "import.empty", None, "an empty file"),
        (b"\xef\xbb\xbf \n\n", "import.empty", None, "an empty file"),
        (b"a" * 5_000_001, "import.size", None, "5.0 MB"),
        (b"A title\n\nwo\0rds", "import.binary", 3, "a NUL byte"),
        (b"A title\n\x81", "import.encoding", 2, "the byte 0x81"),
        ("\u200b\n".encode(), "import.page_text", 1, "only invisible characters"),
        (b"\nIntroduction:\n\nWords.", "import.page_text", 2, 'the heading "Introduction:"'),
        (b"w" * 301 + b"\n\nWords.", "import.page_text", 1, "a line of 301 characters"),
        (b"A title\n\n\n", "import.page_text", 1, "a title alone"),
        (b"A title\n\nNext\nNext\n\nTwo", "import.page_text", 1, "a title alone"),
    ],
)
def test_bad_input_is_one_clear_problem(
    data: bytes, code: str, line: int | None, got: str
) -> None:
    """A file that cannot be used is refused with where, what was expected, and what was got."""
    problem = refusal(data)

    assert (code, line, got) == (problem.code, problem.line, problem.got)
    assert problem.expected


@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_post_or_a_problem(data: bytes) -> None:
    """Whatever the file, the answer is the same post each time, or a problem."""
    assert answer(data) == answer(data)


def answer(data: bytes) -> ImportedPost | tuple[str, ...]:
    try:
        return read_page_text(data, "page.txt")
    except ContentError as error:
        return tuple(problem.as_text() for problem in error.problems)


@pytest.mark.no_cover
@settings(max_examples=8)
@given(line=st.sampled_from(["sources", "1. x", "[1", "x", "next", ") https://x.y/" + ")" * 50]))
def test_time_grows_with_the_length_only(line: str) -> None:
    """A file made to be slow is read long before a test is ended for its time."""
    read(f"A title\n\nsources\n1. x\n{line}\n" + f"{line}\n" * 50_000)


@pytest.mark.parametrize(
    ("name", "data", "format_name"),
    [
        ("page.txt", PAGE.encode(), "page-text"),
        ("000_0f56.TXT", b"\xef\xbb\xbf\r\nA title\r\n", "page-text"),
        ("page.text", b"", "page-text"),
        ("title.txt", b"Email, anxiety and you\n\nWords.", "page-text"),
        ("list.csv", b"anything", "subscribers-csv"),
        ("list.tsv", b"", "subscribers-csv"),
        ("list.txt", b"Name;E-Mail\nAda;ada@example.org", "subscribers-csv"),
        ("list.txt", b'"Email Address"\r\n\r\nada@example.org', "subscribers-csv"),
        ("page.txt", b"<html><body>", None),
        ("page.txt", b'{"data": 1}', None),
        ("post.txt", b"---\ntitle: x\n---\n", None),
        ("page.html", PAGE.encode(), None),
        ("page", PAGE.encode(), None),
    ],
)
def test_format_is_recognised_by_name_and_beginning(
    name: str,
    data: bytes,
    format_name: str | None,
) -> None:
    """A file is known by its ending and how it begins; where nothing fits, nothing is guessed."""
    assert format_name == recognise(name, data)


def test_real_pages_keep_every_word() -> None:
    """Of each real article page every word is in the post, and each citation is mentioned once."""
    for path in sorted(SEEDS.glob("*.txt")):
        data = path.read_bytes()

        post = read_page_text(data, path.name)

        mentions = re.findall(r"\[@(\w+)\]", post.body)
        numbers = {str(number) for number, _ in enumerate(mentions, 1)}
        written = set(re.findall(r"\w+", data.decode()))
        assert recognise(path.name, data) == "page-text"
        assert list(post.references) == mentions
        assert written - words_of(post) <= {"Citations", "Previous", "Next"} | numbers


def words_of(post: ImportedPost) -> set[str]:
    """Return every word that the post has anywhere."""
    texts = [*shown(re.sub(r" \[@\w+\]", "", post.body)), post.title, *post.extra.values()]
    texts += [text for reference in post.references.values() for text in reference.values()]
    return set(re.findall(r"\w+", " ".join(texts)))
