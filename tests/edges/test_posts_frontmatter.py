"""Front matter: every trap of YAML is told with its line and the text that would be right."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.errors import ContentError
from publisher.model import Author, Channel, Image, Post, Reference
from publisher.posts import Source, compose, draft, parse
from publisher.posts.dates import instant
from publisher.posts.frontmatter import load, split
from publisher.posts.text import clean

SITE = "5f2b1c1e-6f0e-4c43-9a75-0a5b0f7d3c11"
NEW_YORK = "America/New_York"
GOOD = "title: Worry\ndate: 2027-01-05"

Told = tuple[int | None, str, str, str]


def source(front: str, *, path: str = "sleep/03-worry.md", **images: bytes) -> Source:
    """A source with this front matter."""
    pictures = {name.replace("_", "."): data for name, data in images.items()}
    return Source(path=path, data=f"---\n{front}\n---\nText.\n".encode(), images=pictures)


def made(front: str, **options: object) -> Post:
    """The post that this front matter makes, with title and date unless it has its own."""
    path = str(options.pop("path", "sleep/03-worry.md"))
    front = front if "title:" in front else f"{GOOD}\n{front}"
    return parse(source(front, path=path, p_png=b""), site_id=SITE, zone=NEW_YORK, **options)  # type: ignore[arg-type]


def told(front: str, **options: object) -> list[Told]:
    """Line, code, what was got, and the hint, of every problem of this front matter."""
    with pytest.raises(ContentError) as raised:
        made(front, **options)
    return [(one.line, one.code, one.got, one.hint) for one in raised.value.problems]


def one(front: str, **options: object) -> Told:
    """The only problem of this front matter."""
    (problem,) = told(front, **options)
    return problem


# --------------------------------------------------------------------------------- every key


def test_parse_takes_every_key() -> None:
    """All keys of the contract arrive in the post, checked and typed."""
    front = """
id: urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427
title: "Grief: a guide"
date: 2027-01-05T07:30:00-05:00
summary: What helps.
updated: 2027-02-01 09:00
correction: The dose in part 2.
authors: [Ann Lee, {name: Bo Hill, credentials: MD, url: https://example.org/bo}]
reviewer: Dr. Oak
review_due: 2028-01-01
series: sleep
part: 7
slug: grief
aliases: [old-grief, /mind/grief, old-grief]
tags: [Sleep, mood, sleep]
image: {src: p.png, alt: A window, credit: C. Photo}
warnings: [self-harm]
channels: [web, feed]
canonical_url: https://example.org/grief
references: {smith2020: {text: Smith J., doi: 10.1000/182}, b: {text: B, url: https://b.org}}
draft: false
withdrawn: 2027-03-01 The dose was wrong.
x-source: 007
x-empty:
"""

    post = made(front.strip())

    assert post.id == "urn:uuid:1b4e28ba-2fa1-11d2-883f-0016d3cca427"
    assert post.raw_id == ""
    assert (post.series, post.slug, post.part) == ("sleep", "grief", 7)
    assert post.title == "Grief: a guide"
    assert post.published_at == datetime(2027, 1, 5, 12, 30, tzinfo=UTC)
    assert post.updated_at == datetime(2027, 2, 1, 14, 0, tzinfo=UTC)
    assert post.correction == "The dose in part 2."
    assert post.authors == (
        Author(name="Ann Lee"),
        Author(name="Bo Hill", credentials="MD", url="https://example.org/bo"),
    )
    assert (post.reviewer, post.review_due) == ("Dr. Oak", date(2028, 1, 1))
    assert post.aliases == ("sleep/old-grief", "mind/grief")
    assert post.tags == ("Sleep", "mood")
    assert post.image == Image(src="p.png", alt="A window", credit="C. Photo")
    assert post.warnings == ("self-harm",)
    assert post.channels == {Channel.WEB, Channel.FEED}
    assert post.canonical_url == "https://example.org/grief"
    assert post.references == (
        Reference(key="smith2020", text="Smith J.", url="https://doi.org/10.1000/182"),
        Reference(key="b", text="B", url="https://b.org"),
    )
    assert post.withdrawn == "2027-03-01 The dose was wrong."
    assert post.extra == {"x-source": "007"}
    assert post.files == ("p.png",)
    assert post.summary == "What helps."


def test_parse_needs_title_and_date_alone() -> None:
    """The rest has defaults: all channels, no tags, part and slug from the file's name."""
    post = made(GOOD)

    assert (post.series, post.part, post.slug) == ("sleep", 3, "worry")
    assert post.location == "sleep/worry"
    assert post.channels == set(Channel)
    assert post.summary == "Text."
    assert not post.draft


def test_parse_leaves_out_empty_keys() -> None:
    """A key without a value is as good as none."""
    assert made("summary:\ntags:\nimage: ~\nupdated: null").updated_at is None


# ------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2027-01-05", "2027-01-05T05:00"),
        ("2027-07-05", "2027-07-05T04:00"),
        ("2027-01-05 09:00", "2027-01-05T14:00"),
        ("2027-01-05 9:00", "2027-01-05T14:00"),
        ("2027-01-05T09:00", "2027-01-05T14:00"),
        ("2027-01-05 09:00:30", "2027-01-05T14:00:30"),
        ("2027-01-05 09:00:00 +01:00", "2027-01-05T08:00"),
        ("2027-01-05 09:00 +01:00", "2027-01-05T08:00"),
        ("2027-01-05T09:00Z", "2027-01-05T09:00"),
        ('"2027-01-05"', "2027-01-05T05:00"),
        ("2027-03-14 02:30", "2027-03-14T07:30"),  # skipped: as if the clocks had not changed
        ("2027-11-07 01:30", "2027-11-07T05:30"),  # twice: the first
        ("1969-07-20", "1969-07-20T04:00"),
        ("9999-12-30", "9999-12-30T05:00"),
    ],
)
def test_parse_reads_dates_in_the_sites_zone(written: str, expected: str) -> None:
    """A date alone is 00:00 there, a time without an offset a local time, an offset is kept."""
    post = made(f"title: T\ndate: {written}")

    assert datetime.fromisoformat(f"{expected}+00:00") == post.published_at
    assert post.published_at.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "2027-13-01",
        "2027-02-30",
        "Tuesday",
        "20270105",
        "2027-01-05 25:00",
        "[2027]",
        "9999-12-31 23:30",
        "true",
        "2027-01-05T09:00:00+99:99",
    ],
)
def test_parse_refuses_what_is_no_date(written: str) -> None:
    """A date that does not exist, or no date at all, is shown with examples."""
    line, code, _, hint = one(f"title: T\ndate: {written}")

    assert (line, code) == (3, "post.date")
    assert hint == "Such as 2027-01-31, 2027-01-31 09:00 or 2027-01-31T09:00:00-05:00."


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_instant_agrees_with_zoneinfo(moment: datetime) -> None:
    """Every local time is what the zone's own rules say, the first where there are two."""
    zone = ZoneInfo(NEW_YORK)
    moment = moment.replace(microsecond=0, fold=0)

    expected = moment.replace(tzinfo=zone).astimezone(UTC)

    assert expected == instant(moment.isoformat(" "), zone) == instant(moment, zone)


# --------------------------------------------------------------------------- traps of YAML


@pytest.mark.parametrize(
    ("front", "line", "hint"),
    [
        ("title: Grief: a guide\ndate: 2027-01-05", 2, 'title: "Grief: a guide"'),
        ('date: 2027-01-05\ntitle: "Sleep" and worry', 3, "title: '\"Sleep\" and worry'"),
        ("title: 'It's late'\ndate: 2027-01-05", 2, 'title: "It\'s late"'),
        ("title: @home\ndate: 2027-01-05", 2, 'title: "@home"'),
        ("title: *one*\ndate: 2027-01-05", 2, 'title: "*one*"'),
        ("title: `code`\ndate: 2027-01-05", 2, 'title: "`code`"'),
        ("title: 100%\nsummary: % off", 3, 'summary: "% off"'),
        ("title: [draft] Worry\ndate: 2027-01-05", 2, 'title: "[draft] Worry"'),
        ('title: "Worry\ndate: 2027-01-05', 2, "title: '\"Worry'"),
        ("title: > Worry\ndate: 2027-01-05", 2, 'title: "> Worry"'),
    ],
)
def test_parse_shows_the_line_that_yaml_cannot_read(front: str, line: int, hint: str) -> None:
    """The line is shown as it should have been: with the text in quotes."""
    got_line, code, got, got_hint = one(front)

    assert (got_line, code) == (line, "post.front_matter")
    assert got == front.split("\n")[line - 2]
    assert got_hint == f"Put it in quotes:  {hint}"


def test_parse_says_that_a_colon_needs_quotes() -> None:
    """The commonest trap is told by name."""
    with pytest.raises(ContentError) as raised:
        made("title: Grief: a guide\ndate: 2027-01-05")

    assert str(raised.value) == (
        "posts/sleep/03-worry.md:2  expected text in quotes, since it holds a colon; "
        'got title: Grief: a guide\n  Put it in quotes:  title: "Grief: a guide"'
    )


def test_parse_says_that_tabs_do_not_indent() -> None:
    """A tab looks like spaces and is none."""
    assert one("title: T\nauthors:\n\t- Ann")[3] == "Indent with spaces, not with tabs."


@pytest.mark.parametrize(
    ("front", "line", "start"),
    [
        ("title: T\nauthors: [{name: A: B}]", 3, "YAML says: "),
        ("title: T\n{", 3, "YAML says: "),
        ("title: T\nsummary: a\x7fb", 3, 'Put it in quotes:  summary: "a'),
        ("title: T\n- a", 3, "YAML says: "),
    ],
)
def test_parse_passes_on_what_yaml_says(front: str, line: int, start: str) -> None:
    """Where quotes would not help, YAML's own words are shown with the line."""
    got_line, code, _, hint = one(front)

    assert (got_line, code) == (line, "post.front_matter")
    assert hint.startswith(start)


@pytest.mark.parametrize(
    ("front", "line", "code", "hint"),
    [
        ("slug: 2027", 4, "post.slug", 'Put it in quotes:  slug: "2027"'),
        ('title: " "\ndate: 2027-01-05', 2, "post.title", 'Add a line:  title: "…"'),
        ("title: 1984\ndate: 2027-01-05", 2, "post.title", 'Put it in quotes:  title: "1984"'),
        ("title: Yes\ndate: 2027-01-05", 2, "post.title", 'Put it in quotes:  title: "Yes"'),
        ("title: 1.5\ndate: 2027-01-05", 2, "post.title", 'Put it in quotes:  title: "1.5"'),
        ("summary: 2027-01-05", 4, "post.summary", 'Put it in quotes:  summary: "2027-01-05"'),
        ("tags: [sleep, 2020]", 4, "post.tags", 'Put it in quotes:  "2020"'),
        ("tags: sleep", 4, "post.tags", "Write it as a list:  tags: [sleep]"),
        ("authors: Ann", 4, "post.authors", "Write it as a list:  authors: [Ann]"),
        ('draft: "yes"', 4, "post.draft", "Write  draft: true  or  draft: false  without quotes."),
        ('part: "3"', 4, "post.part", "Write it without quotes:  part: 3"),
        ("channels: [web, emial]", 4, "post.channels", "Did you mean email?"),
        ("channels: [paper]", 4, "post.channels", ""),
        ("channels: []", 4, "post.channels", ""),
        ("part: 0", 4, "post.part", ""),
        ("part: 10000", 4, "post.part", ""),
        ("part: true", 4, "post.part", ""),
        ("part: x", 4, "post.part", ""),
        ("slug: My Post", 4, "post.slug", "my-post would do."),
        ("slug: 日本", 4, "post.slug", ""),
        ("slug: from", 4, "post.slug", "The site serves something else there. Choose another."),
        ("canonical_url: example.org/a", 4, "post.canonical_url", "Write https://example.org/a, if that is it."),
        ("review_due: soon", 4, "post.review_due", "Such as 2027-01-31."),
        ("withdrawn: 2027-01-05", 4, "post.withdrawn", 'Such as  withdrawn: "2027-01-31 The dose was wrong."'),
        ("withdrawn: wrong dose", 4, "post.withdrawn", 'Such as  withdrawn: "2027-01-31 The dose was wrong."'),
        ("correction: The dose.", 4, "post.correction", "Add  updated:  with the date of the correction."),
        ('tags: [" "]', 4, "post.tags", ""),
        ("image: {src: p.png}", 4, "post.image", 'Write  image: {src: picture.png, alt: "…"}'),
        ("image: p.png", 4, "post.image", 'Write  image: {src: picture.png, alt: "…"}'),
        ("image: {src: q.png, alt: A}", 4, "post.image", "Did you mean p.png?"),
        ("image: {src: http://x.org/y, alt: A}", 4, "post.image", "Put it beside index.md, in the post's folder."),
        ("references: {a b: {text: x}}", 4, "post.references", "Letters and digits, with single _ : . + / - between them."),
        ("references:\n  a: {text: x, doi: nope}", 5, "post.references", 'Write each as  key: {text: "…", doi: 10.1000/182}'),
        ("x-notes: [a]", 4, "post.x-notes", "A key of yours holds text."),
        ('x-notes: "a\\x01"', 4, "post.x-notes", "A key of yours holds text."),
        ('summary: "a\\x01"', 4, "post.summary", "Retype it; they cannot be seen."),
        ("summary: !wow x", 4, "post.yaml", 'Put it in quotes:  summary: "!wow x"'),
        ("summary: &x y", 4, "post.yaml", 'Put it in quotes:  summary: "&x y"'),
        ("series: mind", 4, "post.series", "Remove the key, or move the file to the folder mind."),
        ("aliases: [../x]", 4, "post.aliases", "Write the old slug, or the old path from the root, such as /series/slug."),
        ("aliases: [/feeds]", 4, "post.aliases", "Write the old slug, or the old path from the root, such as /series/slug."),
    ],
)  # fmt: skip
def test_parse_tells_one_mistake(front: str, line: int, code: str, hint: str) -> None:
    """A mistake is told once, with its line and the fix."""
    got_line, got_code, _, got_hint = one(front)

    assert (got_line, got_code, got_hint) == (line, code, hint)


@pytest.mark.parametrize(
    ("front", "got"),
    [
        ("slug: 2027", "2027, read as a number"),
        ("title: Yes\ndate: 2027-01-05", "Yes, read as true"),
        ("part: false", "false"),
        ("summary: 2027-01-05", "2027-01-05, read as a date"),
        ("title:\ndate: 2027-01-05", "nothing"),
        ("summary: [a]", "a list"),
        ("summary: {a: b}", "keys and values"),
        ("slug: A", '"A"'),
    ],
)
def test_parse_says_what_it_got(front: str, got: str) -> None:
    """What YAML made of a value is said beside what was written."""
    assert one(front)[2] == got


def test_parse_names_what_is_missing() -> None:
    """Both keys that a post needs are asked for with an example."""
    told_of = told("summary: x\n# title: none")

    assert told_of == [
        (1, "post.title", "nothing", 'Add a line:  title: "…"'),
        (1, "post.date", "nothing", "Add a line:  date: 2027-01-31"),
    ]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("titles", "Did you mean title? Keys of your own begin with x-."),
        ("Tags", "Did you mean tags? Keys of your own begin with x-."),
        ("excerpt", "Did you mean summary? Keys of your own begin with x-."),
        ("reviewdue", "Did you mean review_due? Keys of your own begin with x-."),
        ("zzz", "Known are id, title, date, "),
    ],
)
def test_parse_suggests_the_key_that_was_meant(key: str, hint: str) -> None:
    """An unknown key is an error, with the known one that it resembles, here or elsewhere."""
    line, code, got, got_hint = one(f"{key}: x")

    assert (line, code, got) == (4, "post.unknown_key", key)
    assert got_hint.startswith(hint)


def test_parse_suggests_inner_keys() -> None:
    """The same inside authors, image and references."""
    front = "authors:\n  - {name: A, credential: MD}\nreferences:\n  a:\n    text: x\n    uri: y"

    assert [(line, hint) for line, _, _, hint in told(front)] == [
        (5, "Did you mean credentials?"),
        (9, "Did you mean url?"),
    ]


def test_parse_refuses_a_key_twice() -> None:
    """Of two equal keys YAML would take the last, silently; inside references too."""
    front = "title: A\ndate: 2027-01-05\ntitle: B\nreferences:\n  a: {text: x}\n  a: {text: y}"

    assert told(front) == [
        (4, "post.duplicate_key", "title again; the first is in line 2", "Remove one of them."),
        (7, "post.duplicate_key", "a again; the first is in line 6", "Remove one of them."),
    ]


def test_parse_refuses_aliases() -> None:
    """An alias is never followed, so no file can grow while it is read."""
    bomb = "tags: &a [x, x]\nwarnings: [*a, *a]"

    problems = told(bomb)

    assert [line for line, code, _, _ in problems if code == "post.yaml"] == [4, 5, 5]


def test_parse_bounds_the_depth() -> None:
    """Brackets without end are refused before they cost anything."""
    line, code, got, _ = one("title: " + "[" * 50_000)

    assert (line, code, got) == (2, "post.front_matter", "more")


def test_parse_bounds_the_length() -> None:
    """Front matter is short; a text that was never closed is not read as YAML."""
    assert one("title: T\n# " + "x" * 100_000)[2] == "100 kB"


@pytest.mark.parametrize("front", ["- a", "just words", "[1]"])
def test_parse_needs_keys_and_values(front: str) -> None:
    """YAML that is no mapping is no front matter."""
    assert one(f"# title:\n{front}")[:3] == (3, "post.front_matter", f'"{front}"')


def test_parse_refuses_a_key_that_is_no_word() -> None:
    """A key that is itself a list cannot be a key of ours."""
    assert one("title: T\n? [a, b]\n: c")[:2] == (3, "post.front_matter")


def test_parse_refuses_a_second_block() -> None:
    """A line that only begins with dashes does not end the front matter, and is pointed at."""
    line, code, got, _ = one("title: T\ndate: 2027-01-05\n--- and on\nsummary: x")

    assert (line, code, got) == (4, "post.front_matter", '"--- and on"')


def test_parse_tells_everything_at_once() -> None:
    """All mistakes of a file come together, in the order of its lines, the text's as well."""
    front = "titles: T\ntags: x\nslug: from\naliases: [/u/x]\nx-a: [1]\ncorrection: c"
    text = f"---\n{front}\n---\n\n[@nobody] and ![](a.png)\n"

    with pytest.raises(ContentError) as raised:
        parse(Source(path="sleep/03-worry.md", data=text.encode()), site_id=SITE, zone=NEW_YORK)

    assert [(one.line, one.code) for one in raised.value.problems] == [
        (1, "post.title"),
        (1, "post.date"),
        (2, "post.unknown_key"),
        (3, "post.tags"),
        (4, "post.slug"),
        (5, "post.aliases"),
        (6, "post.x-a"),
        (7, "post.correction"),
        (10, "post.citation"),
        (10, "post.alt"),
        (10, "post.image"),
    ]


def test_parse_blames_no_citation_on_broken_yaml() -> None:
    """Where the references cannot be read, it is not known which citations are wrong."""
    text = "---\ntitle: A: B\nreferences: {a: {text: A}}\n---\n[@a] ![](x.png)\n"

    with pytest.raises(ContentError) as raised:
        parse(Source(path="a.md", data=text.encode()), site_id=SITE, zone=NEW_YORK)

    assert [one.code for one in raised.value.problems] == [
        "post.front_matter",
        "post.alt",
        "post.image",
    ]


def test_parse_blames_no_citation_on_broken_references() -> None:
    """A reference with a mistake can still be cited, so that the mistake is told once."""
    text = "---\ntitle: A\ndate: 2027-01-05\nreferences: {a: {txt: A}}\n---\n[@a]\n"

    with pytest.raises(ContentError) as raised:
        parse(Source(path="a.md", data=text.encode()), site_id=SITE, zone=NEW_YORK)

    assert [one.code for one in raised.value.problems] == [
        "post.references",
        "post.unknown_key",
    ]


# ------------------------------------------------------------------------- where a post belongs


def test_parse_takes_the_series_of_a_loose_file() -> None:
    """A loose file may name its series; then its number counts there."""
    post = made("series: sleep", path="04-naps.md", known_series={"sleep"})

    assert (post.series, post.part, post.slug) == ("sleep", 4, "naps")


def test_parse_keeps_the_number_of_a_loose_post() -> None:
    """Without a series a number is part of the slug."""
    post = made("", path="10-tips.md")

    assert (post.series, post.part, post.slug) == (None, None, "10-tips")


@pytest.mark.parametrize(
    ("front", "path", "code", "hint"),
    [
        ("series: slep", "a.md", "post.series", "Did you mean sleep?"),
        ("series: xyz", "a.md", "post.series", "Make the folder xyz first."),
        ("part: 2", "a.md", "post.part", "Move the file to the folder of a series, or remove the key."),
        ("tags: [a]", "sleep/00-a.md", "post.part", "Rename the file so that it begins with 01."),
        ("slug: u", "a.md", "post.slug", "The site serves something else there. Choose another."),
        ("tags: [a]", "Foo Bar.md", "post.slug", "Rename the file, or write  slug: foo-bar"),
        ("tags: [a]", "日本.md", "post.slug", "Rename the file, or write  slug: a-slug"),
    ],
)  # fmt: skip
def test_parse_checks_the_place(front: str, path: str, code: str, hint: str) -> None:
    """A series that there is, a part where there is one, an address that can be one."""
    got = one(front, path=path, known_series=frozenset({"sleep"}))

    assert (got[1], got[3]) == (code, hint)


def test_parse_refuses_an_own_path_as_series() -> None:
    """A loose file cannot bring a series to an address of the site."""
    assert one("series: feeds", path="a.md")[1] == "post.series"


def test_parse_believes_the_series_where_none_are_known() -> None:
    """A source from the store is read without the folder around it."""
    assert made("series: gone", path="a.md").series == "gone"


# ----------------------------------------------------------------------------------- identity


def test_parse_gives_an_id_that_grows_from_the_path() -> None:
    """Without an id the post has one from its location, in series and out."""
    inside, outside = made(""), made("", path="worry.md")

    assert inside.id == f"urn:uuid:{uuid5(UUID(SITE), 'sleep/worry')}"
    assert outside.id == f"urn:uuid:{uuid5(UUID(SITE), 'worry')}"


def test_parse_keeps_the_id_through_a_rename() -> None:
    """The oldest alias gives the id that the post had under its old name, moved or renamed."""
    before = made("", path="sleep/03-worry.md")

    renamed = made("aliases: [worry, later]", path="sleep/03-rumination.md")
    moved = made("aliases: [/sleep/worry]", path="mind/01-worry.md")

    assert before.id == renamed.id == moved.id
    assert renamed.location == "sleep/rumination"


def test_parse_keeps_an_imported_id() -> None:
    """An id that is no IRI stays verbatim for RSS, and grows into one for the others."""
    post, other = made("id: post 12"), made("id: post 13")

    assert post.raw_id == "post 12"
    assert post.id.startswith("urn:uuid:")
    assert post.id != other.id


def test_parse_keeps_an_iri() -> None:
    """An id that is an IRI is the id."""
    post = made("id: https://example.org/?p=12")

    assert (post.id, post.raw_id) == ("https://example.org/?p=12", "")


words = st.text(st.characters(codec="utf-8", categories=["L", "Nd", "Zs"]), min_size=1).filter(
    lambda text: text.strip()
)


@settings(deadline=None)
@given(title=words, body=words, day=st.dates(date(1990, 1, 1), date(2100, 1, 1)), tag=words)
def test_parse_keeps_the_id_through_edits(title: str, body: str, day: date, tag: str) -> None:
    """Title, date, tags and text may change; the id is the path's."""
    data = compose({"title": title, "date": day, "tags": [f"a {tag}"]}, body).encode()

    post = parse(Source(path="sleep/03-worry.md", data=data), site_id=SITE, zone=NEW_YORK)

    assert post.id == made(GOOD).id


# ------------------------------------------------------------------------------------ writing


def test_draft_is_accepted() -> None:
    """What `publisher new` writes can be read at once, and is not yet published."""
    text = draft("Grief: a guide", post_id="urn:uuid:1", date=date(2027, 1, 5))

    post = parse(Source(path="a.md", data=text.encode()), site_id=SITE, zone=NEW_YORK)

    assert text == (
        "---\nid: urn:uuid:1\ntitle: 'Grief: a guide'\ndate: 2027-01-05\ndraft: true\n---\n\n"
        "Write the post here.\n"
    )
    assert (post.id, post.title, post.draft) == ("urn:uuid:1", "Grief: a guide", True)


def test_draft_takes_summary_and_part() -> None:
    """The keys that are known are written, in their order, and no others."""
    at = datetime(2027, 1, 5, 9)  # noqa: DTZ001 - a local time

    text = draft("A", post_id="b", date=at, summary="S", part=2, is_draft=False)

    assert text.startswith(
        "---\nid: b\ntitle: A\ndate: 2027-01-05 09:00:00\nsummary: S\npart: 2\n---\n"
    )


@settings(deadline=None)
@given(
    title=st.text(min_size=1),
    summary=st.text(),
    key=st.text(min_size=1),
    body=st.text(),
    day=st.dates(),
)
def test_compose_writes_what_split_and_load_take(
    title: str, summary: str, key: str, body: str, day: date
) -> None:
    """Whatever an importer found, the text is front matter that YAML reads back the same."""
    front = {
        "title": title,
        "summary": summary,
        "date": day,
        "updated": day,
        "none": None,
        "tags": (title, title),
        "channels": frozenset({Channel.WEB, Channel.FEED}),
        "references": {key: {"text": summary}},
        "part": 3,
    }

    text = compose(front, body)

    parts = split(text, "a.md")
    again = load(parts.front, "a.md")
    assert again.problems == ()
    assert list(again.values) == [name for name in front if name != "none"]
    assert again.values["title"] == re.sub("[\x85\u2028\u2029]", "\n", clean(title))
    assert again.values["channels"] == ["feed", "web"]
    assert again.values["date"] == again.values["updated"] == day
    assert compose(again.values, parts.body) == text


def test_compose_drops_what_no_post_may_hold() -> None:
    """Control characters and lone surrogates of an old archive do not stop an import."""
    text = compose({"title": "a\x00b\ud800"}, "c\x0bd\ufffe\n")

    assert text == "---\ntitle: ab\n---\n\ncd\n"
