"""What would tell on a reader is found, wherever it hides; what a page needs of its own site is not."""

from __future__ import annotations

import pytest

from publisher.preflight import find_trackers

SITE = "https://letters.example.org"


def _find(html: str, *, may_load: bool = True) -> list[str]:
    return [words for _, words in find_trackers(html, site_url=SITE, may_load=may_load)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="https://x.example/p.gif">', "<img> loads https://x.example/p.gif"),
        ('<img src="//x.example/p.gif">', "<img> loads //x.example/p.gif"),
        ('<img src="http://letters.example.org/p">', "<img> loads http://letters.example.org/p"),
        ('<img srcset="/a 1x, https://x.example/b 2x">', "<img> loads https://x.example/b"),
        ('<link rel="stylesheet" href="https://x.example/a.css">', "<link> loads"),
        ('<link rel="preconnect" href="https://x.example">', "<link> loads https://x.example"),
        ("<style>a { background: url('https://x.example/b') }</style>", "a style loads https"),
        ('<style>@import "https://x.example/b";</style>', "a style loads https://x.example/b"),
        ('<p style="background: url(https://x.example/c)">', "a style loads https://x.example/c"),
        ('<img src="https://[x/">', "<img> loads https://[x/"),
        ("<script>1</script>", "a script"),
        ('<script src="/own.js"></script>', "a script"),
        ('<iframe src="/own"></iframe>', "<iframe>: a page of somebody else's inside"),
        ('<meta http-equiv="Refresh" content="0;url=/">', "a page that leads away by itself"),
        ('<body onload="x()">', "<body onload>: it runs on an occasion"),
        ('<a href="/" ping="/p">x</a>', "<a ping>: it tells who follows it"),
        ('<a href="https://x.example/?utm_source=a">x</a>', "a link that says who follows it"),
        ('<a href="/?q=1&amp;Email=a">x</a>', "a link that says who follows it"),
    ],
)
def test_what_tells_on_a_reader_is_found(html: str, expected: str) -> None:
    """Pictures, styles, scripts, frames and links that report are each found."""
    assert any(found.startswith(expected) for found in _find(html))


@pytest.mark.parametrize(
    "html",
    [
        '<link rel="stylesheet" href="/assets/site.css"><link rel="icon" href="data:,">',
        f'<img src="{SITE}/moon.png"><img src="/moon.png" srcset=" , ">',
        '<link rel="alternate" href="https://x.example/feed">',
        '<script type="application/ld+json">{}</script>',
        '<a href="https://x.example/study?id=7">x</a><a href="https://[x/?email=a">x</a>',
    ],
)
def test_what_a_page_needs_is_no_tracker(html: str) -> None:
    """A page may load what its own site has, and link to whatever it speaks of."""
    assert _find(html) == []


def test_a_letter_loads_nothing_at_all() -> None:
    """What a page may load of its own site would tell that a letter is open."""
    html = f'<p>\n<img src="{SITE}/moon.png">'

    assert find_trackers(html, site_url=SITE, may_load=False) == [
        (2, f"<img> loads {SITE}/moon.png")
    ]
