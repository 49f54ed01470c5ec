"""Folders of posts that ask much of a feed: whatever staff, their editors and importers can type.

``fill`` writes one into an empty site. Front matter and text are written as they are here, so YAML
escapes are YAML's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Folder

MEGABYTE: Final = 1_000_000
PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf"
    "c00000030101007b1c9f0e0000000049454e44ae426082"
)
"""A PNG of one pixel."""

TITLES: Final = {
    "c1": r'"Next\x85line and \x9f control"',
    "delete": r'"Delete \x7f it"',
    "noncharacters": r'"None \ufdd0 of \U0001fffe these"',
    "replacement": r'"A lost \ufffd byte"',
    "cdata-end": '"It ends ]]> here"',
    "cdata": '"<![CDATA[ is no text ]]>"',
    "ampersand": '"Fish & chips && R&1"',
    "references": '"Fish &amp; chips &lt;b&gt; &#38; &copy &nbsp;"',
    "bold": '"A <b>bold</b> and <em>fine</em> claim"',
    "script": '"Say <script>alert(1)</script> not"',
    "brackets": '"a < b > c, <sertraline> and <3"',
    "comment": '"<!-- hidden --> shown <?php echo 1 ?>"',
    "emoji": '"A \U0001f469\U0001f3fd\u200d\u2695\ufe0f and \U0001f468\u200d\U0001f469\u200d\U0001f467 talk \U0001f3f3\ufe0f\u200d\U0001f308"',
    "arabic": '"\u0627\u0644\u0646\u0648\u0645 \u0648\u0627\u0644\u0635\u062d\u0629"',
    "bidi": '"Left \u202eright\u202c \u2067\u05e9\u05d9\u05e0\u05d4\u2069 \u200fmark"',
    "combining": '"Z' + "\u0351\u036b\u0343\u036a\u0302" * 12 + 'a\u0301 lgo"',
    "chinese": '"\u7761\u7720\u4e0e\u7126\u8651"',
    "long": '"' + "Very long titles & how to bear them, " * 12 + '"',
    "spaces": r'"  Two\tand   three\u00a0\u2003\u2028spaces\u2029  "',
    "quotes": "'It''s \"quoted\" \u201cover\u201d'",
}
"""Titles as YAML, by slug."""

REFUSED: Final = {
    "bell": r'"Bell \u0007 rings"',
    "null": r'"Null \0 ends"',
    "surrogate": r'"Half \ud83d a pair"',
    "last": r'"The last \uffff one"',
    "nothing": '""',
    "only-zero-width": r'"\u0000"',
}
"""Titles that no post may have, by slug."""

RAW_HTML: Final = """\
<script>alert(1)</script><style>p { color: red }</style>
<iframe src="https://video.example/1"></iframe>
<form action="/subscribe"><input name="q"><button>Go</button><select><option>1</option></select></form>
<object data="a.swf"><param name="a" value="b"><embed src="a.swf"></object>
<svg onload="alert(1)"><script>alert(1)</script><circle r="1"/></svg>
<p style="color: red; behavior: url(a.htc)" onclick="alert(1)" class="lead" id="main">Styled</p>
<details open><summary>More</summary>Less</details>
<my-widget data-a="1">Custom</my-widget>
<video src="a.mp4" autoplay poster="a.png"><source src="b.mp4"><track src="c.vtt"></video>
<img src=a.png onerror=alert(1) alt="An image that fails" loading="lazy" decoding="async">
<img srcset="a.png 1x, b.png 2x" src="a.png" alt="Several sizes">
<a href="javascript:alert(1)">act</a> <a href="data:text/html,<b>hi</b>">data</a>
<a href="vbscript:a">old</a> <a href="JaVaScRiPt&#58;alert(1)">hidden</a>
<a href="&#x6A;avascript:a">coded</a> <a href="//letters.example/a">short</a> <a href="?q=1&r=2">query</a>
<a href="http://[bad">broken</a> <a href="https://a.example/a b|c^{d}">spaces</a>
<math display="block"><mi>x</mi><mo>&lt;</mo><mfrac><mn>1</mn><mn>2</mn></mfrac></math>
<table><tr><td colspan="2" align="left">Cell</td></table>
<p>Unclosed <b>bold <i>both</b> wrong</i>
<ruby>\u6f22<rp>(</rp><rt>kan</rt><rp>)</rp></ruby> <bdo dir="rtl">turned</bdo> <font color="red">old</font>
<base href="https://evil.example/"><meta http-equiv="refresh" content="0"><link rel="stylesheet" href="a.css">
<!-- a comment --> <![CDATA[ x ]]> ]]> <?import namespace="t" ?> &nbsp;&copy;&bogus;&#0;&#7;&#x85;&#xfffe;
"""

MARKDOWN: Final = """\
A [link](#part), [another](../other/), [a path](/feeds/), [a query](?a=1&b=2), ![An image](a.png "Title & more").

## Part

| Name | Dose |
| :--- | ---: |
| `<sertraline>` & co. | **50** mg |

Text[^1] and *emphasis* ~~gone~~ ]]> and <https://a.example/?a=1&b=2> and <letters@letters.example>.

- [x] done
- [ ] not done

> A quote
> > inside another

```html
<script>alert("&amp;")</script>
```

[^1]: A note with a [link](#part) & more.
"""

AUTHORS: Final = """\

- Plain Person
- {name: "Dr. A <b>Bold</b> & Son", credentials: "M.D., Ph.D. & co.", url: "https://people.example/a?b=1&c=2"}
- {name: "Jo Grey <jo.grey@people.example>"}
- {name: "me@people.example"}
- {name: "https://people.example/me"}
- {name: "\u0414\u043e\u043a\u0442\u043e\u0440 \u00c5", url: "https://m\u00fcller.example/\u00fcber"}"""

_TAGS: Final = '["sleep", "!!!", "\u7761\u7720", "C++ & <b>more</b>", "\U0001f9e0", "R&D", "a/b", "\u0645\u0631\u062d\u0628\u0627"]'


def _put(folder: Folder, path: str, title: str, body: str = "", **front: str) -> None:
    file = folder.path / "posts" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = {"title": title, "date": "2026-11-01", **front}
    head = "".join(f"{key}: {value}\n" for key, value in lines.items())
    file.write_text(f"---\n{head}---\n\n{body or 'A sentence to read.'}\n", "utf-8")


def _series(folder: Folder, slug: str, text: str) -> None:
    directory = folder.path / "posts" / slug
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "series.toml").write_text(text, "utf-8")


def _odd_titles(folder: Folder) -> None:
    """Every title is a title, a summary, a correction, an author and a series' part at once."""
    _series(
        folder,
        "titles",
        'title = "Titles & <b>other</b> ]]> trouble \U0001f9e0"\nsummary = "All <i>of</i> them & &amp; more"\n',
    )
    for number, (slug, title) in enumerate({**TITLES, **REFUSED}.items(), start=1):
        _put(
            folder,
            f"titles/{number:02}-{slug}.md",
            title,
            date=f"2026-10-{number:02}T09:00:00+05:45",
            updated=f"2026-11-{number:02}",
            summary=title,
            correction=title,
            warnings=f"[{title}]",
            authors=f"[{{name: {title}, credentials: {title}}}]",
        )  # fmt: skip


def _odd_texts(folder: Folder) -> None:
    """Texts, images, tags, authors, ids and states."""
    for bundle in ("images", "raw"):
        (folder.path / "posts" / bundle).mkdir(parents=True)
        (folder.path / "posts" / bundle / "a.png").write_bytes(PIXEL)
    _put(
        folder,
        "images/index.md",
        '"Images"',
        MARKDOWN,
        date="2026-11-03",
        image='{src: a.png, alt: "A bed & a <b>lamp</b>", credit: "Jo <jo@people.example>"}',
    )
    _put(folder, "raw/index.md", '"Raw HTML"', RAW_HTML, date="2026-11-04", tags=_TAGS)
    _put(folder, "people.md", '"People"', date="2026-11-05", authors=AUTHORS, tags=_TAGS)
    _put(folder, "foreign.md", '"Foreign id"', date="2026-11-06", id='"?p=12 & more"')
    _put(folder, "tagged.md", '"Tag id"', date="2026-11-07", id='"tag:old.example,2009:blog-7"')
    _put(
        folder,
        "corrected.md",
        '"Corrected"',
        date="2026-11-08",
        updated="2026-11-09 10:00",
        correction='"It said <b>5</b> & meant 6."',
    )
    _put(
        folder,
        "withdrawn.md",
        '"Withdrawn"',
        date="2026-11-08",
        withdrawn="2026-11-10 It was wrong.",
    )
    _put(folder, "draft.md", '"Secret draft"', date="2026-11-08", draft="true")
    _put(folder, "future.md", '"Secret future"', date="2099-01-01")
    _put(folder, "end-of-time.md", '"Secret end of time"', date="9999-12-31")
    _put(folder, "letters-only.md", '"Secret letter"', channels="[email]")
    _put(folder, "large.md", '"A megabyte"', _large(), date="2026-11-02")
    for number in range(3):
        _put(
            folder, f"same-{number}.md", f'"Of one second {number}"', date="2026-11-10 10:00:00.5"
        )


def _large() -> str:
    paragraph = (
        "W\u00f6rter & mehr <em>davon</em>, [weiter](/raw/) und \u7761\u7720. " * 12 + "\n\n"
    )
    return paragraph * (MEGABYTE // len(paragraph.encode()) + 1)


def _hostile(folder: Folder) -> None:
    _odd_titles(folder)
    _odd_texts(folder)


def _one(folder: Folder) -> None:
    _put(folder, "only.md", '"The only one"')


def _many(folder: Folder) -> None:
    """120 posts: three series of 30 and 30 loose ones, an hour apart, newest last."""
    for number in range(120):
        kind, turn = number % 4, number // 4 + 1
        path = f"note-{turn}.md" if kind == 3 else f"series-{kind}/{turn:02}-part-{turn}.md"
        date = f"2026-10-{number // 24 + 1:02} {number % 24:02}:30"
        _put(folder, path, f'"Post {number} of many"', date=date, tags='["many"]')


def _ancient(folder: Folder) -> None:
    """A new post, and old texts under the dates that they have."""
    _put(folder, "new.md", '"New"')
    _put(folder, "year-one.md", '"Year one"', date="0001-01-01")
    _put(folder, "year-999.md", '"Year 999"', date="0999-05-05")
    _put(folder, "moon.md", '"The Moon"', date="1969-07-20")


SITES: Final[dict[str, Callable[[Folder], None]]] = {
    "hostile": _hostile,
    "none": lambda _: None,
    "one": _one,
    "many": _many,
    "ancient": _ancient,
}
"""What fills an empty site, by name."""


def fill(folder: Folder, name: str) -> None:
    """Write a site's posts and a configuration with everything that feeds can show."""
    (folder.path / "posts").mkdir(parents=True, exist_ok=True)
    folder.configure(
        site='name = "Riverside & <b>Letters</b> ]]>"\nid = "7f9c24e5-1c1b-4f0e-9f52-2d1f5b8f4a11"\n'
        'url = "https://letters.example"\ntimezone = "America/New_York"\n'
        'author = "Dr. Grey & <i>partners</i>"\nnotice = "Not <medical> advice & no care."',
        feeds='hub = "https://hub.example/?a=1&b=2"\nentries = 50',
    )
    SITES[name](folder)
