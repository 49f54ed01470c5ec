"""Pages: what people read is whole, labelled, escaped, light, and loads nothing from anyone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html
from typing_extensions import override

from publisher import compiled as templates_code
from publisher import urls
from publisher.errors import ContentError
from publisher.model import (
    Author,
    Body,
    Catalog,
    Channel,
    EditionContent,
    Image,
    LetterPost,
    Note,
    Part,
    Place,
    Post,
    Reference,
    Series,
    SeriesInfo,
    SeriesLine,
    Withdrawal,
)
from publisher.pages import Field, Form, Kept, Pages, SiteView
from publisher.pages.contents import WHOLE, list_around

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.html import HtmlElement

SHIPPED = Path(__file__).parents[2] / "templates"
SITE = SiteView(
    name="Riverside Letters",
    url="https://letters.example.org",
    language="en-US",
    author="Riverside Psychiatry",
    notice="General information, not medical advice.",
    crisis="In the US call or text 988.",
    zone="America/New_York",
)
PAGES = Pages([SHIPPED], SITE)
KEPT = [
    Kept(
        title="Your entry on the list",
        why="To send you what you asked for.",
        what=("your email address", "when you asked"),
        how_long="Until you erase it.",
    )
]
FIRST = datetime(2026, 9, 1, 4, tzinfo=UTC)
LIMIT = 30_000

BODY = Body(
    html=(
        "<p>Sleep comes back<sup class='note'>"
        '<a href="#note-1" id="mention-1">1</a></sup>, and again'
        '<sup class="note"><a href="#note-1" id="mention-1-2">1</a></sup>, slowly'
        '<sup class="note"><a href="#note-2" id="mention-2">2</a></sup>.</p>'
        "<h2>What was found</h2><table><tr><td>1</td></tr></table><pre>code</pre>"
        '<p><img src="/sleep/one/week.png" alt="A week"></p>'
    ),
    notes=(
        Note(
            number=1,
            html='Edinger. <a href="https://doi.org/10.5/1">doi</a>',
            mentions=("mention-1", "mention-1-2"),
        ),
        Note(number=2, html="A remark.", mentions=("mention-2",)),
    ),
)


def make_post(slug: str, *, series: str | None = None, day: int = 0, **changes: object) -> Post:
    post = Post(
        id=f"urn:x:{series}/{slug}",
        path=f"{slug}.md",
        series=series,
        slug=slug,
        title=f"About {slug}",
        published_at=FIRST + timedelta(days=day),
        summary=f"What there is to say about {slug}.",
        words=900,
        source_sha256="0" * 64,
    )
    return replace(post, **changes)  # type: ignore[arg-type]


def make_series(slug: str, parts: Iterable[Post | None], **info: object) -> Series:
    about = replace(SeriesInfo(slug=slug, title=slug.capitalize()), **info)  # type: ignore[arg-type]
    numbered = tuple(Part(number=turn, post=post) for turn, post in enumerate(parts, 1))
    return Series(info=about, parts=numbered)


def make_catalog(series: Iterable[Series], loose: Iterable[Post] = ()) -> Catalog:
    series = tuple(series)
    places = {}
    for one in series:
        out = [(part.number, part.post) for part in one.parts if part.post]
        for turn, (number, post) in enumerate(out):
            places[post.id] = Place(
                series=one,
                number=number,
                previous=out[turn - 1][1] if turn else None,
                next=out[turn + 1][1] if turn + 1 < len(out) else None,
            )
    posts = [*loose, *(post for one in series for post in one.posts)]
    posts.sort(key=lambda post: post.published_at, reverse=True)
    return Catalog(posts=tuple(posts), series=series, places=places)


def make_letter_post(post: Post, place: Place | None, **changes: object) -> LetterPost:
    lines = tuple(
        SeriesLine(
            number=part.number,
            title=part.post.title if part.post else "",
            url=f"{SITE.url}/{part.post.location}/" if part.post else "",
            post_id=part.post.id if part.post else "",
        )
        for part in (place.series.parts if place else ())
    )
    letter_post = LetterPost(
        post_id=post.id,
        path=post.path,
        source_sha256="",
        title=post.title,
        url=f"{SITE.url}/{post.location}/",
        summary=post.summary,
        html="",
        text="",
        words=post.words,
        series=post.series or "",
        series_title=place.series.title if place else "",
        series_url=f"{SITE.url}/{post.series}/" if place else "",
        part=place.number if place else None,
        total=place.series.total if place else None,
        lines=lines,
        authors=("Ann Lee",),
    )
    return replace(letter_post, **changes)  # type: ignore[arg-type]


def make_edition(*posts: LetterPost, **changes: object) -> EditionContent:
    content = EditionContent(
        digest="weekly",
        number=12,
        rehearsal=False,
        title="Weekly letter",
        dated_on="2026-11-24",
        subject="Weekly letter: About one",
        discreet_subject="Your weekly reading",
        preheader="",
        intro="Two new parts.\n\nRead part 1 first.",
        posts=posts,
        site_name=SITE.name,
        site_url=SITE.url,
        language=SITE.language,
        author=SITE.author,
        accent=SITE.accent,
        notice=SITE.notice,
        crisis=SITE.crisis,
        postal_address="",
        web_url=f"{SITE.url}/editions/weekly/12/",
        audience_rule="",
        templates_sha256="",
    )
    return replace(content, **changes)  # type: ignore[arg-type]


ONE = make_post("one", series="sleep", tags=("Sleep", "insomnia"))
TWO = make_post("two", series="sleep", day=7, tags=("Sleep",))
FOUR = make_post("four", series="sleep", day=21)
START = make_post("start", series="moods", day=1)
ALONE = make_post("alone", day=30, tags=("Sleep",))
SLEEP = make_series("sleep", [ONE, TWO, None, FOUR, None], summary="Four nights.")
MOODS = make_series("moods", [START], status="finished", next_series="sleep")
CATALOG = make_catalog([MOODS, SLEEP], [ALONE])


def tree(page: str) -> HtmlElement:
    return lxml_html.document_fromstring(page)


def words(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def hrefs(page: HtmlElement, path: str) -> list[str]:
    return [str(link.get("href")) for link in page.xpath(path)]


def post_page(post: Post, body: Body = BODY, catalog: Catalog = CATALOG) -> HtmlElement:
    return tree(PAGES.post(post, body, catalog.place(post), catalog))


def every_page(pages: Pages = PAGES) -> dict[str, str]:
    """One page of each kind, of the sample site."""
    item = make_letter_post(TWO, CATALOG.place(TWO))
    return {
        "home": pages.home(CATALOG),
        "post": pages.post(TWO, BODY, CATALOG.place(TWO), CATALOG),
        "loose": pages.post(ALONE, BODY, None, CATALOG),
        "series": pages.series(SLEEP, CATALOG),
        "archive": pages.archive(CATALOG),
        "tag": pages.tag("sleep", [ALONE, TWO, ONE]),
        "author": pages.author(Author(name="Ann Lee", credentials="MD"), [ALONE, TWO, ONE]),
        "tags": pages.tags([("Sleep", 3), ("insomnia", 1)]),
        "edition": pages.edition(make_edition(item, make_letter_post(ALONE, None))),
        "editions": pages.editions([("Weekly letter", 12, "2026-11-24", "/editions/weekly/12/")]),
        "feeds": pages.feeds(CATALOG),
        "privacy": pages.privacy(KEPT),
        "not_found": pages.not_found(),
        "gone": pages.gone(
            Withdrawal(post_id="x", location="sleep/x", reason="gone", series="sleep", part=3)
        ),
        "message": pages.message(
            "Unsubscribe",
            "You get no more letters.",
            forms=[Form(action="/u/token", button="Unsubscribe", hidden={"t": "1"})],
        ),
    }


KINDS = sorted(every_page())


# ------------------------------------------------------------------------------------ every page


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_has_its_landmarks(kind: str) -> None:
    """Each page has one header, labelled navigation, one main that a skip link reaches, a footer."""
    page = tree(every_page()[kind])

    assert len(page.xpath("/html/body/header")) == len(page.xpath("/html/body/footer")) == 1
    [main] = page.xpath("//main")
    assert hrefs(page, "/html/body/a[1]") == [f"#{main.get('id')}"]
    labels = [nav.get("aria-label") for nav in page.xpath("//nav")]
    assert all(labels) and len(set(labels)) == len(labels)


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_has_one_title_and_orderly_headings(kind: str) -> None:
    """Each page has one h1, and no heading skips a level."""
    page = tree(every_page()[kind])

    levels = [int(heading.tag[1]) for heading in page.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_tells_its_language_and_its_schemes(kind: str) -> None:
    """Each page names its language, its direction, both colour schemes and what it is about."""
    page = tree(every_page()[kind])

    assert (page.get("lang"), page.get("dir")) == ("en-US", "ltr")
    assert page.xpath("//meta[@name='color-scheme']/@content") == ["light dark"]
    assert page.xpath("string(//meta[@name='description']/@content)")
    assert SITE.name in page.xpath("string(//title)")


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_leads_to_the_site_and_says_the_notice(kind: str) -> None:
    """Each page leads home, to the archive, the feeds, the form and privacy, and has both notices."""
    page = tree(every_page()[kind])

    assert {"/", "/archive/", "/feeds/", "/subscribe", "/privacy/"} <= set(hrefs(page, "//a"))
    [footer] = page.xpath("/html/body/footer")
    assert SITE.notice in words(footer) and SITE.crisis in words(footer)


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_offers_the_feeds_to_programs(kind: str) -> None:
    """Each page names the site's Atom feed, then RSS, then JSON, with titles of their own."""
    page = tree(every_page()[kind])

    links = page.xpath("//link[@rel='alternate']")
    own = [link.get("href") for link in links if link.get("href").count("/") == 3]
    titles = [link.get("title") for link in links]
    assert own == [f"{SITE.url}/feed.{form}" for form in urls.FEED_FORMATS]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_runs_or_loads_what_is_not_ours(kind: str) -> None:
    """Nothing is loaded from another host, nothing runs, and nothing is styled in place."""
    page = tree(every_page()[kind])

    loaded = [*page.xpath("//@src"), *page.xpath("//link[@rel='stylesheet' or @rel='icon']/@href")]
    assert all(not urlsplit(one).netloc for one in loaded)
    assert {one.get("type") for one in page.xpath("//script")} <= {"application/ld+json"}
    assert not page.xpath("//style|//iframe|//@style|//@*[starts-with(name(), 'on')]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_page_is_light(kind: str) -> None:
    """A page of a small site is below 30 kB, and so is the style sheet."""
    assert len(every_page()[kind].encode()) < LIMIT
    assert len(PAGES.stylesheet().encode()) < LIMIT


@pytest.mark.parametrize("kind", KINDS)
def test_no_id_is_double(kind: str) -> None:
    """An anchor leads to one place: no two elements of a page share an id, and each is reached."""
    page = tree(every_page()[kind])

    ids = page.xpath("//@id")
    assert len(set(ids)) == len(ids)
    anchors = [href[1:] for href in hrefs(page, "//a[starts-with(@href, '#')]")]
    assert set(anchors) <= set(ids)
    labelling = " ".join(page.xpath("//@aria-labelledby|//@aria-describedby")).split()
    assert set(labelling) <= set(ids)


def test_pages_are_the_same_each_time() -> None:
    """The same values give the same bytes, from another object of the same making too."""
    again = Pages([SHIPPED], SITE)

    assert every_page() == every_page() == every_page(again)
    assert PAGES.fingerprint == again.fingerprint


def test_pages_of_a_site_that_says_little_are_whole() -> None:
    """Without a notice, a crisis line or an author, nothing empty is left behind."""
    bare = Pages([SHIPPED], replace(SITE, notice="", crisis="", author=""))

    page = tree(bare.post(ALONE, BODY, None, CATALOG))
    assert not page.xpath("/html/body/footer/p")
    assert "By Riverside Letters" in words(page)
    assert "Letters and articles, in ordered series." in words(tree(bare.home(CATALOG)))


def test_a_language_from_right_to_left_is_set_so() -> None:
    """The direction of the page is that of the site's language."""
    page = tree(Pages([SHIPPED], replace(SITE, language="he-IL")).not_found())

    assert page.get("dir") == "rtl"


@pytest.mark.parametrize(
    ("logo", "expected"),
    [
        ("/assets/logo.png", ["/assets/logo.png"]),
        (f"{SITE.url}/assets/logo.png", [f"{SITE.url}/assets/logo.png"]),
        ("https://elsewhere.example/logo.png", []),
        ("//elsewhere.example/logo.png", []),
        ("", []),
    ],
)
def test_a_logo_is_shown_only_from_our_own_host(logo: str, expected: list[str]) -> None:
    """A logo of another host is not loaded; search engines are told of it all the same."""
    pages = Pages([SHIPPED], replace(SITE, logo=logo))

    page = tree(pages.post(ALONE, Body(html=""), None, CATALOG))

    assert page.xpath("//header//img/@src") == expected
    data = json.loads(page.xpath("string(//script)"))
    assert bool(logo) == ("logo" in data["publisher"])
    assert tree(pages.home(CATALOG)).xpath("//main//img/@src") == expected


# ----------------------------------------------------------------------------------------- styles


def test_the_style_sheet_is_named_by_its_content() -> None:
    """Another accent is another file, so a browser may keep each for ever."""
    other = Pages([SHIPPED], replace(SITE, accent="#7a1f3d"))

    assert PAGES.stylesheet_path.startswith("assets/site-")
    assert other.stylesheet_path != PAGES.stylesheet_path
    linked = tree(PAGES.not_found()).xpath("//link[@rel='stylesheet']/@href")
    assert linked == [f"/{PAGES.stylesheet_path}"]


def test_the_style_sheet_of_feeds_is_small_and_asks_for_nothing() -> None:
    """A feed in a browser is set in the site's colours; its CSS is 2.5 kB at most and loads nothing."""
    css = PAGES.feed_stylesheet()
    other = Pages([SHIPPED], replace(SITE, accent="#7a1f3d"))

    assert len(css.encode()) <= 2560
    assert "This is a feed" in css and "prefers-color-scheme: dark" in css
    assert "url(" not in css and "@import" not in css and "//" not in css
    assert f"--accent: {SITE.accent};" in css
    assert "--accent: #7a1f3d;" in other.feed_stylesheet()


def test_the_style_sheet_loads_nothing() -> None:
    """The style sheet names no address: no font, no picture, no other sheet."""
    css = PAGES.stylesheet()

    assert "url(" not in css and "@import" not in css and "//" not in css
    assert "@media print" in css and ":focus-visible" in css and "prefers-color-scheme" in css


# ------------------------------------------------------------------------------------------- posts


def test_a_post_says_where_it_stands() -> None:
    """A part names its series, its number and how many there are, and links the series."""
    page = post_page(TWO)

    [kicker] = page.xpath("//header[@class='heading']/p[@class='kicker']/a")
    assert (words(kicker), kicker.get("href")) == ("Sleep · Part 2 of 5", "/sleep/")
    assert words(page.xpath("//summary")[0]) == "Sleep · Part 2 of 5"


def test_the_ornament_lists_the_parts_in_order() -> None:
    """The list has every part with its number: links, the one being read marked, the rest coming."""
    [ornament] = post_page(TWO).xpath("//nav[@aria-label='Parts of Sleep']//ol")

    lines = [words(item) for item in ornament.xpath("li")]
    assert lines == ["1 About one", "2 About two", "3 coming", "4 About four", "5 coming"]
    assert hrefs(ornament, ".//a[@aria-current='page']") == ["/sleep/two/"]
    assert hrefs(ornament, ".//a") == ["/sleep/one/", "/sleep/two/", "/sleep/four/"]


def test_a_withdrawn_part_keeps_its_number() -> None:
    """A part taken back is told as withdrawn, on the post's page and on the series' page."""
    parts = (*SLEEP.parts[:2], Part(number=3, withdrawn=True), *SLEEP.parts[3:])
    catalog = make_catalog([replace(SLEEP, parts=parts)])

    ornament = post_page(TWO, catalog=catalog).xpath("//ol[contains(@class, 'parts')]/li")
    contents = tree(PAGES.series(catalog.series[0], catalog)).xpath("//ol/li")
    assert words(ornament[2]) == words(contents[2]) == "3 withdrawn"


def test_neighbours_are_told_by_title_and_number() -> None:
    """Previous and next never stand alone: each has its part and title, over gaps too."""
    [nav] = post_page(TWO).xpath("//nav[@aria-label='Before and after']")

    assert [(words(link), link.get("href"), link.get("rel")) for link in nav.xpath("a")] == [
        ("Previous Part 1: About one", "/sleep/one/", "prev"),
        ("Next Part 4: About four", "/sleep/four/", "next"),
    ]


def test_the_ends_of_a_series_have_one_neighbour() -> None:
    """The first part has nothing before it, the last nothing after it."""
    assert hrefs(post_page(ONE), "//a[@rel='prev']") == []
    assert hrefs(post_page(FOUR), "//a[@rel='next']") == []


def test_a_finished_series_leads_to_the_next() -> None:
    """The last part of a finished series, and the series' own page, name the series to go on with."""
    last, contents = post_page(START), tree(PAGES.series(MOODS, CATALOG))

    for page in (last, contents):
        [link] = page.xpath("//a[@class='next']")
        assert (words(link), link.get("href")) == ("Next series Sleep", "/sleep/")


def test_a_next_series_without_posts_is_not_named() -> None:
    """Nothing leads to a series that has no page yet."""
    catalog = make_catalog([MOODS])

    assert not post_page(START, catalog=catalog).xpath("//a[@class='next']")


def test_a_loose_post_has_no_series() -> None:
    """A post on its own has neither ornament nor neighbours, and invites all the same."""
    page = post_page(ALONE)

    assert not page.xpath("//nav[@class='ornament' or @class='neighbours']|//p[@class='kicker']")
    assert "Get new posts by email" in words(page)


def test_a_long_series_is_shown_as_a_window() -> None:
    """Of 500 parts a page lists the first, five on either side and the last, and says what is left."""
    posts = [make_post(f"p{turn}", series="long", day=turn) for turn in range(1, 501)]
    catalog = make_catalog([make_series("long", posts)])

    [ornament] = post_page(posts[99], catalog=catalog).xpath("//ol[contains(@class, 'parts')]")

    lines = [words(item) for item in ornament.xpath("li")]
    around = [f"{turn} About p{turn}" for turn in range(95, 106)]
    assert lines == ["1 About p1", "parts 2 to 94", *around, "parts 106 to 499", "500 About p500"]
    assert hrefs(ornament, "li[@class='gap']/a") == ["/long/#part-2", "/long/#part-106"]
    contents = tree(PAGES.series(catalog.series[0], catalog))
    assert {"part-2", "part-106", "part-500"} <= set(contents.xpath("//@id"))


@given(total=st.integers(1, 60), at=st.integers(1, 60))
def test_a_window_leaves_no_part_out_unsaid(total: int, at: int) -> None:
    """Shown parts and gaps together are every number once, in order, and the asked one is shown."""
    at = min(at, total)

    lines = list_around(make_series("long", [None] * total), at)

    shown = [line for line in lines if line.state != "gap"]
    said = [
        number
        for turn, line in enumerate(lines)
        for number in (
            range(line.number, lines[turn + 1].number) if line.state == "gap" else [line.number]
        )
    ]
    assert said == list(range(1, total + 1))
    assert at in [line.number for line in shown]
    assert len(lines) <= WHOLE


def test_authors_are_named_with_what_they_are() -> None:
    """A byline has names, credentials and links, joined as a sentence joins them."""
    ann = Author(name="Ann Lee", credentials="MD", url="https://ann.example")
    bo, cy = Author(name="Bo Chen", credentials="PhD"), Author(name="Cy Dow")

    def byline(*authors: Author) -> str:
        return words(post_page(replace(ALONE, authors=authors)).xpath("//p[@class='byline']")[0])

    assert byline() == "By Riverside Psychiatry"
    assert byline(ann) == "By Ann Lee, MD"
    assert byline(ann, bo) == "By Ann Lee, MD and Bo Chen, PhD"
    assert byline(ann, bo, cy) == "By Ann Lee, MD; Bo Chen, PhD; and Cy Dow"
    linked = post_page(replace(ALONE, authors=(ann,)))
    assert hrefs(linked, "//a[@rel='author']") == ["/authors/ann-lee/"]


def test_a_post_tells_its_day_in_the_zone_of_the_site() -> None:
    """An instant is told as the local day, for people and for programs."""
    [time] = post_page(ONE).xpath("//p[@class='byline']/time")

    assert (time.get("datetime"), words(time)) == ("2026-09-01T00:00:00-04:00", "1 September 2026")


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "1 minute to read"), (220, "1 minute to read"), (221, "2 minutes to read")],
)
def test_reading_time_is_rounded_up(count: int, expected: str) -> None:
    """A minute is 220 words, and a begun minute counts."""
    assert expected in words(post_page(replace(ALONE, words=count)))


def test_a_review_a_correction_and_warnings_are_told_first() -> None:
    """Who reviewed it stands under the title; the correction and the warnings before the text."""
    post = replace(
        ALONE,
        reviewer="Cy Dow, MD",
        review_due=date(2027, 6, 1),
        updated_at=FIRST + timedelta(days=40),
        correction="The dose is 50 mg.",
        warnings=("It speaks of suicide.",),
    )

    page = post_page(post)

    assert "Reviewed by Cy Dow, MD · Next review due 1 June 2027" in words(page)
    assert "Updated 11 October 2026" in words(page)
    notices = [words(one) for one in page.xpath("//div[@class='text']/p")][:2]
    assert notices == [
        "Correction, 11 October 2026. The dose is 50 mg.",
        "Before you read. It speaks of suicide.",
    ]


def test_a_correction_without_a_day_and_a_review_without_a_term_are_told() -> None:
    """What is not known is left out, and nothing else."""
    page = post_page(replace(ALONE, correction="The dose is 50 mg.", reviewer="Cy Dow, MD"))

    assert "Correction. The dose is 50 mg." in words(page)
    assert "due" not in words(page.xpath("//header[@class='heading']")[0])


def test_notes_lead_back_to_every_mention() -> None:
    """Each note has its number and a labelled way back to each place that mentions it."""
    page = post_page(ONE)

    notes = page.xpath("//section[@class='notes']/ol/li")
    assert [note.get("id") for note in notes] == ["note-1", "note-2"]
    back = [
        (link.get("href"), link.get("aria-label")) for link in page.xpath("//a[@class='back']")
    ]
    assert back == [
        ("#mention-1", "Back to mention 1 of note 1 in the text"),
        ("#mention-1-2", "Back to mention 2 of note 1 in the text"),
        ("#mention-2", "Back to note 2 in the text"),
    ]


@pytest.mark.parametrize(
    ("references", "title"), [(0, "Notes"), (1, "Notes and references"), (2, "References")]
)
def test_notes_are_called_what_they_are(references: int, title: str) -> None:
    """Sources are references, remarks are notes, and both together are both."""
    sources = tuple(Reference(key=f"k{turn}", text="A study.") for turn in range(references))

    page = post_page(replace(ALONE, references=sources))

    assert words(page.xpath("//section[@class='notes']/h2")[0]) == title


def test_an_address_that_is_its_own_words_is_printed_once() -> None:
    """A source's link that shows its address is marked, since print tells addresses after links."""
    notes = (
        Note(number=1, html='A <a href="https://doi.org/10.5/1">doi.org/10.5/1</a>'),
        Note(number=2, html='B <a href="https://b.example/">https://b.example</a>'),
        Note(number=3, html='C <a href="https://c.example/">the study</a>'),
    )

    page = post_page(ALONE, Body(html="", notes=notes))

    bare = [link.get("class") for link in page.xpath("//section[@class='notes']//li/a")]
    assert bare == ["bare", "bare", None]


def test_an_address_in_the_text_is_printed_once() -> None:
    """The same holds for an address that stands in the text as its own link."""
    body = Body(html='<p><a href="https://b.example/x">https://b.example/x</a></p>')

    assert post_page(ALONE, body).xpath("//a[@class='bare']/@href") == ["https://b.example/x"]


def test_a_text_without_notes_has_no_place_for_them() -> None:
    """No heading stands over nothing."""
    assert not post_page(ALONE, Body(html="<p>Short.</p>")).xpath("//section[@class='notes']")


def test_wide_things_scroll_in_their_own_box() -> None:
    """Tables and code can be wider than the page, and the keyboard reaches them."""
    page = post_page(ONE)

    assert page.xpath("//div[@class='scroll' and @tabindex='0' and @aria-label]/table")
    assert page.xpath("//pre/@tabindex") == ["0"]


def test_the_number_of_a_note_stays_with_its_word() -> None:
    """No space stands before a mention, so that its number never begins a line."""
    mention = '<sup class="note"><a href="#note-1" id="mention-1">1</a></sup>'
    body = replace(BODY, html=f"<p>word {mention}, word\n{mention.replace('-1', '-2')}</p>")

    [paragraph] = post_page(ALONE, body).xpath("//div[@class='text']/p[1]")

    assert words(paragraph) == "word1, word1"


def test_images_of_the_text_load_late() -> None:
    """A picture of the text is loaded when it comes near; its words stay."""
    [image] = post_page(ONE).xpath("//img")

    assert (image.get("loading"), image.get("alt")) == ("lazy", "A week")


def test_an_image_of_another_host_is_a_link() -> None:
    """No reader is shown to another host: its picture is a link with its words."""
    body = Body(
        html=(
            '<p><img src="https://elsewhere.example/a.png?x=1&amp;y=2" alt="1 > 0"></p>'
            '<p><img src="//elsewhere.example/b.png"></p><p><img src="data:image/png,x" alt="Dots"></p>'
        )
    )

    page = post_page(ALONE, body)

    assert not page.xpath("//img")
    linked = page.xpath("//div[@class='text']//a[contains(@href, 'elsewhere')]")
    assert [words(link) for link in linked] == [
        "Picture: 1 > 0",
        "Picture: //elsewhere.example/b.png",
    ]
    assert "Picture: Dots" in words(page)


@pytest.mark.parametrize(
    ("src", "shown", "told"),
    [
        ("a week.png", ["/alone/a%20week.png"], f"{SITE.url}/alone/a%20week.png"),
        ("/assets/a.png", ["/assets/a.png"], f"{SITE.url}/assets/a.png"),
        (f"{SITE.url}/a.png", [f"{SITE.url}/a.png"], f"{SITE.url}/a.png"),
        ("https://elsewhere.example/a.png", [], "https://elsewhere.example/a.png"),
    ],
)
def test_a_lead_image_has_words_and_is_ours(src: str, shown: list[str], told: str) -> None:
    """The lead image is shown from our own host with its alt and credit, and told to programs."""
    page = post_page(
        replace(ALONE, image=Image(src=src, alt="A week", credit="By us")), Body(html="")
    )

    assert page.xpath("//figure/img/@src") == shown
    assert page.xpath("//figure/img/@alt") == ["A week"] * len(shown)
    assert "By us" in words(page.xpath("//figure")[0])
    assert page.xpath("//meta[@property='og:image']/@content") == [told]
    assert json.loads(page.xpath("string(//script)"))["image"] == told


def test_an_image_without_credit_has_no_caption() -> None:
    """No caption stands under a picture that nobody is thanked for."""
    page = post_page(replace(ALONE, image=Image(src="a.png", alt="A week")))

    assert not page.xpath("//figcaption")


def test_tags_lead_to_their_pages() -> None:
    """Each tag links its page, by the address of the tag."""
    assert hrefs(post_page(ONE), "//a[@rel='tag']") == ["/tags/sleep/", "/tags/insomnia/"]


def test_a_post_is_canonical_where_it_says() -> None:
    """The canonical address is the post's own, unless it first appeared elsewhere."""
    elsewhere = post_page(replace(ONE, canonical_url="https://first.example/one"))

    assert hrefs(post_page(ONE), "//link[@rel='canonical']") == [f"{SITE.url}/sleep/one/"]
    assert hrefs(elsewhere, "//link[@rel='canonical']") == ["https://first.example/one"]


def test_search_engines_are_told_of_a_post() -> None:
    """The linked data has title, times, authors, series with place, sources and publisher."""
    post = replace(
        TWO,
        authors=(
            Author(name="Ann Lee", credentials="MD", url="https://ann.example"),
            Author(name="Bo Chen"),
        ),
        updated_at=FIRST + timedelta(days=9),
        references=(
            Reference(key="a", text="A study.", url="https://doi.org/10.5/1"),
            Reference(key="b", text="A book."),
        ),
    )

    page = tree(PAGES.post(post, BODY, CATALOG.place(TWO), CATALOG))
    data = json.loads(page.xpath("string(//script)"))

    assert data["@type"] == "Article" and data["headline"] == "About two"
    assert data["datePublished"] == "2026-09-08T00:00:00-04:00"
    assert data["dateModified"] == "2026-09-10T00:00:00-04:00"
    assert data["author"] == [
        {
            "@type": "Person",
            "name": "Ann Lee",
            "honorificSuffix": "MD",
            "url": "https://ann.example",
        },
        {"@type": "Person", "name": "Bo Chen"},
    ]
    assert data["isPartOf"]["url"] == f"{SITE.url}/sleep/" and data["position"] == 2
    assert [one.get("url") for one in data["citation"]] == ["https://doi.org/10.5/1", None]
    assert data["publisher"]["name"] == "Riverside Psychiatry"


def test_search_engines_are_told_who_reviewed_a_post() -> None:
    """The reviewer stands at the page, since an Article has no ``reviewedBy``; else nobody does."""
    reviewed = json.loads(post_page(replace(TWO, reviewer="Cy Dow, MD")).xpath("string(//script)"))
    url = f"{SITE.url}/sleep/two/"

    assert reviewed["mainEntityOfPage"] == {
        "@type": "WebPage",
        "@id": url,
        "url": url,
        "reviewedBy": {"@type": "Person", "name": "Cy Dow, MD"},
    }
    assert json.loads(post_page(TWO).xpath("string(//script)"))["mainEntityOfPage"] == url


def test_a_post_signed_by_the_publisher_is_its_own() -> None:
    """The site's author as the author of a post is the organization, not a person of that name."""
    post = replace(ALONE, authors=(Author(name=SITE.author), Author(name="Bo Chen")))

    data = json.loads(post_page(post).xpath("string(//script)"))

    assert [one["@type"] for one in data["author"]] == ["Organization", "Person"]
    assert data["author"][0] == data["publisher"]


# ---------------------------------------------------------------------------------------- escaping

nasty = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn")),
    min_size=1,
).map(lambda text: f"a</script><b \"'&lt;{text}")


@settings(max_examples=40, deadline=None)
@given(title=nasty)
def test_a_title_is_text_wherever_it_stands(title: str) -> None:
    """A title with markup and quotes in it comes out as the same text everywhere, and as no markup."""
    post = replace(ONE, title=title, summary=title, tags=(title,), correction=title)
    named = replace(SLEEP.info, title=title, summary=title)
    parts = (Part(number=1, post=post), *SLEEP.parts[1:])
    catalog = make_catalog([Series(info=named, parts=parts)], [replace(ALONE, title=title)])
    place = catalog.place(post)
    item = make_letter_post(
        post, place, correction=title, warnings=(title,), authors=(title, title)
    )

    pages = [
        tree(PAGES.home(catalog)),
        tree(PAGES.post(post, BODY, place, catalog)),
        tree(PAGES.post(TWO, BODY, catalog.place(TWO), catalog)),
        tree(PAGES.series(catalog.series[0], catalog)),
        tree(PAGES.archive(catalog)),
        tree(PAGES.tag(urls.tag_slug(title), [post])),
        tree(PAGES.edition(make_edition(item, title=title, intro=title))),
        tree(PAGES.feeds(catalog)),
        tree(PAGES.message(title, title, detail=title, links=[("/", title)])),
    ]

    plain = " ".join(title.split())
    for page in pages:
        assert plain in words(page.xpath("//body")[0])
        assert not page.xpath("//b")
    data = json.loads(pages[1].xpath("string(//script)"))
    assert data["headline"] == title


def test_linked_data_cannot_leave_its_element() -> None:
    """Neither an end tag, nor a comment, nor a line separator of JavaScript stands in the script."""
    page = PAGES.post(
        replace(ONE, title="</script><!--\u2028<script>&"), BODY, CATALOG.place(ONE), CATALOG
    )

    data = page.split('<script type="application/ld+json">')[1].split("</script>")[0]
    assert not set("<>&\u2028") & set(data)
    assert json.loads(data)["headline"] == "</script><!--\u2028<script>&"


def test_what_a_site_says_is_text() -> None:
    """The site's own name, notice and crisis line are escaped on every page."""
    text = "</title><b>\"'&amp;"
    pages = Pages([SHIPPED], replace(SITE, name=text, notice=text, crisis=text, author=text))

    for page in every_page(pages).values():
        parsed = tree(page)
        assert not parsed.xpath("//b")
        assert words(parsed.xpath("//footer/p")[0]) == text


# --------------------------------------------------------------------------------------- overviews


def test_home_has_the_newest_then_series_then_the_rest() -> None:
    """The first page opens with the newest post, lists each series, then posts on their own."""
    page = tree(PAGES.home(CATALOG))

    titles = [words(heading) for heading in page.xpath("//main//h2")]
    assert titles == ["About alone", "Moods", "Sleep", "On their own"]
    assert words(page.xpath("//h1")[0]) == SITE.name
    assert "by Riverside Psychiatry, in ordered series." in words(page)
    assert "Newest" in words(page.xpath("//section[@class='newest']")[0])


def test_home_names_the_place_of_the_newest() -> None:
    """Where the newest post is a part, its series and number stand above it."""
    page = tree(PAGES.home(make_catalog([SLEEP])))

    assert "Sleep · Part 4 of 5" in words(page.xpath("//section[@class='newest']")[0])


def test_an_empty_site_says_so() -> None:
    """Before the first post, home and archive are whole pages that say that nothing is there."""
    empty = Catalog(posts=(), series=())

    for page in (tree(PAGES.home(empty)), tree(PAGES.archive(empty))):
        assert "Nothing is published yet." in words(page)
    assert "Letters and articles by Riverside Psychiatry." in words(tree(PAGES.home(empty)))


def test_a_series_is_a_table_of_contents() -> None:
    """A series' page has its parts with number, title, summary and day, and what is to come."""
    page = tree(PAGES.series(SLEEP, CATALOG))

    lines = [words(item) for item in page.xpath("//main//ol/li")]
    assert lines[0] == "1 About oneWhat there is to say about one. 1 Sep 2026"
    assert lines[2] == "3 coming"
    assert "3 of 5 parts so far" in words(page) and "Four nights." in words(page)


def test_a_series_without_a_plan_counts_what_is_out() -> None:
    """An ongoing series without announced parts says how many there are so far."""
    page = tree(
        PAGES.series(replace(MOODS, info=SeriesInfo(slug="moods", title="Moods")), CATALOG)
    )

    assert "1 part so far" in words(page)
    assert page.xpath("//meta[@name='description']/@content") == ["Moods, in 1 part."]


def test_a_series_offers_its_feeds_first() -> None:
    """On a series' page its three feeds stand before the site's, with absolute addresses."""
    page = tree(PAGES.series(SLEEP, CATALOG))

    found = hrefs(page, "//link[@rel='alternate']")
    assert found[:3] == [f"{SITE.url}/sleep/feed.{form}" for form in urls.FEED_FORMATS]
    assert "/sleep/feed.atom" in hrefs(page, "//main//a")


def test_a_folder_that_no_feed_carries_offers_none() -> None:
    """A series or tag whose posts are in no feed offers no feed of its own."""
    quiet = replace(START, channels=frozenset({Channel.WEB}), tags=("quiet",))
    catalog = make_catalog([make_series("moods", [quiet])])

    for page in (PAGES.series(catalog.series[0], catalog), PAGES.tag("quiet", [quiet])):
        assert all(one.count("/") == 3 for one in hrefs(tree(page), "//link[@rel='alternate']"))
        assert not [href for href in hrefs(tree(page), "//main//a") if "feed." in href]
    assert "Moods" not in words(tree(PAGES.feeds(catalog)))


def test_the_archive_is_by_year_and_month_of_the_site() -> None:
    """Posts stand under the year and month that it was where the site is, newest first."""
    posts = [
        make_post("late", published_at=datetime(2027, 1, 1, 4, tzinfo=UTC)),
        make_post("new", published_at=datetime(2027, 1, 1, 6, tzinfo=UTC)),
    ]
    page = tree(PAGES.archive(make_catalog([SLEEP], posts)))

    headings = [words(one) for one in page.xpath("//main//h2|//main//h3")]
    assert headings == ["2027", "January", "2026", "December", "September"]
    assert "31 About late" in words(page) and "About two Sleep · Part 2 of 5" in words(page)


def test_a_tag_is_called_as_its_authors_do() -> None:
    """A tag's page has the word of the posts, not the address, and its posts."""
    page = tree(PAGES.tag("sleep", [TWO, ONE]))

    assert words(page.xpath("//h1")[0]) == "Sleep"
    assert hrefs(page, "//main//h2/a") == ["/sleep/two/", "/sleep/one/"]
    assert PAGES.tag("sleep", [TWO, ONE]) == PAGES.tag("Sleep", [TWO, ONE])
    assert words(tree(PAGES.tag("other", [ONE])).xpath("//h1")[0]) == "other"


def test_an_author_has_a_page_and_feeds() -> None:
    """It says who wrote, where else they are found, and what; a post that no feed has gives none."""
    ann = Author(name="Ann Lee", credentials="MD", url="https://ann.example")
    silent = replace(ALONE, channels=frozenset({Channel.WEB}))

    page = tree(PAGES.author(ann, [ONE, ALONE]))

    assert words(page.find(".//main")).startswith("Posts by Ann Lee MDAnn Lee elsewhere")
    assert hrefs(page, "//main//h2/a") == [urls.post_path(p.location) for p in (ONE, ALONE)]
    assert "/authors/ann-lee/feed.atom" in hrefs(page, "//main//a")
    assert "feed.atom" not in " ".join(hrefs(tree(PAGES.author(ann, [silent])), "//main//a"))


def test_tags_are_listed_by_name_with_their_numbers() -> None:
    """The list of tags has each with its posts, whatever the case of its letters, and its page."""
    page = tree(PAGES.tags([("Sleep", 3), ("insomnia", 1)]))

    assert [words(one) for one in page.xpath("//main//li")] == ["insomnia 1 post", "Sleep 3 posts"]
    assert hrefs(page, "//main//li/a") == ["/tags/insomnia/", "/tags/sleep/"]


def test_the_archive_leads_to_subjects_and_letters_that_are_there() -> None:
    """Under the list are ways to the same posts by tag and by letter, where there are any."""
    bare = make_catalog([], [replace(ALONE, tags=())])

    def ways(catalog: Catalog, *, has_editions: bool) -> list[str]:
        page = tree(PAGES.archive(catalog, has_editions=has_editions))
        return hrefs(page, "//main/p[@class='follow']/a")

    assert ways(CATALOG, has_editions=True) == ["/tags/", "/editions/"]
    assert ways(CATALOG, has_editions=False) == ["/tags/"]
    assert ways(bare, has_editions=True) == ["/editions/"]
    assert ways(bare, has_editions=False) == []


def test_feeds_are_given_as_text_to_copy() -> None:
    """The page about feeds has each format of each feed as an address to copy, and as a link."""
    page = tree(PAGES.feeds(CATALOG))

    addresses = [words(code) for code in page.xpath("//dl//code")]
    folders = ["/", "/moods/", "/sleep/", "/tags/insomnia/", "/tags/sleep/"]
    assert addresses == [
        f"{SITE.url}{folder}feed.{form}" for folder in folders for form in urls.FEED_FORMATS
    ]
    assert [SITE.url + href for href in hrefs(page, "//dl//a")] == addresses
    assert f"{SITE.url}/feeds.opml" in [words(one) for one in page.xpath("//p/code")]
    assert "/feeds.opml" in hrefs(page, "//main//a")
    assert set(page.xpath("//h3/@id")) == {"series-moods", "series-sleep"}


@pytest.mark.parametrize(
    ("pace", "days", "told"),
    [("", 7, "one part every 7 days"), ("3d", 3, "every 3 days"), ("1d", 1, "one part a day")],
)
def test_a_series_can_be_had_from_part_1(pace: str, days: int, told: str) -> None:
    """Each series shows how it begins anew: from the local day of part 1, at its own pace."""
    series = replace(SLEEP, info=replace(SLEEP.info, pace=pace))

    [section] = tree(PAGES.feeds(make_catalog([series]))).xpath("//section[@class='feed']")

    shown = f"{SITE.url}/sleep/from/2026-09-01/{days}d.atom"
    assert [words(one) for one in section.xpath("p/code")] == [shown]
    assert f"{told}, as if begun on 1 September 2026" in words(section)


def test_feeds_that_belong_to_a_page_are_named_in_order() -> None:
    """A series' page names its own feeds before the site's; a part's page names them after."""
    series, part = tree(PAGES.series(SLEEP, CATALOG)), post_page(TWO)
    alone = post_page(replace(TWO, channels=frozenset({Channel.WEB})))

    def named(page: HtmlElement) -> list[str]:
        found = hrefs(page, "//link[@type='application/atom+xml']")
        return [one.removeprefix(SITE.url) for one in found]

    assert named(series) == ["/sleep/feed.atom", "/feed.atom"]
    assert named(tree(PAGES.tag("sleep", [ONE]))) == ["/tags/sleep/feed.atom", "/feed.atom"]
    assert named(part) == ["/feed.atom", "/sleep/feed.atom"]
    assert named(alone) == named(post_page(ALONE)) == ["/feed.atom"]
    titles = part.xpath("//link[@rel='alternate']/@title")
    assert titles[3:] == [f"Sleep · {SITE.name} ({form})" for form in ("Atom", "RSS", "JSON")]


def test_feeds_of_a_site_without_series_are_one() -> None:
    """Without series and tags the page tells of the one feed, and of nothing else."""
    page = tree(PAGES.feeds(make_catalog([], [replace(ALONE, tags=())])))

    assert [words(one) for one in page.xpath("//h2")] == ["Everything", "All of them at once"]


# ---------------------------------------------------------------------------------------- editions


def test_an_edition_shows_all_its_posts_and_marks_what_is_new() -> None:
    """The web copy has each post with its place, its link and its series, with new parts marked."""
    items = [make_letter_post(TWO, CATALOG.place(TWO)), make_letter_post(ALONE, None)]

    page = tree(PAGES.edition(make_edition(*items)))

    assert words(page.xpath("//h1")[0]) == "Weekly letter 12"
    assert "Tuesday 24 November 2026" in words(page)
    assert [words(one) for one in page.xpath("//main//h2")] == ["About two", "About alone"]
    assert [words(one) for one in page.xpath("//p[@class='intro']")] == [
        "Two new parts.",
        "Read part 1 first.",
    ]
    reading = [words(one) for one in page.xpath("//p[@class='read']/a")]
    assert reading == ["Read part 2: About two", "Read About alone"]
    lines = [words(item) for item in page.xpath("//ol/li")]
    assert lines == ["1 About one", "2 About two new", "3 coming", "4 About four", "5 coming"]


def test_an_edition_with_whole_texts_keeps_anchors_apart() -> None:
    """Two whole texts on one page have no anchor twice, and what looks like one in a text stays."""
    text = '<h3 id="x">Part</h3><p>Write id="x" there.</p>'
    items = [
        make_letter_post(one, CATALOG.place(one), html=text, authors=()) for one in (ONE, TWO)
    ]

    page = tree(PAGES.edition(make_edition(*items, rehearsal=True, preheader="Two parts")))

    assert not page.xpath("//h3/@id") and words(page).count('Write id="x" there.') == 2
    assert "A rehearsal, sent to no one" in words(page)
    assert page.xpath("//meta[@name='description']/@content") == ["Two parts"]


def test_an_edition_of_a_long_series_is_short() -> None:
    """A part of a series of 200 lists the parts around it, with absolute ways to the rest."""
    posts = [make_post(f"p{turn}", series="long", day=turn) for turn in range(1, 201)]
    catalog = make_catalog([make_series("long", posts)])

    page = tree(PAGES.edition(make_edition(make_letter_post(posts[99], catalog.place(posts[99])))))

    items = page.xpath("//ol/li")
    assert len(items) == 15
    assert hrefs(page, "//li[@class='gap']/a")[0] == f"{SITE.url}/long/#part-2"


def test_editions_are_listed_newest_first() -> None:
    """The list of letters has title, number and day of each, the newest first."""
    page = tree(
        PAGES.editions(
            [
                ("Weekly letter", 11, "2026-11-17", "/editions/weekly/11/"),
                ("Weekly letter", 12, "2026-11-24", "/editions/weekly/12/"),
            ]
        )
    )

    lines = [words(one) for one in page.xpath("//main//li")]
    assert lines[0] == "12 Weekly letter 12 24 November 2026"
    assert hrefs(page, "//main//li//a") == ["/editions/weekly/12/", "/editions/weekly/11/"]


# ---------------------------------------------------------------------------------- acting pages


@pytest.mark.parametrize("kind", ["message", "not_found", "gone"])
def test_answers_are_kept_by_no_one(kind: str) -> None:
    """A page that answers has no canonical address, is not indexed and tells no one its address."""
    page = tree(every_page()[kind])

    assert not hrefs(page, "//link[@rel='canonical']")
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert page.xpath("//meta[@name='referrer']/@content") == ["no-referrer"]


def test_a_form_acts_by_post_with_one_button() -> None:
    """A form sends its hidden fields by POST to its action; its button says the act."""
    [form] = tree(every_page()["message"]).xpath("//form")

    assert (form.get("method"), form.get("action")) == ("post", "/u/token")
    assert [words(button) for button in form.xpath(".//button")] == ["Unsubscribe"]
    assert form.xpath(".//input[@type='hidden']/@value") == ["1"]


def test_every_field_of_a_form_has_a_label() -> None:
    """Fields and choices are labelled; hints and problems are tied to what they are about."""
    form = Form(
        action="/preferences/t",
        button="Save",
        legend="What comes",
        fields=(
            Field(name="email", label="Email", kind="email", hint="One.", problem="No @."),
            Field(name="name", label="Name", problem="Empty."),
            Field(name="note", label="Note"),
            Field(name="weekly", label="Weekly", kind="checkbox", value="1", is_checked=True),
            Field(name="pace", label="Daily", kind="radio", value="1d", hint="A part a day."),
        ),
    )

    page = tree(PAGES.message("Preferences", "Choose.", forms=[form]))

    inputs = page.xpath("//form//input")
    labelled = page.xpath("//form//label/@for")
    assert [one.get("id") for one in inputs] == labelled
    described = [one.get("aria-describedby") for one in inputs]
    assert described[2:4] == [None, None] and all(described[:2]) and described[4]
    assert [one.get("aria-invalid") for one in inputs] == ["true", "true", None, None, None]
    assert [one.get("checked") is not None for one in inputs] == [False, False, False, True, False]
    assert words(page.xpath("//fieldset/legend")[0]) == "What comes"
    assert set(" ".join(filter(None, described)).split()) <= set(page.xpath("//@id"))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "2026-11-03 The trial was retracted.",
            "Withdrawn on 3 November 2026. The trial was retracted.",
        ),
        ("2026-11-03", "Withdrawn on 3 November 2026."),
        ("The trial was retracted.", "The trial was retracted."),
    ],
)
def test_a_withdrawn_post_says_when_and_why(reason: str, expected: str) -> None:
    """The page in its place tells the day and the reason, and where to go on."""
    withdrawal = Withdrawal(post_id="x", location="sleep/x", reason=reason, series="sleep", part=3)

    page = tree(PAGES.gone(withdrawal, SLEEP))

    assert expected in words(page)
    assert hrefs(page, "//main//a") == ["/sleep/", "/archive/"]


def test_privacy_says_how_long_things_are_kept() -> None:
    """What is stored is told with why and for how long; so is the address, where it is known."""
    page = tree(PAGES.privacy(KEPT, postal_address="12 River St"))

    for fact in (
        "Your entry on the list",
        "To send you what you asked for.",
        "your email address",
        "Kept: Until you erase it.",
        "write to 12 River St",
        "Nobody is tracked",
    ):
        assert fact in words(page)


# --------------------------------------------------------------------------------------- templates


def test_a_sites_own_template_comes_first(tmp_path: Path) -> None:
    """A template in the site's folder replaces the shipped one of its name, and only that."""
    own = tmp_path / "pages"
    own.mkdir()
    shipped = (SHIPPED / "pages" / "tag.html").read_text()
    (own / "tag.html").write_text(shipped.replace("Posts about", "All there is on"))

    pages = Pages([tmp_path, SHIPPED], SITE)

    assert "All there is on" in words(tree(pages.tag("sleep", [ONE])))
    assert pages.home(CATALOG) == PAGES.home(CATALOG)
    assert pages.fingerprint != PAGES.fingerprint


@pytest.mark.parametrize(
    "change",
    [{"name": "Other"}, {"zone": "UTC"}, {"accent": "#7a1f3d"}, {"notice": "Another."}],
)
def test_another_site_has_another_fingerprint(change: dict[str, str]) -> None:
    """Whatever of the site a page says is part of the fingerprint."""
    other = Pages([SHIPPED], replace(SITE, **change))

    assert other.fingerprint != PAGES.fingerprint


@pytest.mark.parametrize(
    ("name", "text", "line", "got"),
    [
        ("tag.html", "<p>\n{% if %}", 2, "TemplateSyntaxError"),
        ("tag.html", "{{ name }}\n{{ nothing }}", 2, "UndefinedError"),
        ("tag.html", "\n\n{{ posts + 1 }}", 3, "TypeError"),
        ("frame.html", "{% macro about() %}{% endmacro %}", None, "AttributeError"),
    ],
)
def test_a_broken_template_is_told_by_line(
    tmp_path: Path, name: str, text: str, line: int | None, got: str
) -> None:
    """A site's own template that cannot be filled is named with its file, line and fault."""
    own = tmp_path / "pages"
    own.mkdir()
    (own / name).write_text(text)

    with pytest.raises(ContentError) as caught:
        Pages([tmp_path, SHIPPED], SITE).tag("sleep", [ONE])

    [problem] = caught.value.problems
    assert problem.path.endswith(name) and problem.line == line
    assert problem.got.startswith(got) and problem.hint


def test_every_missing_template_is_told_at_once(tmp_path: Path) -> None:
    """Where templates are missing, all of them are named."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "site.css").write_text("body {}")

    with pytest.raises(ContentError) as caught:
        Pages([tmp_path], SITE)

    missing = {problem.path for problem in caught.value.problems}
    assert {"pages/base.html", "pages/post.html", "pages/home.html"} <= missing


class Memory(dict[tuple[str, str, str], CodeType]):
    """What is in memory; says whether anything was found there."""

    found = False

    @override
    def get(self, name: Any, default: Any = None) -> Any:
        self.found = self.found or name in self
        return super().get(name, default)


class Forgetful(Memory):
    """The memory of a process that just began."""

    @override
    def __setitem__(self, name: Any, code: CodeType) -> None:
        """Keep nothing."""


def test_memory_of_templates_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that sees its templates change for years forgets what they were."""
    memory = Memory()
    monkeypatch.setattr(templates_code, "_kept", memory)
    monkeypatch.setattr(templates_code, "_MOST", 3)

    Pages([SHIPPED], SITE)

    assert 0 < len(memory) <= 3


@pytest.mark.parametrize("remembers", [False, True], ids=["disk", "memory"])
def test_compiled_templates_render_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, remembers: bool
) -> None:
    """What was compiled gives the same pages, damaged or not, and a site's own change is seen.

    From memory, and from the disk as a process finds it that just began.
    """
    own, compiled = tmp_path / "own", tmp_path / "compiled"
    compiled.mkdir()
    expected = PAGES.not_found()
    memory = Memory() if remembers else Forgetful()
    monkeypatch.setattr(templates_code, "_kept", memory)

    written = Pages([own, SHIPPED], SITE, compiled=compiled).not_found()
    files = list(compiled.iterdir())
    taken = Pages([own, SHIPPED], SITE, compiled=compiled).not_found()
    assert memory.found is remembers
    for file in files:
        file.write_bytes(file.read_bytes()[:50])
    mended = Pages([own, SHIPPED], SITE, compiled=compiled).not_found()
    (own / "pages").mkdir(parents=True)
    (own / "pages/message.html").write_text("Ours: {{ title }}")
    changed = Pages([own, SHIPPED], SITE, compiled=compiled).not_found()
    (own / "pages/message.html").write_text("Also ours: {{ title }}")
    again = Pages([own, SHIPPED], SITE, compiled=compiled).not_found()

    assert files
    assert [written, taken, mended] == [expected] * 3
    assert [changed, again] == [
        "Ours: There is no page here",
        "Also ours: There is no page here",
    ]


def test_templates_render_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """A folder that is not there for the compiled templates is no reason not to render."""
    pages = Pages([SHIPPED], SITE, compiled=tmp_path / "none")

    assert pages.not_found() == PAGES.not_found()
