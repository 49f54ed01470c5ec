"""Every page that people read, as text: from values and templates, with no script and no tracker.

views        ``SiteView`` and the small values that acting pages are made of
contents     a series as the list of its parts
repeats      what many pages say alike, written once
markup       a post's text made ready for a page
linked_data  what search engines read of a post
words        dates, bylines, counts
templating   jinja2, a site's own templates before ours
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from publisher import __version__, look, urls
from publisher.editorial.moments import tell_date
from publisher.model import Channel
from publisher.pages import words
from publisher.pages.contents import (
    by_series,
    by_year,
    following,
    latest_number,
    list_around,
    list_here,
    list_letter_parts,
    list_parts,
    neighbour,
)
from publisher.pages.linked_data import describe_article
from publisher.pages.markup import dress_body, dress_item, is_own, lead_image, list_notes
from publisher.pages.repeats import Repeats
from publisher.pages.templating import Templates
from publisher.pages.views import (
    CourseItem,
    Entry,
    FeedGroup,
    Field,
    Form,
    Group,
    Head,
    Kept,
    SiteView,
    feed_groups,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from markupsafe import Markup

    from publisher.model import (
        Author,
        Body,
        Catalog,
        EditionContent,
        Place,
        Post,
        Series,
        Withdrawal,
    )

__all__ = [
    "CourseItem",
    "Entry",
    "Field",
    "Form",
    "Group",
    "Kept",
    "Pages",
    "SiteView",
]

_NAMES = (
    "archive",
    "author",
    "base",
    "course_forms",
    "courses",
    "edition",
    "editions",
    "feeds",
    "forms",
    "frame",
    "home",
    "lists",
    "message",
    "missed",
    "post",
    "privacy",
    "series",
    "tag",
    "tags",
)
_FRAME = ("about", "feeds", "name", "menu", "colophon")
"""What is the same on every page of a site, and therefore filled once."""
_STYLE = "pages/site.css"
_FEED_STYLE = "feeds/feed.css"
_LOOSE = 20
"""How many posts on their own the first page lists; the archive has the others."""


class Pages:
    """Renders every page of one site with the templates as they were when it was made.

    ``compiled``: a folder of ours that keeps them compiled. Raises ContentError with every bad one.
    """

    def __init__(
        self, template_paths: Sequence[Path], site: SiteView, *, compiled: Path | None = None
    ) -> None:
        self._site = site
        self._zone = ZoneInfo(site.zone)
        names = (_STYLE, _FEED_STYLE, *(f"pages/{name}.html" for name in _NAMES))
        self._templates = Templates(template_paths, names, compiled)
        colours = look.palette(site.accent)
        self._css = self._templates.render(_STYLE, variables=look.css_variables(colours))
        self._feed_css = self._templates.render(
            _FEED_STYLE, variables=look.feed_variables(colours)
        )
        short = hashlib.sha256(self._css.encode()).hexdigest()[:8]
        self.stylesheet_path = f"assets/site-{short}.css"
        """Where ``stylesheet()`` belongs, below the root; the name changes with the content."""
        self._repeats = Repeats(self._templates, self._zone)
        self._templates.add(self._globals())
        self._templates.add({"frame": self._templates.fill_once("pages/frame.html", _FRAME)})
        self.fingerprint = self.digest_inputs()
        """Changes whenever the same values would give other pages."""

    def digest_inputs(self) -> str:
        """Return a hash over everything but the values given to the methods."""
        parts = (__version__, self._site, self._css, self._feed_css, self._templates.digest())
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def stylesheet(self) -> str:
        """Return the style sheet that every page links."""
        return self._css

    def feed_stylesheet(self) -> str:
        """Return the style sheet of a feed that is opened in a browser."""
        return self._feed_css

    # ---------------------------------------------------------------------------- what is read

    def home(self, catalog: Catalog) -> str:
        """Return the first page: the newest post, every series, the posts on their own."""
        site = self._site
        newest = catalog.posts[0] if catalog.posts else None
        sentence = words.describe_site(site, in_series=bool(catalog.series))
        return self._render(
            "home",
            Head(title=site.name, description=sentence, canonical=f"{site.url}/"),
            sentence=sentence,
            newest=newest,
            place=catalog.place(newest) if newest else None,
            series=[(one, list_around(one, latest_number(one))) for one in catalog.series],
            loose=[post for post in catalog.posts if not catalog.place(post)][:_LOOSE],
        )

    def post(self, post: Post, body: Body, place: Place | None, catalog: Catalog) -> str:
        """Return a post's page: its text and notes, its place in its series, its neighbours."""
        url = self._absolute(urls.post_path(post.location))
        image, image_url = lead_image(post, self._site.url)
        about = self._repeats.of_series(place.series) if place else None
        head = Head(
            title=post.title,
            description=post.summary,
            canonical=post.canonical_url or url,
            kind="article",
            image=image_url,
            around=about.feeds if about and _is_fed(post) else None,
        )
        return self._render(
            "post",
            head,
            post=post,
            body=dress_body(body.html, self._site.url),
            notes=list_notes(body.notes),
            notes_title=words.title_notes(post, body),
            place=place,
            series_line=words.place_line(place) if place else "",
            lines=list_here(place.series, about.parts, place.number) if place and about else (),
            previous=neighbour(place, place.previous) if place else None,
            next=neighbour(place, place.next) if place else None,
            next_series=following(place.series, catalog) if place and not place.next else None,
            image=image,
            data=self._article(post, place, url, image_url),
        )

    def series(self, series: Series, catalog: Catalog) -> str:
        """Return a series' page: its table of contents, from part 1."""
        feeds = self._repeats.series_feeds(series) if any(map(_is_fed, series.posts)) else None
        description = (
            series.info.summary or f"{series.title}, in {words.count_parts(series.total)}."
        )
        return self._render(
            "series",
            Head(
                title=series.title,
                description=description,
                canonical=self._absolute(urls.post_path(series.slug)),
                own=feeds,
            ),
            series=series,
            lines=list_parts(series),
            feeds=feeds,
            next_series=following(series, catalog),
        )

    def archive(self, catalog: Catalog, *, has_editions: bool = False) -> str:
        """Return the list of all posts by year and month, newest first.

        ``has_editions``: whether there is a list of letters to lead to.
        """
        return self._render(
            "archive",
            Head(
                title="Archive",
                description=f"Every post of {self._site.name}, by year and month.",
                canonical=self._absolute(urls.ARCHIVE),
            ),
            years=by_year(catalog.posts, self._zone),
            catalog=catalog,
            has_editions=has_editions,
            has_tags=any(post.tags for post in catalog.posts),
        )

    def tag(self, tag: str, posts: Sequence[Post]) -> str:
        """Return the list of the posts with this tag, newest first.

        ``tag`` is the word or its address; the page is called as the newest post writes it.
        """
        path = urls.tag_path(tag)
        name = next(
            (one for post in posts for one in post.tags if urls.tag_path(one) == path), tag
        )
        feeds = FeedGroup(title=name, path=path) if any(map(_is_fed, posts)) else None
        return self._render(
            "tag",
            Head(
                title=name,
                description=f"Posts of {self._site.name} about {name}.",
                canonical=self._absolute(path),
                own=feeds,
            ),
            name=name,
            posts=posts,
            feeds=feeds,
        )

    def author(self, author: Author, posts: Sequence[Post]) -> str:
        """Return the list of the posts by one author, newest first."""
        path = urls.author_path(author.name)
        feeds = FeedGroup(title=author.name, path=path) if any(map(_is_fed, posts)) else None
        return self._render(
            "author",
            Head(
                title=author.name,
                description=f"Posts of {self._site.name} by {author.name}.",
                canonical=self._absolute(path),
                own=feeds,
            ),
            author=author,
            posts=posts,
            feeds=feeds,
        )

    def tags(self, tags: Iterable[tuple[str, int]]) -> str:
        """Return the list of all tags, each with how many posts have it, by name."""
        return self._render(
            "tags",
            Head(
                title="Subjects",
                description=f"What the posts of {self._site.name} are about.",
                canonical=self._absolute(urls.TAGS),
            ),
            tags=sorted(tags, key=lambda one: one[0].casefold()),
        )

    def edition(self, content: EditionContent) -> str:
        """Return the web copy of an edition: all its posts, nothing of any reader."""
        new = frozenset(post.post_id for post in content.posts)
        return self._render(
            "edition",
            Head(
                title=f"{content.title} {content.number}",
                description=content.preheader or content.subject,
                canonical=content.web_url,
            ),
            content=content,
            intro=[part for part in content.intro.split("\n\n") if part.strip()],
            items=[
                (post, list_letter_parts(post, new), dress_item(post.html, self._site.url))
                for post in content.posts
            ],
        )

    def editions(self, editions: Iterable[tuple[str, int, str, str]]) -> str:
        """Return the list of editions, each a title, a number, an ISO date and a path."""
        return self._render(
            "editions",
            Head(
                title="Letters",
                description=f"Every letter that {self._site.name} has sent.",
                canonical=self._absolute(urls.EDITIONS),
            ),
            editions=sorted(editions, key=lambda one: (one[2], one[0], one[1]), reverse=True),
        )

    # --------------------------------------------------------------------------- what explains

    def feeds(self, catalog: Catalog) -> str:
        """Return the page that says what feeds are and gives the address of each."""
        fed = [post for post in catalog.posts if _is_fed(post)]
        tags = {urls.tag_path(tag): tag for post in fed for tag in post.tags}
        names = {urls.author_path(one.name): one.name for post in fed for one in post.authors}
        return self._render(
            "feeds",
            Head(
                title="Feeds",
                description=f"Follow {self._site.name} in a feed reader, whole or by series.",
                canonical=self._absolute(urls.FEEDS),
            ),
            whole=FeedGroup(title="Everything", path=urls.HOME),
            series=[
                self._repeats.series_feeds(one)
                for one in catalog.series
                if any(map(_is_fed, one.posts))
            ],
            tags=feed_groups(tags),
            authors=feed_groups(names),
        )

    def privacy(self, kept: Sequence[Kept], *, postal_address: str = "") -> str:
        """Return the page that says what is stored of whom, and that nothing tracks."""
        return self._render(
            "privacy",
            Head(
                title="Privacy",
                description=f"What {self._site.name} stores about you, and what it never does.",
                canonical=self._absolute(urls.PRIVACY),
            ),
            kept=kept,
            postal_address=postal_address,
        )

    # --------------------------------------------------------------------------- what answers

    def not_found(self) -> str:
        """Return the page for an address that has none."""
        return self.message(
            "There is no page here",
            "The address may have a slip in it, or the page may never have been.",
            links=((urls.ARCHIVE, "Every post, in the archive"), (urls.HOME, "The first page")),
        )

    def gone(self, withdrawal: Withdrawal, series: Series | None = None) -> str:
        """Return the page that stands where a withdrawn post was; ``series`` is one to go on with."""
        links = [(urls.ARCHIVE, "Every post, in the archive")]
        if series:
            links.insert(0, (urls.post_path(series.slug), f"The other parts of {series.title}"))
        return self.message(
            "This post was withdrawn",
            "It was published here and has been taken back.",
            detail=words.withdrawal_reason(withdrawal.reason),
            links=links,
        )

    def message(
        self,
        title: str,
        sentence: str,
        *,
        detail: str = "",
        forms: Iterable[Form] = (),
        entries: Iterable[Entry] = (),
        links: Iterable[tuple[str, str]] = (),
        path: str = "",
        is_error: bool = False,
    ) -> str:
        """Return a page that says one thing, and asks for an act where it has a form.

        ``links`` are pairs of a path and its words. Without a ``path`` no search engine keeps the
        page, and where it leads does not learn its address, which may hold a token. Of an error
        a reader learns from the first word of the title.
        """
        return self._render(
            "message",
            Head(
                title=f"Error: {title}" if is_error else title,
                description=sentence,
                canonical=self._absolute(path) if path else "",
            ),
            title=title,
            sentence=sentence,
            detail=detail,
            forms=tuple(forms),
            entries=tuple(entries),
            links=tuple(links),
        )

    # ------------------------------------------------------------------------ series from part 1

    def courses(self, items: Sequence[CourseItem], *, token: str, told: str = "") -> str:
        """Return a reader's page of courses; ``told`` is what was just done."""
        return self._render(
            "courses",
            Head(title="Series from part 1", description="A series as letters, part by part."),
            items=items,
            told=told,
            back=urls.preferences_path(token),
        )

    def missed(
        self, posts: Sequence[Post], catalog: Catalog, *, since: datetime, token: str
    ) -> str:
        """Return what a reader was not sent since they joined, in series order."""
        title = f"What you were not sent since {tell_date(since.astimezone(self._zone))}"
        return self._render(
            "missed",
            Head(title=title, description=title),
            title=title,
            groups=by_series(posts, catalog),
            back=urls.preferences_path(token),
        )

    # ------------------------------------------------------------------------------- the parts

    def _render(self, page: str, head: Head, /, **values: object) -> str:
        return self._templates.render(f"pages/{page}.html", head=head, **values)

    def _globals(self) -> dict[str, Any]:
        site = self._site
        return {
            "site": site,
            "stylesheet": f"/{self.stylesheet_path}",
            "palette": look.palette(site.accent),
            "logo": site.logo if is_own(site.logo, site.url) else "",
            "direction": look.direction(site.language),
            "urls": urls,
            "named": self._repeats.name_feeds,
            "parts": self._repeats.write_parts,
            "post_path": lambda post: urls.post_path(post.location),
            "time": lambda at, form="long": words.time_element(at, self._zone, form),
            "day_of": words.day_element,
            "month": words.spell_month,
            "day": tell_date,
            "reading_time": words.reading_time,
            "count_parts": words.count_parts,
            "count_posts": words.count_posts,
            "count_so_far": words.count_so_far,
            "joiners": words.joiners,
            "place_line": words.place_line,
        }

    def _absolute(self, path: str) -> str:
        return urls.absolute(self._site.url, path)

    def _article(self, post: Post, place: Place | None, url: str, image: str) -> Markup:
        site = self._site
        organization = {"@type": "Organization", "name": site.author or site.name, "url": site.url}
        if site.logo:
            organization["logo"] = self._absolute(site.logo)
        return describe_article(
            post,
            place,
            url=post.canonical_url or url,
            site_url=site.url,
            image=image,
            language=site.language,
            publisher=organization,
            published=self._moment(post.published_at),
            modified=self._moment(post.changed_at),
        )

    def _moment(self, at: datetime) -> str:
        return at.astimezone(self._zone).isoformat(timespec="seconds")


def _is_fed(post: Post) -> bool:
    return Channel.FEED in post.channels
