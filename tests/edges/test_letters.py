"""Letters: readable everywhere, the same bytes every time, and never a request to anyone."""

from __future__ import annotations

import logging
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cssutils
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from publisher.errors import ContentError
from publisher.letters import TOKENS, Letters, content_sha256, letter_key, plain_text
from publisher.letters.contents import ListLine, find_starts, list_series, name_sender, spell_date
from publisher.letters.markup import find_faults, fit, inline, weigh
from publisher.letters.plain import columns, underline, wrap
from publisher.look import contrast, palette
from publisher.model import CorrectedPost, EditionContent, Letter, LetterPost, Link, SeriesLine
from publisher.preflight import BUDGET, WAYS_OUT_WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lxml.html import HtmlElement

TEMPLATES = Path(__file__).parents[2] / "templates"
SITE = "https://letters.example.org"

BODY = """<h2>What the trial did</h2><p>People chose between <a href="https://example.org/">running</a>
and a <strong>drug</strong>.<sup class="note"><a href="#note-1" id="mention-1">1</a></sup></p>
<ul><li>One</li></ul><h3>Small</h3><blockquote><p>Quiet.</p></blockquote>
<table><thead><tr><th>Group</th></tr></thead><tbody><tr><td colspan="2">Running</td></tr></tbody></table>
<pre><code>a  =  1</code></pre><p><img src="https://example.org/x.png" alt="A path"></p><hr>"""


def make_lines(series: str, titles: Sequence[str]) -> tuple[SeriesLine, ...]:
    return tuple(
        SeriesLine(
            number=number,
            title=title,
            url=f"{SITE}/{series}/{number}/" if title else "",
            post_id=f"urn:{series}:{number}" if title else "",
        )
        for number, title in enumerate(titles, 1)
    )


MOOD = make_lines("mood", ["A guide to sertraline", "Ketamine", "Exercise and mood", "", "", ""])
SLEEP = make_lines("sleep", ["Why worry gets louder at night", ""])
GRIEF = make_lines("grief", [f"Letter {number}" for number in range(1, 15)] + ["", ""])


def make_post(series: str, lines: Sequence[SeriesLine], number: int, **changes: Any) -> LetterPost:
    line = lines[number - 1]
    before = lines[number - 2] if number > 1 else None
    after = lines[number] if number < len(lines) and lines[number].url else None
    values: dict[str, Any] = {
        "post_id": line.post_id,
        "path": f"{series}/{number}.md",
        "source_sha256": "0" * 64,
        "title": line.title,
        "url": line.url,
        "summary": f"The summary of {line.title}.",
        "html": "",
        "text": "",
        "words": 1400,
        "series": series,
        "series_title": f"On {series}",
        "series_url": f"{SITE}/{series}/",
        "part": number,
        "total": len(lines),
        "previous": Link(title=before.title, url=before.url) if before else None,
        "next": Link(title=after.title, url=after.url) if after else None,
        "lines": tuple(lines),
        "authors": ("Anna Berg, MD",),
    }
    return LetterPost(**(values | changes))


def make_loose(name: str = "loose", **changes: Any) -> LetterPost:
    values: dict[str, Any] = {
        "post_id": f"urn:{name}",
        "path": f"{name}.md",
        "source_sha256": "1" * 64,
        "title": "Our practice moves",
        "url": f"{SITE}/{name}/",
        "summary": "To number 40.",
        "html": "",
        "text": "",
        "words": 0,
    }
    return LetterPost(**(values | changes))


POSTS = (
    make_post("mood", MOOD, 3),
    make_post("sleep", SLEEP, 1),
    make_post("grief", GRIEF, 8),
    make_post("grief", GRIEF, 9),
    make_loose(),
)


def make_content(*posts: LetterPost, **changes: Any) -> EditionContent:
    values: dict[str, Any] = {
        "digest": "weekly",
        "number": 12,
        "rehearsal": False,
        "title": "Weekly letter",
        "dated_on": "2026-11-24",
        "subject": "Weekly letter: Exercise and mood",
        "discreet_subject": "Your weekly reading",
        "preheader": "Both helped about as many.",
        "intro": "Two new parts.\n\nRead them slowly.",
        "posts": posts or POSTS,
        "site_name": "Riverside Letters",
        "site_url": SITE,
        "language": "en-US",
        "author": "Riverside Psychiatry",
        "accent": "#0b5c6e",
        "notice": "General information, not medical advice.",
        "crisis": "In the US call or text 988.",
        "postal_address": "12 River Street\nPhiladelphia, PA 19103",
        "web_url": f"{SITE}/editions/weekly/12/",
        "audience_rule": "everyone",
        "templates_sha256": "2" * 64,
    }
    return EditionContent(**(values | changes))


def render(*posts: LetterPost, **changes: Any) -> Letter:
    content = make_content(*posts, **changes)
    return shipped().render(content, [post.post_id for post in content.posts])


@cache
def shipped() -> Letters:
    return Letters([TEMPLATES])


def parse(letter: Letter) -> HtmlElement:
    return lxml_html.document_fromstring(letter.html)


def texts(document: HtmlElement, path: str) -> list[str]:
    return [" ".join(element.text_content().split()) for element in document.findall(path)]


def hrefs(document: HtmlElement) -> list[str]:
    return [element.get("href") or "" for element in document.iter("a")]


def override(folder: Path, name: str, source: str) -> Letters:
    path = folder / "letters" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    return Letters([folder, TEMPLATES])


def refusal(letters: Letters, content: EditionContent | None = None) -> ContentError:
    content = content or make_content()
    with pytest.raises(ContentError) as caught:
        letters.render(content, [post.post_id for post in content.posts])
    return caught.value


@contextmanager
def listening() -> Iterator[tuple[str, list[bool]]]:
    """Give an address on loopback, and afterwards whether anyone came."""
    visits: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x", visits
        try:
            server.accept()[0].close()
            visits.append(True)
        except BlockingIOError:
            pass


# ------------------------------------------------------------------------- one letter, one value


def test_letter_has_every_token_once() -> None:
    """Each open place is in the HTML once, and in the text once but for the preheader."""
    letter = render()

    assert [letter.html.count(token) for token in TOKENS] == [1, 1, 1, 1]
    assert [letter.text.count(token) for token in TOKENS] == [1, 1, 1, 0]


def test_letter_follows_the_order_of_the_edition() -> None:
    """The set of posts makes the letter, not the order or number of times it is asked for."""
    letters, content = Letters([TEMPLATES]), make_content()

    one = letters.render(content, ["urn:loose", "urn:mood:3", "urn:loose"])
    other = letters.render(content, ["urn:mood:3", "urn:loose"])

    assert one == other
    assert one.post_ids == ("urn:mood:3", "urn:loose")
    assert one.key == letter_key(["urn:mood:3", "urn:loose"]) != letter_key(["urn:loose"])


def test_letter_is_a_pure_function() -> None:
    """The same content gives the same bytes, from other instances and from threads at once."""
    first = render()
    ids = [post.post_id for post in POSTS]

    with ThreadPoolExecutor(4) as pool:
        others = list(
            pool.map(lambda _: Letters([TEMPLATES]).render(make_content(), ids), range(12))
        )

    assert all(other == first for other in others)


def test_letter_of_a_rehearsal_is_the_letter() -> None:
    """A rehearsal, the subject and the audience leave no trace in a letter."""
    expected = render()

    actual = render(
        rehearsal=True, subject="x", discreet_subject="y", preheader="z", audience_rule="w"
    )

    assert expected == actual


@pytest.mark.parametrize("post_ids", [[], ["urn:mood:3", "urn:stranger"]])
def test_letter_needs_posts_of_its_edition(post_ids: list[str]) -> None:
    """An empty set and a post of another edition are refused."""
    with pytest.raises(ContentError) as caught:
        Letters([TEMPLATES]).render(make_content(), post_ids)

    assert caught.value.problems[0].code == "letter.posts"


def test_content_sha256_covers_everything() -> None:
    """Whatever of the content changes, its hash changes; nothing else moves it."""
    told = CorrectedPost(post_id="p", title="Sleep", url="", text="2 mg.")
    content = make_content(corrected=(told,))
    given = vars_of(content)
    changed = {
        field.name: EditionContent(**(given | {field.name: _other(given[field.name])}))
        for field in fields(content)
    }
    deeper = replace(content, posts=(replace(POSTS[0], lines=POSTS[0].lines[:2]), *POSTS[1:]))

    hashes = {content_sha256(value) for value in [content, deeper, *changed.values()]}

    assert len(hashes) == len(changed) + 2
    assert content_sha256(content) == content_sha256(EditionContent(**given))


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value + "x"
        case _:
            return ()


def vars_of(content: EditionContent) -> dict[str, Any]:
    return {field.name: getattr(content, field.name) for field in fields(content)}


# ------------------------------------------------------------------------------- the document


def test_document_is_made_for_mail_programs() -> None:
    """Doctype, language, direction, title and the switches for dark and narrow are all there."""
    letter = render()
    document = parse(letter)
    metas = {meta.get("name"): meta.get("content") for meta in document.iter("meta")}

    assert letter.html.startswith("<!DOCTYPE html>\n<html")
    assert (document.get("lang"), document.get("dir")) == ("en-US", "ltr")
    assert texts(document, "head/title") == ["Riverside Letters, Tuesday 24 November 2026"]
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert metas["x-apple-disable-message-reformatting"] == ""
    assert letter.html.count("<!--[if") == letter.html.count("<![endif]-->") == 3
    assert {table.get("role") for table in document.iter("table")} == {"presentation"}
    assert document.find(".//div[@role='article']").get("lang") == "en-US"


def test_document_is_turned_for_languages_from_right_to_left() -> None:
    """Hebrew runs from the right, and so does the margin of the series list."""
    letter = render(language="he-IL")
    document = parse(letter)

    assert document.get("dir") == "rtl"
    assert "padding-right:48px" in document.find(".//li").get("style", "")


def test_style_blocks_stay_as_written() -> None:
    """The narrow, dark and Outlook rules keep their !important and stand in blocks of their own."""
    letters, letter = Letters([TEMPLATES]), render()
    blocks = re.findall(r"<style>(.*?)</style>", letter.html, re.DOTALL)
    ours = [block for block in blocks if "font-family" not in block]

    assert len(ours) == 3
    assert "@media only screen and (max-width" in ours[0]
    assert "@media (prefers-color-scheme: dark)" in ours[1]
    assert "[data-ogsc]" in ours[2]
    assert "[data-ogsc]" not in ours[0] + ours[1]
    assert all("!important" in block and len(block) < 8192 for block in ours)
    assert letters.fingerprint == Letters([TEMPLATES]).fingerprint


def test_style_is_literal() -> None:
    """Every colour is written out in six digits, and nothing waits for a variable."""
    letter = render(accent="#AA3300")
    styles = " ".join(element.get("style") or "" for element in parse(letter).iter("*"))

    assert "var(" not in letter.html
    assert set(map(len, re.findall(r"#[0-9a-fA-F]+\b", styles))) == {7}
    assert palette("#AA3300").light.accent in styles


def test_style_is_understood(caplog: pytest.LogCaptureFixture) -> None:
    """The style sheet is parsed without a word of warning."""
    page, _ = Letters([TEMPLATES])._compose(make_content(), POSTS)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[-1]

    cssutils.log.addHandler(caplog.handler)
    cssutils.log.setLevel(logging.WARNING)
    cssutils.parseString(style, validate=False)
    cssutils.log.removeHandler(caplog.handler)

    assert "font-family" in style
    assert caplog.records == []


def test_text_can_be_read_in_both_schemes() -> None:
    """Everything that is text has 4.5:1 on paper and on the ground of a new line."""
    for colours in (palette("#0b5c6e").light, palette("#0b5c6e").dark):
        assert contrast(colours.ink, colours.paper) >= 10
        assert contrast(colours.quiet, colours.paper) >= 4.5
        assert contrast(colours.accent, colours.paper) >= 4.5
        assert contrast(colours.ink, colours.accent_soft) >= 4.5
        assert contrast(colours.accent, colours.accent_soft) >= 4.5


@pytest.mark.parametrize("accent", ["#0b5c6e", "#ff9900", "#00ff00", "#202020"])
def test_text_can_be_read_when_colours_are_turned_round(accent: str) -> None:
    """Mail programs that invert a letter by force leave 4.5:1, whatever the accent."""

    def inverted(colour: str) -> str:
        return f"#{0xFFFFFF ^ int(colour[1:], 16):06x}"

    light = palette(accent).light
    for text in (light.ink, light.quiet, light.accent):
        assert contrast(inverted(text), inverted(light.paper)) >= 4.5


def test_letter_of_ten_summaries_stays_small() -> None:
    """Ten summaries with their lists stay far from the size at which Gmail clips."""
    posts = [
        make_post(
            f"s{n}", make_lines(f"s{n}", [f"A title of usual length {m}" for m in range(9)]), 5
        )
        for n in range(10)
    ]

    letter = render(*(replace(post, summary="A summary of four lines. " * 10) for post in posts))

    assert len(letter.html.encode()) < 90_000


def test_preheader_is_first_and_hidden() -> None:
    """What a list of mails shows is the preheader, then room; a reader never sees it."""
    first = parse(render()).find("body/*")

    assert first.get("style", "").startswith("display:none;")
    assert first.text_content().startswith("@@PREHEADER@@\u034f\u200c\u00a0")
    assert "\u034f" not in render().text


# ------------------------------------------------------------------------------ the byte budget


def make_long(number: int, letters: int, **changes: Any) -> LetterPost:
    """A post of its own series with a full text of about so many letters."""
    words = f"<p>{'Slow words. ' * (letters // 12)}</p>"
    lines = make_lines(f"s{number}", ["One", "Two"])
    return make_post(
        f"s{number}", lines, 2, **({"html": words, "text": f"LONG {number}"} | changes)
    )


def test_long_texts_give_way_to_summaries() -> None:
    """The longest text gives way first, of equal ones the later, and no more than must."""
    sizes = (35_000, 9_000, 40_000, 35_000, 9_000)
    posts = [make_long(number, size) for number, size in enumerate(sizes)]

    letter = render(*posts)

    kept = [f"LONG {number}" in letter.text for number in range(5)]
    assert kept == [True, True, False, False, True]
    assert 60_000 < len(letter.html.encode()) <= BUDGET
    assert texts(parse(letter), ".//h2") == ["Two"] * 5
    assert "The summary of Two." in letter.html
    assert "The summary of Two." in letter.text


def test_summaries_give_way_to_links() -> None:
    """Where summaries are too long for a letter, titles, links and series lists stay."""
    posts = [make_long(n, 60_000, summary=f"Summary {n}. " * 1_500) for n in range(10)]

    letter = render(*posts)

    document = parse(letter)
    assert len(letter.html.encode()) <= BUDGET
    assert [n for n in range(10) if f"Summary {n}." in letter.html] == [0, 1, 2]
    assert [n for n in range(10) if f"Summary {n}." in letter.text] == [0, 1, 2]
    assert len(document.findall(".//ul")) == 10
    assert {f"{SITE}/s{n}/2/" for n in range(10)} <= set(hrefs(document))
    assert letter.html.rstrip().endswith("</html>")


def test_last_blocks_are_never_cut() -> None:
    """However much there is, the letter ends with notice, reason, ways out and address."""
    letter = render(*(make_long(n, 200_000, summary="Much. " * 5_000) for n in range(10)))

    for part in (letter.html, letter.text):
        ends = [
            part.rindex(word) for word in ("988", "@@REASON@@", "@@UNSUBSCRIBE_URL@@", "19103")
        ]
        assert ends == sorted(ends)
    assert len(letter.html.encode()) <= BUDGET


def test_long_letter_has_its_ways_out_early() -> None:
    """Beyond 60,000 octets the links to leave stand at the beginning too; the text needs them once."""
    short, long = render(make_long(1, 20_000)), render(make_long(1, 70_000))

    assert short.html.count("@@UNSUBSCRIBE_URL@@") == short.html.count("@@PREFERENCES_URL@@") == 1
    assert long.html.count("@@UNSUBSCRIBE_URL@@") == long.html.count("@@PREFERENCES_URL@@") == 2
    assert len(long.html.partition("@@UNSUBSCRIBE_URL@@")[0].encode()) < WAYS_OUT_WITHIN
    assert [long.text.count(token) for token in TOKENS] == [1, 1, 1, 0]


@given(
    sizes=st.lists(st.integers(0, 60_000), min_size=1, max_size=6),
    letters=st.sampled_from(
        ["Slow words. ", "Слова. ", "<b>b</b> <a href='https://a.example/'>a</a> "]
    ),
)
@settings(max_examples=12, deadline=None)
def test_letter_is_composed_to_its_budget(sizes: list[int], letters: str) -> None:
    """Whatever the texts, the inlined letter stays within its budget."""
    posts = [
        make_long(at, 0, html=f"<p>{letters * (size // len(letters))}</p>")
        for at, size in enumerate(sizes)
    ]

    assert len(render(*posts).html.encode()) <= BUDGET


def test_weight_is_known_before_inlining() -> None:
    """The estimate is never less than the truth, and not much more, whatever a letter has."""
    for posts in (POSTS, [replace(post, html=BODY * 5, text="x") for post in POSTS]):
        page, _ = shipped()._compose(make_content(*posts), tuple(posts))
        octets = len(inline(page).encode())

        assert octets <= weigh(page) <= 1.05 * octets


def test_style_is_inlined_once_a_letter(inlinings: list[str]) -> None:
    """The costly step runs once, even for a letter that is shortened in many steps or asked for again."""
    posts = [make_long(n, 60_000, summary="Much. " * 3_000) for n in range(10)]
    letters, content = Letters([TEMPLATES]), make_content(*posts)
    ids = [post.post_id for post in posts]

    one, again = letters.render(content, ids), letters.render(content, ids[::-1])

    assert one == again
    assert len(inlinings) == 1


# -------------------------------------------------------------------------------- what it says


def test_headings_are_in_order() -> None:
    """The site is the h1, each post an h2, a post's own headings start at h3."""
    document = parse(render(replace(POSTS[0], html=BODY, text="x"), POSTS[1]))
    levels = [element.tag for element in document.iter("h1", "h2", "h3", "h4", "h5", "h6")]

    assert levels == ["h1", "h2", "h3", "h4", "h2"]
    assert texts(document, ".//h1") == ["Riverside Letters"]


def test_item_says_where_it_stands_and_where_it_leads() -> None:
    """A part names series and place, links both, and its own link says what is behind it."""
    document = parse(render(POSTS[0]))
    links = {" ".join(a.text_content().split()): a.get("href") for a in document.iter("a")}

    assert "On mood · Part 3 of 6" in texts(document, ".//p")
    assert "Anna Berg, MD · 7 minutes to read" in texts(document, ".//p")
    assert links["On mood"] == f"{SITE}/mood/"
    assert links["Exercise and mood"] == f"{SITE}/mood/3/"
    assert links["Read part 3: Exercise and mood"] == f"{SITE}/mood/3/"
    assert links["Change what you get"] == "@@PREFERENCES_URL@@"
    assert links["Unsubscribe"] == "@@UNSUBSCRIBE_URL@@"
    assert links["Read this on the web"] == f"{SITE}/editions/weekly/12/"


def test_item_of_no_series_stands_alone() -> None:
    """A loose post has a title, a text and one link; no place, no list, no time without words."""
    document = parse(render(make_loose()))

    assert texts(document, ".//h2/..//a")[:2] == ["Our practice moves", "Read: Our practice moves"]
    assert document.find(".//ul") is None
    assert "minute" not in document.text_content()


def test_item_warns_and_corrects() -> None:
    """What a post mentions that may hurt, and what was wrong before, stand above its text."""
    letter = render(make_loose(warnings=("self-harm", "loss"), correction="It is 12.", words=1))
    byline = parse(letter).find(".//h2/../p")

    assert list(byline.itertext()) == [
        "1 minute to read",
        "This mentions self-harm, loss.",
        "Corrected: It is 12.",
    ]
    assert "This mentions self-harm, loss.\nCorrected: It is 12.\n" in letter.text


def test_part_without_a_total_or_a_number_says_what_is_known() -> None:
    """A part of an unknown total is a part; a post of a series without a place names the series."""
    open_ended = parse(render(replace(POSTS[0], total=None)))
    unplaced = parse(render(replace(POSTS[0], part=None)))

    assert "On mood · Part 3" in texts(open_ended, ".//p")
    assert "On mood" in texts(unplaced, ".//p")


def test_list_shows_new_published_and_coming_parts() -> None:
    """The new part is bold and says new, the others are links, what is to come is text."""
    document = parse(render(POSTS[0]))
    lines = document.findall(".//ul/li")

    assert texts(document, ".//ul/li") == [
        "1 A guide to sertraline",
        "2 Ketamine",
        "3 Exercise and mood new",
        "4\u20136 coming",
    ]
    assert [bool(line.findall("strong")) for line in lines] == [False, False, True, False]
    assert [len(line.findall(".//a")) for line in lines] == [1, 1, 1, 0]


def test_list_stands_once_under_the_last_of_its_series() -> None:
    """Two parts of one series in a letter share one list, where both are new."""
    document = parse(render(POSTS[2], POSTS[1], POSTS[3]))
    lists = document.findall(".//ul")

    assert len(lists) == 2
    assert [line for line in texts(document, ".//ul/li") if line.endswith("new")] == [
        "1 Why worry gets louder at night new",
        "8 Letter 8 new",
        "9 Letter 9 new",
    ]
    assert texts(document, ".//h2")[-1] == "Letter 9"


def test_long_list_is_a_window() -> None:
    """Of a long series the first, two around each new part and the last are shown."""
    lines = list_series(GRIEF, {"urn:grief:8", "urn:grief:9"})

    assert [line.number for line in lines] == [
        "1",
        "…",
        "6",
        "7",
        "8",
        "9",
        "10",
        "11",
        "…",
        "15\u201316",
    ]
    assert [line.title for line in lines if line.number == "…"] == ["4 more", "3 more"]


@given(
    published=st.integers(1, 40),
    coming=st.integers(0, 20),
    new=st.sets(st.integers(1, 40), max_size=4),
)
def test_list_is_never_long_and_hides_nothing_new(
    published: int, coming: int, new: set[int]
) -> None:
    """Whatever is new is shown with its neighbours, in order, and what is hidden is counted."""
    lines = make_lines("s", [f"Part {n}" for n in range(1, published + 1)] + [""] * coming)
    fresh = {f"urn:s:{number}" for number in new}

    shown = list_series(lines, fresh)

    numbers = [int(line.number) for line in shown if line.number.isdigit()]
    hidden = sum(int(line.title.split()[0]) for line in shown if line.number == "…")
    wanted = {m for n in new if n <= published for m in range(n - 2, n + 3) if 1 <= m <= published}
    assert numbers == sorted(numbers)
    assert wanted | {1} <= set(numbers)
    assert len(shown) - sum(line.number == "…" for line in shown) + hidden == published + (
        coming > 0
    )
    assert len(shown) <= max(9, 5 * len(new) + len(new) + 5)


def test_list_names_a_part_that_is_announced() -> None:
    """A part still to come that has a title already is named, unlinked."""
    lines = (*MOOD[:1], SeriesLine(number=2, title="Sleep", url="", post_id=""), *MOOD[3:4])

    assert list_series(lines, {""})[1:] == (
        ListLine(number="2", title="Sleep, coming"),
        ListLine(number="4", title="coming"),
    )


def test_neighbours_outside_the_list_are_linked() -> None:
    """A previous or next part that the list does not show has a link that says which it is."""
    post = replace(
        POSTS[2],
        previous=Link(title="Letter 3", url=f"{SITE}/grief/3/"),
        next=Link(title="The sequel", url=f"{SITE}/sequel/1/"),
    )
    letter = render(post)

    links = {a.text_content(): a.get("href") for a in parse(letter).iter("a")}

    assert links["Part 3: Letter 3"] == f"{SITE}/grief/3/"
    assert links["Next: The sequel"] == f"{SITE}/sequel/1/"
    assert f"Part 3: Letter 3\n{SITE}/grief/3/\n" in letter.text


def test_neighbours_are_always_linked() -> None:
    """Wherever a post stands, its letter links the parts before and after."""
    for number in range(1, 15):
        post = make_post("grief", GRIEF, number)
        letter = render(post)
        wanted = {link.url for link in (post.previous, post.next) if link}

        assert wanted <= set(hrefs(parse(letter)))
        assert all(url in letter.text for url in wanted)


def test_newcomers_are_led_to_part_one() -> None:
    """A series of which the letter has later parts only can be started from part 1."""
    document = parse(render())
    starts = {
        a.text_content(): a.get("href") for a in document.iter("a") if a.text.startswith("Start")
    }

    assert starts == {
        "Start “On mood” from part 1": f"{SITE}/mood/1/",
        "Start “On grief” from part 1": f"{SITE}/grief/1/",
    }


def test_who_knows_part_one_is_not_led_there() -> None:
    """Readers who have part 1 of a series get another letter, which offers the other series only."""
    content, ids = make_content(), [post.post_id for post in POSTS]
    letter = shipped().render(content, ids, known=["urn:mood:1"])

    assert "Start “On mood” from part 1" not in letter.html + letter.text
    assert "Start “On grief” from part 1" in letter.html
    assert letter.key == letter_key(ids, ["urn:mood:1"]) != letter_key(ids)
    assert letter.post_ids == tuple(ids)


def test_newcomers_are_led_nowhere_in_vain() -> None:
    """With part 1 in the letter, taken back, or no series at all there is nothing to start."""
    withdrawn = replace(POSTS[0], lines=MOOD[1:])

    assert find_starts([POSTS[1]]) == find_starts([withdrawn]) == find_starts([POSTS[4]]) == ()
    assert find_starts([POSTS[3], make_post("grief", GRIEF, 1)]) == ()
    assert "Missed the beginning?" not in render(POSTS[1]).html


def test_foot_says_who_writes_and_why() -> None:
    """Notice, crisis line, reason, sender and postal address end the letter, in this order."""
    letter = render()
    wanted = ["988", "@@REASON@@", "Unsubscribe", "Riverside Psychiatry", "Philadelphia, PA 19103"]

    places = [[part.index(word) for word in wanted] for part in (letter.html, letter.text)]

    assert places == [sorted(place) for place in places]


def test_foot_leaves_out_what_a_site_has_not() -> None:
    """Without notice, crisis line, intro, address or page on the web nothing empty is left."""
    letter = render(
        make_loose(), notice="", crisis="", intro=" \n ", postal_address="", web_url="", author=""
    )

    assert not [p for p in parse(letter).iter("p", "td") if not p.text_content().strip()]
    assert letter.text.endswith("@@UNSUBSCRIBE_URL@@\n\nRiverside Letters\n")
    assert "web" not in letter.text


def test_sender_is_named_once() -> None:
    """A postal address that begins with the author's name is not preceded by it."""
    content = make_content(postal_address="Riverside Psychiatry, 12 River Street")

    assert name_sender(content) == ("Riverside Psychiatry, 12 River Street",)


def test_course_goes_by_its_title() -> None:
    """An edition of a course is a day's work: readers see no number of it."""
    letter = render(digest="course:mood", title="On mood")

    assert "On mood · Tuesday 24 November 2026" in letter.html
    assert letter.text.splitlines()[2] == "On mood · Tuesday 24 November 2026"


@given(st.dates())
def test_dates_are_spelled_without_a_locale(day: Any) -> None:
    """A date reads weekday, day, month and year in full."""
    assert re.fullmatch(
        r"[MTWFS]\w+day [1-9]\d? [A-Z][a-z]{2,8} \d{1,4}", spell_date(day.isoformat())
    )


# -------------------------------------------------------------------------- hostile or odd input


def test_text_is_escaped_in_html_and_verbatim_in_text() -> None:
    """Markup in a title is text: never an element, and never an entity in the plain text."""
    title = "<script>alert(1)</script> & “quotes” 'n' \"more\""
    letter = render(make_loose(title=title))

    assert parse(letter).findall(".//script") == []
    assert texts(parse(letter), ".//h2") == [title]
    assert f"{title}\n====" in letter.text


def test_tokens_in_a_text_stay_text() -> None:
    """A post that mentions a token does not open one more place in the letter."""
    letter = render(make_loose(summary="Write @@UNSUBSCRIBE_URL@@ or @@NONE@@, or a@@b."))

    assert letter.html.count("@@UNSUBSCRIBE_URL@@") == 1
    assert "@\u2060@UNSUBSCRIBE_URL@@" in letter.text
    assert "a@@b" in letter.html


@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
@settings(max_examples=40, deadline=None)
def test_letter_takes_any_text(title: str, summary: str) -> None:
    """No text, whatever its characters, breaks a letter or leaves what UTF-8 cannot write."""
    letter = render(make_loose(title=title, summary=summary, text=summary), intro=summary)

    assert letter.html.encode() and letter.text.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f]", letter.html + letter.text)


HOSTILE = """<p style="background:url({0})" class="page" onclick="x()">One <a href="javascript:x()">two</a>
<a href="{0}" style="color:red">three</a></p></td></table><script src="{0}"></script>
<link rel="stylesheet" href="{0}"><style>@import url({0}); p{{color:red}}</style><img src="{0}" alt="">
<img src="{0}" srcset="{0} 2x" alt="Four"><iframe src="{0}">five</iframe><video poster="{0}">six</video>
<table background="{0}"><tr><td background="{0}">Seven</td></tr></table><custom-x><b>Eight</b></custom-x>
<!--[if mso]><v:fill src="{0}"><![endif]--><form action="{0}"><input type="image" src="{0}"></form>
<h1 id="note-1">Nine</h1><p style="p">Ten</p><svg><image href="{0}"/></svg>Eleven"""


def test_hostile_post_loads_and_runs_nothing() -> None:
    """Of a post only plain elements reach the letter, whoever sanitised it before; nobody is asked."""
    with listening() as (url, visits):
        letter = render(make_loose(html=HOSTILE.format(url), text="x"))
    document = parse(letter)
    body = document.find(".//div[@class='body serif ink']")
    attributes = {(e.tag, name) for e in body.iter("*") for name in e.keys()}  # noqa: SIM118

    assert visits == []
    assert {name for _, name in attributes} <= {"class", "style", "href"}
    assert [a.get("href") for a in body.iter("a")] == [url]
    assert (
        " ".join(body.text_content().split())
        == "One two three [Image: Four] SevenEight NineTenEleven"
    )
    assert list(document.iter("img", "link", "script", "iframe", "form")) == []
    assert url not in letter.html.replace(f'href="{url}"', "")


def test_fit_keeps_the_shape_of_a_post() -> None:
    """Lists, quotes, tables, code and numbers of notes stay; anchors and pictures become words."""
    fitted = str(fit("Loose &amp; free" + BODY))

    assert fitted.startswith("Loose &amp; free<h3>What the trial did</h3>")
    assert '<a href="https://example.org/" class="accent">running</a>' in fitted
    assert "<sup>1</sup>" in fitted
    assert '<blockquote class="rail"><p>Quiet.</p></blockquote>' in fitted
    assert '<td colspan="2" class="rule">Running</td>' in fitted
    assert '<pre class="soft"><code>a  =  1</code></pre>' in fitted
    assert "<em>[Image: A path]</em>" in fitted
    assert fit("") == ""


@pytest.mark.parametrize("before", ["", "first ", "<b>first</b> ", "<b>first</b>"])
def test_note_stands_close_to_its_word(before: str) -> None:
    """The number of a note never begins a line."""
    note = '<sup class="note"><a href="#note-1">1</a></sup>'

    assert str(fit(f"<p>{before}{note}.</p>")) == f"<p>{before.rstrip()}<sup>1</sup>.</p>"


def test_inlining_fetches_nothing() -> None:
    """Even a style that imports another is inlined without a request."""
    with listening() as (url, visits):
        page = inline(
            f"<!DOCTYPE html><html><head><style>@import url({url}); p {{ color: #ff0000 }}</style></head>"
            f'<body><link rel="stylesheet" href="{url}"><p>x</p></body></html>'
        )

    assert visits == []
    assert '<p style="color:#ff0000">' in page


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("style.css", '@import url("{0}");'),
        ("style.css", ".paper {{ background-image: url({0}) }}"),
        ("dark.css", "@IMPORT '{0}';"),
        ("item.html", '<img src="{0}" alt="">'),
        ("item.html", '<link rel="stylesheet" href="{0}">'),
        ("item.html", '<table background="{0}"></table>'),
        ("item.html", '<p style="background: URL ({0})">x</p>'),
        ("item.html", '<!--[if mso]><v:fill src="{0}"><![endif]-->'),
    ],
)
def test_template_that_loads_is_refused(tmp_path: Path, name: str, source: str) -> None:
    """A site's own template cannot make a letter ask anyone for anything, nor the build."""
    with listening() as (url, visits):
        error = refusal(override(tmp_path, name, source.format(url)))

    assert visits == []
    assert {problem.code for problem in error.problems} == {"letter.loads"}
    assert error.problems[0].path == str(TEMPLATES / "letters/letter.html")


# ------------------------------------------------------------------------- a site's own templates


def test_templates_are_overridden_one_by_one(tmp_path: Path) -> None:
    """A site's own template takes the place of the one that ships; the others stay."""
    letters = override(tmp_path, "item.txt", "\n\n\nMINE {{ item.post.title }}\n")
    letter = letters.render(make_content(), ["urn:loose"])

    assert "MINE Our practice moves\n" in letter.text
    assert letter.html == render(POSTS[4]).html


def test_style_for_a_pointer_is_let_be(tmp_path: Path) -> None:
    """A rule for links under a pointer picks nothing at rest, and spoils no letter."""
    style = (TEMPLATES / "letters/style.css").read_text(encoding="utf-8")
    letters = override(tmp_path, "style.css", style + ".read:focus-visible { color: #000000 }\n")

    letter = letters.render(make_content(), ["urn:loose"])

    assert "Our practice moves" in letter.html


def test_fingerprint_follows_what_templates_say(tmp_path: Path) -> None:
    """The fingerprint changes with a template's text and name, not with where it lies."""
    shipped = (TEMPLATES / "letters/item.txt").read_text(encoding="utf-8")
    plain = Letters([TEMPLATES]).fingerprint

    assert override(tmp_path / "same", "item.txt", shipped).fingerprint == plain
    assert override(tmp_path / "other", "item.txt", shipped + " ").fingerprint != plain
    assert override(tmp_path / "new", "deep/new.html", "").fingerprint != plain


def test_templates_are_read_once(tmp_path: Path) -> None:
    """An edit on disk reaches no letter of a run that has begun: the fingerprint stays true."""
    letters = override(tmp_path, "item.txt", "\n\n\nFIRST\n")
    override(tmp_path, "item.txt", "\n\n\nSECOND\n")

    assert "FIRST" in letters.render(make_content(), ["urn:loose"]).text


@pytest.mark.parametrize(
    ("source", "line", "got"),
    [
        ("one\n{% if %}\n", 2, "TemplateSyntaxError"),
        ("one\n\n{{ nothing }}", 3, "UndefinedError"),
        ("{{ item.post.nothing }}", 1, "UndefinedError"),
        ("\n{{ 1 / 0 }}", 2, "ZeroDivisionError"),
        ("\n{% include 'letters/none.html' %}", 2, "TemplateNotFound"),
        ("\n{% for n in range(1000000) %}{% endfor %}", 2, "OverflowError"),
        ("{{ item.post.__class__.__mro__ }}", 1, "SecurityError"),
        ("\n\n{% include 'letters/item.html' %}", 3, "RecursionError"),
        ("{{ 'a' | nothing }}", 1, "TemplateAssertionError"),
    ],
)
def test_template_that_fails_is_named(tmp_path: Path, source: str, line: int, got: str) -> None:
    """The problem names the file and the line of the template, and what went wrong there."""
    error = refusal(override(tmp_path, "item.html", source))
    problem = error.problems[0]

    assert (problem.code, problem.path) == ("letter.template", str(tmp_path / "letters/item.html"))
    assert (problem.line, problem.got.partition(":")[0]) == (line, got)


def test_template_that_never_ends_is_stopped(tmp_path: Path) -> None:
    """A template is stopped at two million characters, and named."""
    source = "{% for n in range(90000) %}{{ '0123456789' * 10 }}{% endfor %}"
    problem = refusal(override(tmp_path, "letter.html", source)).problems[0]

    assert "more than 2000000 characters" in problem.got
    assert problem.path == str(tmp_path / "letters/letter.html")


def test_template_that_is_missing_is_named(tmp_path: Path) -> None:
    """Without any templates the problem says which one was looked for."""
    problem = refusal(Letters([tmp_path])).problems[0]

    assert (problem.path, problem.got) == (
        "letters/letter.html",
        "TemplateNotFound: letters/letter.html",
    )


def test_template_in_another_encoding_is_named(tmp_path: Path) -> None:
    """A template saved in another encoding than UTF-8 is refused with file, line and byte."""
    override(tmp_path, "item.html", "")
    (tmp_path / "letters/item.html").write_bytes(b"one\ncaf\xe9")

    with pytest.raises(ContentError) as caught:
        Letters([tmp_path, TEMPLATES])

    problem = caught.value.problems[0]
    assert (problem.line, problem.got) == (2, "the byte 0xe9")
    assert problem.path == str(tmp_path / "letters/item.html")


QUIRK = '<style>p { margin: 0 }</style><p style="p">x</p>'
"""premailer keeps selectors and declarations in one cache, and takes the one for the other."""


@pytest.mark.parametrize(
    ("name", "before", "after", "code"),
    [
        ("letter.html", "{{ slots.unsubscribe_url }}", "#", "letter.token"),
        (
            "letter.html",
            "{{ slots.reason }}",
            "{{ slots.reason }}{{ slots.reason }}",
            "letter.token",
        ),
        ("letter.txt", "{{ slots.unsubscribe_url }}", "", "letter.token"),
        ("letter.html", "<!DOCTYPE html>", "<!doctype html>", "letter.doctype"),
        ("letter.html", "</body>", "<!--[if mso]>x-->\n</body>", "letter.comments"),
        ("style.css", ".line { margin: 0 }", ".line { margin: var(--x) }", "letter.style"),
        (
            "style.css",
            ".line {",
            "@media screen { @media print { p {} } } .line {",
            "letter.style",
        ),
        ("item.html", "{% set post", QUIRK + "{% set post", "letter.style"),
    ],
)
def test_template_that_breaks_a_promise_is_refused(
    tmp_path: Path, name: str, before: str, after: str, code: str
) -> None:
    """A letter without a way out, with a broken head or with style that nobody reads is refused."""
    shipped = (TEMPLATES / "letters" / name).read_text(encoding="utf-8")
    problem = refusal(override(tmp_path, name, shipped.replace(before, after))).problems[0]

    assert problem.code == code
    assert problem.hint


def test_style_block_that_inlining_changes_is_found() -> None:
    """A block that was to be left alone and came out otherwise is a fault."""
    page = '<!DOCTYPE html><style data-premailer="ignore">.a { color: #000000 }</style>'

    faults = list(find_faults(page, "<!DOCTYPE html><style>.a {}</style>", ()))

    assert [code for code, _, _ in faults] == ["letter.style"]


# ---------------------------------------------------------------------------------- plain text


def test_text_part_is_laid_out() -> None:
    """The text part has its titles underlined, its sections apart, its new parts starred."""
    letter = render(POSTS[0], POSTS[4])

    assert letter.text == LAID_OUT.replace("{dashes}", "-- ")


LAID_OUT = """\
Riverside Letters
=================
Weekly letter 12 · Tuesday 24 November 2026

Two new parts.

Read them slowly.


Exercise and mood
=================
On mood · Part 3 of 6
Anna Berg, MD · 7 minutes to read

The summary of Exercise and mood.

Read part 3:
https://letters.example.org/mood/3/

On mood:
https://letters.example.org/mood/

  1  A guide to sertraline
     https://letters.example.org/mood/1/
  2  Ketamine
     https://letters.example.org/mood/2/
* 3  Exercise and mood (new)
  4\u20136  coming


Our practice moves
==================

To number 40.

Read:
https://letters.example.org/loose/


Missed the beginning?

Start “On mood” from part 1:
https://letters.example.org/mood/1/


General information, not medical advice.

In the US call or text 988.

Read this on the web:
https://letters.example.org/editions/weekly/12/

{dashes}
@@REASON@@

Change what you get:
@@PREFERENCES_URL@@

Unsubscribe:
@@UNSUBSCRIBE_URL@@

Riverside Psychiatry
12 River Street
Philadelphia, PA 19103
"""


def test_text_part_has_every_link_of_the_html() -> None:
    """Whoever reads plain text can go wherever the HTML leads."""
    letter = render()

    assert {url for url in hrefs(parse(letter)) if url not in letter.text} == set()


def test_text_part_is_narrow() -> None:
    """No line is wider than 72 columns, unless it is one address."""
    long = "word " * 60
    letter = render(
        *(replace(post, title=long, summary=long, series_title=long) for post in POSTS),
        intro=long,
        notice=long,
        crisis=long,
        postal_address=long,
    )
    wide = [line for line in letter.text.splitlines() if columns(line) > 72]

    assert [line for line in wide if " " in line.strip()] == []


def test_text_part_keeps_the_mark_of_a_signature() -> None:
    """The two dashes and the space before what every letter has stand once, alone on their line."""
    letter = render(make_loose(summary="-- "))

    assert letter.text.split("\n").count("-- ") == 1
    assert not [
        line for line in letter.text.split("\n") if line != line.rstrip() and line != "-- "
    ]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("", ""),
        ("<p>One  two\n three</p>", "One two three"),
        ("<p>One<br>two</p>tail", "One\ntwo\n\ntail"),
        ("<p>a <b>b</b> <i>c</i>d</p>", "a b cd"),
        ("<h1>A</h1><h2>Bc</h2><h3>D</h3>", "A\n=\n\nBc\n--\n\nD\n~"),
        ('<p><a href="https://a.example/">text</a>.</p>', "text (https://a.example/)."),
        ('<p><a href="https://a.example/">a.example</a></p>', "https://a.example/"),
        ('<p><a href="https://a.example/"></a></p>', "https://a.example/"),
        ('<p><a href="mailto:a@b.example">a@b.example</a></p>', "a@b.example"),
        ('<p><a href="mailto:a@b.example">write</a></p>', "write (a@b.example)"),
        ('<p><a href="#x">here</a> <a>there</a></p>', "here there"),
        (
            f'<p>See <a href="https://a.example/{"x" * 40}">the study</a>, which <a href="https://a.example/{"y" * 40}">ends</a>.</p>',
            f"See the study,\nhttps://a.example/{'x' * 40}\nwhich ends.\nhttps://a.example/{'y' * 40}",
        ),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"),
        ('<ol start="9"><li>a</li><li value="20">b</li><li>c</li></ol>', "9. a\n20. b\n21. c"),
        ('<ol start="x"><li><p>a</p><p>b</p></li><li><p>c</p></li></ol>', "1. a\n\n   b\n\n2. c"),
        ("<ul></ul><p></p><table></table>", ""),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<pre><code>a\n  b\n\nc\n</code></pre>", "    a\n      b\n\n    c"),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "a\n    b"),
        ("<p>a</p><hr><p>b</p>", "a\n\n* * *\n\nb"),
        ('<p><img alt="A dog" src="x"> <img alt="" src="x"></p>', "[Image: A dog]"),
        ('<figure><img alt="A" src="x"><figcaption>B</figcaption></figure>', "[Image: A]\n\nB"),
        ('<p>a<sup class="note"><a href="https://x.example/#n">1</a></sup></p>', "a[1]"),
        ("<p>10<sup>2</sup> 1<sup>st</sup> H<sub>2</sub>O</p>", "10^2 1st H2O"),
        (
            "<table><caption>T</caption><thead><tr><th>A</th><th>B</th></tr></thead><tr><td>1</td><td>2 <b>3</b></td></tr></table>",
            "T\nA | B\n-----\n1 | 2 3",
        ),
        ("<p>a<!-- b --><script>c</script><style>d</style> e</p>", "a e"),
        ("<p>a\x00\x1eb\ud800</p>", "ab?"),
        ("<div><section><p>a</p></section>b</div>", "a\n\nb"),
    ],
)
def test_plain_text_keeps_the_shape(html: str, expected: str) -> None:
    """Each element of a post reads as a person would type it."""
    assert plain_text(html) == expected


def test_plain_text_survives_depth() -> None:
    """Text nested deeper than anyone writes is still there, on lines of some width."""
    deep = plain_text("<blockquote>" * 120 + "word " * 30 + "</blockquote>" * 120)

    assert deep.count("word") == 30


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.integers(24, 80))
def test_wrap_loses_nothing(text: str, width: int) -> None:
    """Wrapped text has the same characters in the same order, and no line without need too wide."""
    wrapped = wrap(text, width=width)

    assert re.sub("[ \\t\\n]", "", wrapped) == re.sub("[ \\t\\n]", "", text)
    for line in wrapped.split("\n"):
        assert columns(line) <= width or " " not in line


def test_wrap_counts_columns() -> None:
    """Wide characters fill two columns; Chinese and Japanese break between any two, marks excepted."""
    wrapped = wrap("「漢字」は、" * 20, width=24)

    assert {columns(line) for line in wrapped.split("\n")} <= set(range(18, 25))
    assert not [line for line in wrapped.split("\n") if line[0] in "」、" or line[-1] == "「"]
    assert columns("e\u0301\u200d漢") == 3


def test_wrap_hangs() -> None:
    """The first line and the others begin as asked."""
    assert (
        wrap("one two three four five six seven", "* ", "  ", 26)
        == "* one two three four five\n  six seven"
    )


def test_underline_is_as_long_as_the_longest_line() -> None:
    """A title of several lines is underlined by its longest."""
    assert underline("漢字 abc", "=") == "漢字 abc\n========"
