"""The checks that feeds are held to can fail: each finds the one fault that was planted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.feedcheck import check_feed, check_opml, set_apart

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.feedcheck import Kind

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SITE = "https://letters.example"
ID = "urn:uuid:00000000-0000-5000-8000-00000000000"

ATOM = f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0" \
xmlns:media="http://search.yahoo.com/mrss/" xml:lang="en-US">
<id>{ID}0</id>
<title>Letters &#x26; more</title>
<updated>2026-11-20T09:00:00+00:00</updated>
<author><name>Dr Grey</name><uri>https://grey.example/</uri></author>
<link href="{SITE}/archive/2.atom" rel="self" type="application/atom+xml"/>
<link href="{SITE}/feed.atom" rel="current"/>
<link href="{SITE}/archive/1.atom" rel="prev-archive"/>
<link href="{SITE}/" rel="alternate" type="text/html"/>
<icon>{SITE}/icon.png</icon>
<fh:archive/>
<entry>
<id>{ID}2</id>
<title>Sleep</title>
<updated>2026-11-20T09:00:00+00:00</updated>
<published>2026-11-19T09:00:00Z</published>
<link href="{SITE}/sleep/" rel="alternate" type="text/html"/>
<category term="sleep" scheme="{SITE}/tags/" label="Sleep"/>
<summary>On sleep.</summary>
<content type="html">&lt;p&gt;On &lt;a href="{SITE}/a/"&gt;sleep&lt;/a&gt;.&lt;/p&gt;</content>
<media:content url="{SITE}/a.png" medium="image" type="image/png" width="10">\
<media:description type="plain">A bed</media:description></media:content>
</entry>
<entry>
<id>{ID}1</id>
<title>Worry</title>
<updated>2026-11-18T09:00:00Z</updated>
<published>2026-11-18T09:00:00Z</published>
<link href="{SITE}/worry/" rel="alternate" type="text/html"/>
<content type="html">&lt;p&gt;On worry.&lt;/p&gt;</content>
</entry>
</feed>
"""

RSS = f"""<?xml version="1.0" encoding="utf-8"?>
<rss xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/" \
xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0">
<channel>
<title>Letters &#x26; more</title>
<link>{SITE}/</link>
<description>Every letter.</description>
<language>en-US</language>
<lastBuildDate>Fri, 20 Nov 2026 09:00:00 +0000</lastBuildDate>
<ttl>60</ttl>
<image><url>{SITE}/logo.png</url><title>Letters &#x26; more</title><link>{SITE}/</link></image>
<atom:link href="{SITE}/feed.rss" rel="self" type="application/rss+xml"/>
<item>
<title>Sleep</title>
<link>{SITE}/sleep/</link>
<description>On &#x3C;em>sleep&#x3C;/em>.</description>
<guid isPermaLink="false">{ID}2</guid>
<pubDate>Thu, 19 Nov 2026 09:00:00 +0000</pubDate>
<category>sleep</category>
<enclosure url="{SITE}/a.mp3" length="12" type="audio/mpeg"/>
<content:encoded>&#x3C;p>On sleep.&#x3C;/p></content:encoded>
<dc:creator>Dr Grey</dc:creator>
<atom:updated>2026-11-20T09:00:00Z</atom:updated>
</item>
<item><title>Worry</title><guid isPermaLink="false">{ID}1</guid></item>
</channel>
</rss>
"""

JSON: dict[str, Any] = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Letters",
    "home_page_url": f"{SITE}/",
    "feed_url": f"{SITE}/feed.json",
    "language": "en-US",
    "authors": [{"name": "Dr Grey"}],
    "items": [
        {
            "id": f"{ID}2",
            "url": f"{SITE}/sleep/",
            "title": "Sleep",
            "content_html": f'<p>On <a href="{SITE}/a/">sleep</a>.</p>',
            "date_published": "2026-11-19T09:00:00Z",
            "tags": ["sleep"],
            "_series": {"about": f"{SITE}/feeds/", "part": 1},
        },
        {"id": f"{ID}1", "content_text": "On worry."},
    ],
}

OPML = f"""<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0"><head><title>Letters</title></head><body>
<outline type="rss" text="Letters" title="Letters" xmlUrl="{SITE}/feed.atom" htmlUrl="{SITE}/"/>
</body></opml>
"""


def _rules(findings: list[str]) -> set[str]:
    return {finding.partition(":")[0] for finding in findings}


@pytest.mark.parametrize(
    ("data", "kind", "path"),
    [
        (ATOM.encode(), "atom", "archive/2.atom"),
        (RSS.encode(), "rss", "feed.rss"),
        (json.dumps(JSON).encode(), "json", "feed.json"),
    ],
    ids=["atom", "rss", "json"],
)
def test_right_feed_has_no_findings(data: bytes, kind: Kind, path: str) -> None:
    """A feed that is right in all the check knows of is found right, and right at its address only."""
    assert check_feed(data, kind, now=NOW, address=f"{SITE}/{path}") == []
    assert _rules(check_feed(data, kind, now=NOW, address=f"{SITE}/elsewhere")) == {
        "SelfDoesntMatchLocation"
    }


def test_right_opml_has_no_findings() -> None:
    """A right list of feeds is found right."""
    assert check_opml(OPML.encode()) == []


XML_FAULTS = [
    ("ByteOrderMark", "<?xml", "\ufeff<?xml"),
    ("XmlDeclaration", '<?xml version="1.0" encoding="utf-8"?>', "<?xml version='1.0'?>"),
    ("SAXError", "</title>", "</titel>"),
    ("SAXError", "Sleep", "Sl\x07eep"),
    ("BadCharacters", "Sleep", "Sl\x85eep"),
    ("BadCharacters", "Sleep", "Sl&#x9f;eep"),
    ("BadCharacters", "Sleep", "Sl\ufdd0eep"),
    ("BadCharacters", "Sleep", "Sl\ufffdeep"),
    ("BadCharacters", "Sleep", "Sl\U0001fffeeep"),
    ("CDATA", "<title>Sleep", "<title><![CDATA[Sl]]>eep"),
    ("DOCTYPE", "\n<", "\n<!DOCTYPE a>\n<"),
    ("ValidatorLimit", "Worry", "Worry " + "worry " * 900_000 + "worry"),
    ("ContainsHTML", "<title>Sleep", "<title>A &#x3C;b>bold&#x3C;/b> claim"),
    ("ContainsHTML", "<title>Sleep", "<title>Fish &amp;copy; chips"),
    ("NotBlank", "<title>Sleep</title>", "<title></title>"),
    ("UnexpectedWhitespace", "<title>Sleep</title>", "<title> Sleep\n</title>"),
]
ATOM_FAULTS = [
    *XML_FAULTS,
    ("UndefinedElement", 'xmlns="http://www.w3.org/2005/Atom"', 'xmlns="http://www.w3.org/2004/A"'),
    ("MissingDCLanguage", ' xml:lang="en-US"', ""),
    ("MissingElement", f"<id>{ID}2</id>\n", ""),
    ("MissingElement", f"<id>{ID}0</id>\n", ""),
    ("MissingElement", "<updated>2026-11-18T09:00:00Z</updated>", ""),
    (
        "MissingElement",
        "<author><name>Dr Grey</name><uri>https://grey.example/</uri></author>",
        "",
    ),
    ("MissingElement", "<name>Dr Grey</name>", ""),
    ("DuplicateElement", "<title>Sleep</title>", "<title>Sleep</title><title>Sleep</title>"),
    ("UndefinedElement", "<title>Sleep</title>", "<title>Sleep</title><pubDate/>"),
    ("UndefinedElement", "<title>Sleep</title>", "<title>S<b>lee</b>p</title>"),
    ("UnexpectedText", "<fh:archive/>", "<fh:archive/>now"),
    ("UnexpectedText", "<fh:archive/>", "<fh:archive>yes</fh:archive>"),
    ("UnexpectedAttribute", "<title>Sleep", '<title mode="xml">Sleep'),
    ("TextType", "<summary>", '<summary type="html">'),
    ("MisplacedMetadata", "</entry>\n</feed>", "</entry><rights>Ours</rights></feed>"),
    ("InvalidFullLink", f"<id>{ID}2", "<id>sleep"),
    ("InvalidFullLink", f"<id>{ID}2", "<id>urn:uuid:2"),
    ("InvalidFullLink", f"<id>{ID}2", "<id>tag:letters,26:2"),
    ("InvalidFullLink", f"<id>{ID}2", "<id>https:///2"),
    ("NonCanonicalURI", f"<id>{ID}2", "<id>HTTPS://Letters.example"),
    ("NonCanonicalURI", f"<id>{ID}2", f"<id>{ID}A"),
    ("DuplicateEntries", f"<id>{ID}1", f"<id>{ID}2"),
    ("InvalidRFC3339Date", "2026-11-18T09:00:00Z</up", "2026-11-18T09:00:00</up"),
    ("InvalidRFC3339Date", "2026-11-18T09:00:00Z</up", "2026-11-31T09:00:00Z</up"),
    ("InvalidRFC3339Date", "2026-11-18T09:00:00Z</up", "2026-11-18T09:00:00+05:30:10</up"),
    ("ImplausibleDate", "2026-11-18T09:00:00Z</up", "2026-11-24T13:00:00Z</up"),
    ("ImplausibleDate", "2026-11-18T09:00:00Z</up", "1970-01-01T00:00:00Z</up"),
    ("Order", "2026-11-18T09:00:00Z</published>", "2026-11-20T09:00:00Z</published>"),
    ("FeedUpdated", "<updated>2026-11-20T09:00:00+00:00</updated>\n<author>", "<updated>2026-11-21T09:00:00Z</updated>\n<author>"),
    ("MissingSelf", 'rel="self"', 'rel="related"'),
    ("DuplicateAtomLink", 'rel="current"/>', 'rel="prev-archive"/>'),
    ("DuplicateAtomLink", '/sleep/" rel="alternate" type="text/html"/>', '/sleep/" type="text/html"/><link href="https://a.example/" type="text/html"/>'),
    ("UnregisteredAtomLinkRel", 'rel="current"', 'rel="newest"'),
    ("FeedHistoryRelInEntry", '/sleep/" rel="alternate"', '/sleep/" rel="next"'),
    ("InvalidIRI", f'href="{SITE}/sleep/"', 'href="/sleep/"'),
    ("InvalidIRI", f'href="{SITE}/sleep/"', f'href="{SITE}/sl eep/"'),
    ("InvalidIRI", "<uri>https://grey.example/", "<uri>grey"),
    ("InvalidMIMEType", 'sleep/" rel="alternate" type="text/html"', 'sleep/" rel="alternate" type="html"'),
    ("SelfNotAtom", '"self" type="application/atom+xml"', '"self" type="text/xml"'),
    ("AtomLinkNotEmpty", '"prev-archive"/>', '"prev-archive">Older</link>'),
    ("InvalidLanguage", 'rel="prev-archive"', 'rel="prev-archive" hreflang="english"'),
    ("InvalidNonNegativeInteger", 'rel="prev-archive"', 'rel="prev-archive" length="None"'),
    ("InvalidFullLink", f"<icon>{SITE}", "<icon>"),
    ("ContainsEmail", "<name>Dr Grey", "<name>Dr Grey &#x3C;grey@letters.example>"),
    ("ContainsHTML", "<name>Dr Grey", "<name>&#x3C;i>Dr&#x3C;/i> Grey"),
    ("MissingAttribute", 'term="sleep" ', ""),
    ("InvalidFullLink", f'scheme="{SITE}/tags/"', 'scheme="tags"'),
    ("ContainsHTML", 'label="Sleep"', 'label="&#x3C;b>Sleep&#x3C;/b>"'),
    ("MissingContentOrAlternate", f'<link href="{SITE}/worry/" rel="alternate" type="text/html"/>\n<content type="html">&lt;p&gt;On worry.&lt;/p&gt;</content>', "<summary>Worry</summary>"),
    ("MissingTextualContent", '<content type="html">&lt;p&gt;On worry.&lt;/p&gt;</content>', ""),
    ("InvalidMIMEType", '<content type="html">&lt;p&gt;On w', '<content type="CDATA">&lt;p&gt;On w'),
    ("UndefinedElement", "&lt;p&gt;On worry.&lt;/p&gt;", "<p>On worry.</p>"),
    ("NotBlank", "&lt;p&gt;On worry.&lt;/p&gt;", ""),
    ("HistoryBoth", "<fh:archive/>", "<fh:archive/><fh:complete/>"),
    ("HistoryCurrent", 'rel="current"', 'rel="related"'),
    ("HistoryNext", "<fh:archive/>", f'<link href="{SITE}/3" rel="next-archive"/>'),
    ("HistoryComplete", "<fh:archive/>", "<fh:complete/>"),
    ("HistoryLoop", "/archive/1.atom", "/archive/2.atom"),
    ("HistoryLoop", "/feed.atom", "/archive/2.atom"),
    ("InvalidFullLink", f'url="{SITE}/a.png"', 'url="a.png"'),
    ("InvalidMediaMedium", 'medium="image"', 'medium="picture"'),
    ("InvalidMIMEAttribute", 'type="image/png"', 'type="png"'),
    ("InvalidPositiveInteger", 'width="10"', 'width="0"'),
    ("InvalidMediaTextType", 'type="plain"', 'type="text"'),
    ("ContainsHTML", "A bed", "A &lt;b&gt;bed&lt;/b&gt;"),
    ("UnexpectedAttribute", 'width="10"', 'alt="A bed"'),
    ("UndefinedElement", "</media:content>", "</media:content><media:picture/>"),
    ("MediaGroupWithoutAlternatives", "</media:content>", "</media:content><media:group/>"),
    ("InvalidHTML", "On worry.&lt;/p&gt;", "On worry.&lt;/b&gt;"),
    ("SecurityRisk", "On worry.", "&lt;script&gt;&lt;/script&gt;"),
    ("SecurityRisk", "On worry.", '&lt;iframe src="https://a.example/"&gt;&lt;/iframe&gt;'),
    ("SecurityRisk", "&lt;p&gt;On worry.&lt;/p&gt;", "&lt;form&gt;&lt;/form&gt;"),
    ("SecurityRisk", "On worry.", "&lt;svg&gt;&lt;/svg&gt;"),
    ("SecurityRiskAttr", "On worry.", '&lt;b onclick="a()"&gt;On&lt;/b&gt;'),
    ("DangerousStyleAttr", "On worry.", '&lt;b style="color: red"&gt;On&lt;/b&gt;'),
    ("NotHtml", "On worry.", "&lt;my-widget&gt;&lt;/my-widget&gt;"),
    ("ContainsRelRef", "On worry.", '&lt;a href="../a/"&gt;On&lt;/a&gt;'),
    ("ContainsRelRef", "On worry.", '&lt;a href="#a"&gt;On&lt;/a&gt;'),
    ("ContainsRelRef", "On worry.", '&lt;img alt="" srcset="https://a.example/a 1x, b 2x"&gt;'),
    ("UnsafeScheme", "On worry.", '&lt;a href="javascript:a()"&gt;On&lt;/a&gt;'),
    ("UnsafeScheme", "On worry.", '&lt;img alt="" src="data:,a"&gt;'),
    ("InvalidUri", "On worry.", '&lt;a href="https://[a"&gt;On&lt;/a&gt;'),
]  # fmt: skip
RSS_FAULTS = [
    *XML_FAULTS,
    ("UndefinedElement", 'version="2.0">', 'version="0.91">'),
    ("CharacterData", "Letters &#x26; more</title>\n<link", "Letters &amp; more</title>\n<link"),
    ("CharacterData", "On &#x3C;em>", "On &lt;em>"),
    ("MissingElement", "<description>Every letter.</description>\n", ""),
    ("MissingElement", f"<link>{SITE}/</link>\n<desc", "<desc"),
    ("MissingElement", "<language>en-US</language>\n", ""),
    ("MissingElement", f'<guid isPermaLink="false">{ID}2</guid>\n', ""),
    ("DuplicateElement", "<ttl>60</ttl>", "<ttl>60</ttl><ttl>60</ttl>"),
    ("DuplicateElement", "<enclosure", '<enclosure url="https://a.example/a" length="1" type="a/b"/><enclosure'),
    ("UndefinedElement", "<ttl>60</ttl>", "<TTL>60</TTL>"),
    ("MisplacedItem", "</item>\n</channel>", "</item><docs>https://a.example/</docs></channel>"),
    ("MissingSelf", 'rel="self"', 'rel="related"'),
    ("InvalidLanguage", "<language>en-US", "<language>English"),
    ("InvalidPositiveInteger", "<ttl>60", "<ttl>soon"),
    ("InvalidRFC2822Date", "Thu, 19 Nov 2026", "Thu, 19 Nov 26"),
    ("InvalidRFC2822Date", "Thu, 19 Nov 2026 09:00:00 +0000", "2026-11-19T09:00:00Z"),
    ("InvalidRFC2822Date", "Thu, 19 Nov 2026", "Thu, 39 Nov 2026"),
    ("IncorrectDOW", "Thu, 19 Nov 2026", "Mon, 19 Nov 2026"),
    ("ImplausibleDate", "Thu, 19 Nov 2026", "Fri, 19 Nov 2027"),
    ("InvalidRFC3339Date", "2026-11-20T09:00:00Z", "2026-11-20"),
    ("InvalidFullLink", f"<link>{SITE}/sleep/", "<link>/sleep/"),
    ("InvalidFullLink", f"<link>{SITE}/sleep/", f"<link>{SITE}/schl\u00e4f/"),
    ("ContainsHTML", "<category>sleep", "<category>&#x3C;b>sleep&#x3C;/b>"),
    ("NotBlank", "<category>sleep", "<category>"),
    ("NotBlank", "<dc:creator>Dr Grey", "<dc:creator>"),
    ("UnexpectedAttribute", "<category>", '<category scheme="a">'),
    ("ImageTitleDoesntMatch", f"{SITE}/logo.png</url><title>Letters", f"{SITE}/logo.png</url><title>Logo"),
    ("ImageLinkDoesntMatch", f"more</title><link>{SITE}/", f"more</title><link>{SITE}/a/"),
    ("InvalidFullLink", f"<url>{SITE}/logo.png", "<url>logo.png"),
    ("IntegerOverflow", "</link></image>", "</link><width>500</width></image>"),
    ("ItemMustContainTitleOrDescription", "<title>Worry</title>", ""),
    ("NeedDescriptionBeforeContent", "<description>On &#x3C;em>sleep&#x3C;/em>.</description>\n", ""),
    ("DuplicateItemSemantics", "<dc:creator>", "<author>a@letters.example (A)</author><dc:creator>"),
    ("InvalidContact", "<dc:creator>Dr Grey</dc:creator>", "<author>Dr Grey</author>"),
    ("DuplicateItemSemantics", "<dc:creator>", "<dc:subject>a</dc:subject><dc:creator>"),
    ("DuplicateItemSemantics", "<dc:creator>", "<dc:date>2026-11-20T09:00:00Z</dc:date><dc:creator>"),
    ("DuplicateValue", f"{ID}1", f"{ID}2"),
    ("InvalidBooleanAttribute", f'isPermaLink="false">{ID}2', f'isPermaLink="no">{ID}2'),
    ("InvalidPermalink", f'<guid isPermaLink="false">{ID}2', f"<guid>{ID}2"),
    ("NotSufficientlyUnique", f"{ID}2", "12"),
    ("NotBlank", f"{ID}2", ""),
    ("InvalidURLAttribute", f'url="{SITE}/a.mp3"', 'url="a.mp3"'),
    ("InvalidIntegerAttribute", 'length="12"', 'length="None"'),
    ("InvalidMIMEAttribute", "audio/mpeg", "mp3"),
    ("SecurityRisk", "<content:encoded>", "<content:encoded>&#x3C;script>&#x3C;/script>"),
    ("InvalidHTML", "sleep&#x3C;/em>", "sleep&#x3C;/b>"),
    ("NotBlank", "&#x3C;p>On sleep.&#x3C;/p>", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "rule", "old", "new"),
    [("atom", *fault) for fault in ATOM_FAULTS] + [("rss", *fault) for fault in RSS_FAULTS],
    ids=lambda value: value if len(value) < 40 else "",
)
def test_fault_in_xml_is_found(kind: Kind, rule: str, old: str, new: str) -> None:
    """Each rule finds the fault it is there for, in a feed that is right otherwise."""
    text = ATOM if kind == "atom" else RSS
    assert old in text

    found = check_feed(text.replace(old, new, 1).encode(), kind, now=NOW)

    assert rule in _rules(found), found


def test_bytes_of_no_encoding_are_found() -> None:
    """Latin-1 is no UTF-8."""
    assert _rules(check_feed("é".encode("latin-1"), "atom", now=NOW)) == {"UnicodeError"}


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("DuplicateUpdated", "2026-11-18T09:00:00Z</updated>", "2026-11-20T09:00:00+00:00</updated>"),
        ("MathML", "On worry.", "&lt;math&gt;&lt;mi&gt;x&lt;/mi&gt;&lt;/math&gt;"),
    ],
)  # fmt: skip
def test_what_is_right_all_the_same_is_told_apart(rule: str, old: str, new: str) -> None:
    """Two posts of one second and MathML are no fault of a feed, and are told when asked."""
    data = ATOM.replace(old, new, 1).encode()

    assert check_feed(data, "atom", now=NOW) == []
    assert _rules(set_apart(data, "atom", now=NOW)) == {rule}
    assert set_apart(ATOM.encode(), "atom", now=NOW) == []


def _with(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda feed: feed.update(changes)


def _item_with(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda feed: feed["items"][0].update(changes)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("Schema", _with(version="https://jsonfeed.org/version/1")),
        ("Schema", _with(title="")),
        ("Schema", _with(feed_url="feed.json")),
        ("Schema", _with(author={"name": "Dr Grey"})),
        ("Schema", _with(authors={"name": "Dr Grey"})),
        ("Schema", _with(_series={"part": 1})),
        ("Schema", _with(hubs=[{"url": SITE}])),
        ("Schema", _with(expired="yes")),
        ("Schema", lambda feed: feed.pop("items")),
        ("Schema", lambda feed: feed["items"][1].pop("content_text")),
        ("Schema", lambda feed: feed["items"][1].pop("id")),
        ("Schema", _item_with(id=7)),
        ("Schema", _item_with(tags=["a", "a"])),
        ("Schema", _item_with(url="/sleep/")),
        ("Schema", _item_with(attachments=[{"url": SITE}])),
        ("HistoryLoop", _with(next_url=f"{SITE}/feed.json")),
        ("InvalidLanguage", _with(language="English")),
        ("BadCharacters", _with(title="Le\x85ers")),
        ("ContainsHTML", _item_with(title="A <b>bold</b> claim")),
        ("DuplicateEntries", _item_with(id=f"{ID}1")),
        ("InvalidFullLink", _item_with(id="12")),
        ("InvalidIRI", _item_with(url=f"{SITE}/a b")),
        ("InvalidIRI", _item_with(authors=[{"url": "grey"}])),
        ("InvalidRFC3339Date", _item_with(date_published="2026-11-19 09:00")),
        ("ImplausibleDate", _item_with(date_modified="2027-11-19T09:00:00Z")),
        ("MissingElement", lambda feed: feed.pop("authors")),
        ("ContainsRelRef", _item_with(content_html='<a href="/a/">On</a>')),
    ],
)
def test_fault_in_json_is_found(rule: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """The schema and what no schema can say find the fault they are there for."""
    feed = json.loads(json.dumps(JSON))
    change(feed)

    assert rule in _rules(check_feed(json.dumps(feed).encode(), "json", now=NOW))


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("InvalidJSON", b"{"),
        ("InvalidJSON", b'"\xff"'),
        ("DuplicateKey", b'{"title": "a", "title": "b"}'),
        ("ByteOrderMark", b"\xef\xbb\xbf{}"),
    ],
)
def test_bytes_that_are_no_json_are_found(rule: str, data: bytes) -> None:
    """What a parser of JSON refuses or reads in its own way is no feed."""
    assert _rules(check_feed(data, "json", now=NOW)) == {rule}


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("InvalidOPMLVersion", 'version="2.0"', 'version="3.0"'),
        ("MissingElement", "<head><title>Letters</title></head>", ""),
        ("NotBlank", "<title>Letters", "<title>"),
        ("MissingTextAttr", 'text="Letters" ', ""),
        ("MissingTitleAttr", ' title="Letters"', ""),
        ("ContainsHTML", ' title="Letters"', ' title="&lt;b&gt;Letters&lt;/b&gt;"'),
        ("InvalidOutlineType", 'type="rss"', 'type="atom"'),
        ("InvalidFullLink", f"{SITE}/feed.atom", "feed.atom"),
        ("UnexpectedAttribute", 'type="rss"', 'type="rss" url="a"'),
        ("DuplicateValue", "</body>", OPML.splitlines()[2] + "</body>"),
        ("SAXError", "</body>", ""),
    ],
)
def test_fault_in_opml_is_found(rule: str, old: str, new: str) -> None:
    """Each rule for lists of feeds finds the fault it is there for."""
    assert old in OPML

    assert rule in _rules(check_opml(OPML.replace(old, new, 1).encode()))


def test_list_of_no_feeds_is_found() -> None:
    """A list without a feed is of no use."""
    data = OPML.replace(OPML.splitlines()[2], "").encode()

    assert _rules(check_opml(data)) == {"MissingElement"}
