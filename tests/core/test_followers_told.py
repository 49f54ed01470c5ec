"""What a user agent says of how many people read a feed through it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editorial.followers import Follower, read_agent


@pytest.mark.parametrize(
    ("agent", "name", "people"),
    [
        ("Feedly/1.0 (+http://www.feedly.com/fetcher.html; 16 subscribers; like X)", "Feedly", 16),
        ("Feedbin feed-id:1379740 - 5 subscribers", "Feedbin", 5),
        ("NewsBlur Feed Fetcher - 1 subscriber - https://www.newsblur.com", "NewsBlur", 1),
        (
            "Mozilla/5.0 (compatible; theoldreader.com; 3 subscribers; feed-id=x)",
            "theoldreader.com",
            3,
        ),
        ("BazQux/2.4 (+https://bazqux.com/fetcher; 12 subscribers)", "BazQux", 12),
        ("inoreader.com/1.0 (77 Readers)", "inoreader.com", 77),
    ],
)
def test_a_service_says_for_how_many_it_comes(agent: str, name: str, people: int) -> None:
    """Named by what it calls itself, not by what every browser says first."""
    assert read_agent(agent) == Follower(name=name, people=people)


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
        "Feedly/1.0 (0 subscribers)",
        "Feedly/1.0 (many subscribers)",
        "Feedly/1.0 (999999999 subscribers)",
        "12 subscribers",
        "Mozilla/5.0 (compatible; 12 subscribers)",
    ],
)
def test_whoever_says_nothing_of_people_is_not_counted(agent: str) -> None:
    """One person's reader is nobody's business."""
    assert read_agent(agent) is None


@given(st.text(max_size=200))
def test_any_text_is_read(agent: str) -> None:
    """What is found is short, plain and more than nobody."""
    found = read_agent(agent)
    assert found is None or (
        found.people > 0 and found.name.isascii() and 2 <= len(found.name) <= 40
    )
