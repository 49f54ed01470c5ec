"""The same site for Pelican: the same texts, addresses and lists, with a theme that only renders."""

from typing import Any

SITENAME = "Benchmark Letters"
SITEURL = "http://127.0.0.1:8000"
TIMEZONE = "UTC"
DEFAULT_LANG = "en"
PATH = "content"
OUTPUT_PATH = "public"
THEME = "theme"

# A post's address is its file's name, its series the folder it lies in; nothing but posts is there.
ARTICLE_PATHS = [""]
PAGE_PATHS: list[str] = []
STATIC_PATHS: list[str] = []
THEME_STATIC_PATHS: list[str] = []
FILENAME_METADATA = "(?P<slug>.*)"
ARTICLE_URL = "{category}/{slug}/"
ARTICLE_SAVE_AS = "{category}/{slug}/index.html"
CATEGORY_URL = "{slug}/"
CATEGORY_SAVE_AS = "{slug}/index.html"
TAG_URL = "tags/{slug}/"
TAG_SAVE_AS = "tags/{slug}/index.html"
AUTHOR_SAVE_AS = ""
DIRECT_TEMPLATES = ["index", "archives", "sitemap"]
ARCHIVES_URL = "archive/"
ARCHIVES_SAVE_AS = "archive/index.html"
SITEMAP_SAVE_AS = "sitemap.xml"
DEFAULT_PAGINATION = False

# The newest 30 with their whole text, of the site, every series and every tag.
FEED_DOMAIN = SITEURL
FEED_ALL_RSS = "feed.xml"
CATEGORY_FEED_RSS = "{slug}/feed.xml"
TAG_FEED_RSS = "tags/{slug}/feed.xml"
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = TAG_FEED_ATOM = None
TRANSLATION_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = None
FEED_MAX_ITEMS = 30
RSS_FEED_SUMMARY_ONLY = False

# A summary is plain text, as everywhere else; Markdown is converted as Pelican comes.
FORMATTED_FIELDS: list[str] = []
TYPOGRIFY = False
LOG_LEVEL = "ERROR"

_parts: dict[str, list[Any]] = {}


def parts_of(series: Any, categories: Any) -> list[Any]:
    """Return the posts of a series from part 1; they are sorted once for all pages."""
    if not _parts:
        for category, articles in categories:
            _parts[category.slug] = sorted(articles, key=lambda one: int(one.part))
    return _parts[series.slug]


def title_of(series: Any) -> str:
    """Return what a series is called."""
    return f"Letters, volume {int(series.slug.rpartition('-')[2])}"


def around(parts: list[Any], at: int) -> list[Any]:
    """Return the parts around one: the first, five before, five after, the last; None is a gap."""
    total = len(parts)
    first, last = at - 5, at + 5
    first = 1 if first <= 3 else first
    last = total if last >= total - 2 else last
    before = [parts[0], None] if first > 1 else []
    after = [None, parts[-1]] if last < total else []
    return [*before, *parts[first - 1 : last], *after]


JINJA_FILTERS = {"parts_of": parts_of, "title_of": title_of, "around": around}
